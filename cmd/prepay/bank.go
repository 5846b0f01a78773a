package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/bankstatement"
	"prepayledger/consumers/commandjson"
)

// paymentsCmd are the commands of payments by bank.
type paymentsCmd struct {
	Propose paymentsProposeCmd `cmd:"" help:"Read bank statements and propose whose payments they are."`
	List    paymentsListCmd    `cmd:"" help:"Show a statement's payments and proposals as they are now."`
	Confirm paymentsConfirmCmd `cmd:"" help:"Confirm a proposal (Finance)."`
}

type paymentsProposeCmd struct {
	File         string `arg:"" help:"Bank statement: camt.053 (XML, version 02 or 08) or CSV." type:"path"`
	Delimiter    string `help:"What separates fields of a CSV file; tab for tabulators." default:","`
	DecimalComma bool   `help:"Amounts of a CSV file are written like 1.234,56."`
	who
}

// Help implements kong.HelpProvider.
func (*paymentsProposeCmd) Help() string {
	return `Reads a statement, whole or not at all, and proposes for each payment received which
account it may belong to, and why. Nothing is confirmed by it. The same file again
changes nothing.

  prepay payments propose statement.xml
  prepay payments propose umsaetze.csv --delimiter ";" --decimal-comma

Columns of a CSV file: ` + strings.Join(bankstatement.Columns(), ", ") + `;
the first four must be there.`
}

// Run runs the command.
func (c *paymentsProposeCmd) Run(ctx context.Context, g *globals) error {
	o := bankstatement.Options{DecimalComma: c.DecimalComma}
	if c.Delimiter == "tab" {
		c.Delimiter = "\t"
	}
	var size int
	if o.Delimiter, size = utf8.DecodeRuneInString(c.Delimiter); size == 0 || size != len(c.Delimiter) || strings.ContainsRune("\"\r\n\ufffd", o.Delimiter) {
		return fmt.Errorf("--delimiter: %q is not one character: write it like \";\" or tab", c.Delimiter)
	}
	if g.Server != "" {
		return c.send(ctx, g)
	}
	if err := readable([]string{c.File}); err != nil {
		return err
	}
	in := io.NopCloser(g.Stdin)
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		in = file
	}
	defer in.Close()
	cmd, err := bankstatement.Parse(filepath.Base(c.File), in, o)
	if err != nil {
		return err
	}
	return g.with(ctx, func(a *desk.Desk) error {
		v, err := a.ImportBankStatement(ctx, c.meta(), cmd)
		if err != nil {
			return err
		}
		return g.print(v, func(w io.Writer) { writePayments(w, v) })
	})
}

// send gives the statement to the ledger at --server.
func (c *paymentsProposeCmd) send(ctx context.Context, g *globals) error {
	query := url.Values{"delimiter": {c.Delimiter}}
	if c.Delimiter == "\t" {
		query.Set("delimiter", "tab")
	}
	if c.DecimalComma {
		query.Set("decimal_comma", "true")
	}
	v, err := upload[*desk.BankStatement](ctx, g, &c.who, "/v1/bank-statements", c.File, query)
	if err != nil {
		return err
	}
	return g.print(v, func(w io.Writer) { writePayments(w, v) })
}

func writePayments(w io.Writer, v *desk.BankStatement) {
	t := newTable("proposal", "booked", "amount", "from", "text", "account", "how sure", "why")
	count := map[bankstatement.Status]int{}
	for i := range v.Payments {
		p := &v.Payments[i]
		count[p.Status]++
		head := table.Row{p.ID, p.BookedOn, shown(p.Amount, p.Currency), p.Debtor, shortened(p.Text)}
		switch {
		case p.Status == bankstatement.Confirmed:
			t.AppendRow(append(head, p.PartnerID, "confirmed", "reference "+p.Reference))
		case len(p.Matches) == 0:
			t.AppendRow(append(head, "", "unmatched", p.Note))
		}
		for n, m := range p.Matches {
			if n > 0 {
				head = table.Row{"", "", "", "", ""}
			}
			t.AppendRow(append(head, m.PartnerID, m.Certainty, m.Why))
		}
	}
	fmt.Fprintf(w, "%s\nStatement %s: %d proposed, %d confirmed, %d unmatched; %d entries that are no payment received were left out.\n",
		t.Render(), v.StatementID, count[bankstatement.Proposed], count[bankstatement.Confirmed], count[bankstatement.Unmatched], v.Skipped)
	if count[bankstatement.Proposed] > 0 {
		fmt.Fprintln(w, "Nothing is confirmed yet: see prepay payments confirm.")
	}
}

// shortened cuts a long text for a table.
func shortened(text string) string {
	const longest = 40 // characters
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest-1]) + "…"
}

type paymentsListCmd struct {
	Statement string `arg:"" help:"Statement id, as prepay payments propose prints it."`
}

// Help implements kong.HelpProvider.
func (*paymentsListCmd) Help() string { return `  prepay payments list 5f2190dd26b9` }

// Run runs the command.
func (c *paymentsListCmd) Run(ctx context.Context, g *globals) error {
	v, err := c.statement(ctx, g)
	if err != nil {
		return err
	}
	return g.print(v, func(w io.Writer) { writePayments(w, v) })
}

// statement is the statement with all its payments; a server gives them page by
// page.
func (c *paymentsListCmd) statement(ctx context.Context, g *globals) (*desk.BankStatement, error) {
	if g.Server == "" {
		return ask(ctx, g, nil, func(a *desk.Desk) (*desk.BankStatement, error) { return a.BankStatement(ctx, c.Statement) })
	}
	var whole *desk.BankStatement
	for cursor := ""; ; {
		page, err := ask[httpapi.BankStatementPage](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetBankStatement(ctx, c.Statement, &apiclient.GetBankStatementParams{Limit: pageSize(), Cursor: optional(cursor)})
		}, nil)
		if err != nil {
			return nil, err
		}
		if whole == nil {
			whole = &page.BankStatement
		} else {
			whole.Payments = append(whole.Payments, page.Payments...)
		}
		if cursor = page.Next; cursor == "" {
			return whole, nil
		}
	}
}

type paymentsConfirmCmd struct {
	Proposal string `arg:"" help:"Proposal, such as 5f2190dd26b9-3."`
	Partner  string `help:"Account that it belongs to; needed where none or several were proposed."`
	who
}

// Help implements kong.HelpProvider.
func (*paymentsConfirmCmd) Help() string {
	return `Confirms that a payment on a bank statement was received for an account, with the
bank's reference: the same payment counts once, whichever statement it comes with.

  prepay payments confirm 5f2190dd26b9-3 --actor finance:ana
  prepay payments confirm 5f2190dd26b9-4 --partner PA-1001 --actor finance:ana`
}

// Run runs the command.
func (c *paymentsConfirmCmd) Run(ctx context.Context, g *globals) error {
	if g.Server != "" {
		v, err := order[*desk.AccountView](ctx, g, &c.who, http.MethodPost, "/v1/payment-proposals/"+url.PathEscape(c.Proposal)+"/confirmation", map[string]string{"partner_id": c.Partner})
		if err != nil {
			return err
		}
		return g.printAccount(v, false)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		partner, err := a.Confirm(ctx, c.meta(), c.Proposal, c.Partner)
		var field *commandjson.FieldError
		if errors.As(err, &field) {
			return fmt.Errorf("%s with --partner", field.Problem)
		}
		if err != nil {
			return err
		}
		v, err := a.Account(ctx, partner)
		if err != nil {
			return err
		}
		return g.printAccount(v, false)
	})
}
