package web

import (
	"fmt"
	"strings"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/evidence"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
)

// monthURL is the page of a month as it is shown.
func monthURL(v *monthView) string {
	if v.asNow && v.Phase != reconciliation.NotProposed && v.Phase != reconciliation.Withdrawn {
		return "/months/" + string(v.MonthHead.Month) + "?now=1"
	}
	return "/months/" + string(v.MonthHead.Month)
}

// below is a page of a month that shows it alike.
func (v *monthView) below(page string) string {
	url := "/months/" + string(v.MonthHead.Month) + "/" + page
	if v.asNow {
		return withQuery(url, "now", "1")
	}
	return url
}

func linesURL(v *monthView) string { return "/months/" + string(v.MonthHead.Month) + "/lines" }

func accountsOfMonthURL(v *monthView) string { return v.below("accounts") }

// stepURL is where a step is given.
func stepURL(v *monthView, step string) string {
	return "/months/" + string(v.MonthHead.Month) + "/" + step
}

// stepForm is the form of a step: the one that failed, or a new one.
func stepForm(v *monthView, step string) *ui.Form {
	if v.step == step {
		return v.form
	}
	return ui.NewForm()
}

// monthEmpty says that there is nothing to compare with.
func monthEmpty(v *monthView) bool { return len(v.documents) == 0 && v.Run == 0 }

// monthSaid is what is read out when it changes.
func monthSaid(v *monthView) string {
	if v.Phase == reconciliation.Approved {
		return fmt.Sprintf("%s: posted to %d of %d accounts.", monthWords(v.MonthHead.Month), v.posted, len(v.Accounts))
	}
	return monthWords(v.MonthHead.Month) + ": " + phaseWords(v.Phase) + "."
}

// monthStepView is a step of a month as it is shown.
type monthStepView struct {
	name, note    string
	done, current bool
}

// stepsOf are the steps of a month with how far they are.
func stepsOf(v *monthView) []monthStepView {
	proposed := v.Phase == reconciliation.Proposed || v.Phase == reconciliation.Approved || v.Phase == reconciliation.PostedPhase
	approved := v.Phase == reconciliation.Approved || v.Phase == reconciliation.PostedPhase
	posted := v.Phase == reconciliation.PostedPhase
	if posted && v.summary.Open > 0 { // the next run begins
		proposed, approved, posted = false, false, false
	}
	steps := []monthStepView{
		{name: "Documents", done: len(v.documents) > 0, note: ui.Counted(len(v.documents), "document", "documents")},
		{name: "Compare", done: proposed, note: "not compared yet"},
		{name: "Propose", done: proposed, note: "by one person"},
		{name: "Approve", done: approved, note: "by another"},
		{name: "Post", done: posted, note: "to every account"},
	}
	if !monthEmpty(v) {
		steps[1].note = differences(v)
	}
	if proposed {
		steps[2].note = "by " + v.ProposedBy
	}
	if approved {
		steps[3].note = "by " + v.ApprovedBy
	}
	if posted {
		steps[4].note = fmt.Sprintf("run %d, %s", v.Run, ui.Counted(len(v.Accounts), "account", "accounts"))
	}
	for i := range steps {
		if !steps[i].done {
			if i == 1 { // comparing is looking: proposing is what is done
				steps[i].done = true
				continue
			}
			steps[i].current = true
			if i == 0 {
				steps[1].done = false
			}
			break
		}
	}
	return steps
}

// differences are the differences of all currencies.
func differences(v *monthView) string {
	var all []string
	for _, f := range v.Waterfalls() {
		all = append(all, plainMoney(f.Difference, f.Currency))
	}
	if len(all) == 0 {
		return "no difference"
	}
	return "difference " + strings.Join(all, ", ")
}

// waterfallTitle heads a waterfall.
func waterfallTitle(f *desk.Waterfall, v *monthView) string {
	if v.asNow {
		return "From charged to invoiced, " + string(f.Currency) + ", as it is now"
	}
	return fmt.Sprintf("From charged to invoiced, %s, run %d", f.Currency, v.Run)
}

// unallocatedWords says why a line is nobody's.
func unallocatedWords(why string) string {
	switch why {
	case reconciliation.WhyUnknownWABA:
		return "no account has the WABA"
	case reconciliation.WhyMixedWABA:
		return "the WABA has direct channels, too, and the line does not say whose it is"
	case reconciliation.WhyNoShare:
		return "several accounts share the WABA, and none was charged"
	}
	return why
}

// totalsOf are a document's totals of one month.
func totalsOf(d *desk.MetaDocument, month domain.Month) (all []reconciliation.InvoiceTotal) {
	for _, t := range d.Totals {
		if t.Month == month {
			all = append(all, t)
		}
	}
	return all
}

// linesLead says what is listed.
func linesLead(v *linesView) string {
	if v.asNow {
		return monthWords(v.month.MonthHead.Month) + " as it is now, compared at " + plainTime(v.month.ComputedAt) + "."
	}
	return fmt.Sprintf("%s, run %d, %s.", monthWords(v.month.MonthHead.Month), v.month.Run, phaseWords(v.month.Phase))
}

// lineWhat names what a line is about.
func lineWhat(l *desk.MonthLine) string {
	if l.IsRounding() {
		return "rounding of the converted total"
	}
	return keyWords(l.Key)
}

func keyWords(k reconciliation.Key) string {
	text := k.Market + ", " + strings.ReplaceAll(k.Category, "_", " ")
	if k.PricingType != domain.PricingTypeRegular {
		text += ", " + strings.ReplaceAll(k.PricingType, "_", " ")
	}
	return text
}

// lineTitle heads the page of a line.
func lineTitle(v *lineView) string {
	if v.IsRounding() {
		return "Rounding of the converted total"
	}
	return keyWords(v.Key)
}

// chargeMarks are what is special about a charge.
func chargeMarks(c *evidence.Charge) string {
	var marks []string
	switch c.Kind {
	case evidence.KindCorrection:
		marks = append(marks, "taken back here")
	case evidence.KindCounted:
		marks = append(marks, "free")
	}
	if c.Late {
		marks = append(marks, "late")
	}
	if c.Corrected {
		marks = append(marks, "taken back")
	}
	return strings.Join(marks, ", ")
}

// pieceNote says what is special about a line of Meta.
func pieceNote(p *reconciliation.Piece) string {
	notes := []string{string(p.DocumentType)}
	if p.Shared {
		notes = append(notes, "a share")
	}
	if p.Allocated {
		notes = append(notes, "allocated")
	}
	if p.Rate != nil {
		notes = append(notes, "at "+p.Rate.String())
	}
	return strings.Join(notes, ", ")
}

// partChoices are the kinds of parts, for the filter.
func partChoices() []ui.Option {
	all := []ui.Option{{Value: "", Label: "Any"}}
	for _, k := range desk.PartKinds() {
		all = append(all, ui.Option{Value: string(k), Label: partWords(k)})
	}
	return all
}

// currencyChoices are the currencies of accounts.
func currencyChoices() []ui.Option {
	return []ui.Option{{Value: "EUR", Label: "EUR"}, {Value: "USD", Label: "USD"}}
}

// uploadSaid is what is read out when it changes.
func uploadSaid(v *uploadView) string {
	switch {
	case v.ended && (v.problems != nil || v.refused != ""):
		return "Nothing was taken of the file."
	case v.ended:
		return "The file is recorded."
	}
	return uploadStages()[v.stage]
}

// stageClass is how a stage of an upload looks.
func stageClass(v *uploadView, n int) string {
	failed := v.ended && (v.problems != nil || v.refused != "")
	switch {
	case failed && n == v.stage:
		return "failed"
	case n < v.stage, v.ended && !failed:
		return "done"
	}
	return ""
}

// marketOf is the market of a line, or its country.
func marketOf(market, country string) string {
	if market != "" {
		return market
	}
	return country
}

// tieWords says what the charges and lines of a line sum to.
func tieWords(v *lineView) string {
	return fmt.Sprintf("In time %s for %s, late %s for %s, invoiced %s for %s: that is the difference, exactly.",
		ui.Counted(v.sums.OnTime.Count, "charge", "charges"), plainMoney(v.sums.OnTime.Amount, v.Currency), ui.Count(v.sums.Late.Count),
		plainMoney(v.sums.Late.Amount, v.Currency), ui.Count(v.sums.Invoiced.Count), plainMoney(v.sums.Invoiced.Amount, v.Currency))
}
