package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/bankstatement"
	"prepayledger/projections/accounts"
)

// owing makes a ledger whose account PA-1 owes 12.34 USD and can't be charged.
func owing(t *testing.T) string {
	t.Helper()
	data := newLedger(t)
	ok(t, data, "account", "card", "PA-1", "sim_declined")
	ok(t, data, "usage", "import", write(t, "usage.ndjson", usageLine("a", `,"country":"BR","amount":"512.34","currency":"USD"`)))
	return data
}

const statementHeader = "booking_date,amount,currency,debtor,reference,text\n"

type shownAccount struct {
	Balance  string           `json:"balance"`
	Standing string           `json:"standing"`
	Figures  accounts.Figures `json:"figures"`
}

// A statement is proposed, confirmed by Finance, and counts once, however
// often it comes.
func TestPaymentsByBank(t *testing.T) {
	data := owing(t)
	file := write(t, "statement.csv", statementHeader+
		"2026-11-23,12.34,USD,Acme,BANK-1,payment pa 1 thanks\n"+
		"2026-11-23,12.34,USD,Acme,BANK-2,PA-1-R000001\n"+
		"2026-11-23,99,USD,Other,BANK-3,hello\n"+
		"2026-11-23,-5,USD,Landlord,BANK-4,rent\n")
	v := parsed[desk.BankStatement](t, data, "payments", "propose", file)
	if !v.New || len(v.Payments) != 3 || v.Skipped != 1 {
		t.Fatalf("%+v", v)
	}
	// PA-1 has too few letters to be looked for in a text: the amount speaks.
	first, second, third := v.Payments[0], v.Payments[1], v.Payments[2]
	if first.Status != bankstatement.Proposed || first.Matches[0].Certainty != bankstatement.Possible {
		t.Errorf("%+v", first)
	}
	if second.Status != bankstatement.Proposed || second.Matches[0].Certainty != bankstatement.Certain || second.Matches[0].RechargeID != "PA-1-R000001" {
		t.Errorf("%+v", second)
	}
	if third.Status != bankstatement.Unmatched {
		t.Errorf("%+v", third)
	}
	if a := parsed[shownAccount](t, data, "account", "show", "PA-1"); a.Balance != "-12.34" || a.Standing != "grace" {
		t.Fatalf("a proposal changed the account: %+v", a)
	}
	refused(t, "actor_required", exitFailed, data, "payments", "confirm", second.ID)
	if a := parsed[shownAccount](t, data, "payments", "confirm", second.ID, "--actor", "finance:ana"); a.Balance != "0" || a.Standing != "active" {
		t.Fatalf("confirmed: %+v", a)
	}
	// Again, by the same proposal or the same file: nothing.
	if a := parsed[shownAccount](t, data, "payments", "confirm", second.ID, "--actor", "finance:ana"); a.Balance != "0" || a.Figures.ConfirmedNumber != 1 {
		t.Errorf("%+v", a)
	}
	again := parsed[desk.BankStatement](t, data, "payments", "propose", file)
	if again.New || again.Payments[1].Status != bankstatement.Confirmed || again.Payments[1].PartnerID != "PA-1" || again.StatementID != v.StatementID {
		t.Errorf("%+v", again)
	}
	// Nothing is due any more: the other payment of the same amount waits.
	if again.Payments[0].Status != bankstatement.Unmatched {
		t.Errorf("%+v", again.Payments[0])
	}
	refused(t, "name it with --partner", exitFailed, data, "payments", "confirm", first.ID, "--actor", "finance:ana")
	refused(t, "nothing_to_confirm", exitFailed, data, "payments", "confirm", first.ID, "--partner", "PA-1", "--actor", "finance:ana")
	refused(t, "there is no bank statement", exitFailed, data, "payments", "list", "nope")
	refused(t, "payments 1 to 3", exitFailed, data, "payments", "confirm", v.StatementID+"-4", "--actor", "finance:ana")
	refused(t, "is no proposal", exitFailed, data, "payments", "confirm", "x", "--actor", "finance:ana")
	text := ok(t, data, "payments", "list", v.StatementID)
	if !strings.Contains(text, "0 proposed, 1 confirmed, 2 unmatched; 1 entries") {
		t.Error(text)
	}
	ok(t, data, "verify")
	ok(t, data, "rebuild")
}

// A payment in another statement file is the same payment; one reference is
// confirmed for one account.
func TestTheSamePaymentInAnotherStatement(t *testing.T) {
	data := owing(t)
	one := parsed[desk.BankStatement](t, data, "payments", "propose", write(t, "one.csv", statementHeader+"2026-11-23,10,USD,Acme,BANK-1,x\n"))
	ok(t, data, "payments", "confirm", one.Payments[0].ID, "--partner", "PA-1", "--actor", "finance:ana")
	ok(t, data, "account", "open", "PA-2", "--currency", "USD", "--card", "sim_declined")
	ok(t, data, "account", "block", "PA-2", "--reason", "x", "--actor", "finance:ana")
	two := parsed[desk.BankStatement](t, data, "payments", "propose", write(t, "two.csv", statementHeader+"2026-11-23,10,USD,Acme,BANK-1,x\n2026-11-23,3,EUR,Acme,BANK-9,x\n"))
	if two.StatementID == one.StatementID || two.Payments[0].Status != bankstatement.Confirmed {
		t.Fatalf("%+v", two)
	}
	refused(t, "reference_used", exitFailed, data, "payments", "confirm", two.Payments[0].ID, "--partner", "PA-2", "--actor", "finance:ana")
	refused(t, "unsupported_currency", exitFailed, data, "payments", "confirm", two.Payments[1].ID, "--partner", "PA-2", "--actor", "finance:ana")
	refused(t, "unknown_account", exitFailed, data, "payments", "confirm", two.Payments[1].ID, "--partner", "PA-9", "--actor", "finance:ana")
}

// A file with anything wrong leaves nothing behind, and says where it is.
func TestStatementsThatAreRefused(t *testing.T) {
	data := owing(t)
	refused(t, "bad.csv, line 3, field amount", exitFailed, data, "payments", "propose", write(t, "bad.csv", statementHeader+"2026-11-23,10,USD,A,B,x\n2026-11-23,ten,USD,A,B,x\n"))
	refused(t, "bank_statement_invalid", exitFailed, data, "payments", "propose", write(t, "bomb.xml", `<!DOCTYPE l [<!ENTITY l "lol">]><l>&l;</l>`))
	refused(t, "is not one character", exitFailed, data, "payments", "propose", write(t, "x.csv", statementHeader), "--delimiter", "ab")
	refused(t, "there is no file", exitFailed, data, "payments", "propose", "/no/such/file")
	german := parsed[desk.BankStatement](t, data, "payments", "propose", write(t, "g.csv", "booking_date;amount;currency;text\n23.11.2026;12,34;USD;danke\n"), "--delimiter", ";", "--decimal-comma")
	if len(german.Payments) != 1 || german.Payments[0].Amount.String() != "12.34" {
		t.Errorf("%+v", german)
	}
	events := ok(t, data, "export", "events")
	if n := strings.Count(events, `"BankStatementImported"`); n != 1 {
		t.Errorf("%d statements", n)
	}
}

func TestForecastOfAnAccount(t *testing.T) {
	data := newLedger(t)
	refused(t, "name a partner, or --all", exitFailed, data, "account", "forecast")
	var usage strings.Builder
	for i := range 28 { // 2026-10-27 to 2026-11-23, 10 a day
		day := fmt.Sprintf("2026-%02d-%02d", 10+(26+i)/31, 1+(26+i)%31)
		usage.WriteString(strings.Replace(usageLine(fmt.Sprint("d", i), `,"country":"BR","amount":"10","currency":"USD"`), "2026-10-03", day, 1))
	}
	ok(t, data, "usage", "import", write(t, "usage.ndjson", usage.String()))
	out := ok(t, data, "--json", "account", "forecast", "PA-1")
	var lines []map[string]any
	if err := json.Unmarshal([]byte(out), &lines); err != nil {
		t.Fatal(err)
	}
	l := lines[0]
	// 220 are left at 2026-11-24T12:00Z, 10 a day: 12 days to 100, 22 to 0.
	if l["balance"] != "220" || fmt.Sprint(l["threshold"]) != "map[earliest:2026-12-06T12:00:00Z expected:2026-12-06T12:00:00Z latest:2026-12-06T12:00:00Z]" ||
		fmt.Sprint(l["zero"]) != "map[earliest:2026-12-16T12:00:00Z expected:2026-12-16T12:00:00Z latest:2026-12-16T12:00:00Z]" {
		t.Error(out)
	}
	ok(t, data, "account", "open", "PA-2", "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")
	text := ok(t, data, "account", "forecast", "--all")
	if !strings.Contains(text, "2026-12-16 12:00") || !strings.Contains(text, "in use for less than a week") || strings.Index(text, "PA-1") > strings.Index(text, "PA-2") {
		t.Error(text)
	}
}
