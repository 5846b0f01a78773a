package httpapi

import (
	"context"
	"net/http"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
)

// verification registers the proof that log and read models agree, and health
// for those who are known.
func (a *API) verification() {
	register(a, get("/verification", "get_verification", "Show the last verification.", "Audit"), access.ReadsAll(),
		func(context.Context, *struct{}) (*body[desk.Verification], error) {
			return &body[desk.Verification]{a.desk.Verification()}, nil
		})
	op := post("/verification", "Audit")
	op.OperationID, op.Summary, op.DefaultStatus = "start_verification", "Start to prove that log and read models agree; one at a time, in the background.", http.StatusAccepted
	register(a, op, verifies(), func(ctx context.Context, _ *struct{}) (*body[desk.Verification], error) {
		v, err := a.desk.StartVerification(access.From(ctx).Actor())
		return &body[desk.Verification]{v}, err
	})
	register(a, get("/health", "get_health", "Show the log's end and whether the read models have come to it.", "Audit"), readsHealth(), a.health)
}

// verifies lets auditors prove the books, too: it changes nothing.
func verifies() access.Rule {
	return access.Rule{Roles: []access.Role{access.RoleAuditor, access.RoleFinance, access.RoleAdmin}, Scope: access.ScopeRead}
}

// readsHealth lets everybody who is known see how the ledger does.
func readsHealth() access.Rule { return access.Rule{Roles: access.Roles(), Scope: access.ScopeRead} }

// HealthWait is how long the views have to come to the log's end (time).
const HealthWait = 2 * time.Second

// Health is how the ledger does.
type Health struct {
	Log    string    `json:"log" doc:"Position of the newest event."`
	Views  string    `json:"views" doc:"Position that the read models have come to."`
	Behind bool      `json:"behind" doc:"The read models did not come to the log's end within two seconds."`
	Now    time.Time `json:"now" doc:"The ledger's instant."`
}

func (a *API) health(ctx context.Context, _ *struct{}) (*body[Health], error) {
	last, err := a.desk.Store.Last(ctx)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, HealthWait)
	defer cancel()
	h := Health{Log: last.String(), Now: a.desk.Ledger.Now()}
	h.Behind = a.desk.Views.WaitFor(waiting, last) != nil
	h.Views = a.desk.Views.Indexed().String()
	return &body[Health]{h}, nil
}
