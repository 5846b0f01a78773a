package domain

import (
	"errors"
	"strings"
	"testing"
)

func TestNormalizeNumber(t *testing.T) {
	for in, want := range map[string]string{
		"+4930123456": "4930123456", "4930123456": "4930123456", "+49 (30) 123-456": "4930123456",
		" +1 650 555 1234": "16505551234", "123456": "123456", "123456789012345": "123456789012345",
	} {
		if got, err := NormalizeNumber(in); err != nil || got != want {
			t.Errorf("NormalizeNumber(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for in, says := range map[string]string{
		"": "fewer", "+": "fewer", "12345": "fewer", "1234567890123456": "more than 15 digits", "49+30123456": "more than digits",
		"++4930123456": "more than digits", "00493012345": "starts with 0", "+49.30123456": "more than digits",
		"٤٩٣٠١٢٣": "more than digits", "4930123456x": "more than digits", "49301\x00234": "more than digits",
	} {
		got, err := NormalizeNumber(in)
		if !errors.Is(err, ErrNumber) || !strings.Contains(err.Error(), says) {
			t.Errorf("NormalizeNumber(%q) = %q, %v; want ErrNumber with %q", in, got, err, says)
		}
	}
}

// R6: the seven destinations are blocked, their neighbours are not.
func TestBlockedNumber(t *testing.T) {
	for digits, want := range map[string]string{
		"79781234567": "Crimea", "5351234567": "Cuba", "989121234567": "Iran", "8501912345": "North Korea",
		"963931234567": "Syria", "78561234567": "Donetsk", "78571234567": "Luhansk",
		"7978": "Crimea", "53": "Cuba", "98": "Iran", "850": "North Korea", "963": "Syria", "7856": "Donetsk", "7857": "Luhansk",
	} {
		if where, blocked := BlockedNumber(digits); !blocked || where != want {
			t.Errorf("BlockedNumber(%q) = %q, %v; want %q", digits, where, blocked, want)
		}
	}
	for _, digits := range []string{"", "5", "9", "85", "96", "797", "785", "79771234567", "78551234567", "5411234567", "8521234567", "962791234567", "149853"} {
		if where, blocked := BlockedNumber(digits); blocked {
			t.Errorf("BlockedNumber(%q) is blocked as %q", digits, where)
		}
	}
}

func TestBlockedCountry(t *testing.T) {
	for _, c := range []string{"CU", "IR", "KP", "SY"} {
		if !BlockedCountry(c) {
			t.Errorf("%s is not blocked", c)
		}
	}
	for _, c := range []string{"", "UA", "RU", "IQ", "KR", "cu"} {
		if BlockedCountry(c) {
			t.Errorf("%q is blocked", c)
		}
	}
}
