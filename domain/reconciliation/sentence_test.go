package reconciliation

import (
	"strings"
	"testing"

	"prepayledger/domain/money"
)

// told computes a month and tells its largest differences.
func told(t *testing.T, in Input, n int) []Sentence {
	t.Helper()
	r := compute(t, in, nil)
	var accounts []AccountSummary
	lines := map[string][]Line{}
	for i := range r.Accounts {
		accounts = append(accounts, r.Accounts[i].AccountSummary)
		lines[r.Accounts[i].PartnerID] = r.Accounts[i].Lines
	}
	return Largest(accounts, lines, n)
}

// TestLargestTellsWhatHappened: the largest difference comes first, in a
// sentence that has its figures and what they come from.
func TestLargestTellsWhatHappened(t *testing.T) {
	in := one([]Usage{
		used("PA-1", "W1", "marketing", 10, "0.50"), used("PA-1", "W1", "utility", 3, "0.03"), used("PA-1", "W1", "service", 1, "0.01"),
	}, billed("W1", "marketing", 8, "0.40"), billed("W1", "utility", 3, "0.06"), billed("W1", "service", 1, "0.01"))
	got := told(t, in, 10)
	if len(got) != 2 {
		t.Fatalf("%d sentences: %+v", len(got), got)
	}
	want := "PA-1: for W1, marketing in Brazil we charged 10 for 0.5 EUR and Meta invoiced 8 for 0.4 EUR: 0.1 EUR too much was charged, to be given back." +
		" That is 0.1 EUR from 2 that we counted and Meta did not."
	if got[0].Text != want {
		t.Errorf("%s\nwant\n%s", got[0].Text, want)
	}
	if want := "0.03 EUR more than we charged, to be deducted. That is -0.03 EUR from another price of 3."; !strings.Contains(got[1].Text, want) {
		t.Errorf("%s\nwant\n%s", got[1].Text, want)
	}
	if one := told(t, in, 1); len(one) != 1 || one[0].Text != got[0].Text {
		t.Errorf("the largest: %+v", one)
	}
}

// TestLargestIsQuiet: without differences nothing is told.
func TestLargestIsQuiet(t *testing.T) {
	if got := told(t, one([]Usage{used("PA-1", "W1", "marketing", 2, "0.10")}, billed("W1", "marketing", 2, "0.1")), 10); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestEveryKindHasItsClause: no kind of part is told as another.
func TestEveryKindHasItsClause(t *testing.T) {
	seen := map[string]PartKind{}
	for _, kind := range kindOrder() {
		for _, n := range []int64{-2, 2} {
			c := teller{"EUR"}.clause(&Part{Kind: kind, Count: n, Amount: money.FromInt(1), With: "other"})
			if was, ok := seen[c]; ok && was != kind {
				t.Errorf("%s and %s are both told as %q", was, kind, c)
			}
			seen[c] = kind
		}
	}
}

// TestPiecesAreTheInvoice: the pieces of an account's keys sum to what was
// invoiced, for shares and other currencies, too.
func TestPiecesAreTheInvoice(t *testing.T) {
	checked := 0
	for seed := range uint64(100) {
		w := newWorld(t, seed)
		for range 12 {
			w.charge()
		}
		w.document()
		w.document()
		in := w.input()
		r := compute(t, in, nil)
		for i := range r.Accounts {
			a := &r.Accounts[i]
			for j := range a.Lines {
				l := &a.Lines[j]
				if l.IsRounding() {
					continue
				}
				pieces, err := Pieces(in, a.PartnerID, func(k Key) bool { return k == l.Key })
				if err != nil {
					t.Fatal(err)
				}
				var sum Figure
				for k := range pieces {
					sum = sum.add(pieces[k].Volume, pieces[k].Amount)
				}
				if sum.Count != l.Invoiced.Count || !sum.Amount.Equal(l.Invoiced.Amount) {
					t.Fatalf("seed %d: %s %+v: pieces sum to %+v, invoiced %+v", seed, a.PartnerID, l.Key, sum, l.Invoiced)
				}
				checked += len(pieces)
			}
		}
	}
	if checked < 500 {
		t.Errorf("only %d pieces: the test does not test", checked)
	}
}
