package bankstatement_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"prepayledger/consumers/bankstatement"
	"prepayledger/domain"
	"prepayledger/domain/bank"
)

var update = flag.Bool("update", false, "write the golden files anew")

func parse(t *testing.T, name, text string, o bankstatement.Options) *bank.ImportBankStatement {
	t.Helper()
	c, err := bankstatement.Parse(name, strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The samples of each format are read as their golden files say.
func TestGolden(t *testing.T) {
	for name, o := range map[string]bankstatement.Options{
		"camt02.xml": {}, "camt08.xml": {}, "plain.csv": {}, "german.csv": {Delimiter: ';', DecimalComma: true},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(parse(t, name, string(text), o), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".golden.json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != string(got)+"\n" {
				t.Errorf("%s is read as\n%s\n(%v)", name, got, err)
			}
		})
	}
}

// document is a camt.053 document with entries.
func document(version string, entries ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.` + version + `"><BkToCstmrStmt><GrpHdr/><Stmt>` +
		strings.Join(entries, "") + `</Stmt></BkToCstmrStmt></Document>`
}

func entry(inner string) string { return "<Ntry>" + inner + "</Ntry>" }

const good = `<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt>`

func TestRefusedFiles(t *testing.T) {
	deep := strings.Repeat("<a>", 50)
	for _, c := range []struct{ name, text, want string }{
		{"empty", " \n", "f, line 0|the file is empty"},
		{"no statement", document("02")[:strings.Index(document("02"), "<Stmt>")] + "</BkToCstmrStmt></Document>", "no statement"},
		{"another version", document("04", entry(good)), "version 02 or 08"},
		{"another document", `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"/>`, "no camt.053"},
		{"no namespace", `<Document/>`, "no camt.053"},
		{"entities", `<!DOCTYPE Document [<!ENTITY a "b">]>` + document("02", entry(good)), "document type"},
		{"a bomb", `<!DOCTYPE l [<!ENTITY l "lol"><!ENTITY m "&l;&l;">]><l>&m;</l>`, "document type"},
		{"an unknown entity", document("02", entry(strings.Replace(good, "10.00", "&xxe;", 1))), "no valid XML"},
		{"deep", document("02", entry(good+deep)), "deep"},
		{"deep outside", document("02")[:strings.Index(document("02"), "<GrpHdr/>")] + deep, "deep"},
		{"cut off", document("02", entry(good))[:260], "no valid XML"},
		{"an encoding", strings.Replace(document("02", entry(good)), "UTF-8", "KOI8-R", 1), "UTF-8"},
		{"no amount", document("02", "\n"+entry(`<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>`)), "f, line 2, field Ntry/Amt: it is missing"},
		{"a float", document("02", entry(strings.Replace(good, "10.00", "1e3", 1))), "field Ntry/Amt"},
		{"negative", document("02", entry(strings.Replace(good, "10.00", "-1", 1))), "negative"},
		{"decimals", document("02", entry(strings.Replace(good, "10.00", "1.005", 1))), "more than the 2 decimals"},
		{"no currency", document("02", entry(strings.Replace(good, ` Ccy="EUR"`, "", 1))), "Ntry/Amt/@Ccy"},
		{"no direction", document("02", entry(strings.Replace(good, "CRDT", "X", 1))), "CRDT nor DBIT"},
		{"no status", document("02", entry(strings.Replace(good, "<Sts>BOOK</Sts>", "", 1))), "field Ntry/Sts"},
		{"no date", document("02", entry(strings.Replace(good, "2026-11-20", "", 1))), "field Ntry/BookgDt: it is missing"},
		{"a wrong date", document("02", entry(strings.Replace(good, "2026-11-20", "2026-11-31", 1))), "no date"},
		{"a long reference", document("02", entry(good+"<AcctSvcrRef>"+strings.Repeat("x", 141)+"</AcctSvcrRef>")), "longer than 140"},
		{"no column", "booking_date,amount,currency\n", "f, line 1, field text: the column is missing"},
		{"an unknown column", "booking_date,amount,currency,text,betrag\n", "column \"betrag\" is not known"},
		{"another delimiter", "booking_date;amount;currency;text\n", "delimiter"},
		{"a column twice", "text,text,amount\n", "twice"},
		{"a field too many", "booking_date,amount,currency,text\n2026-11-20,1,EUR,a,b\n", "f, line 2: wrong number of fields"},
		{"a quote", "booking_date,amount,currency,text\n2026-11-20,1,EUR,\"a\n", "line 2"},
		{"an amount", "booking_date,amount,currency,text\n2026-11-20,1e5,EUR,a\n", "f, line 2, field amount"},
		{"a comma", "booking_date,amount,currency,text\n2026-11-20,\"1,5\",EUR,a\n", "--decimal-comma"},
		{"a currency", "booking_date,amount,currency,text\n\n2026-11-20,1,EURO,a\n", "f, line 3, field currency"},
		{"Latin-1", "booking_date,amount,currency,text\n2026-11-20,1,EUR,\xfc\n", "not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := bankstatement.Parse("f", strings.NewReader(c.text), bankstatement.Options{})
			_, want, ok := strings.Cut(c.want, "|")
			if !ok {
				want = c.want
			}
			if got != nil || err == nil || !strings.Contains(err.Error(), want) || domain.RejectionCode(err) != domain.BankStatementInvalid {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

// Several problems are listed, in order, and not without end.
func TestProblems(t *testing.T) {
	text := "booking_date,amount,currency,text\n"
	for range bankstatement.MaxProblems + 5 {
		text += "2026-11-20,x,EUR,a\n"
	}
	_, err := bankstatement.Parse("f", strings.NewReader(text), bankstatement.Options{})
	var e *bankstatement.Error
	if !errors.As(err, &e) || len(e.Problems) != bankstatement.MaxProblems || e.More != 5 || e.Problems[0].Line != 2 || e.Problems[1].Line != 3 {
		t.Errorf("%v", err)
	}
}

func TestLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString("booking_date,amount,currency,text\n")
	for range bankstatement.MaxEntries {
		b.WriteString("2026-11-20,1,EUR,a\n")
	}
	if c := parse(t, "f", b.String(), bankstatement.Options{}); len(c.Entries) != bankstatement.MaxEntries {
		t.Errorf("%d entries", len(c.Entries))
	}
	b.WriteString("2026-11-20,1,EUR,a\n")
	if _, err := bankstatement.Parse("f", strings.NewReader(b.String()), bankstatement.Options{}); err == nil || !strings.Contains(err.Error(), "more than 20000 entries") {
		t.Errorf("%v", err)
	}
	large := strings.NewReader(strings.Repeat("x", bankstatement.MaxFileBytes+1))
	if _, err := bankstatement.Parse("f", large, bankstatement.Options{}); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("%v", err)
	}
	long := document("02", entry(good+"<NtryDtls><TxDtls><RmtInf><Ustrd>"+strings.Repeat("ü", bankstatement.MaxTextBytes)+"</Ustrd></RmtInf></TxDtls></NtryDtls>"))
	if c := parse(t, "f", long, bankstatement.Options{}); len(c.Entries[0].Text) != bankstatement.MaxTextBytes {
		t.Errorf("%d bytes", len(c.Entries[0].Text))
	}
}

// What is no payment received and booked is counted, and not kept.
func TestSkipped(t *testing.T) {
	c := parse(t, "f", document("02", entry(good),
		entry(strings.Replace(good, "CRDT", "DBIT", 1)), entry(strings.Replace(good, "BOOK", "PDNG", 1)), entry(good+"<RvslInd>true</RvslInd>")), bankstatement.Options{})
	if len(c.Entries) != 1 || c.Skipped != 3 {
		t.Errorf("%d kept, %d skipped", len(c.Entries), c.Skipped)
	}
	c = parse(t, "f", "booking_date,amount,currency,text,status\n2026-11-20,-1,EUR,a,\n2026-11-20,1,EUR,b,PDNG\n2026-11-20,0,EUR,c,\n2026-11-20,1,EUR,d,book\n", bankstatement.Options{})
	if len(c.Entries) != 1 || c.Skipped != 3 || c.Entries[0].Text != "d" {
		t.Errorf("%+v", c)
	}
}

// A payment without the bank's reference has the same in every statement, and
// equal ones are told apart.
func TestReferences(t *testing.T) {
	header := "booking_date,amount,currency,text,reference\n"
	one := parse(t, "f", header+"2026-11-20,1,EUR,a,\n2026-11-20,1,EUR,a,\n2026-11-20,2,EUR,a,R\n2026-11-21,2,EUR,a,R\n", bankstatement.Options{})
	two := parse(t, "f", header+"2026-11-19,7,EUR,z,\n2026-11-20,1,EUR,a,\n", bankstatement.Options{})
	var got []string
	for _, e := range one.Entries {
		got = append(got, e.Reference)
	}
	if got[1] != got[0]+"/2" || got[2] != "R" || got[3] != "R/2" || two.Entries[1].Reference != got[0] || two.Entries[0].Reference == got[0] {
		t.Errorf("%v, %+v", got, two.Entries)
	}
	if one.StatementID == two.StatementID || len(one.StatementID) != 12 || !strings.HasPrefix(one.SHA256, one.StatementID) {
		t.Errorf("%s, %s", one.StatementID, two.StatementID)
	}
}

func TestDecimalComma(t *testing.T) {
	for text, want := range map[string]string{
		"1.234,56": "1234.56", "1234,5": "1234.5", "+7": "7", "1.234": "1234", "0,01": "0.01",
		"1.23,4": "", "1,2,3": "", "1,2.3": "", ".5": "", "12.3456,7": "", "1.": "",
	} {
		c, err := bankstatement.Parse("f", strings.NewReader("booking_date;amount;currency;text\n20.11.2026;"+text+";EUR;a\n"), bankstatement.Options{Delimiter: ';', DecimalComma: true})
		got := ""
		if err == nil {
			got = c.Entries[0].Amount.String()
		}
		if got != want {
			t.Errorf("%s is %q, want %q: %v", text, got, want, err)
		}
	}
}

// Whatever is in a file: an answer or an error, quickly, and never half.
func FuzzParse(f *testing.F) {
	f.Add(document("02", entry(good)))
	f.Add(document("08", entry(good)))
	f.Add("booking_date,amount,currency,text\n2026-11-20,1,EUR,a\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := bankstatement.Parse("f", strings.NewReader(text), bankstatement.Options{})
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err != nil {
			return
		}
		s := &bank.Statement{}
		events, err := s.Decide(domain.Meta{At: time.Unix(0, 0)}, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := s.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		for i, e := range s.Entries {
			if e.Amount.Sign() <= 0 || e.Reference == "" || e.BookedOn == "" || fmt.Sprint(e) != fmt.Sprint(c.Entries[i]) {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// Files made to cost time cost none.
func TestHostileSizes(t *testing.T) {
	cdata := entry(strings.Replace(good, "10.00", strings.Repeat("<![CDATA[1]]>", 100_000), 1))
	if _, err := bankstatement.Parse("f", strings.NewReader(document("02", cdata)), bankstatement.Options{}); err == nil {
		t.Error("an amount of so many digits is taken")
	}
	var texts strings.Builder
	for i := range 90_000 {
		fmt.Fprintf(&texts, "<Ustrd>%d</Ustrd>", i)
	}
	c := parse(t, "f", document("02", entry(good+"<NtryDtls><TxDtls><RmtInf>"+texts.String()+"</RmtInf></TxDtls></NtryDtls>")), bankstatement.Options{})
	if len(c.Entries[0].Text) != bankstatement.MaxTextBytes {
		t.Errorf("%d bytes", len(c.Entries[0].Text))
	}
	many := entry(good + strings.Repeat("<a/>", 100_001))
	if _, err := bankstatement.Parse("f", strings.NewReader(document("02", many)), bankstatement.Options{}); err == nil || !strings.Contains(err.Error(), "more than 100000 elements") {
		t.Errorf("%v", err)
	}
}

// What a bank puts in the place of an IBAN may be any text: masked, it is still
// a text that is the same once it was written and read, or the seal would not
// hold and the statement could never be read.
func TestAccountsInAnyLetters(t *testing.T) {
	for _, account := range []string{"KÖLNÄÖÜ12345", "ABCÄ12345", "12345Ä123", "счёт 40817810", "ÄÖÜÄÖ", "DE02120300000000202051"} {
		text := "booking_date,amount,currency,text,iban\n2026-11-20,10.00,EUR,hello," + account + "\n"
		c := parse(t, "f.csv", text, bankstatement.Options{})
		if iban := c.Entries[0].IBAN; !utf8.ValidString(iban) || strings.Contains(iban, strings.ReplaceAll(account, " ", "")) {
			t.Errorf("%s is kept as %q", account, iban)
		}
		events, err := (&bank.Statement{}).Decide(domain.Meta{}, c)
		if err != nil {
			t.Fatal(err)
		}
		s := &bank.Statement{}
		for _, e := range events {
			data, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			read := reflect.New(reflect.TypeOf(e).Elem()).Interface().(domain.Event)
			if err := json.Unmarshal(data, read); err != nil {
				t.Fatal(err)
			}
			if err := s.Apply(read); err != nil {
				t.Errorf("%s: %v", account, err)
			}
		}
	}
}
