package reconciliation

import (
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// The names under which events are stored. They never change.
const (
	TypeMetaInvoiceReceived      = "MetaInvoiceReceived"
	TypeMetaInvoiceDocument      = "MetaInvoiceDocument"
	TypeMetaInvoiceLines         = "MetaInvoiceLines"
	TypeMetaInvoiceSealed        = "MetaInvoiceSealed"
	TypeMetaInvoiceLineAllocated = "MetaInvoiceLineAllocated"

	TypeReconciliationAccounts = "ReconciliationAccounts"
	TypeReconciliationLines    = "ReconciliationLines"
	TypeReconciliationDetails  = "ReconciliationDetails"
	TypeReconciliationProposed = "ReconciliationProposed"
	TypeReconciliationApproved = "ReconciliationApproved"
	TypeReconciliationPosted   = "ReconciliationPosted"
)

// MetaInvoiceReceived begins a version of a document of Meta. It does not
// exist for readers before MetaInvoiceSealed; one that was never sealed is
// followed by another MetaInvoiceReceived.
type MetaInvoiceReceived struct {
	InvoiceID string `json:"invoice_id"`
	// Version counts from 1 and grows with every attempt; a corrected
	// document with the same id is a new version.
	Version  int    `json:"version"`
	FileName string `json:"file_name"`
	// SHA256 and FileBytes are of the original file, which may hold other
	// documents, too.
	SHA256    string `json:"sha256"`
	FileBytes int64  `json:"file_bytes"`
	// FileIn is the id of the document in whose stream the original file is
	// kept, under the same SHA256; empty where it is this one's.
	FileIn     string    `json:"file_in,omitempty"`
	Lines      int       `json:"lines"`
	FX         []FXRate  `json:"fx,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	// Sheet is the workbook's sheet that was read; empty where the file is no
	// workbook.
	Sheet string `json:"sheet,omitempty"`
	// Mapping is the text of the mapping by which the file was read; empty where
	// the layout is the normalised one.
	Mapping string `json:"mapping,omitempty"`
}

// MetaInvoiceDocument keeps a piece of the original file.
type MetaInvoiceDocument struct {
	Version int `json:"version"`
	// Piece counts from 1.
	Piece int `json:"piece"`
	// Data is at most MaxDocumentChunkBytes; base64 in JSON.
	Data []byte `json:"data"`
}

// MetaInvoiceLines keeps some of the document's lines.
type MetaInvoiceLines struct {
	Version int `json:"version"`
	// First is the number of the first line, from 1.
	First int           `json:"first"`
	Lines []InvoiceLine `json:"lines"`
}

// MetaInvoiceSealed ends a version: from here on it exists.
type MetaInvoiceSealed struct {
	Version int `json:"version"`
	// Count is the number of lines, SHA256 their hash (LinesSHA256).
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
	// Pieces is the number of MetaInvoiceDocument events.
	Pieces int            `json:"pieces"`
	Totals []InvoiceTotal `json:"totals"`
}

// InvoiceTotal sums the lines of one type, month and currency, signed by the
// type.
type InvoiceTotal struct {
	DocumentType DocumentType   `json:"document_type"`
	Month        domain.Month   `json:"month"`
	Currency     money.Currency `json:"currency"`
	Lines        int            `json:"lines"`
	Volume       int64          `json:"volume"`
	Amount       money.Amount   `json:"amount"`
}

// MetaInvoiceLineAllocated is Finance's word on one line (R27). A later one
// on the same line replaces it.
type MetaInvoiceLineAllocated struct {
	InvoiceID string `json:"invoice_id"`
	Version   int    `json:"version"`
	// Line counts from 1 within the document's lines.
	Line int `json:"line"`
	Allocation
}

// ReconciliationAccounts keeps some of a proposal's accounts.
type ReconciliationAccounts struct {
	Proposal int              `json:"proposal"`
	Accounts []AccountSummary `json:"accounts"`
}

// ReconciliationLines keeps some of the lines of one account of a proposal.
type ReconciliationLines struct {
	Proposal  int    `json:"proposal"`
	PartnerID string `json:"partner_id"`
	Lines     []Line `json:"lines"`
}

// ReconciliationDetails keeps some of what else a proposal lists.
type ReconciliationDetails struct {
	Proposal    int           `json:"proposal"`
	Documents   []DocumentRef `json:"documents,omitempty"`
	Uninvoiced  []Uninvoiced  `json:"uninvoiced,omitempty"`
	Unallocated []LineRef     `json:"unallocated,omitempty"`
	OwnCost     []LineRef     `json:"own_cost,omitempty"`
	Direct      []DirectTotal `json:"direct,omitempty"`
}

// ReconciliationProposed seals a proposal, whose accounts, lines and details
// stand before it. It replaces one that was not approved.
type ReconciliationProposed struct {
	Month domain.Month `json:"month"`
	// Proposal numbers the month's proposals; abandoned ones leave gaps.
	Proposal int `json:"proposal"`
	// Run is the number that the posting will have, from 1.
	Run int `json:"run"`
	// Actor proposes. RestatedBy approved after lines had been allocated, and
	// so had the proposal worked out again.
	Actor      string `json:"actor"`
	RestatedBy string `json:"restated_by,omitempty"`
	// Counts of what stands before the seal, and their hash.
	AccountCount     int    `json:"account_count"`
	LineCount        int    `json:"line_count"`
	DocumentCount    int    `json:"document_count"`
	UnallocatedCount int    `json:"unallocated_count"`
	OwnCostCount     int    `json:"own_cost_count"`
	SHA256           string `json:"sha256"`
	// UninvoicedSum is what the approval restates where it is not zero (R27).
	UninvoicedSum money.Amount `json:"uninvoiced_sum"`
	// Post are the sums to be posted per currency.
	Post []CurrencySum `json:"post,omitempty"`
	// Tolerances are those that were set when it was proposed. Differences
	// within them are posted all the same; they are only listed apart.
	Tolerances []CurrencySum `json:"tolerances,omitempty"`
}

// CurrencySum is a sum in one currency.
type CurrencySum struct {
	Currency money.Currency `json:"currency"`
	Amount   money.Amount   `json:"amount"`
}

// ReconciliationApproved lets a proposal be posted (R29). Posting goes on from
// here after a crash.
type ReconciliationApproved struct {
	Proposal int    `json:"proposal"`
	Run      int    `json:"run"`
	Actor    string `json:"actor"`
	// Uninvoiced is the sum as restated (R27).
	Uninvoiced money.Amount `json:"uninvoiced"`
	// Limits are the approval limits of the actor that held, per currency that
	// is posted and has limits.
	Limits []CurrencySum `json:"limits,omitempty"`
}

// ReconciliationPosted says that every account of the run has its
// adjustment: only now the run is visible as posted (R29).
type ReconciliationPosted struct {
	Proposal int `json:"proposal"`
	Run      int `json:"run"`
}

// EventType implements domain.Event.
func (*MetaInvoiceReceived) EventType() string      { return TypeMetaInvoiceReceived }
func (*MetaInvoiceDocument) EventType() string      { return TypeMetaInvoiceDocument }
func (*MetaInvoiceLines) EventType() string         { return TypeMetaInvoiceLines }
func (*MetaInvoiceSealed) EventType() string        { return TypeMetaInvoiceSealed }
func (*MetaInvoiceLineAllocated) EventType() string { return TypeMetaInvoiceLineAllocated }
func (*ReconciliationAccounts) EventType() string   { return TypeReconciliationAccounts }
func (*ReconciliationLines) EventType() string      { return TypeReconciliationLines }
func (*ReconciliationDetails) EventType() string    { return TypeReconciliationDetails }
func (*ReconciliationProposed) EventType() string   { return TypeReconciliationProposed }
func (*ReconciliationApproved) EventType() string   { return TypeReconciliationApproved }
func (*ReconciliationPosted) EventType() string     { return TypeReconciliationPosted }

// NewEvent returns an empty event of the name, to be decoded into; nil for a
// name that is not this package's.
func NewEvent(name string) domain.Event {
	switch name {
	case TypeMetaInvoiceReceived:
		return &MetaInvoiceReceived{}
	case TypeMetaInvoiceDocument:
		return &MetaInvoiceDocument{}
	case TypeMetaInvoiceLines:
		return &MetaInvoiceLines{}
	case TypeMetaInvoiceSealed:
		return &MetaInvoiceSealed{}
	case TypeMetaInvoiceLineAllocated:
		return &MetaInvoiceLineAllocated{}
	case TypeReconciliationAccounts:
		return &ReconciliationAccounts{}
	case TypeReconciliationLines:
		return &ReconciliationLines{}
	case TypeReconciliationDetails:
		return &ReconciliationDetails{}
	case TypeReconciliationProposed:
		return &ReconciliationProposed{}
	case TypeReconciliationApproved:
		return &ReconciliationApproved{}
	case TypeReconciliationPosted:
		return &ReconciliationPosted{}
	case TypeReconciliationCommented:
		return &ReconciliationCommented{}
	case TypeReconciliationWithdrawn:
		return &ReconciliationWithdrawn{}
	case TypeApprovalLimitSet:
		return &ApprovalLimitSet{}
	case TypeToleranceSet:
		return &ToleranceSet{}
	}
	return nil
}

// EventTypes returns the names of all event types of this package.
func EventTypes() []string {
	return []string{
		TypeMetaInvoiceReceived, TypeMetaInvoiceDocument, TypeMetaInvoiceLines, TypeMetaInvoiceSealed,
		TypeMetaInvoiceLineAllocated, TypeReconciliationAccounts, TypeReconciliationLines,
		TypeReconciliationDetails, TypeReconciliationProposed, TypeReconciliationApproved,
		TypeReconciliationPosted, TypeReconciliationCommented, TypeReconciliationWithdrawn, TypeApprovalLimitSet, TypeToleranceSet,
	}
}
