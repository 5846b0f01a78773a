// Package metainvoice reads Meta's documents: the normalised layout as CSV or
// XLSX, and any other delimited report or workbook through a Mapping.
//
// In the normalised layout the header names the columns, in any order:
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
// file, line, column and field. Figures are never read through a float: a
// workbook's number is the decimal text that it holds.
package metainvoice

import "prepayledger/consumers/fileerror"

const (
	// MaxFileBytes bounds a file: 64 MiB. It is held in memory: the original
	// is kept in the ledger.
	MaxFileBytes = 64 << 20
	// MaxLines bounds the lines of a file, its header and totals aside.
	MaxLines = 200_000
	// MaxProblems is how many problems an Error names; the others are
	// counted.
	MaxProblems = fileerror.MaxProblems
	// MaxVolumeDigits bounds the digits of a volume.
	MaxVolumeDigits = 11
	// MinYear and MaxYear bound billing periods.
	MinYear, MaxYear = 2000, 2100
	// MaxCellBytes bounds the text of one cell, in bytes: a spreadsheet's own
	// bound, in characters.
	MaxCellBytes = 32_767
	// MaxColumns bounds the columns of a file.
	MaxColumns = 256

	// MaxUnzippedBytes bounds what is unpacked of a workbook, in bytes. A
	// smaller file that unpacks to more is refused.
	MaxUnzippedBytes = 256 << 20
	// MaxSharedBytes and MaxSharedStrings bound the table of texts of a
	// workbook: it is held in memory.
	MaxSharedBytes   = 64 << 20
	MaxSharedStrings = 1_000_000
	// MaxZipEntries bounds the parts of a workbook.
	MaxZipEntries = 10_000
	// MaxStyles bounds the cell formats of a workbook.
	MaxStyles = 65_536
	// NumberDigits is how many digits of a number a spreadsheet keeps.
	NumberDigits = 15

	// MaxMappingBytes bounds a mapping file: it is kept with the document.
	MaxMappingBytes = 16 << 10
	// MaxSkippedLines bounds the lines before the header, and those of a
	// footer.
	MaxSkippedLines = 1_000

	// maxInterned bounds the texts that lines share; beyond, each keeps its
	// own.
	maxInterned = 100_000
)
