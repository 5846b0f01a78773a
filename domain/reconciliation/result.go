package reconciliation

import (
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Figure is a count and an amount.
type Figure struct {
	Count  int64        `json:"count,omitempty"`
	Amount money.Amount `json:"amount,omitzero"`
}

func (f Figure) add(count int64, amount money.Amount) Figure {
	return Figure{Count: f.Count + count, Amount: f.Amount.Add(amount)}
}

// PartKind says what a part of a difference comes from (R26).
type PartKind string

// The kinds of parts, in the order in which they take a difference. The
// package's documentation says what each means.
const (
	PartLate          PartKind = "late"
	PartFree          PartKind = "free"
	PartCategory      PartKind = "category"
	PartMissingAtMeta PartKind = "missing_at_meta"
	PartMissingHere   PartKind = "missing_here"
	PartTier          PartKind = "tier"
	PartQuantity      PartKind = "quantity"
	PartRate          PartKind = "rate"
	PartCurrency      PartKind = "currency"
	PartRounding      PartKind = "rounding"
)

// Part is one part of a difference (R26).
type Part struct {
	Kind PartKind `json:"kind"`
	// Count is how many conversations or messages the part is about; positive
	// where there are more here than at Meta.
	Count int64 `json:"count,omitempty"`
	// Amount is signed like the difference: charged − invoiced.
	Amount money.Amount `json:"amount"`
	// With is the other category, the card's tier, or Meta's currency; empty
	// for other kinds.
	With string `json:"with,omitempty"`
}

// Line compares one Key of one account, in the account's currency.
type Line struct {
	Key
	Charged  Figure `json:"charged,omitzero"`
	Invoiced Figure `json:"invoiced,omitzero"`
	// Late is what of Charged came after the month was first posted.
	Late Figure `json:"late,omitzero"`
	// Difference is charged − invoiced.
	Difference money.Amount `json:"difference"`
	// PostedBefore is what earlier runs posted for the line; Post is what this
	// one adds: Difference = PostedBefore + Post.
	PostedBefore money.Amount `json:"posted_before,omitzero"`
	Post         money.Amount `json:"post,omitzero"`
	// Parts sum to Difference.
	Parts []Part `json:"parts,omitempty"`
}

// AccountSummary is what a run says about one account.
type AccountSummary struct {
	PartnerID string         `json:"partner_id"`
	Currency  money.Currency `json:"currency"`
	Charged   Figure         `json:"charged,omitzero"`
	// Free counts what was counted here as free.
	Free     int64  `json:"free,omitempty"`
	Invoiced Figure `json:"invoiced,omitzero"`
	// Difference = Charged − Invoiced = PostedBefore + Post.
	Difference   money.Amount `json:"difference"`
	PostedBefore money.Amount `json:"posted_before,omitzero"`
	Post         money.Amount `json:"post"`
	// Rounding is the converted total less the rounded one (R30).
	Rounding money.Amount `json:"rounding,omitzero"`
	// FX are the sums that were converted.
	FX []Converted `json:"fx,omitempty"`
	// FXOmitted is how many sums FX leaves out beyond MaxConverted.
	FXOmitted int `json:"fx_omitted,omitempty"`
	// Documents are the ids of the documents that have lines of the account.
	Documents []string `json:"documents,omitempty"`
	// LineCount is the number of the account's lines.
	LineCount int `json:"lines,omitempty"`
}

// Converted is a sum converted at one rate.
type Converted struct {
	FXRate
	// Amount in From, and Converted in To, not rounded.
	Amount    money.Amount `json:"amount"`
	Converted money.Amount `json:"converted"`
}

// AccountResult is an account with its lines, in order of Key.
type AccountResult struct {
	AccountSummary
	Lines []Line
	// TakesPart says that the run posts for the account (also 0): in its
	// first run always, later where something changed.
	TakesPart bool
}

// Uninvoiced is a WABA that was charged here and is in no document of the
// month (R27).
type Uninvoiced struct {
	PartnerID string         `json:"partner_id"`
	WABAID    string         `json:"waba_id"`
	Currency  money.Currency `json:"currency"`
	Count     int64          `json:"count"`
	Amount    money.Amount   `json:"amount"`
}

// LineRef is a line of a document that is nobody's.
type LineRef struct {
	InvoiceID string `json:"invoice_id"`
	Version   int    `json:"version"`
	// Line counts from 1.
	Line          int    `json:"line"`
	WABAID        string `json:"waba_id"`
	PhoneNumberID string `json:"phone_number_id,omitempty"`
	// Volume and Amount are signed by the document's type.
	Volume   int64          `json:"volume"`
	Amount   money.Amount   `json:"amount"`
	Currency money.Currency `json:"currency"`
	// Why is "unknown_waba", "mixed_waba" or "no_share"; empty for own cost.
	Why string `json:"why,omitempty"`
}

// Why a line is unallocated.
const (
	// WhyUnknownWABA: no account has the WABA.
	WhyUnknownWABA = "unknown_waba"
	// WhyMixedWABA: the WABA has direct and partner-paid channels, and the
	// line's phone_number_id does not tell which.
	WhyMixedWABA = "mixed_waba"
	// WhyNoShare: several accounts share the WABA, and none was charged.
	WhyNoShare = "no_share"
)

// DirectTotal sums the lines of direct channels of one WABA (R27).
type DirectTotal struct {
	WABAID   string         `json:"waba_id"`
	Currency money.Currency `json:"currency"`
	Lines    int            `json:"lines"`
	Volume   int64          `json:"volume"`
	Amount   money.Amount   `json:"amount"`
}

// Result is a run as computed: deterministic and in order.
type Result struct {
	Month     domain.Month
	Documents []DocumentRef
	// Accounts are all accounts with charges, free counts, invoice lines or
	// earlier postings in the month, by partner id.
	Accounts []AccountResult
	// Uninvoiced by partner and WABA; UninvoicedSum is the plain control total
	// over all accounts, whatever their currency.
	Uninvoiced    []Uninvoiced
	UninvoicedSum money.Amount
	// Unallocated lines block the approval.
	Unallocated []LineRef
	OwnCost     []LineRef
	Direct      []DirectTotal
}

// Changed reports whether a run would post or record anything, or has lines to
// allocate (R28).
func (r *Result) Changed() bool {
	for i := range r.Accounts {
		if r.Accounts[i].TakesPart {
			return true
		}
	}
	return len(r.Unallocated) > 0
}

// takingPart are the accounts that the run posts to.
func (r *Result) takingPart() []AccountSummary {
	var accounts []AccountSummary
	for i := range r.Accounts {
		if r.Accounts[i].TakesPart {
			accounts = append(accounts, r.Accounts[i].AccountSummary)
		}
	}
	return accounts
}

// Posted are an account's lines as the last run that it took part in left
// them.
type Posted map[Key]PostedLine

// PostedLine are the figures of a posted line; Charged − Invoiced was posted.
type PostedLine struct{ Charged, Invoiced money.Amount }

func (p PostedLine) amount() money.Amount { return p.Charged.Sub(p.Invoiced) }
