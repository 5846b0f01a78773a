package main

import "testing"

func TestCheck(t *testing.T) {
	tests := []struct {
		pkg, imports string
		wrong        bool
	}{
		{"domain", "time", false},
		{"domain", "github.com/cockroachdb/apd/v3", false},
		{"domain/money", "go.uber.org/zap", true},
		{"domain", "prepayledger/eventstore", true},
		{"domain/codec", "prepayledger/domain/rating", false},
		{"eventstore", "prepayledger/domain", true},
		{"eventstore/embedded", "github.com/cockroachdb/pebble/v2", false},
		{"eventstore/decider", "prepayledger/eventstore/embedded", true},
		{"projections/usage", "prepayledger/consumers/ledger", true},
		{"consumers/ledger", "prepayledger/eventstore/embedded", true},
		{"cmd/prepay", "prepayledger/eventstore/embedded", false},
		{"internal/odd", "time", true},
	}
	for _, test := range tests {
		if got := len(check(module+test.pkg, []string{test.imports})) > 0; got != test.wrong {
			t.Errorf("%s imports %s: wrong is %t, want %t", test.pkg, test.imports, got, test.wrong)
		}
	}
}
