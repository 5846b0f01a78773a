package invoices

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/image/font/sfnt"
)

// Missing returns the letters of the document that the embedded fonts lack,
// each once: the PDF shows them as boxes. The fonts have the Latin, Greek,
// Cyrillic, Armenian and Georgian letters.
func (d *Document) Missing() (string, error) {
	font, err := sfnt.Parse(regularFont)
	if err != nil {
		return "", fmt.Errorf("embedded font: %w", err)
	}
	var buffer sfnt.Buffer
	var missing []rune
	for _, r := range clean(d.allText()) {
		glyph, err := font.GlyphIndex(&buffer, r)
		if err != nil {
			return "", fmt.Errorf("embedded font: %w", err)
		}
		if glyph == 0 && !slices.Contains(missing, r) {
			missing = append(missing, r)
		}
	}
	return string(missing), nil
}

// allText is everything that a document shows and that others wrote.
func (d *Document) allText() string {
	i, r := &d.Issuer, &d.Recipient
	parts := []string{
		i.Name, i.Street, i.PostalCode, i.City, i.Country, i.VATID, i.Email, i.BankName, i.IBAN, i.BIC, i.Note,
		r.PartnerID, r.Company, r.Street, r.PostalCode, r.City, r.Country, r.VATID, d.Number, d.RechargeID, d.InvoiceNumber, d.RefundID, d.Reason,
	}
	if d.Tax != nil {
		parts = append(parts, d.Tax.Text)
	}
	for _, l := range d.Lines {
		parts = append(parts, l.Description)
	}
	return strings.Join(parts, " ")
}
