package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// maxFormBytes bounds a form without files: 256 KiB.
const maxFormBytes = 256 << 10

// form is a form as it was sent.
type form struct {
	*ui.Form
	commandID uuid.UUID
}

// form reads the form that was sent.
func (q *request) form() (*form, error) {
	q.Body = http.MaxBytesReader(q.w, q.Body, maxFormBytes)
	if err := q.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, err
		}
		return nil, &userError{"The form could not be read. Go back, reload the page and send it again."}
	}
	return q.filled()
}

// filled takes the parsed form.
func (q *request) filled() (*form, error) {
	f := &form{Form: ui.NewForm()}
	f.Values = q.PostForm
	if text := q.PostForm.Get(ui.CommandField); text != "" {
		id, err := commandjson.ParseCommandID(text)
		if err != nil {
			return nil, &userError{"The form could not be read. Go back, reload the page and send it again."}
		}
		f.commandID, f.CommandID = id, text
	}
	return f, nil
}

// text is a field without blanks around it.
func (f *form) text(name string) string { return strings.TrimSpace(f.Value(name)) }

// required is a text that must be there.
func (f *form) required(name, sentence string) string {
	text := f.text(name)
	if text == "" {
		f.Fail(name, sentence)
	}
	return text
}

// amount is an amount that must be there. People write thousands apart, and a
// comma where others write a point; what can mean two things is refused.
func (f *form) amount(name string) money.Amount {
	text := f.required(name, "Write an amount, such as 500 or 499.90.")
	if text == "" {
		return money.Zero()
	}
	a, err := readAmount(text)
	if err != nil {
		f.Fail(name, "This is not an amount: write it like 500 or 499.90.")
	}
	return a
}

// readAmount reads an amount as people write it.
func readAmount(text string) (money.Amount, error) {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "\u2212", "-", "'", "").Replace(text)
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		if whole, decimals, _ := strings.Cut(text, ","); len(decimals) != 3 {
			text = whole + "." + decimals
		}
	}
	return money.Parse(text)
}

// take puts an error into the form, if it is one that the user can do something
// about.
func (f *form) take(err error) error {
	if f.Failed() {
		return nil // it was said at a field
	}
	var field *commandjson.FieldError
	if errors.As(err, &field) && field.Field != "" {
		f.Fail(field.Field, field.Problem)
		return nil
	}
	sentence, ok := refusal(err)
	if !ok {
		return err
	}
	f.Message = sentence
	return nil
}

// meta is what a command of this form carries of who gives it.
func (q *request) meta(f *form) domain.Meta {
	return domain.Meta{Actor: q.who.Actor(), CommandID: f.commandID}
}

// do gives the form's command to an account, and waits until the pages know it.
func (q *request) do(partner string, f *form, cmd domain.Command) error {
	if err := q.web.desk.Ledger.Do(q.Context(), partner, q.meta(f), cmd); err != nil {
		return err
	}
	return q.web.desk.Ledger.Settle(q.Context())
}

// submit does what a form says, if all its fields are right, and leads to the
// next page, which says so. Else it shows the form again by again, with what is
// wrong.
func (q *request) submit(f *form, do func() error, said, next string, again func() error) error {
	if !f.Failed() {
		err := do()
		if err == nil {
			if said != "" {
				q.flash(ui.Good, said)
			}
			return q.redirect(next)
		}
		if err := f.take(err); err != nil {
			return err
		}
	}
	q.status = http.StatusUnprocessableEntity
	return again()
}
