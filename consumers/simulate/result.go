package simulate

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// Account is what a scenario came to for one account.
type Account struct {
	PartnerID     *string                        `json:"partner_id"`
	Currency      money.Currency                 `json:"currency"`
	Balance       money.Amount                   `json:"balance"`
	AmountDue     money.Amount                   `json:"amount_due"`
	Standing      domain.Standing                `json:"standing"`
	NegativeSince *time.Time                     `json:"negative_since"`
	BlockDeadline *time.Time                     `json:"block_deadline"`
	BlockedReason *string                        `json:"blocked_reason"`
	Charges       Charges                        `json:"charges"`
	Free          Free                           `json:"free"`
	Duplicates    int                            `json:"duplicates"`
	Quarantined   map[string]int                 `json:"quarantined"`
	Recharges     Recharges                      `json:"recharges"`
	Invoices      []string                       `json:"invoices"`
	Adjustments   money.Amount                   `json:"adjustments"`
	Daily         map[string]money.Amount        `json:"daily"`
	Channels      map[string]domain.ChannelState `json:"channels"`
}

// Charges are those that were deducted.
type Charges struct {
	Count  int64        `json:"count"`
	Amount money.Amount `json:"amount"`
}

// Free counts what cost nothing.
type Free struct {
	Count int64 `json:"count"`
}

// Recharges counts card payments, by hand too; Credited (without surcharge)
// and CardTotal (with it) are sums of what succeeded.
type Recharges struct {
	Requested int          `json:"requested"`
	Succeeded int          `json:"succeeded"`
	Failed    int          `json:"failed"`
	InFlight  int          `json:"in_flight"`
	Credited  money.Amount `json:"credited"`
	CardTotal money.Amount `json:"card_total"`
}

// Nobody is what belongs to no account.
type Nobody struct {
	PartnerID   *string        `json:"partner_id"`
	Duplicates  int            `json:"duplicates"`
	Quarantined map[string]int `json:"quarantined"`
}

// Result is what a scenario came to.
type Result struct {
	Rejected []Rejected
	// Accounts are in the order of partner id.
	Accounts []*Account
	// Nobody is nil where everything belonged to an account.
	Nobody *Nobody
}

// entry is a charge id with one content in quarantine.
type entry struct {
	partner, charge string
	content         domain.ContentHash
}

// summary folds the log into a Result.
type summary struct {
	accounts    map[string]*Account
	states      map[string]*domain.Account
	quarantined map[entry]string
}

// Result folds the log, from its first event, into figures.
func (r *Run) Result(ctx context.Context) (*Result, error) {
	s := summary{accounts: map[string]*Account{}, states: map[string]*domain.Account{}, quarantined: map[entry]string{}}
	events := codec.New()
	for rec, err := range r.store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return nil, err
		}
		partner, isAccount := strings.CutPrefix(rec.Stream, "account-")
		if !isAccount && rec.Stream != ledger.UnassignedStream {
			continue
		}
		if !isAccount {
			partner = ""
		}
		m, err := codec.DecodeMetadata(rec.Metadata)
		if err != nil {
			return nil, err
		}
		e, err := events.Decode(rec.Type, m.Version, rec.Data)
		if err == nil {
			err = s.fold(partner, e)
		}
		if err != nil {
			return nil, fmt.Errorf("%s revision %d: %w", rec.Stream, rec.Revision, err)
		}
	}
	return s.result(r), nil
}

func (s *summary) fold(partner string, e domain.Event) error {
	s.quarantine(partner, e)
	if partner == "" {
		return nil
	}
	a, state := s.accounts[partner], s.states[partner]
	if a == nil {
		a = &Account{Quarantined: map[string]int{}, Invoices: []string{}, Daily: map[string]money.Amount{}, Channels: map[string]domain.ChannelState{}}
		state = domain.NewAccount()
		s.accounts[partner], s.states[partner] = a, state
	}
	if err := state.Apply(e); err != nil {
		return err
	}
	switch e := e.(type) {
	case *domain.ConversationCharged:
		a.Charges.Count++
		a.Charges.Amount = a.Charges.Amount.Add(e.Amount)
	case *domain.ConversationCounted:
		a.Free.Count++
	case *domain.RechargeRequested:
		a.Recharges.Requested++
	case *domain.RechargeSucceeded:
		a.Recharges.Succeeded++
		a.Recharges.Credited = a.Recharges.Credited.Add(e.Amount)
		a.Recharges.CardTotal = a.Recharges.CardTotal.Add(e.CardTotal)
	case *domain.RechargeFailed:
		a.Recharges.Failed++
	case *domain.InvoiceIssued:
		a.Invoices = append(a.Invoices, e.InvoiceNumber)
	case *domain.ReconciliationAdjusted:
		a.Adjustments = a.Adjustments.Add(e.Amount)
	case *domain.BalancePublished:
		a.Daily[e.Day.Format(time.DateOnly)] = e.Balance
	}
	return nil
}

// quarantine follows the entries: what is charged leaves, also what belonged
// to no account before (R10).
func (s *summary) quarantine(partner string, e domain.Event) {
	content := domain.ContentOf(e)
	switch e := e.(type) {
	case *domain.ChargeQuarantined:
		s.quarantined[entry{partner, e.ChargeID, content}] = e.Reason
	case *domain.ConversationCharged:
		delete(s.quarantined, entry{partner, e.ChargeID, content})
		s.leaveUnassigned(e.ChargeID, e)
	case *domain.ConversationCounted:
		delete(s.quarantined, entry{partner, e.ChargeID, content})
		s.leaveUnassigned(e.ChargeID, e)
	case *domain.QuarantineReleased:
		if raw, err := hex.DecodeString(e.Content); err == nil && len(raw) == len(content) {
			delete(s.quarantined, entry{partner, e.ChargeID, domain.ContentHash(raw)})
		}
	}
}

func (s *summary) leaveUnassigned(chargeID string, e domain.Event) {
	for _, content := range domain.UnassignedContents(e) {
		delete(s.quarantined, entry{"", chargeID, content})
	}
}

func (s *summary) result(r *Run) *Result {
	result := &Result{Rejected: r.rejected}
	nobody := &Nobody{Quarantined: map[string]int{}}
	for q, reason := range s.quarantined {
		if q.partner == "" {
			nobody.Quarantined[reason]++
		} else {
			s.accounts[q.partner].Quarantined[reason]++
		}
	}
	for id, a := range s.accounts {
		state := s.states[id]
		a.PartnerID = &id
		a.Currency, a.Balance, a.AmountDue, a.Standing = state.Currency, state.Balance, state.AmountDue(), state.Standing()
		if !state.NegativeSince.IsZero() {
			since, deadline := state.NegativeSince, state.BlockDeadline
			a.NegativeSince, a.BlockDeadline = &since, &deadline
		}
		if reason := state.BlockedReason(); reason != "" {
			a.BlockedReason = &reason
		}
		if state.InFlight != nil {
			a.Recharges.InFlight = 1
		}
		for channel, c := range state.Channels {
			a.Channels[channel] = state.ChannelState(c)
		}
		a.Duplicates = r.duplicates[id]
		result.Accounts = append(result.Accounts, a)
	}
	slices.SortFunc(result.Accounts, func(a, b *Account) int { return strings.Compare(*a.PartnerID, *b.PartnerID) })
	for id, n := range r.duplicates {
		if s.accounts[id] == nil {
			nobody.Duplicates += n
		}
	}
	if len(nobody.Quarantined) > 0 || nobody.Duplicates > 0 {
		result.Nobody = nobody
	}
	return result
}

// WriteJSON writes one object per line: every rejection, every account, and
// last what belongs to none, if anything does.
func (r *Result) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for i := range r.Rejected {
		if err := out.Encode(map[string]Rejected{"rejected": r.Rejected[i]}); err != nil {
			return err
		}
	}
	for _, a := range r.Accounts {
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	if r.Nobody != nil {
		return out.Encode(r.Nobody)
	}
	return nil
}
