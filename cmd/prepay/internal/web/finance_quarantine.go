package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/projections/quarantine"
)

// maxRetry is how many entries one click presents again (entries); the page
// says where there are more.
const maxRetry = 10_000

// noAccount is the value of the filter "account" for what belongs to none.
const noAccount = "-"

// quarantineView is the list of what can't be charged.
type quarantineView struct {
	*desk.QuarantinePage
	filter *ui.Form
	counts []reasonCount
	// shown is how many fit the filter; -1 where nobody counted.
	shown int
	first bool
	may   bool
	query string
}

// quarantineWanted is what the list is asked for.
func quarantineWanted(get func(string) string) quarantine.Wanted {
	w := quarantine.Wanted{Owner: get("account"), Reason: get("reason"), ChargeID: get("charge"), All: get("account") == ""}
	if w.Owner == noAccount {
		w.Owner = ""
	}
	return w
}

// quarantine lists what can't be charged.
func (w *Web) quarantine(q *request) error {
	page, err := w.desk.Quarantine(q.Context(), quarantineWanted(q.query), q.query("after"), rowsPerPage)
	if err != nil {
		return err
	}
	f := ui.NewForm()
	f.Values = q.URL.Query()
	v := &quarantineView{QuarantinePage: page, filter: f, counts: reasonCounts(page.Counts), shown: -1, first: q.query("after") == "", may: isFinance(q.who)}
	if reason := q.query("reason"); q.query("charge") == "" {
		v.shown = 0
		for _, c := range v.counts {
			if reason == "" || c.Reason == reason {
				v.shown += c.Count
			}
		}
	}
	v.query = q.URL.RequestURI()
	return q.show(ui.Page{Title: "Quarantine", Live: liveAll()}, quarantinePage(v, q.URL))
}

// entryView is an entry with the form that mends it.
type entryView struct {
	*quarantine.Entry
	form *ui.Form
	may  bool
}

// entryURL is the page of an entry.
func entryURL(e *quarantine.Entry) string {
	return withQuery("/quarantine/entry", "account", e.Owner, "charge", e.ChargeID, "content", e.Content)
}

// findEntry finds the entry that a page is about.
func (w *Web) findEntry(get func(string) string) (*quarantine.Entry, error) {
	e, err := w.desk.Views.Quarantine.Find(get("account"), get("charge"), get("content"))
	if err == nil && e == nil {
		err = errNotFound
	}
	return e, err
}

// entry shows an entry.
func (w *Web) entry(q *request) error {
	e, err := w.findEntry(q.query)
	if err != nil {
		return err
	}
	f := ui.NewForm()
	for _, field := range mendFields() {
		f.Values.Set(field.name, exported(e)[field.name])
	}
	return w.entryPage(q, &entryView{e, f, isFinance(q.who)})
}

func (w *Web) entryPage(q *request, v *entryView) error {
	return q.show(ui.Page{Title: "In quarantine: " + v.ChargeID, Crumbs: []ui.Crumb{{Label: "Quarantine", URL: "/quarantine"}}}, entryPage(v))
}

// mendField is a field of usage import.
type mendField struct{ name, label, help string }

// mendFields are the fields that can be mended, in the order of the form.
func mendFields() []mendField {
	return []mendField{
		{"charge_id", "Charge id", ""}, {"partner_id", "Account", ""}, {"channel_id", "Channel", ""}, {"waba_id", "WABA", "The channel's where nothing is said."},
		{"recipient", "Recipient", "The first digits of the number: they say country and market."}, {"country", "Country", "Two letters, where no recipient is known."},
		{"category", "Category", ""}, {"pricing_model", "Pricing model", "PMP or CBP."}, {"pricing_type", "Pricing type", ""},
		{"occurred_at", "Happened at", "Such as 2026-10-05T12:00:00Z."}, {"amount", "Amount", "Only where somebody else rated it."}, {"currency", "Currency", ""},
	}
}

// exported is an entry as texts, by the names of usage import.
func exported(e *quarantine.Entry) map[string]string {
	data, err := json.Marshal(desk.ExportOf(e))
	texts := map[string]string{}
	var fields map[string]string
	if err == nil && json.Unmarshal(data, &fields) == nil {
		texts = fields
	}
	return texts
}

// mend presents an entry again with other values.
func (w *Web) mend(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	at := desk.Place{Owner: f.Value("at_account"), ChargeID: f.Value("at_charge"), Content: f.Value("at_content")}
	e, err := w.desk.Views.Quarantine.Find(at.Owner, at.ChargeID, at.Content)
	if err != nil {
		return err
	}
	if e == nil {
		return w.mendedBefore(q)
	}
	changed, err := changedFields(f, e)
	if err != nil {
		return err
	}
	var mended *desk.Mended
	if mended, err = w.desk.Mend(q.Context(), q.meta(f), at, changed); err != nil {
		if err := f.take(err); err != nil {
			return err
		}
		if sentence := f.Errors["fields"]; sentence != "" {
			f.Message = sentence
		}
		q.status = unprocessable
		return w.entryPage(q, &entryView{e, f.Form, true})
	}
	tone, text := ui.Good, fmt.Sprintf("%s was presented again: %s.", mended.ChargeID, resultWords(string(mended.Result)))
	if mended.Reason != "" {
		tone, text = ui.Warn, fmt.Sprintf("%s was presented again and is in quarantine: %s. %s", mended.ChargeID, strings.ToLower(reasonWords(mended.Reason)), reasonHelp(mended.Reason))
	}
	q.flash(tone, text)
	return q.redirect("/quarantine")
}

// mendedBefore answers a form that was sent twice: the first time did it.
func (w *Web) mendedBefore(q *request) error {
	q.flash(ui.Good, "The entry is not in quarantine any more.")
	return q.redirect("/quarantine")
}

// changedFields are the fields of the form that differ from the entry, as Mend
// takes them.
func changedFields(f *form, e *quarantine.Entry) (map[string]json.RawMessage, error) {
	before, changed := exported(e), map[string]json.RawMessage{}
	for _, field := range mendFields() {
		now := f.text(field.name)
		if now == before[field.name] {
			continue
		}
		var value any
		if now != "" {
			value = now
		}
		data, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		changed[field.name] = data
	}
	return changed, nil
}

// retry presents entries again as they are: the chosen ones, or all of a filter.
func (w *Web) retry(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	wanted := []quarantine.Wanted{quarantineWanted(f.text)}
	if chosen := f.Values["entry"]; f.Value("which") != "all" {
		wanted = nil
		for _, text := range chosen {
			var at desk.Place
			if err := json.Unmarshal([]byte(text), &at); err != nil {
				return &userError{"The form could not be read. Reload the list and choose again."}
			}
			wanted = append(wanted, quarantine.Wanted{Owner: at.Owner, ChargeID: at.ChargeID})
		}
		if len(wanted) == 0 {
			q.flash(ui.Warn, "Nothing was chosen, nothing was presented again.")
			return q.redirect(quarantineURL(f))
		}
	}
	results, more := map[string]int{}, false
	for i := range wanted {
		r, err := w.desk.Retry(q.Context(), q.meta(f), wanted[i], maxRetry)
		if err != nil {
			return err
		}
		more = more || r.More
		for name, n := range r.Results {
			results[name] += n
		}
	}
	if err := w.desk.Ledger.Settle(q.Context()); err != nil {
		return err
	}
	tone, text := retried(results)
	if more {
		text += fmt.Sprintf(" There are more: %d are presented at a time.", maxRetry)
	}
	q.flash(tone, text)
	return q.redirect(quarantineURL(f))
}

// quarantineURL is the list with the filter of a form.
func quarantineURL(f *form) string {
	return withQuery("/quarantine", "account", f.text("account"), "reason", f.text("reason"), "charge", f.text("charge"))
}

// placeText names an entry in a form.
func placeText(e *quarantine.Entry) string {
	data, err := json.Marshal(desk.Place{Owner: e.Owner, ChargeID: e.ChargeID, Content: e.Content})
	if err != nil {
		return ""
	}
	return string(data)
}

// retried says what entries came to.
func retried(results map[string]int) (ui.Tone, string) {
	names := make([]string, 0, len(results))
	total := 0
	tone := ui.Good
	for name, n := range results {
		names = append(names, name)
		total += n
		if strings.Contains(name, ":") {
			tone = ui.Warn
		}
	}
	if total == 0 {
		return ui.Neutral, "Nothing was there to be presented again."
	}
	sort.Strings(names)
	said := make([]string, len(names))
	for i, name := range names {
		said[i] = ui.Count(results[name]) + " " + resultWords(name)
	}
	return tone, ui.Counted(total, "entry was", "entries were") + " presented again: " + strings.Join(said, ", ") + "."
}

// resultWords says what became of a charge.
func resultWords(result string) string {
	name, reason, stuck := strings.Cut(result, ": ")
	switch {
	case name == string(domain.ChargeDeducted):
		return "charged"
	case name == string(domain.ChargeFree):
		return "counted as free"
	case name == string(domain.ChargeDuplicate):
		return "charged before"
	case stuck && name != string(domain.ChargeQuarantinedResult):
		return "left out, because they can't be read"
	case stuck:
		return "in quarantine again (" + strings.ToLower(reasonWords(reason)) + ")"
	}
	return name
}

// reasonOptions are all reasons.
func reasonOptions() []ui.Option {
	all := []ui.Option{{Value: "", Label: "Any"}}
	for _, r := range []string{"malformed", "unknown_channel", "channel_cancelled", "in_the_future", "too_old", "blocked_destination", "charge_conflict", "wrong_currency", "no_rate"} {
		all = append(all, ui.Option{Value: r, Label: reasonWords(r)})
	}
	return slices.Clip(all)
}
