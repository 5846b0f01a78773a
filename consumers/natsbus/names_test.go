package natsbus

import "testing"

func TestToken(t *testing.T) {
	for text, want := range map[string]string{
		"PA-1001": "PA-1001", "a.b": "a=2Eb", "a b": "a=20b", "*": "=2A", ">": "=3E", "": "=", "=": "=3D", "é": "=C3=A9", "$SYS": "=24SYS",
	} {
		if got := Token(text); got != want {
			t.Errorf("Token(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestEventSubject(t *testing.T) {
	for stream, want := range map[string]string{
		"account-PA-1001":        "prepay.events.account.PA-1001.X",
		"account-a.b":            "prepay.events.account.a=2Eb.X",
		"reconciliation-2026-10": "prepay.events.reconciliation.2026-10.X",
		"markets":                "prepay.events.markets.all.X",
	} {
		if got := EventSubject(stream, "X"); got != want {
			t.Errorf("EventSubject(%q) = %q, want %q", stream, got, want)
		}
	}
}
