package web

import (
	"errors"
	"net/url"
	"testing"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

// TestReadAmount reads amounts as people write them, and refuses what could be
// two amounts.
func TestReadAmount(t *testing.T) {
	for text, want := range map[string]string{
		"500": "500", "499.90": "499.9", "499,90": "499.9", "1 000": "1000", "1\u202f000.5": "1000.5", "1\u00a0000,50": "1000.5", "1'000": "1000",
		"−5": "-5", "-5": "-5", "0,5": "0.5", "1,0000": "1",
	} {
		if got, err := readAmount(text); err != nil || got.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"1,000", "1.000,50", "1,000.50", "1,000,000", "five", "", "1e3", "+5", "0x10", "1..2", "NaN"} {
		if got, err := readAmount(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// TestTake tells what the user can correct from what failed.
func TestTake(t *testing.T) {
	empty := func() *form { return &form{Form: &ui.Form{Values: url.Values{}, Errors: map[string]string{}}} }
	f := empty()
	if err := f.take(domain.Reject(domain.AmountOutOfRange, "Take 10 to 100,000.")); err != nil || f.Message != "Take 10 to 100,000." {
		t.Errorf("a rejection: %v %q", err, f.Message)
	}
	f = empty()
	if err := f.take(&commandjson.FieldError{Field: "amount", Problem: "is missing"}); err != nil || f.Errors["amount"] != "is missing" {
		t.Errorf("a field: %v %v", err, f.Errors)
	}
	f = empty()
	failure := errors.New("the disk is full")
	if err := f.take(failure); !errors.Is(err, failure) || f.Failed() {
		t.Errorf("a failure: %v %+v", err, f.Form)
	}
}
