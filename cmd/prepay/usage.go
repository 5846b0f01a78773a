package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/intake"
	consumersusage "prepayledger/consumers/usage"
	"prepayledger/domain"
)

// usageCmd are the commands of usage.
type usageCmd struct {
	Import usageImportCmd `cmd:"" help:"Charge usage from files: webhooks and charges, NDJSON or CSV, gzip too."`
}

type usageImportCmd struct {
	Files []string `arg:"" name:"file" help:"Files; - is the standard input."`
	Actor string   `help:"Who imports." env:"PREPAY_ACTOR" default:"usage-import"`
}

// Help implements kong.HelpProvider.
func (*usageImportCmd) Help() string {
	return `Reads Cloud API webhooks and rated or unrated charges, one JSON object per line,
or CSV with a header; compressed with gzip or not. What can't be charged goes
to quarantine line by line. Importing a file again changes nothing, so an
interrupted import is simply run again.

  prepay usage import october.ndjson.gz november.csv
  zcat webhooks.gz | prepay usage import -`
}

// importSummary is what an import prints for machines.
type importSummary struct {
	intake.Summary
	Files   int     `json:"files"`
	Seconds float64 `json:"seconds"`
	PerS    float64 `json:"charges_per_s"`
}

// Run runs the command.
func (c *usageImportCmd) Run(ctx context.Context, g *globals) error {
	if err := readable(c.Files); err != nil {
		return err
	}
	if g.Server != "" {
		return c.files(ctx, g, nil)
	}
	return g.with(ctx, func(a *desk.Desk) error {
		if err := a.Ledger.AdvanceAll(ctx); err != nil {
			return err
		}
		return c.files(ctx, g, a)
	})
}

// files imports the files, into the ledger at --server where there is no desk,
// and shows what became of them.
func (c *usageImportCmd) files(ctx context.Context, g *globals, a *desk.Desk) error {
	var s importSummary
	s.Quarantined = map[string]int64{}
	start := time.Now()
	var failed error
	for _, name := range c.Files {
		one, err := c.file(ctx, g, a, name)
		s.Add(one)
		if err != nil {
			failed = err
			break
		}
		s.Files++
	}
	s.Seconds = time.Since(start).Seconds()
	s.PerS = float64(s.Total()) / max(s.Seconds, 1e-9)
	if err := g.print(s, func(w io.Writer) { writeImport(w, &s) }); err != nil || failed != nil {
		return errors.Join(failed, err)
	}
	if g.Strict && s.InQuarantine() > 0 {
		return errNotAllTaken
	}
	return nil
}

// file imports one file.
func (c *usageImportCmd) file(ctx context.Context, g *globals, a *desk.Desk, name string) (intake.Summary, error) {
	src := consumersusage.Source{Name: "stdin"}
	size := int64(-1)
	if name == "-" {
		src.R = interruptible(ctx, g.Stdin)
	} else {
		in, err := os.Open(name)
		if err != nil {
			return intake.Summary{}, err
		}
		defer in.Close()
		if info, err := in.Stat(); err == nil {
			size = info.Size()
		}
		src = consumersusage.Source{Name: filepath.Base(name), R: in}
	}
	progress, done := g.progress(src.Name, size)
	defer done()
	if a == nil {
		return g.sendUsage(ctx, src, progress)
	}
	return intake.Import(ctx, a.Ledger, domain.Meta{Actor: c.Actor}, src, progress)
}

// interruptible reads from a source whose Read may wait for ever, as that of
// a pipe does, until ctx ends.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err) // nil is the end
	}()
	return out
}

// progress shows a bar with rate and remaining time on a terminal, and
// nothing elsewhere.
func (g *globals) progress(name string, size int64) (func(intake.Progress), func()) {
	out, ok := g.Stderr.(*os.File)
	if !ok || g.JSON || !term.IsTerminal(int(out.Fd())) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(name), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish())
	start := time.Now()
	return func(p intake.Progress) {
			bar.Describe(fmt.Sprintf("%s: %d charges, %.0f/s", name, p.Presented, float64(p.Presented)/max(time.Since(start).Seconds(), 1e-3)))
			_ = bar.Set64(p.Consumed)
		}, func() {
			_ = bar.Finish()
		}
}

func writeImport(w io.Writer, s *importSummary) {
	t := newTable("what became of the charges", "count")
	t.AppendRows([]table.Row{{"charged", s.Charged}, {"counted at no cost", s.Free}, {"duplicates", s.Duplicates}})
	for _, r := range domain.Reasons() {
		if n := s.Quarantined[r.String()]; n > 0 {
			t.AppendRow(table.Row{"quarantined: " + r.String(), n})
		}
	}
	fmt.Fprintln(w, t.Render())
	if s.Tiers > 0 {
		fmt.Fprintf(w, "News: %s.\n", counted(s.Tiers, "volume tier", "volume tiers"))
	}
	if s.Read.IgnoredStatuses > 0 || s.Read.IgnoredChanges > 0 {
		fmt.Fprintf(w, "Ignored in webhooks: %s (sent, failed, without pricing) and %s of other kinds.\n",
			counted(int64(s.Read.IgnoredStatuses), "status", "statuses"), counted(int64(s.Read.IgnoredChanges), "change", "changes"))
	}
	fmt.Fprintf(w, "%s in %.1f s, %.0f/s, all on disk.\n", counted(s.Total(), "charge", "charges"), s.Seconds, s.PerS)
	for _, r := range domain.Reasons() {
		if s.Quarantined[r.String()] > 0 {
			fmt.Fprintf(w, "%s: %s\n", r, r.Advice())
		}
	}
	if s.InQuarantine() > 0 {
		fmt.Fprintln(w, "See prepay quarantine list.")
	}
}
