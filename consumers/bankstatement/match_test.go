package bankstatement_test

import (
	"fmt"
	"strings"
	"testing"

	"prepayledger/consumers/bankstatement"
	"prepayledger/domain/bank"
	"prepayledger/domain/money"
)

func account(partner, due string, names ...string) bankstatement.Account {
	a := bankstatement.Account{PartnerID: partner, Currency: "EUR", Due: money.MustParse(due), References: map[string]bool{}, Recharges: map[string]bool{}}
	for _, n := range names {
		if strings.Contains(n, "-R") {
			a.Recharges[n] = strings.HasSuffix(n, "2")
		} else {
			a.Invoices = append(a.Invoices, n)
		}
	}
	return a
}

func propose(t *testing.T, e bank.Entry, accounts ...bankstatement.Account) bankstatement.Proposal {
	t.Helper()
	if e.Currency == "" {
		e.Currency = "EUR"
	}
	if e.Reference == "" {
		e.Reference = "REF"
	}
	all := bankstatement.Propose(&bank.Statement{BankStatementImported: bank.BankStatementImported{StatementID: "abc"}, Entries: []bank.Entry{e}}, accounts)
	if len(all) != 1 || all[0].ID != "abc-1" {
		t.Fatalf("%+v", all)
	}
	return all[0]
}

func told(p bankstatement.Proposal) string {
	var parts []string
	for _, m := range p.Matches {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", m.PartnerID, m.Certainty, m.RechargeID)))
	}
	return strings.TrimSpace(string(p.Status) + " " + strings.Join(parts, ", "))
}

func TestMatching(t *testing.T) {
	blocked := account("PA-1005", "0")
	blocked.Blocked = true
	confirmed := account("PA-1006", "30")
	confirmed.References["REF"] = true
	dollars := account("PA-1007", "50")
	dollars.Currency = "USD"
	accounts := []bankstatement.Account{
		account("PA-1001", "12.3401", "PA-1001-R000001", "PA-1001-R000002", "PA-1001-2026-000007"), account("PA-1002", "20"), account("PA-1003", "20"), account("PA-1004", "0"),
		blocked, dollars, account("PA-10012", "7"), account("AB", "99"), account("NOVA", "77"),
	}
	for _, c := range []struct{ name, text, amount, want string }{
		{"reference and amount", "PA-1001", "12.35", "proposed PA-1001 certain"},
		{"reference alone", "PA-1001", "12.34", "proposed PA-1001 likely"},
		{"in small letters with blanks", "zahlung pa 1001 danke", "12.35", "proposed PA-1001 certain"},
		{"without a dash", "PA1001", "12.35", "proposed PA-1001 certain"},
		{"broken over lines", "Prepayment PA-10 01", "12.35", "proposed PA-1001 certain"},
		{"followed by a number", "PA-1001 2 weeks", "12.35", "proposed PA-1001 certain"},
		{"within a longer one", "PA-10012", "12.35", "proposed PA-10012 likely"},
		{"within a word", "XPA-1001", "1.00", "unmatched"},
		{"before more digits", "PA-10013", "1.00", "unmatched"},
		{"by recharge", "pa1001 r000001", "12.35", "proposed PA-1001 certain PA-1001-R000001"},
		{"by a recharge that was credited: not again, but anew", "PA-1001-R000002", "12.35", "proposed PA-1001 certain"},
		{"by two recharges", "PA-1001-R000002, PA-1001-R000001", "12.35", "proposed PA-1001 certain PA-1001-R000001"},
		{"by invoice", "invoice PA-1001-2026-000007.", "1.00", "proposed PA-1001 likely"},
		{"two accounts", "PA-1001 and PA-1002", "12.35", "proposed PA-1001 ambiguous, PA-1002 ambiguous"},
		{"amount alone", "thanks", "12.35", "proposed PA-1001 possible"},
		{"not rounded up", "thanks", "12.34", "unmatched"},
		{"the amount of two", "thanks", "20", "proposed PA-1002 ambiguous, PA-1003 ambiguous"},
		{"blocked, nothing due", "PA-1005", "3", "proposed PA-1005 likely"},
		{"nothing due", "PA-1004", "12.35", "unmatched"},
		{"another currency", "PA-1007", "50", "unmatched"},
		{"too short a name", "AB", "1", "unmatched"},
		{"a word is a name", "nova", "1", "proposed NOVA likely"},
		{"nothing", "", "0.01", "unmatched"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := propose(t, bank.Entry{Text: c.text, Amount: money.MustParse(c.amount)}, accounts...)
			if got := told(p); got != c.want {
				t.Errorf("%s, want %s (%+v)", got, c.want, p)
			}
			for _, m := range p.Matches {
				if m.Why == "" {
					t.Errorf("a match without a reason: %+v", m)
				}
			}
		})
	}
	if p := propose(t, bank.Entry{EndToEndID: "PA-1002", Amount: money.FromInt(20)}, accounts...); told(p) != "proposed PA-1002 certain" {
		t.Errorf("by the payer's reference: %s", told(p))
	}
	if p := propose(t, bank.Entry{Text: "PA-1002", Amount: money.FromInt(20)}, append(accounts, confirmed)...); p.Status != bankstatement.Confirmed || p.PartnerID != "PA-1006" || p.Matches != nil {
		t.Errorf("confirmed before: %+v", p)
	}
	for _, text := range []string{"PA-1004", "PA-1007"} {
		if p := propose(t, bank.Entry{Text: text, Amount: money.FromInt(50)}, accounts...); p.Note == "" {
			t.Errorf("%s: it is not said why there is no match", text)
		}
	}
}

// Many accounts with many invoices: a large statement is matched in time.
func TestMatchingIsQuick(t *testing.T) {
	var accounts []bankstatement.Account
	for i := range 500 {
		a := account(fmt.Sprintf("PA-%d", 1000+i), "5")
		for n := range 200 {
			a.Invoices = append(a.Invoices, fmt.Sprintf("PA-%d-2026-%06d", 1000+i, n))
		}
		accounts = append(accounts, a)
	}
	s := &bank.Statement{}
	for i := range 5000 {
		s.Entries = append(s.Entries, bank.Entry{
			Reference: fmt.Sprint(i), Currency: "EUR", Amount: money.FromInt(5), Text: fmt.Sprintf("Rechnung PA-%d-2026-%06d vom 20.11.2026, danke und bis bald", 1000+i%500, i%200),
		})
	}
	for i, p := range bankstatement.Propose(s, accounts) {
		if want := fmt.Sprintf("proposed PA-%d certain", 1000+i%500); told(p) != want {
			t.Fatalf("%s, want %s", told(p), want)
		}
	}
}
