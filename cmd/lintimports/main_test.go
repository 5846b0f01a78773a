package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		pkg, imports string
		wrong        bool
	}{
		{"domain", "time", false},
		{"domain", "github.com/google/uuid", false},
		{"domain", "prepayledger/domain/money", false},
		{"domain", "prepayledger/eventstore", true},
		{"domain", "os", true},
		{"domain", "log/slog", true},
		{"domain", "net/http", true},
		{"domain", "math/rand/v2", true},
		{"domain", "math/bits", false},
		{"domain/rating", "embed", false},
		{"domain/money", "github.com/cockroachdb/apd/v3", false},
		{"domain/money", "github.com/cockroachdb/apdx", true},
		{"domain/money", "go.uber.org/zap", true},
		{"domain/money", "prepayledger/domain", true},
		{"domain/codec", "prepayledger/domain/rating", false},
		{"eventstore", "github.com/google/uuid", false},
		{"eventstore", "go.uber.org/zap", true},
		{"eventstore", "prepayledger/domain", true},
		{"eventstore", "prepayledger/eventstore/decider", true},
		{"eventstore/embedded", "github.com/cockroachdb/pebble/v2", false},
		{"eventstore/embedded", "prepayledger/domain/codec", true},
		{"eventstore/decider", "prepayledger/eventstore", false},
		{"eventstore/decider", "prepayledger/eventstore/embedded", true},
		{"eventstore/decider", "go.uber.org/zap", true},
		{"eventstore/esdbserver", "prepayledger/eventstore/embedded", false},
		{"eventstore/runindex", "prepayledger/eventstore", true},
		{"eventstore/runindex", "github.com/cockroachdb/pebble/v2", true},
		{"projections/usage", "prepayledger/domain/codec", false},
		{"projections/usage", "prepayledger/consumers/ledger", true},
		{"projections/usage", "prepayledger/eventstore/embedded", true},
		{"consumers/ledger", "prepayledger/eventstore/decider", false},
		{"consumers/ledger", "prepayledger/eventstore/embedded", true},
		{"consumers/ledger", "prepayledger/cmd/prepay", true},
		{"cmd/prepay", "prepayledger/eventstore/embedded", false},
		{"internal/odd", "time", true},
		{"domainx", "time", true},
	}
	for _, test := range tests {
		if got := len(check(module+test.pkg, []string{test.imports})) > 0; got != test.wrong {
			t.Errorf("%s imports %s: wrong is %t, want %t", test.pkg, test.imports, got, test.wrong)
		}
	}
}

// A violation in real packages is found, and nothing else.
func TestLintFindsViolation(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                   "module prepayledger\n\ngo 1.26\n",
		"domain/a.go":              "package domain\n\nimport _ \"time\"\n",
		"domain/wrong/a.go":        "package wrong\n\nimport _ \"prepayledger/eventstore\"\n",
		"eventstore/a.go":          "package eventstore\n\nimport _ \"errors\"\n",
		"projections/sums/a.go":    "package sums\n\nimport _ \"prepayledger/domain\"\n",
		"helpers/a.go":             "package helpers\n",
		"eventstore/a_test.go":     "package eventstore\n\nimport _ \"prepayledger/domain\"\n",
		"projections/sums/b/b.txt": "no package\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := lint(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"domain/wrong must not import eventstore",
		"helpers lies in none of the project's folders: cmd, domain, eventstore, projections, consumers",
	}
	if !slices.Equal(got, want) {
		t.Errorf("lint found %q, want %q", got, want)
	}
}

func TestLintOfNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module prepayledger\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems, err := lint(dir); err == nil {
		t.Errorf("lint of a module without packages found %q and no error", problems)
	}
}

// The project itself keeps the rules.
func TestProject(t *testing.T) {
	problems, err := lint("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}
