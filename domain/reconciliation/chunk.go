package reconciliation

// chunks cuts items so that each piece has at most MaxLinesPerEvent of them
// and, by the estimate size, at most MaxChunkBytes; a single item may be
// larger.
func chunks[T any](items []T, size func(*T) int, emit func(first int, piece []T)) {
	for first := 0; first < len(items); {
		bytes, end := 0, first
		for end < len(items) && end-first < MaxLinesPerEvent {
			n := size(&items[end])
			if end > first && bytes+n > MaxChunkBytes {
				break
			}
			bytes += n
			end++
		}
		emit(first, items[first:end:end])
		first = end
	}
}

// Estimates from above of what JSON needs beside texts, in bytes.
const (
	jsonAmount = 60
	jsonField  = 24
)

// jsonText estimates a text in JSON from above: what may be escaped counts
// as six bytes.
func jsonText(texts ...string) int {
	n := 0
	for _, s := range texts {
		n += jsonField
		for i := range len(s) {
			if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= 0x7f {
				n += 6
			} else {
				n++
			}
		}
	}
	return n
}

func sizeOfInvoiceLine(l *InvoiceLine) int {
	return 2*jsonAmount + jsonText(string(l.DocumentType), string(l.Month), l.WABAID, l.PhoneNumberID, l.Country,
		l.Market, l.Category, l.PricingType, l.Tier, string(l.Currency))
}

func sizeOfLine(l *Line) int {
	n := 12*jsonAmount + jsonText(l.WABAID, l.Market, l.Category, l.PricingType)
	for i := range l.Parts {
		n += 3*jsonAmount + jsonText(l.Parts[i].With)
	}
	return n
}

func sizeOfAccount(a *AccountSummary) int {
	n := 14*jsonAmount + jsonText(a.PartnerID) + jsonText(a.Documents...)
	for i := range a.FX {
		n += 4*jsonAmount + jsonText(a.FX[i].Date, a.FX[i].Source)
	}
	return n
}

func sizeOfDocument(d *DocumentRef) int { return jsonAmount + jsonText(d.InvoiceID, d.SHA256) }

func sizeOfUninvoiced(u *Uninvoiced) int { return 3*jsonAmount + jsonText(u.PartnerID, u.WABAID) }

func sizeOfRef(l *LineRef) int {
	return 6*jsonAmount + jsonText(l.InvoiceID, l.WABAID, l.PhoneNumberID, l.Why)
}

func sizeOfDirect(d *DirectTotal) int { return 4*jsonAmount + jsonText(d.WABAID) }
