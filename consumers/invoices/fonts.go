package invoices

import (
	"bytes"

	"github.com/phpdave11/gofpdf"
)

// FontFamily is the name of the fonts that AddFonts embeds, regular and bold.
const FontFamily = fontFamily

// AddFonts embeds the fonts of the documents into another PDF.
func AddFonts(p *gofpdf.Fpdf) {
	// Each PDF gets its own copy: the library may write into it.
	p.AddUTF8FontFromBytes(fontFamily, "", bytes.Clone(regularFont))
	p.AddUTF8FontFromBytes(fontFamily, "B", bytes.Clone(boldFont))
}

// Clean makes a text fit for the fonts: letters and accents composed, spaces
// plain, and what has no shape dropped.
func Clean(s string) string { return clean(s) }
