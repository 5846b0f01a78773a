package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// world is an API with a ledger whose clock tests put forward.
type world struct {
	t   testing.TB
	now time.Time
	*desk.Desk
	api *API
	h   http.Handler
}

// newWorld opens an API on an empty ledger.
func newWorld(t testing.TB, with func(*Options)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)}
	var err error
	if w.Desk, err = desk.Open(t.Context(), t.TempDir(), app.Options{Clock: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	r := chi.NewRouter()
	o := Options{Desk: w.Desk, Rate: 1e9, Burst: 1e9}
	if with != nil {
		with(&o)
	}
	w.api = New(r, o)
	w.h = WithRequestID(r)
	return w
}

// do gives a command and fails the test where it is refused.
func (w *world) do(partner string, cmd domain.Command) {
	w.t.Helper()
	if err := w.Ledger.Do(w.t.Context(), partner, domain.Meta{Actor: "test:set-up"}, cmd); err != nil {
		w.t.Fatalf("%s %s: %v", partner, cmd.CommandName(), err)
	}
}

// open opens an account with a channel, CH- and its id.
func (w *world) open(partner, carried, card string) {
	w.t.Helper()
	w.do(partner, &domain.OpenAccount{PartnerID: partner, Currency: "EUR", Card: card, CarriedOver: money.MustParse(carried)})
	w.do(partner, &domain.RegisterChannel{
		ChannelID: "CH-" + partner, PhoneNumber: fmt.Sprintf("+3491%07d", len(w.Views.Accounts.Partners())), PhoneNumberID: "P-" + partner,
		WABAID: "W-" + partner, PaymentModel: domain.PartnerPaid,
	})
}

// charge deducts a conversation.
func (w *world) charge(partner, id, amount string) {
	w.t.Helper()
	_, err := w.Ledger.Charge(w.t.Context(), domain.Meta{Actor: "test:usage"}, []ledger.Presented{{Charge: domain.Charge{
		ChargeID: id, PartnerID: partner, ChannelID: "CH-" + partner, WABAID: "W-" + partner, Market: "Spain", Category: "marketing",
		Model: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: w.now, Priced: true, Amount: money.MustParse(amount), Currency: "EUR",
	}}})
	if err == nil {
		err = w.Ledger.Settle(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// staff is somebody of a role who sees all accounts.
func staff(role access.Role) *access.Principal {
	return &access.Principal{Kind: access.KindUser, ID: "u-" + string(role), Name: string(role) + "@bsp.example", Role: role}
}

// answered reads an answer that must have the status.
func answered[T any](t testing.TB, r *httptest.ResponseRecorder, status int) (v T) {
	t.Helper()
	if r.Code != status {
		t.Fatalf("%d instead of %d: %.500s", r.Code, status, r.Body)
	}
	if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %.500s", err, r.Body)
	}
	return v
}
