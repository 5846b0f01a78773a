package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

// Hidden fields of the forms of an account.
const (
	// seenField says what whoever edits has seen: others' changes are not
	// overwritten unseen.
	seenField = "seen"
	// agreedField is the card payment that whoever sends the form agreed to.
	agreedField = "agreed"
)

// seen names a state of what is edited.
func seen(state any) string {
	data, err := json.Marshal(state)
	if err != nil {
		panic("what is edited has no JSON form: " + err.Error()) // it is ours
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// errChanged says that somebody else changed what is edited.
var errChanged = &commandjson.FieldError{Problem: "Somebody else changed this meanwhile, and nothing of yours was saved. Below is what you wrote, beside it what is there now: save again to replace it."}

// edit is what a form of an account changes.
type edit struct {
	view *accountView
	form *form
	cmd  domain.Command
	// now reads what is edited from the account.
	now func(*domain.Account) any
	// fields are those of the command, as the rules' sentences name them.
	fields []fieldLabel
	// said and next are what is said afterwards, and where.
	said, next string
	// again shows the form; pay is the card payment that it would lead to and
	// that nobody agreed to yet.
	again func(pay *domain.RechargeRequested) error
}

// give gives an edit's command: not where somebody else changed the same
// meanwhile, and not where it charges the card and nobody agreed to the sum.
func (q *request) give(e *edit) error {
	if !e.form.Failed() {
		pay, err := q.foresee(e.view.PartnerID, e.form, e.cmd)
		agreed := e.form.Value(agreedField)
		switch {
		case err != nil && agreed == "":
			if err := e.refused(err); err != nil {
				return err
			}
		case err == nil && pay != nil && agreed != pay.CardTotal.String():
			return e.again(pay)
		}
		// What was agreed to and is refused now may be the same form a second
		// time: the ledger knows.
	}
	if !e.form.Failed() {
		err := q.web.desk.Ledger.DoIf(q.Context(), e.view.PartnerID, q.meta(e.form), e.cmd, e.unchanged)
		if err == nil {
			return q.given(e)
		}
		if err := e.refused(err); err != nil {
			return err
		}
	}
	q.status = http.StatusUnprocessableEntity
	return e.again(nil)
}

// given says that an edit was done, on the next page.
func (q *request) given(e *edit) error {
	if err := q.web.desk.Ledger.Settle(q.Context()); err != nil {
		return err
	}
	q.flash(ui.Good, e.said)
	return q.redirect(e.next)
}

// unchanged is the condition of an edit.
func (e *edit) unchanged(a *domain.Account) error {
	if e.now != nil && seen(e.now(a)) != e.form.Value(seenField) {
		return errChanged
	}
	return nil
}

// refused puts an error to the field that it is about. Who was overtaken sees
// what is there now, and can replace it.
func (e *edit) refused(err error) error {
	if errors.Is(err, errChanged) && e.now != nil {
		if err := e.view.reread(); err != nil {
			return err
		}
		e.form.Values.Set(seenField, seen(e.now(e.view.State)))
	}
	var rejection *domain.Rejection
	if errors.As(err, &rejection) {
		if name, said := refusedField(rejection.Message, e.fields); name != "" {
			e.form.Fail(name, said)
			return nil
		}
	}
	return e.form.take(err)
}

// foresee says which card payment a command would lead to at once; nil is none.
func (q *request) foresee(partner string, f *form, cmd domain.Command) (*domain.RechargeRequested, error) {
	events, err := q.web.desk.Ledger.Foresee(q.Context(), partner, q.meta(f), cmd)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if r, ok := e.(*domain.RechargeRequested); ok {
			return r, nil
		}
	}
	return nil, nil
}
