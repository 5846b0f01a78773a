package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/demo"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/simulate"
	"prepayledger/domain/reconciliation"
)

// demoCmd tells a month.
type demoCmd struct {
	Seed          uint64 `help:"Makes the same month again." default:"7"`
	Conversations int    `help:"Conversations of the month (1,000 to 200,000)." default:"20000"`
	Keep          string `help:"Keep the data folder here, to look at it with the other commands." type:"path" placeholder:"DIR"`
}

// Help implements kong.HelpProvider.
func (*demoCmd) Help() string {
	return `Three partners, about fifty channels and a month of conversations, made from a
seed and run through the real engine in a temporary folder: balances run down,
cards are recharged, one is declined until its account is blocked, Finance
confirms, and Meta's invoice is reconciled.

  prepay demo
  prepay demo --seed 11 --keep demo-data`
}

// Validate implements kong's check of a command line: exit code 2.
func (c *demoCmd) Validate() error {
	if c.Conversations < demo.MinConversations || c.Conversations > demo.MaxConversations {
		return fmt.Errorf("--conversations %d: a demo has %d to %d; for more there is prepay bench", c.Conversations, demo.MinConversations, demo.MaxConversations)
	}
	return nil
}

// Run runs the command.
func (c *demoCmd) Run(ctx context.Context, g *globals) (err error) {
	start := time.Now()
	plan, err := demo.New(c.Seed, c.Conversations)
	if err != nil {
		return err
	}
	dir := c.Keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "prepay-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		return fmt.Errorf("%s is not empty: the demo starts in an empty folder", dir)
	}
	s := &story{w: g.Stdout, plan: plan, month: demo.NewMonth(plan)}
	if g.JSON {
		s.w = io.Discard
	}
	s.app, err = desk.Open(ctx, dir, app.Options{EventStore: g.EventStore, Empty: true, Clock: s.month.Now, IDs: simulate.IDs(), Exact: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.app.Close()) }()
	if err := s.tell(ctx); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.Stdout, s.result())
	}
	s.say("Told in %.1f s from seed %d.", time.Since(start).Seconds(), c.Seed)
	s.next(c.Keep)
	return nil
}

// next says where to look next.
func (s *story) next(kept string) {
	s.chapter("Where to look next")
	dir := kept
	if kept == "" {
		dir = "demo-data"
		s.print("  prepay demo --keep %s", dir)
	}
	for _, command := range []string{
		"statement PA-1001 --month 2026-10 --by market", "balance PA-1003 --as-recorded-at 2026-10-21T00:00:00Z",
		"month show 2026-10 --lines", "quarantine list", "replay account-PA-1003",
	} {
		s.print("  prepay --data %s %s", dir, command)
	}
	s.print("  prepay simulate --help        a scenario of your own")
}

// story is a month being told.
type story struct {
	w     io.Writer
	app   *desk.Desk
	plan  *demo.Plan
	month *demo.Month
	runs  []*reconciliation.Proposal
	// why has what Meta sees otherwise, by cause.
	why map[reconciliation.PartKind]string
}

// demoResult is the story for machines.
type demoResult struct {
	Seed    uint64         `json:"seed"`
	Usage   intake.Summary `json:"usage"`
	Refused int64          `json:"refused_by_block"`
	Runs    []demoRun      `json:"runs"`
}

// demoRun is what a run of the month posted.
type demoRun struct {
	Run      int                             `json:"run"`
	Accounts []reconciliation.AccountSummary `json:"accounts"`
}

func (s *story) result() demoResult {
	r := demoResult{Seed: s.plan.Seed, Usage: s.month.Summary, Refused: s.month.Refused}
	for _, p := range s.runs {
		r.Runs = append(r.Runs, demoRun{Run: p.Run, Accounts: p.Accounts})
	}
	return r
}

// tell tells the chapters in their order.
func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{s.partners, s.usage, s.recharges, s.block, s.invoice, s.late, s.proof} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// storyWidth is how many columns a paragraph takes.
const storyWidth = 100

// say writes a paragraph.
func (s *story) say(format string, args ...any) {
	s.print("%s", text.WrapSoft(fmt.Sprintf(format, args...), storyWidth))
}

// print writes a line or a table as it is, but for blanks at the ends of lines.
func (s *story) print(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintln(s.w, strings.TrimRight(line, " \n"))
	}
}

// gap leaves a line free.
func (s *story) gap() { fmt.Fprintln(s.w) }

func (s *story) chapter(title string) {
	s.gap()
	s.print("== %s ==", title)
}
