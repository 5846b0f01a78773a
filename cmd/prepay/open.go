package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// with opens the data folder for a command and closes it afterwards.
func (g *globals) with(ctx context.Context, work func(*app) error) (err error) {
	a, err := openApp(ctx, g.Data, appOptions{})
	if errors.Is(err, eventstore.ErrLocked) {
		return fmt.Errorf("%w: %s is in use by another prepay; wait until it is done", eventstore.ErrLocked, g.Data)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return work(a)
}

// read is with for commands that only look: a folder without data is an error
// that says so instead of an empty ledger.
func (g *globals) read(ctx context.Context, work func(*app) error) error {
	if _, err := os.Stat(g.Data); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no data in %s: import something first, or name another folder with --data", g.Data)
	}
	return g.with(ctx, work)
}

// print writes v as JSON with --json, else what text makes.
func (g *globals) print(v any, text func(io.Writer)) error {
	if g.JSON {
		return writeJSON(g.Stdout, v)
	}
	text(g.Stdout)
	return nil
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// who is the part of a command line that says who gives a command.
type who struct {
	Actor     string `help:"Who does this, such as finance:ana." env:"PREPAY_ACTOR" placeholder:"WHO"`
	CommandID string `help:"Makes the command count once: the same id again changes nothing (UUID)." placeholder:"UUID"`
}

func (w *who) meta() (domain.Meta, error) {
	m := domain.Meta{Actor: w.Actor}
	if w.CommandID != "" {
		id, err := uuid.Parse(w.CommandID)
		if err != nil || id == uuid.Nil {
			return m, fmt.Errorf("--command-id %q is not a UUID", w.CommandID)
		}
		m.CommandID = id
	}
	return m, nil
}

// decimal is an amount on the command line.
type decimal struct{ money.Amount }

// UnmarshalText implements encoding.TextUnmarshaler for kong.
func (d *decimal) UnmarshalText(text []byte) (err error) {
	d.Amount, err = money.ParseBytes(text)
	return err
}

// pointer returns the amount, nil for a flag that was not given.
func (d *decimal) pointer() *money.Amount {
	if d == nil {
		return nil
	}
	return &d.Amount
}
