package ledger

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// ImportedInvoice says what an import of a document of Meta came to.
type ImportedInvoice struct {
	InvoiceID string `json:"invoice_id"`
	Lines     int    `json:"lines"`
	// New is false where the same document was there before (R28).
	New bool `json:"new"`
}

// ImportMetaInvoice imports a file of Meta's documents in the normalised
// layout, whole or not at all.
func (l *Ledger) ImportMetaInvoice(ctx context.Context, m domain.Meta, name string, r io.Reader, fx []reconciliation.FXRate) ([]ImportedInvoice, error) {
	file, err := metainvoice.Parse(name, r, fx)
	if err != nil {
		return nil, err
	}
	return l.ImportMetaFile(ctx, m, file)
}

// ImportMetaFile imports a file of Meta's documents as it was read, whole or
// not at all.
func (l *Ledger) ImportMetaFile(ctx context.Context, m domain.Meta, file *metainvoice.File) ([]ImportedInvoice, error) {
	l.complete(&m)
	// A refusal of any document refuses the file, before anything is written.
	for i := range file.Invoices {
		if err := l.refusesInvoice(ctx, m, file.Invoices[i].ID, file.Command(i, "")); err != nil {
			return nil, err
		}
	}
	var imported []ImportedInvoice
	keeper := ""
	for i := range file.Invoices {
		id := file.Invoices[i].ID
		events, err := l.decideInvoice(ctx, m, id, file.Command(i, keeper))
		if err != nil {
			return imported, err
		}
		if events > 0 && keeper == "" {
			keeper = id
		}
		imported = append(imported, ImportedInvoice{InvoiceID: id, Lines: len(file.Invoices[i].Lines), New: events > 0})
	}
	return imported, nil
}

// AllocateInvoiceLine gives a line of a document to an account, or accepts it
// as own cost (R27).
func (l *Ledger) AllocateInvoiceLine(ctx context.Context, m domain.Meta, invoiceID string, c reconciliation.AllocateInvoiceLine) error {
	l.complete(&m)
	c.AccountUnknown = c.PartnerID != "" && !l.Exists(c.PartnerID)
	_, err := l.decideInvoice(ctx, m, invoiceID, &c)
	return err
}

// invoice returns the state of a document's stream and where it ends.
func (l *Ledger) invoice(ctx context.Context, id string) (*reconciliation.MetaInvoice, eventstore.Revision, error) {
	invoice := reconciliation.NewMetaInvoice()
	revision, err := l.fold(ctx, reconciliation.MetaInvoiceStream(id), invoice.Apply)
	return invoice, revision, err
}

// refusesInvoice says why a command of a document's stream would be refused.
func (l *Ledger) refusesInvoice(ctx context.Context, m domain.Meta, id string, cmd domain.Command) error {
	invoice, _, err := l.invoice(ctx, id)
	if err == nil {
		_, err = invoice.Decide(m, cmd)
	}
	return err
}

// decideInvoice decides a command of a document's stream and returns how many
// events it raised.
func (l *Ledger) decideInvoice(ctx context.Context, m domain.Meta, id string, cmd domain.Command) (raised int, err error) {
	err = decider.Retry(func() error {
		invoice, revision, err := l.invoice(ctx, id)
		if err != nil {
			return err
		}
		events, err := invoice.Decide(m, cmd)
		if err != nil {
			return err
		}
		raised = len(events)
		_, err = l.appendAll(ctx, reconciliation.MetaInvoiceStream(id), revision, m, events)
		return err
	})
	return raised, err
}

// Month returns the state of a month's reconciliation and where its stream
// ends.
func (l *Ledger) Month(ctx context.Context, month domain.Month) (*reconciliation.Reconciliation, eventstore.Revision, error) {
	r := reconciliation.NewReconciliation()
	revision, err := l.fold(ctx, reconciliation.Stream(month), r.Apply)
	return r, revision, err
}

// MonthInput gathers what a run of the month is computed from, as of now.
func (l *Ledger) MonthInput(ctx context.Context, month domain.Month) (reconciliation.Input, error) {
	if err := l.Settle(ctx); err != nil {
		return reconciliation.Input{}, err
	}
	in, err := l.views.MonthInput(ctx, month)
	if err != nil {
		return in, err
	}
	in.Month = month
	ids, err := l.views.InvoiceIDs(ctx, month)
	if err != nil {
		return in, err
	}
	for _, id := range ids {
		invoice, _, err := l.invoice(ctx, id)
		if err != nil {
			return in, err
		}
		if d := invoice.Document(); d != nil {
			in.Documents = append(in.Documents, d)
		}
	}
	first, err := time.Parse("2006-01", string(month))
	if err != nil {
		return in, fmt.Errorf("month %q: %w", month, err)
	}
	// A market that changed within the month counts as it stood at its end.
	end := first.AddDate(0, 1, 0).Add(-time.Nanosecond)
	in.MarketOf = func(country string) string { return l.Markets().ByCountry(country, end) }
	in.Tiers = func(q reconciliation.TierQuery) []reconciliation.TierRate {
		var rates []reconciliation.TierRate
		for _, r := range l.Book().TierRates(domain.RateQuery{
			Currency: q.Currency, Market: q.Market, Category: q.Category, Model: domain.PMP, OccurredAt: end, Month: q.Month,
		}) {
			rates = append(rates, reconciliation.TierRate{Tier: r.Tier, Rate: r.Price})
		}
		return rates
	}
	return in, nil
}

// PreviewMonth computes a run of the month without recording anything.
func (l *Ledger) PreviewMonth(ctx context.Context, month domain.Month) (*reconciliation.Result, error) {
	r, _, err := l.Month(ctx, month)
	if err != nil {
		return nil, err
	}
	in, err := l.MonthInput(ctx, month)
	if err != nil {
		return nil, err
	}
	return reconciliation.Compute(in, r.Earlier())
}

// ProposeMonth records a proposal for the month (R29).
func (l *Ledger) ProposeMonth(ctx context.Context, m domain.Meta, month domain.Month) (*reconciliation.Proposal, error) {
	in, err := l.MonthInput(ctx, month)
	if err != nil {
		return nil, err
	}
	settings, _, err := l.MonthSettings(ctx)
	if err != nil {
		return nil, err
	}
	return l.decideMonth(ctx, m, month, func(*reconciliation.Reconciliation) domain.Command {
		return &reconciliation.ProposeReconciliation{Input: in, Settings: settings}
	})
}

// ApproveMonth approves the newest proposal and posts it to every account
// (R29). After a crash in the middle, approving again or PostMonth goes on
// with the posting; nothing posts twice.
func (l *Ledger) ApproveMonth(ctx context.Context, m domain.Meta, month domain.Month, uninvoiced *money.Amount) (*reconciliation.Proposal, error) {
	l.complete(&m)
	settings, _, err := l.MonthSettings(ctx)
	if err != nil {
		return nil, err
	}
	at, err := l.decideMonthFrom(ctx, m, month, nil, func(r *reconciliation.Reconciliation) (domain.Command, error) {
		c := &reconciliation.ApproveReconciliation{Uninvoiced: uninvoiced, Settings: settings}
		if r.NeedsInput() {
			in, err := l.MonthInput(ctx, month)
			if err != nil {
				return nil, err
			}
			c.Input = &in
		}
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return l.postMonth(ctx, m, month, at)
}

// PostMonth posts an approved month to every account, or goes on where a
// crash stopped it. Nothing to post is not an error.
func (l *Ledger) PostMonth(ctx context.Context, m domain.Meta, month domain.Month) (*reconciliation.Proposal, error) {
	l.complete(&m)
	at, err := l.monthAt(ctx, month)
	if err != nil {
		return nil, err
	}
	return l.postMonth(ctx, m, month, at)
}

// PostAtOnce is how many accounts are posted to at the same time: they share
// the log's syncs. In simulated time it is one, so that the log has one order.
const PostAtOnce = 16

func (l *Ledger) postMonth(ctx context.Context, m domain.Meta, month domain.Month, at *monthAt) (*reconciliation.Proposal, error) {
	if err := l.postAll(ctx, m, at.state.Postings()); err != nil {
		return nil, fmt.Errorf("post %s: %w", month, err)
	}
	at, err := l.decideMonthFrom(ctx, m, month, at, func(*reconciliation.Reconciliation) (domain.Command, error) {
		return &reconciliation.FinishPosting{}, nil
	})
	if err != nil {
		return nil, err
	}
	return at.state.Latest(), nil
}

// postAll posts to all accounts, several at once, and stops early where one
// fails: whoever goes on posts the rest.
func (l *Ledger) postAll(ctx context.Context, m domain.Meta, postings []reconciliation.Posting) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	atOnce := PostAtOnce
	if l.opts.Exact {
		atOnce = 1
	}
	free := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for _, p := range postings {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		adjust := Command{Meta: m, Do: p.Command}
		adjust.CommandID = l.opts.IDs()
		adjust.CausationID = m.CommandID
		group.Go(func() {
			defer func() { <-free }()
			if err := l.do(ctx, p.PartnerID, adjust); err != nil {
				stop(fmt.Errorf("to %s: %w", p.PartnerID, err)) // the first one is kept
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// monthAt is the state of a month's stream and where the stream ended.
type monthAt struct {
	state    *reconciliation.Reconciliation
	revision eventstore.Revision
}

func (l *Ledger) monthAt(ctx context.Context, month domain.Month) (*monthAt, error) {
	r, revision, err := l.Month(ctx, month)
	return &monthAt{r, revision}, err
}

// decideMonth decides a command of a month's stream and returns the newest
// proposal after it.
func (l *Ledger) decideMonth(ctx context.Context, m domain.Meta, month domain.Month, command func(*reconciliation.Reconciliation) domain.Command) (*reconciliation.Proposal, error) {
	l.complete(&m)
	at, err := l.decideMonthFrom(ctx, m, month, nil, func(r *reconciliation.Reconciliation) (domain.Command, error) { return command(r), nil })
	if err != nil {
		return nil, err
	}
	return at.state.Latest(), nil
}

// decideMonthFrom decides a command of a month's stream, on the state that is
// known or, where it is nil or not the newest, on the one that is read, and
// returns the state after it. A month can have a hundred thousand lines: who
// has its state does not read it again.
func (l *Ledger) decideMonthFrom(ctx context.Context, m domain.Meta, month domain.Month, known *monthAt, command func(*reconciliation.Reconciliation) (domain.Command, error)) (*monthAt, error) {
	err := decider.Retry(func() (err error) {
		at := known
		known = nil // what another has changed is read again
		if at == nil {
			if at, err = l.monthAt(ctx, month); err != nil {
				return err
			}
		}
		cmd, err := command(at.state)
		if err != nil {
			return err
		}
		events, err := at.state.Decide(m, cmd)
		if err != nil {
			return err
		}
		if at.revision, err = l.appendAll(ctx, reconciliation.Stream(month), at.revision, m, events); err != nil {
			return err
		}
		for _, e := range events {
			if err := at.state.Apply(e); err != nil {
				return err
			}
		}
		known = at
		return nil
	})
	return known, err
}
