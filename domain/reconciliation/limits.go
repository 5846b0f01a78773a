package reconciliation

const (
	// MaxInvoiceIDBytes bounds an invoice id: it names a stream.
	MaxInvoiceIDBytes = 64
	// MaxFieldBytes bounds every other text of an invoice line, in bytes.
	MaxFieldBytes = 128
	// MaxVolume bounds the volume of one line, in messages or conversations:
	// sums over a month stay far inside 64 bits.
	MaxVolume = 10_000_000_000
	// MaxFXIntegerDigits and MaxFXDecimals bound a rate of exchange, so that
	// amount × rate is always exact.
	MaxFXIntegerDigits = 7
	MaxFXDecimals      = 15
	// MaxDocumentsPerMonth bounds the documents of one month: their ids stand
	// in one event.
	MaxDocumentsPerMonth = 2_000

	// ShareDecimals is to how many decimals a mean price and the parts of a
	// split line are worked out.
	ShareDecimals = 12

	// MaxLinesPerEvent bounds the lines of one chunk event.
	MaxLinesPerEvent = 2_000
	// MaxChunkBytes bounds a chunk event's JSON, in bytes, estimated from
	// above.
	MaxChunkBytes = 160 << 10
	// MaxDocumentChunkBytes is how much of the original file one event keeps,
	// in bytes; base64 makes 128 KiB of it.
	MaxDocumentChunkBytes = 96 << 10
	// MaxPartsPerLine bounds the parts of one line; what is beyond joins the
	// parts of its kind.
	MaxPartsPerLine = 32
	// MaxConverted bounds the converted sums that an account lists.
	MaxConverted = 200
	// MaxNamed is how many offending things a message names.
	MaxNamed = 5
	// MaxApprovalLimits bounds the approval limits that can be set.
	MaxApprovalLimits = 1_000
	// MaxCommentBytes bounds a comment, in bytes; MaxComments the comments on
	// one month: they are part of its state.
	MaxCommentBytes = 4_000
	MaxComments     = 1_000
)
