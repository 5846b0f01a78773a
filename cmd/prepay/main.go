// Command prepay is the prepayment ledger: one binary for everything.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/rating"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// Exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotTaken = 3
)

// errNotAllTaken makes exit code 3 of --strict.
var errNotAllTaken = errors.New("something was rejected or quarantined (--strict)")

func main() { os.Exit(runUntilSignal(os.Args[1:], standard())) }

// runUntilSignal runs a command line until SIGTERM or Ctrl-C ends it. A second
// one ends the process at once.
func runUntilSignal(args []string, g globals) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, args, g)
}

// run runs a command line and returns its exit code.
func run(ctx context.Context, args []string, g globals) (code int) {
	c := commands{globals: g}
	leave := -1
	parser, err := kong.New(&c,
		kong.Name("prepay"),
		kong.Description("The prepayment ledger of a WhatsApp Business provider's partners."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(g.Stdout, g.Stderr), defaults(),
		kong.Exit(func(n int) { leave = n; panic(leaving{}) }),
	)
	if err != nil {
		fmt.Fprintln(g.Stderr, "prepay:", err)
		return exitFailed
	}
	defer func() {
		// kong leaves by its Exit after help; nothing else panics with it.
		if r := recover(); r != nil {
			if _, ok := r.(leaving); !ok {
				panic(r)
			}
			code = leave
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	selected, err := parser.Parse(args)
	if err != nil {
		return reportUsage(g, slices.Contains(args, "--json"), err)
	}
	if err := c.checkServer(selected); err != nil {
		return reportUsage(g, c.JSON, err)
	}
	selected.BindTo(ctx, (*context.Context)(nil))
	selected.Bind(selected)
	return report(g, c.JSON, selected.Run(&c.globals))
}

// defaults are what the texts of flags refer to.
func defaults() kong.Vars { return kong.Vars{"provider": defaultProvider} }

// leaving is what kong's Exit panics with.
type leaving struct{}

// reportUsage tells what is wrong with the command line and returns the exit
// code.
func reportUsage(g globals, asJSON bool, err error) int {
	if asJSON {
		writeError(g, "wrong_usage", err.Error())
	} else {
		fmt.Fprintf(g.Stderr, "prepay: %s\nTry prepay --help.\n", err)
	}
	return exitUsage
}

// writeError writes an error for machines.
func writeError(g globals, code, message string) {
	_ = json.NewEncoder(g.Stderr).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}})
}

// report tells what went wrong and returns the exit code.
func report(g globals, asJSON bool, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errNotAllTaken) {
		return exitNotTaken
	}
	code, message := explain(err)
	if asJSON {
		writeError(g, code, message)
	} else {
		fmt.Fprintf(g.Stderr, "prepay: %s\n", message)
	}
	return exitFailed
}

// explain turns an error into a stable code and a sentence for people.
func explain(err error) (code, message string) {
	var rejection *domain.Rejection
	var invoice *metainvoice.Error
	var file *rating.FileError
	var problem *apiclient.Problem
	var refusal *access.Refusal
	switch {
	case errors.As(err, &problem):
		return explainProblem(problem)
	case errors.Is(err, apiclient.ErrUnreachable):
		return "unreachable", oneLine(err)
	case errors.As(err, &refusal):
		return string(refusal.Code), fmt.Sprintf("%s (%s)", refusal.Message, refusal.Code)
	case errors.As(err, &invoice):
		return string(domain.InvoiceInvalid), invoice.Error()
	case errors.As(err, &file):
		return string(domain.RateCardInvalid), file.Error()
	case errors.As(err, &rejection):
		return string(rejection.Code), fmt.Sprintf("%s (%s)", rejection.Message, rejection.Code)
	case errors.Is(err, context.Canceled):
		return "interrupted", "interrupted: run it again, nothing counts twice."
	case errors.Is(err, eventstore.ErrLocked):
		return "data_in_use", oneLine(err)
	case errors.Is(err, eventstore.ErrCorrupt):
		return "store_damaged", oneLine(err)
	case errors.Is(err, eventstore.ErrUnavailable):
		return "store_unavailable", oneLine(err)
	case errors.Is(err, app.ErrNotEmpty):
		return "store_not_empty", oneLine(err)
	case errors.Is(err, projections.ErrOtherLog):
		return "other_log", oneLine(err)
	case errors.Is(err, eventstore.ErrInvalid):
		return "wrong_setting", oneLine(err)
	case errors.Is(err, projections.ErrAhead):
		return "store_shortened", oneLine(err)
	case errors.Is(err, app.ErrViews):
		return "views_damaged", oneLine(err) + ". Nothing is lost: prepay rebuild makes them anew from the event log."
	case errors.Is(err, desk.ErrDiffers):
		return "views_differ", oneLine(err)
	default:
		return "failed", oneLine(err)
	}
}

// oneLine is for errors whose parts stand on lines of their own.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
