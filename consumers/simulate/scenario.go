// Package simulate runs a scenario, a file of happenings in the order of
// time, through the ledger: how finance tries a policy, how tests tell
// stories, and how anybody can check the rules from outside. docs/simulate.md
// describes the lines.
package simulate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"prepayledger/domain/money"
)

// Limits of a scenario.
const (
	// MaxLineBytes bounds a line: 1 MiB.
	MaxLineBytes = 1 << 20
	// MaxLines bounds a scenario.
	MaxLines = 2_000_000
)

// ErrScenario is what a scenario that can't be read wraps.
var ErrScenario = errors.New("scenario unreadable")

// line is one happening: its fields as given.
type line struct {
	number int
	at     time.Time
	do     string
	fields map[string]json.RawMessage
}

// read yields the lines of a scenario.
func read(r io.Reader, each func(line) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), MaxLineBytes)
	last := time.Time{}
	for n := 1; in.Scan(); n++ {
		if n > MaxLines {
			return fmt.Errorf("%w: more than %d lines", ErrScenario, MaxLines)
		}
		text := bytes.TrimSpace(in.Bytes())
		if n == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if len(text) == 0 {
			continue
		}
		l, err := parse(n, text)
		if err != nil {
			return err
		}
		if l.at.Before(last) {
			return fmt.Errorf("%w: line %d, field at: %s lies before the line above: put the lines in the order of time", ErrScenario, n, l.at.Format(time.RFC3339Nano))
		}
		last = l.at
		if err := each(l); err != nil {
			return err
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%w: a line has more than %d bytes", ErrScenario, MaxLineBytes)
	} else if err != nil {
		return fmt.Errorf("read scenario: %w", err)
	}
	return nil
}

func parse(number int, text []byte) (line, error) {
	l := line{number: number}
	if err := json.Unmarshal(text, &l.fields); err != nil || l.fields == nil {
		return l, fmt.Errorf("%w: line %d is not a JSON object", ErrScenario, number)
	}
	at, ok := l.optional("at")
	if !ok {
		return l, fmt.Errorf("%w: line %d has no field at: write an instant like 2026-10-01T00:00:00Z", ErrScenario, number)
	}
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return l, fmt.Errorf("%w: line %d, field at: %.60q is not an instant: write it like 2026-10-01T00:00:00Z", ErrScenario, number, at)
	}
	l.at = t.UTC()
	if l.do = l.text("do"); l.do == "" {
		return l, fmt.Errorf("%w: line %d has no field do: it says what happens", ErrScenario, number)
	}
	return l, nil
}

// optional returns a field as text; numbers and truth values as they are
// written.
func (l *line) optional(name string) (string, bool) {
	raw, ok := l.fields[name]
	if !ok || string(raw) == "null" {
		return "", false
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	return string(raw), true
}

func (l *line) text(name string) string {
	s, _ := l.optional(name)
	return s
}

// amount returns a field as an amount; one that is none becomes otherwise,
// which the rules then refuse by its proper code.
func (l *line) amount(name string, otherwise money.Amount) money.Amount {
	a, err := money.Parse(l.text(name))
	if err != nil {
		return otherwise
	}
	return a
}

// setting returns an optional field as an amount; one that is none becomes
// -1, which no setting may be.
func (l *line) setting(name string) *money.Amount {
	if _, ok := l.optional(name); !ok {
		return nil
	}
	a := l.amount(name, money.FromInt(-1))
	return &a
}

func (l *line) truth(name string) (*bool, error) {
	s, ok := l.optional(name)
	if !ok {
		return nil, nil
	}
	t := s == "true"
	if !t && s != "false" {
		return nil, fmt.Errorf("%w: line %d, field %s: %.40q is neither true nor false", ErrScenario, l.number, name, s)
	}
	return &t, nil
}

// without returns the fields as JSON, in the order of their names, without
// some.
func (l *line) without(names ...string) []byte {
	rest := make(map[string]json.RawMessage, len(l.fields))
	for k, v := range l.fields {
		rest[k] = v
	}
	for _, n := range names {
		delete(rest, n)
	}
	b, err := json.Marshal(rest)
	if err != nil {
		return []byte("{}") // the fields were read as JSON
	}
	return b
}

// known refuses fields that the happening does not have: a misspelt one would
// silently change the story.
func (l *line) known(names string) error {
	allowed := " at do " + names + " "
	for k := range l.fields {
		if !strings.Contains(allowed, " "+k+" ") {
			return fmt.Errorf("%w: line %d: %s has no field %.40q; it has %s", ErrScenario, l.number, l.do, k, names)
		}
	}
	return nil
}
