package reconciliation

import "prepayledger/domain/money"

// ImportMetaInvoice brings a document, or a corrected version of it. The same
// lines again, with the same rates of exchange or none, change nothing (R28).
type ImportMetaInvoice struct {
	InvoiceID string
	Lines     []InvoiceLine
	FX        []FXRate
	FileName  string
	// SHA256 is the hash of the original file, in hex, and FileBytes its size.
	SHA256    string
	FileBytes int64
	// File is the original; nil where another document of the same file
	// keeps it, whose id is FileIn.
	File   []byte
	FileIn string
	// Sheet and Mapping say how the original was read: a workbook's sheet and
	// the text of a mapping; empty where there is none.
	Sheet   string
	Mapping string
}

// AllocateInvoiceLine gives a line to an account, or accepts it as the
// provider's own cost (R27): exactly one of the two.
type AllocateInvoiceLine struct {
	// Line counts from 1 within the document's lines.
	Line      int
	PartnerID string
	OwnCost   bool
	// AccountUnknown says that there is no account of PartnerID.
	AccountUnknown bool
}

// ProposeReconciliation works out a run of the month (R29).
type ProposeReconciliation struct {
	Input Input
	// Settings has the tolerances that the proposal states; nil is none.
	Settings *Settings
}

// ApproveReconciliation lets the newest proposal be posted (R29).
type ApproveReconciliation struct {
	// Uninvoiced restates the sum of WABAs that were charged but are in no
	// document; nil states nothing.
	Uninvoiced *money.Amount
	// Input is the month as it is now. It is looked at only where the proposal
	// lists unallocated lines: once they are all allocated, the approval is of
	// the month as it is now. Nil where NeedsInput says that it isn't needed.
	Input *Input
	// Settings has the approval limits and tolerances; nil is none.
	Settings *Settings
}

// FinishPosting says that every account has its adjustment.
type FinishPosting struct{}

// CommandName implements domain.Command.
func (*ImportMetaInvoice) CommandName() string     { return "ImportMetaInvoice" }
func (*AllocateInvoiceLine) CommandName() string   { return "AllocateInvoiceLine" }
func (*ProposeReconciliation) CommandName() string { return "ProposeReconciliation" }
func (*ApproveReconciliation) CommandName() string { return "ApproveReconciliation" }
func (*FinishPosting) CommandName() string         { return "FinishPosting" }
