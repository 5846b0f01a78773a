package ui

import (
	"net/url"

	"github.com/a-h/templ"
	"github.com/google/uuid"
)

// CommandField is the hidden field with the id of a form's command: a form that
// is sent twice counts once.
const CommandField = "command_id"

// Form is what a form shows: as it begins, or as it was sent and is not right.
type Form struct {
	// CommandID makes what the form does count once.
	CommandID string
	Values    url.Values
	// Errors are sentences by the field's name.
	Errors map[string]string
	// Message is what is wrong with the whole.
	Message string
}

// NewForm begins a form with a command id of its own. Pairs are names and
// values that its fields begin with.
func NewForm(pairs ...string) *Form {
	f := &Form{CommandID: uuid.NewString(), Values: url.Values{}, Errors: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Values.Set(pairs[i], pairs[i+1])
	}
	return f
}

// Value is what a field has.
func (f *Form) Value(name string) string { return f.Values.Get(name) }

// Checked says whether a checkbox is ticked.
func (f *Form) Checked(name string) bool { return f.Values.Get(name) != "" }

// Failed says that the form can't be done as it is.
func (f *Form) Failed() bool { return f.Message != "" || len(f.Errors) > 0 }

// Fail says what is wrong with a field; only the first thing is said.
func (f *Form) Fail(name, sentence string) {
	if f.Errors[name] == "" {
		f.Errors[name] = sentence
	}
}

// Field is a field of a form.
type Field struct {
	Form *Form
	// Name is the field's name, and its id.
	Name, Label string
	// Help says more, below the label; empty is none.
	Help string
	// Type is that of the input; empty is text.
	Type string
	// Required fields say so to the browser; others are marked as optional.
	Required bool
	// Autocomplete and InputMode are as in HTML; empty is none.
	Autocomplete, InputMode string
	// Affix stands after the input, such as a currency.
	Affix string
	// MaxLength bounds what can be typed (characters); 0 is 256.
	MaxLength int
	// Autofocus puts the focus here: for pages of one form alone.
	Autofocus bool
	// Prefix tells fields of the same name apart where a page has several forms.
	Prefix string
}

// ID is the element's id.
func (f Field) ID() string {
	if f.Prefix == "" {
		return f.Name
	}
	return f.Prefix + "-" + f.Name
}

func (f Field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// value is what the field begins with; passwords and files begin empty.
func (f Field) value() string {
	if f.Type == "password" || f.Type == "file" {
		return ""
	}
	return f.Form.Value(f.Name)
}

func (f Field) error() string { return f.Form.Errors[f.Name] }

func (f Field) maxLength() int {
	if f.MaxLength > 0 {
		return f.MaxLength
	}
	return 256
}

// describedBy names what describes the field.
func (f Field) describedBy() string {
	ids := ""
	if f.Help != "" {
		ids = f.ID() + "-help"
	}
	if f.error() != "" {
		if ids != "" {
			ids += " "
		}
		ids += f.ID() + "-error"
	}
	return ids
}

// attributes are those that all kinds of fields share.
func (f Field) attributes() templ.Attributes {
	a := templ.Attributes{"id": f.ID(), "name": f.Name}
	if d := f.describedBy(); d != "" {
		a["aria-describedby"] = d
	}
	if f.error() != "" {
		a["aria-invalid"] = "true"
	}
	if f.Required {
		a["required"] = true
	}
	if f.Autocomplete != "" {
		a["autocomplete"] = f.Autocomplete
	}
	if f.InputMode != "" {
		a["inputmode"] = f.InputMode
	}
	if f.Autofocus && !f.Form.Failed() {
		a["autofocus"] = true
	}
	return a
}

// Option is a choice of a Select.
type Option struct{ Value, Label string }

// Options makes options of values that are their own labels.
func Options[S ~string](values ...S) []Option {
	all := make([]Option, len(values))
	for i, v := range values {
		all[i] = Option{string(v), wordsOf(string(v))}
	}
	return all
}
