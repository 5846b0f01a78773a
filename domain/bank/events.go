// Package bank holds the facts of bank statements: what came in, as the bank
// says. They change no balance; Finance's confirmation does (R22).
package bank

import (
	"prepayledger/domain/money"
	"time"
)

// The names under which events are stored.
const (
	TypeBankStatementImported = "BankStatementImported"
	TypeBankStatementEntries  = "BankStatementEntries"
	TypeBankStatementSealed   = "BankStatementSealed"
)

// Stream names the stream of a statement.
func Stream(statementID string) string { return "bankstatement-" + statementID }

// BankStatementImported begins the import of a statement. It counts once its
// seal is there.
type BankStatementImported struct {
	// StatementID is how the file's hash begins: the same file has the same.
	StatementID string `json:"statement_id"`
	FileName    string `json:"file_name"`
	// SHA256 is the file's hash, in hex. The file itself is not kept: most of
	// what stands in it is none of the ledger's business.
	SHA256    string `json:"sha256"`
	FileBytes int64  `json:"file_bytes"`
	// Format is camt.053.001.02, camt.053.001.08 or csv.
	Format string `json:"format"`
	// Skipped counts entries that are no payment received: debits, reversals
	// and what is not booked yet.
	Skipped    int       `json:"skipped,omitempty"`
	ImportedAt time.Time `json:"imported_at"`
}

// BankStatementEntries are entries of the statement, in its order.
type BankStatementEntries struct {
	// First is the number of the first of them, counted from 1.
	First   int     `json:"first"`
	Entries []Entry `json:"entries"`
}

// BankStatementSealed ends the import.
type BankStatementSealed struct {
	// Count is how many entries there are.
	Count int `json:"count"`
	// EntriesSHA256 is the hash of their JSON, one a line.
	EntriesSHA256 string `json:"entries_sha256"`
}

// Entry is a payment received.
type Entry struct {
	// Reference is the bank's own; where it gives none, one made from the
	// content: the same payment in another statement has the same.
	Reference string `json:"reference"`
	// EndToEndID is the payer's reference, as it came through.
	EndToEndID string `json:"end_to_end_id,omitempty"`
	// BookedOn and ValueOn are days, as YYYY-MM-DD.
	BookedOn string `json:"booked_on"`
	ValueOn  string `json:"value_on,omitempty"`
	// Amount is positive.
	Amount   money.Amount   `json:"amount"`
	Currency money.Currency `json:"currency"`
	// Debtor is who paid; of the IBAN the first and last four characters are
	// kept.
	Debtor string `json:"debtor,omitempty"`
	IBAN   string `json:"iban,omitempty"`
	// Text is what the payer wrote, structured references included.
	Text string `json:"text,omitempty"`
}

// EventType implements domain.Event.
func (*BankStatementImported) EventType() string { return TypeBankStatementImported }

// EventType implements domain.Event.
func (*BankStatementEntries) EventType() string { return TypeBankStatementEntries }

// EventType implements domain.Event.
func (*BankStatementSealed) EventType() string { return TypeBankStatementSealed }
