// Package metainvoice reads Meta's invoice as normalised CSV.
//
// The header names the columns, in any order:
//
//	invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency
//
// phone_number_id, country or market (one of the two), pricing_type (then
// regular) and tier may be empty. A file may hold several documents, types,
// months and currencies. Lines that start with TOTAL end the file; each states
// volume and amount of one document type, month and currency, and the sums are
// checked against it. A credit memo's figures may be given with either sign.
//
// A file is taken whole or not at all, and an Error names every problem by
// file, line and field.
package metainvoice

const (
	// MaxFileBytes bounds a file: 64 MiB. It is held in memory: the original
	// is kept in the ledger.
	MaxFileBytes = 64 << 20
	// MaxLines bounds the lines of a file, its header and totals aside.
	MaxLines = 200_000
	// MaxProblems is how many problems an Error names; the others are
	// counted.
	MaxProblems = 20
	// MaxVolumeDigits bounds the digits of a volume.
	MaxVolumeDigits = 11
	// MinYear and MaxYear bound billing periods.
	MinYear, MaxYear = 2000, 2100
)
