package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/projections/streams"
)

const (
	// nearRows is how many events the list beside a replay shows, of them
	// nearBefore before the one that is shown (rows).
	nearRows   = 25
	nearBefore = 8
)

// revisionURL is an event in the replay of its stream.
func revisionURL(stream string, r eventstore.Revision) string {
	return streamURL(stream) + "?revision=" + strconv.FormatInt(int64(r), 10)
}

// replayed is a stream at one of its events.
type replayed struct {
	Stream *streams.Stream
	Kind   desk.StreamKind
	At     eventstore.Revision
	Event  *eventstore.Recorded
	Meta   codec.Metadata
	// Partner is set for streams of accounts.
	Partner string
	// State is the state after the event; empty for streams that have none.
	State []stateFact
	// StateJSON is all of it.
	StateJSON string
	// Live says that the state is the one that the ledger works with.
	Live bool
	Near []nearEvent
}

// stateFact is a fact of a state, and what it was before the event.
type stateFact struct{ Label, Before, Now string }

// nearEvent is an event in the list beside.
type nearEvent struct {
	Revision eventstore.Revision
	At       time.Time
	Type     string
	Actor    string
	// Effect is by how much it changed the balance.
	Effect money.Amount
}

// last is the newest revision.
func (r *replayed) last() eventstore.Revision { return eventstore.Revision(r.Stream.Events - 1) }

// replay shows a stream at one of its events, the newest without one.
func (w *Web) replay(q *request) error {
	ctx, name := q.Context(), q.param("stream")
	s, err := w.desk.Stream(ctx, name)
	if err != nil {
		return err
	}
	v := &replayed{Stream: s, Kind: desk.StreamKindOf(name)}
	v.At = v.last()
	if q.query("revision") != "" {
		v.At = min(eventstore.Revision(q.number("revision")), v.At)
	}
	if v.Near, err = w.near(ctx, v); err != nil {
		return err
	}
	if partner, ok := strings.CutPrefix(name, "account-"); ok {
		v.Partner = partner
		err = w.accountState(ctx, v)
	} else if month, ok := strings.CutPrefix(name, reconciliation.Stream("")); ok && name != reconciliation.SettingsStream {
		err = w.monthState(ctx, v, domain.Month(month))
	}
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: name, Crumbs: []ui.Crumb{{Label: "Streams", URL: "/audit/streams"}}}, replayPage(v))
}

// near reads the events around, the one that is shown among them.
func (w *Web) near(ctx context.Context, v *replayed) ([]nearEvent, error) {
	found, err := w.desk.Events(ctx, v.Stream.Name, max(v.At-nearBefore, 0), nearRows)
	if err != nil {
		return nil, err
	}
	var all []nearEvent
	for i := range found {
		m, e, err := w.desk.Event(found[i])
		if err != nil {
			return nil, err
		}
		all = append(all, nearEvent{found[i].Revision, m.RecordedAt, found[i].Type, m.Actor, domain.Effect(e)})
		if found[i].Revision == v.At {
			v.Event, v.Meta = &found[i], m
		}
	}
	if v.Event == nil {
		return nil, desk.ErrNotThere
	}
	return all, nil
}

// accountState folds the account up to the event.
func (w *Web) accountState(ctx context.Context, v *replayed) error {
	before, after, err := w.desk.AccountAt(ctx, v.Partner, v.At)
	if err != nil {
		return err
	}
	v.State = accountFacts(before, after)
	if v.StateJSON, err = pretty(after); err != nil {
		return err
	}
	if live, err := w.desk.Views.Accounts.Get(v.Partner); err == nil && live != nil && live.Revision == v.At {
		v.Live = w.desk.SameAsLive(v.Partner, after) == nil
	}
	return nil
}

// monthState folds the month's reconciliation up to the event.
func (w *Web) monthState(ctx context.Context, v *replayed, month domain.Month) error {
	before, err := w.desk.MonthAt(ctx, month, v.At-1)
	if err != nil {
		return err
	}
	after, err := w.desk.MonthAt(ctx, month, v.At)
	if err != nil {
		return err
	}
	v.State = facts(monthTexts(before), monthTexts(after))
	return nil
}

// text is a fact with its label.
type text struct{ label, value string }

// facts puts what was beside what is.
func facts(before, now []text) []stateFact {
	all := make([]stateFact, len(now))
	for i := range now {
		all[i] = stateFact{now[i].label, before[i].value, now[i].value}
	}
	return all
}

// accountFacts are what people look at in an account.
func accountFacts(before, now *domain.Account) []stateFact {
	return facts(accountTexts(before), accountTexts(now))
}

func accountTexts(a *domain.Account) []text {
	if !a.Opened {
		return make([]text, len(accountTexts(&domain.Account{Funds: domain.Funds{Opened: true}})))
	}
	amount := func(m money.Amount) string { return ui.AmountText(m, a.Currency) + " " + string(a.Currency) }
	instant := func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2 Jan 2006, 15:04:05") + " UTC"
	}
	flight := "–"
	if a.InFlight != nil {
		flight = a.InFlight.RechargeID + ", " + amount(a.InFlight.Amount)
	}
	auto := "off"
	if a.Settings.AutoRecharge {
		auto = "by " + amount(a.Settings.RechargeAmount) + " when below " + amount(a.Settings.Threshold)
	}
	active := 0
	for _, c := range a.Channels {
		if c.CancelledAt.IsZero() {
			active++
		}
	}
	blocked := a.BlockedReason()
	if blocked == "" {
		blocked = "–"
	}
	return []text{
		{"Balance", amount(a.Balance)}, {"Amount due", amount(a.AmountDue())}, {"Standing", string(a.Standing())}, {"Blocked because", blocked},
		{"Negative since", instant(a.NegativeSince)}, {"Block due", instant(a.BlockDeadline)}, {"Recharge in flight", flight},
		{"Next attempt", instant(a.RetryAt)}, {"Recharge", auto}, {"Card", a.Card}, {"Channels", ui.Count(active)},
		{"Recharges so far", ui.Count(a.RechargeCount)}, {"Months with charges", ui.Count(len(a.Months))},
	}
}

// monthTexts are what people look at in a month's reconciliation.
func monthTexts(r *reconciliation.Reconciliation) []text {
	all := []text{{"Phase", string(r.Phase())}, {"Run", "–"}, {"Proposed by", "–"}, {"Documents", "–"}, {"Accounts", "–"}, {"Approved by", "–"}}
	if p := r.Latest(); p != nil {
		all[1].value, all[2].value = ui.Count(p.Run), p.Actor
		all[3].value, all[4].value = ui.Count(len(p.Documents)), ui.Count(len(p.Accounts))
	}
	if a := r.Approval(); a != nil {
		all[5].value = a.Actor
	}
	return all
}

// pretty writes JSON for people.
func pretty(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return string(text), err
}

// prettyBytes is pretty for JSON; what is none stays as it is.
func prettyBytes(data []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return string(data)
	}
	return b.String()
}

// said is what screen readers read when the slider comes to the event.
func (r *replayed) said() string {
	text := fmt.Sprintf("Event %d: %s.", r.At, r.Event.Type)
	if len(r.State) > 0 {
		text += " " + r.State[0].Label + " " + r.State[0].Now + "."
	}
	return text
}
