package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/bankstatement"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
	"prepayledger/projections/quarantine"
)

// words chooses the words for one or for several.
func words(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// standings are all standings, the worst first.
func standings() []domain.Standing {
	return []domain.Standing{domain.Blocked, domain.Grace, domain.Active, domain.Closed}
}

// overviewAlarms says whether anything needs somebody.
func overviewAlarms(o *desk.Overview) bool {
	return o.Blocked.Count+o.Deadlines.Count+o.Failed.Count+o.Waiting.Count+quarantined(o)+len(o.Months) > 0
}

// overviewSaid is what is read out when it changes.
func overviewSaid(o *desk.Overview) string {
	return ui.Counted(o.Blocked.Count, "account is blocked", "accounts are blocked") + ", " +
		ui.Counted(o.Waiting.Count, "waits for a payment", "wait for a payment") + ", " +
		ui.Counted(quarantined(o), "charge is in quarantine", "charges are in quarantine") + "."
}

// quarantined counts all entries.
func quarantined(o *desk.Overview) (n int) {
	for _, c := range o.Quarantine {
		n += c
	}
	return n
}

// reasonCount is how many entries have a reason.
type reasonCount struct {
	Reason string
	Count  int
}

// reasonCounts are the reasons, those with most entries first.
func reasonCounts(counts quarantine.Counts) (all []reasonCount) {
	for reason, n := range counts {
		all = append(all, reasonCount{reason, n})
	}
	slices.SortFunc(all, func(a, b reasonCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Reason, b.Reason))
	})
	return all
}

// reasonWords says why something is in quarantine (R10).
func reasonWords(reason string) string {
	switch reason {
	case "malformed":
		return "Not readable"
	case "unknown_channel":
		return "Unknown channel"
	case "channel_cancelled":
		return "Channel cancelled"
	case "in_the_future":
		return "In the future"
	case "too_old":
		return "Too old"
	case "blocked_destination":
		return "Blocked destination"
	case "charge_conflict":
		return "Charged with other content"
	case "wrong_currency":
		return "Wrong currency"
	case "no_rate":
		return "No rate"
	}
	return strings.ReplaceAll(reason, "_", " ")
}

// reasonHelp says what mends it.
func reasonHelp(reason string) string {
	switch reason {
	case "malformed":
		return "The record could not be read. Correct it where it comes from, and import it."
	case "unknown_channel":
		return "No account has this channel. Register it, or correct the channel, then present the charge again."
	case "channel_cancelled":
		return "It happened at or after the cancellation of its channel. Correct the channel or the time."
	case "in_the_future":
		return "It happened more than 5 minutes after it was recorded. Correct the time, or present it again later."
	case "too_old":
		return "It happened more than 13 months before it was recorded. Nothing that is so old is charged: correct the time if it is wrong."
	case "blocked_destination":
		return "Numbers of this destination are blocked. It stays here unless the recipient is wrong."
	case "charge_conflict":
		return "The same id was charged before with other content. Correct the id, or leave it here."
	case "wrong_currency":
		return "Its amount is in another currency than the account. Correct amount and currency."
	case "no_rate":
		return "No rate card has a price for it. Import the rate card, then present it again."
	}
	return ""
}

// monthWords is a billing month for people.
func monthWords(m domain.Month) string {
	t, err := time.Parse("2006-01", string(m))
	if err != nil {
		return string(m)
	}
	return t.Format("January 2006")
}

// phaseWords says how far a month is.
func phaseWords(p reconciliation.Phase) string {
	switch p {
	case reconciliation.NotProposed:
		return "not proposed"
	case reconciliation.Proposed:
		return "waits for approval"
	case reconciliation.Approved:
		return "being posted"
	case reconciliation.PostedPhase:
		return "posted"
	case reconciliation.Withdrawn:
		return "withdrawn"
	}
	return string(p)
}

// phaseTone is what a phase means.
func phaseTone(p reconciliation.Phase) ui.Tone {
	switch p {
	case reconciliation.PostedPhase:
		return ui.Good
	case reconciliation.Proposed, reconciliation.Approved:
		return ui.Warn
	}
	return ui.Neutral
}

// accountColumns are those of the list of accounts.
func accountColumns() []ui.Column {
	return []ui.Column{
		{Label: "Account", Sort: string(desk.SortPartner)}, {Label: "Standing"}, {Label: "Balance", End: true, Sort: string(desk.SortBalance)},
		{Label: "Due", End: true, Sort: string(desk.SortDue)}, {Label: "Block comes", Sort: string(desk.SortDeadline)}, {Label: "Card payment"},
		{Label: "Channels", End: true}, {Label: "Last event", Sort: string(desk.SortActivity)},
	}
}

// whatLifts says what lifts a block; empty for none.
func whatLifts(reason string, policy domain.UnblockPolicy) string {
	overdue := "Finance lifts it by confirming a payment that leaves nothing due."
	if policy == domain.UnblockAutomatic {
		overdue = "Any credit that leaves nothing due lifts it."
	}
	switch reason {
	case "overdue":
		return overdue
	case "manual":
		return "Finance set it by hand, and lifts it by hand. A payment does not lift it."
	case "overdue+manual":
		return "Two blocks stand. The overdue one: " + overdue + " The one by hand is lifted by hand, after that."
	}
	return ""
}

// blockNote says since when, or until when.
func blockNote(v *desk.AccountView, now time.Time) string {
	switch {
	case v.Standing == domain.Blocked:
		return "since " + plainTime(v.Figures.BlockedSince)
	case v.Standing == domain.Grace:
		return "block comes " + ui.Ago(*v.BlockDeadline, now)
	}
	return ""
}

// rechargeNote says what is up with card payments.
func rechargeNote(v *desk.AccountView, now time.Time) string {
	switch {
	case v.InFlight != nil:
		return "one is on its way"
	case v.RetryAt != nil:
		return "failed, tried again " + ui.Ago(*v.RetryAt, now)
	case v.Figures.Failed > 0:
		return ui.Counted(v.Figures.Failed, "failed", "failed")
	}
	return "succeeded"
}

// actionWord is what stands on the button that leads to an action.
func actionWord(path string) string {
	return strings.ToUpper(path[:1]) + path[1:] + "…"
}

// certaintyWords says how sure it is whose a payment is.
func certaintyWords(p *bankstatement.Proposal) string {
	switch p.Status {
	case bankstatement.Confirmed:
		return "confirmed"
	case bankstatement.Proposed:
		return string(p.Matches[0].Certainty)
	}
	return "unmatched"
}

// certaintyTone is what it means.
func certaintyTone(p *bankstatement.Proposal) ui.Tone {
	switch {
	case p.Status == bankstatement.Confirmed:
		return ui.Good
	case p.Status != bankstatement.Proposed:
		return ui.Neutral
	case p.Matches[0].Certainty == bankstatement.Certain:
		return ui.Good
	case p.Matches[0].Certainty == bankstatement.Ambiguous:
		return ui.Bad
	}
	return ui.Warn
}

// onlyMatch is the account that a payment was proposed for, if it is one.
func onlyMatch(p *bankstatement.Proposal) string {
	if len(p.Matches) == 1 {
		return p.Matches[0].PartnerID
	}
	return ""
}

// matchesHelp names the accounts that a payment was proposed for.
func matchesHelp(p *bankstatement.Proposal) string {
	if len(p.Matches) == 0 {
		return "Nothing in the payment points to an account: name it."
	}
	var names []string
	for _, m := range p.Matches {
		names = append(names, m.PartnerID+" ("+m.Why+")")
	}
	return "Proposed: " + strings.Join(names, ", ") + "."
}

// entryName names an entry: a record that can't be read may have no charge id.
func entryName(e *quarantine.Entry) string {
	if e.ChargeID == "" {
		return "a record without id"
	}
	return e.ChargeID
}

// longID is how long an id may be that is kept on one line (characters).
const longID = 20

// idClass keeps short ids on one line, and breaks long ones.
func idClass(id string) string {
	if len(id) <= longID {
		return "nowrap"
	}
	return "break"
}

// chosenLabel heads the column of what is chosen; auditors choose nothing.
func chosenLabel(may bool) string {
	if may {
		return "Chosen"
	}
	return ""
}
