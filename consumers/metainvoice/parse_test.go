package metainvoice

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

const head = "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n"

const good = "MI-1,INV,2026-10-01,W1,,,Brazil,marketing,regular,,4,0.25,EUR\n"

func parse(t *testing.T, text string) (*File, error) {
	t.Helper()
	return Parse("inv.csv", strings.NewReader(text), nil)
}

// refused parses what must be refused and answers the problems.
func refused(t *testing.T, text string) *Error {
	t.Helper()
	f, err := parse(t, text)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want *Error", err)
	}
	if f != nil {
		t.Fatal("a refused file was taken in part")
	}
	if domain.RejectionCode(err) != domain.InvoiceInvalid {
		t.Fatalf("code %q", domain.RejectionCode(err))
	}
	return e
}

func TestParseTakesEveryField(t *testing.T) {
	text := head +
		"MI-1,INV,2026-10-01,W1,P1,br,Brazil,MARKETING,REGULAR,0:750000,4,0.25,EUR\n" +
		"MI-2,CM,2026-09-01,W2,,IN,,authentication-international,,,-2,-0.5,USD\n" +
		"\n" +
		"MI-1,DM,2026-10-01,\"W,1\",,,Rest of Africa,utility,free_entry_point,750001:MAX,0,0,EUR\n"
	f, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(text))
	if f.Name != "inv.csv" || f.SHA256 != hex.EncodeToString(hash[:]) || string(f.Bytes) != text {
		t.Fatalf("file %q %s", f.Name, f.SHA256)
	}
	if len(f.Invoices) != 2 || f.Invoices[0].ID != "MI-1" || len(f.Invoices[0].Lines) != 2 || f.Invoices[1].ID != "MI-2" {
		t.Fatalf("invoices %+v", f.Invoices)
	}
	want := reconciliation.InvoiceLine{
		DocumentType: "INV", Month: "2026-10", WABAID: "W1", PhoneNumberID: "P1", Country: "br", Market: "Brazil",
		Category: "MARKETING", PricingType: "REGULAR", Tier: "0:750000", Volume: 4, Amount: money.MustParse("0.25"), Currency: "EUR",
	}
	if got := f.Invoices[0].Lines[0]; got.Content() != want.Content() {
		t.Fatalf("line %+v", got)
	}
	cm := f.Invoices[1].Lines[0]
	if cm.Volume != -2 || cm.Month != "2026-09" || cm.Country != "IN" || cm.Category != "authentication-international" {
		t.Fatalf("credit memo %+v", cm)
	}
	if dm := f.Invoices[0].Lines[1]; dm.WABAID != "W,1" || dm.Tier != "750001:MAX" {
		t.Fatalf("debit memo %+v", dm)
	}
}

func TestParseAcceptsOtherShapesOfTheSame(t *testing.T) {
	plain, err := parse(t, head+good)
	if err != nil {
		t.Fatal(err)
	}
	want := plain.Invoices[0].Lines[0].Content()
	reordered := "currency,amount,volume,tier,pricing_type,category,market,country,phone_number_id,waba_id,billing_period,document_type,invoice_id\n" +
		"EUR,0.25,4,,regular,marketing,Brazil,,,W1,2026-10-01,INV,MI-1\n" +
		"EUR,0.25,4,,,,,,,,2026-10-01,INV,TOTAL\n"
	for name, text := range map[string]string{
		"byte order mark": "\ufeff" + head + good,
		"CRLF":            strings.ReplaceAll(head+good, "\n", "\r\n"),
		"no last newline": strings.TrimSuffix(head+good, "\n"),
		"reordered":       reordered,
		"quoted":          head + `"MI-1","INV","2026-10-01","W1","","","Brazil","marketing","regular","","4","0.25","EUR"` + "\n",
		"blanks":          head + " MI-1 , INV,2026-10-01 ,W1,,,Brazil ,marketing,regular,, 4,0.25 ,EUR\n",
	} {
		f, err := parse(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := f.Invoices[0].Lines[0].Content(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestParseKeepsIdenticalLines(t *testing.T) {
	f, err := parse(t, head+good+good+good)
	if err != nil || len(f.Invoices[0].Lines) != 3 {
		t.Fatalf("%v", err)
	}
}

// TestParseNamesProblems: each bad line is named by line and field, and says
// what to do.
func TestParseNamesProblems(t *testing.T) {
	line := func(changes ...string) string {
		v := strings.Split(strings.TrimSuffix(good, "\n"), ",")
		for i := 0; i < len(changes); i += 2 {
			for f, name := range names() {
				if name == changes[i] {
					v[f] = changes[i+1]
				}
			}
		}
		return strings.Join(v, ",") + "\n"
	}
	long := strings.Repeat("x", 200)
	for _, c := range []struct{ name, text, field, says string }{
		{"no id", line("invoice_id", ""), "invoice_id", "fill it in"},
		{"long id", line("invoice_id", long[:100]), "invoice_id", "at most 64"},
		{"type", line("document_type", "XX"), "document_type", "write INV, CM or DM"},
		{"lower type", line("document_type", "inv"), "document_type", "write INV, CM or DM"},
		{"no period", line("billing_period", ""), "billing_period", "like 2026-10-01"},
		{"mid month", line("billing_period", "2026-10-15"), "billing_period", "write 2026-10-01"},
		{"month only", line("billing_period", "2026-10"), "billing_period", "like 2026-10-01"},
		{"no such month", line("billing_period", "2026-13-01"), "billing_period", "like 2026-10-01"},
		{"old", line("billing_period", "1999-01-01"), "billing_period", "2000 to 2100"},
		{"no WABA", line("waba_id", " "), "waba_id", "fill it in"},
		{"long WABA", line("waba_id", long), "waba_id", "at most 128"},
		{"no market", line("market", ""), "market", "fill in one"},
		{"country", line("country", "BRA"), "country", "two letters"},
		{"no category", line("category", ""), "category", "fill it in"},
		{"control", line("category", "mark\x01eting"), "category", "control character"},
		{"UTF-8", line("category", "caf\xe9"), "category", "save the file as UTF-8"},
		{"tier", line("tier", "first"), "tier", "like 0:750000"},
		{"half tier", line("tier", "0:"), "tier", "like 0:750000"},
		{"negative volume", line("volume", "-1"), "volume", "credit memo"},
		{"fraction", line("volume", "1.5"), "volume", "whole number"},
		{"volume word", line("volume", "many"), "volume", "whole number"},
		{"no volume", line("volume", ""), "volume", "whole number"},
		{"plus", line("volume", "+4"), "volume", "whole number"},
		{"large volume", line("volume", "10000000001"), "volume", "too large"},
		{"absurd volume", line("volume", strings.Repeat("9", 40)), "volume", "too large"},
		{"NaN", line("amount", "NaN"), "amount", "plain decimal"},
		{"exponent", line("amount", "1e999999"), "amount", "plain decimal"},
		{"decimals", line("amount", "0."+strings.Repeat("1", 40)), "amount", "plain decimal"},
		{"comma", line("amount", `"0,25"`), "amount", "plain decimal"},
		{"no amount", line("amount", ""), "amount", "plain decimal"},
		{"negative debit", line("document_type", "DM", "amount", "-1"), "amount", "credit memo"},
		{"currency", line("currency", "EURO"), "currency", "ISO 4217"},
		{"lower currency", line("currency", "eur"), "currency", "ISO 4217"},
		{"few fields", "MI-1,INV\n", "", "2 fields, the header has 13"},
		{"many fields", strings.TrimSuffix(good, "\n") + ",x\n", "", "14 fields"},
		{"quotes", "MI-1,\"INV,2026\n", "", "quotes do not match"},
	} {
		e := refused(t, head+good+c.text)
		if len(e.Problems) != 1 {
			t.Errorf("%s: %d problems: %v", c.name, len(e.Problems), e)
			continue
		}
		p := e.Problems[0]
		if c.name != "quotes" && p.Line != 3 || p.Line < 3 || p.Field != c.field || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s: %+v", c.name, p)
		}
		if !strings.HasPrefix(e.Error(), "inv.csv, line ") {
			t.Errorf("%s: the message does not name the place: %s", c.name, e)
		}
	}
}

func TestParseHeader(t *testing.T) {
	for _, c := range []struct{ name, text, field, says string }{
		{"missing", strings.Replace(head, ",tier", "", 1) + good, "tier", "missing"},
		{"twice", strings.Replace(head, "tier", "market", 1), "market", "twice"},
		{"unknown", strings.Replace(head, "tier", "tear", 1), "", `unknown column "tear"`},
		{"capitals", strings.Replace(head, "tier", "Tier", 1), "", `unknown column "Tier"`},
		{"semicolons", strings.ReplaceAll(head, ",", ";"), "", "unknown column"},
		{"UTF-16", "\xff\xfei\x00n\x00", "", "it is UTF-16"},
	} {
		e := refused(t, c.text)
		found := false
		for _, p := range e.Problems {
			found = found || p.Line == 1 && p.Field == c.field && strings.Contains(p.Message, c.says)
		}
		if !found {
			t.Errorf("%s: %v", c.name, e)
		}
	}
}

func TestParseNothing(t *testing.T) {
	for text, says := range map[string]string{"": "empty", " \r\n\n": "empty", "\ufeff": "empty", head: "header and no lines"} {
		if e := refused(t, text); !strings.Contains(e.Error(), says) {
			t.Errorf("%q: %v", text, e)
		}
	}
}

func TestParseTotals(t *testing.T) {
	two := head + good + "MI-2,INV,2026-10-01,W2,,,India,utility,,,6,0.75,EUR\nMI-2,CM,2026-10-01,W2,,,India,utility,,,-1,-0.1,EUR\n"
	total := func(rest string) string { return "TOTAL," + rest + "\n" }
	ok := total("INV,2026-10-01,,,,,,,,10,1.00,EUR")
	for name, text := range map[string]string{
		"one":                        ok,
		"credit memo":                ok + total("CM,2026-10-01,,,,,,,,1,0.1,EUR"),
		"credit memo with its signs": total("CM,2026-10-01,,,,,,,,-1,-0.1,EUR"),
	} {
		if _, err := parse(t, two+text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct{ name, text, field, says string }{
		{"volume", total("INV,2026-10-01,,,,,,,,11,1,EUR"), "volume", "sum to 10"},
		{"amount", total("INV,2026-10-01,,,,,,,,10,1.01,EUR"), "amount", "sum to 1:"},
		{"nothing to sum", total("INV,2026-09-01,,,,,,,,1,0,EUR"), "volume", "sum to 0"},
		{"twice", ok + ok, "", "line 5 already"},
		{"not last", ok + good, "", "after TOTAL"},
		{"other fields", total("INV,2026-10-01,W1,,,,,,,10,1,EUR"), "waba_id", "leave it empty"},
		{"unreadable", total("INV,2026-10-01,,,,,,,,ten,1,EUR"), "volume", "whole number"},
	} {
		e := refused(t, two+c.text)
		p := e.Problems[0]
		if len(e.Problems) != 1 || p.Line < 5 || p.Field != c.field || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s: %v", c.name, e)
		}
	}
	if e := refused(t, head+total("INV,2026-10-01,,,,,,,,0,0,EUR")); !strings.Contains(e.Error(), "no lines") {
		t.Errorf("totals alone: %v", e)
	}
}

func TestParseCountsFurtherProblems(t *testing.T) {
	e := refused(t, head+strings.Repeat("MI-1,INV\n", MaxProblems+7))
	if len(e.Problems) != MaxProblems || e.More != 7 || !strings.HasSuffix(e.Error(), "and 7 more problems") {
		t.Fatalf("%d problems, %d more", len(e.Problems), e.More)
	}
}

func TestParseLimits(t *testing.T) {
	if e := refused(t, head+strings.Repeat(good, MaxLines+1)); !strings.Contains(e.Error(), "more than 200000 lines") {
		t.Error(e)
	}
	f, err := parse(t, head+strings.Repeat(good, MaxLines))
	if err != nil || len(f.Invoices[0].Lines) != MaxLines {
		t.Errorf("%v", err)
	}
	_, err = Parse("big.csv", io.LimitReader(endless{}, MaxFileBytes*4), nil)
	if domain.RejectionCode(err) != domain.InvoiceInvalid || !strings.Contains(err.Error(), "64 MiB") {
		t.Error(err)
	}
}

// endless reads as lines without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestParsePassesFailuresOn(t *testing.T) {
	broken := errors.New("disk gone")
	_, err := Parse("inv.csv", io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), nil)
	if !errors.Is(err, broken) || domain.RejectionCode(err) != "" {
		t.Fatalf("%v", err)
	}
}

func TestParseChecksRates(t *testing.T) {
	rate := reconciliation.FXRate{From: "USD", To: "EUR", Rate: money.MustParse("0.92"), Date: "2026-11-01", Source: "ECB"}
	f, err := Parse("inv.csv", strings.NewReader(head+good), []reconciliation.FXRate{rate})
	if err != nil || len(f.Invoices[0].FX) != 1 {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*reconciliation.FXRate){
		"zero":     func(r *reconciliation.FXRate) { r.Rate = money.Zero() },
		"currency": func(r *reconciliation.FXRate) { r.To = "EURO" },
		"itself":   func(r *reconciliation.FXRate) { r.To = "USD" },
		"date":     func(r *reconciliation.FXRate) { r.Date = "1.11.2026" },
		"huge":     func(r *reconciliation.FXRate) { r.Rate = money.MustParse("10000000") },
	} {
		bad := rate
		change(&bad)
		if _, err := Parse("inv.csv", strings.NewReader(head+good), []reconciliation.FXRate{bad}); domain.RejectionCode(err) != domain.InvoiceInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse("inv.csv", strings.NewReader(head+good), []reconciliation.FXRate{rate, rate}); domain.RejectionCode(err) != domain.InvoiceInvalid {
		t.Errorf("twice: %v", err)
	}
}

func TestCommandKeepsTheFileOnce(t *testing.T) {
	f, err := parse(t, head+good+strings.Replace(good, "MI-1", "MI-2", 1))
	if err != nil {
		t.Fatal(err)
	}
	first, second := f.Command(0, ""), f.Command(1, "MI-1")
	if !bytes.Equal(first.File, f.Bytes) || second.File != nil || second.FileIn != "MI-1" || second.SHA256 != first.SHA256 {
		t.Fatalf("%+v", second)
	}
}

// FuzzParse: no text makes it panic, and what it takes it takes whole.
func FuzzParse(f *testing.F) {
	f.Add(head + good)
	f.Add(head + good + "TOTAL,INV,2026-10-01,,,,,,,,4,0.25,EUR\n")
	f.Add(head + "MI-1,CM,2026-10-01,W1,,BR,,x,,0:MAX,-1,-9.9,EUR\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("inv.csv", strings.NewReader(text), nil)
		if err != nil {
			if domain.RejectionCode(err) != domain.InvoiceInvalid {
				t.Fatal(err)
			}
			return
		}
		lines := 0
		for _, i := range file.Invoices {
			lines += len(i.Lines)
		}
		if lines == 0 || lines > strings.Count(text, "\n")+1 {
			t.Fatalf("%d lines of %q", lines, text)
		}
	})
}
