package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// TestInvoiceOriginal: the file comes back byte for byte, from whichever
// document of it, older versions too, and the month says how to get at it.
func TestInvoiceOriginal(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR"`))
	line := "MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,1,0.07,USD\r\n"
	first := "\ufeff" + strings.TrimSuffix(invoiceHeader, "\n") + "\r\n" + line +
		strings.ReplaceAll(line, "MI-1", "MI-2") + strings.Repeat(strings.ReplaceAll(line, "MI-1", "MI-3"), 3000)
	second := invoiceHeader + strings.ReplaceAll(line, "0.07", "0.08")
	ok(t, data, "invoice", "import", write(t, "1.csv", first))
	ok(t, data, "invoice", "import", write(t, "2.csv", second))
	for _, c := range []struct{ want, id, version string }{
		{second, "MI-1", "0"}, {first, "MI-1", "1"}, {second, "MI-1", "2"}, {first, "MI-2", "0"}, {first, "MI-3", "1"},
	} {
		if got := ok(t, data, "invoice", "original", c.id, "--version", c.version); got != c.want {
			t.Errorf("%s, version %s: %d bytes, want %d", c.id, c.version, len(got), len(c.want))
		}
	}
	refused(t, "no such document", exitFailed, data, "invoice", "original", "MI-9")
	refused(t, "no such document", exitFailed, data, "invoice", "original", "MI-1", "--version", "3")
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	hash := sha256.Sum256([]byte(second))
	shown := ok(t, data, "month", "show", "2026-10")
	for _, want := range []string{hex.EncodeToString(hash[:]), "prepay invoice original MI-1 --version 2", "prepay invoice original MI-3 --version 1"} {
		if !strings.Contains(shown, want) {
			t.Errorf("month show lacks %q:\n%s", want, shown)
		}
	}
}
