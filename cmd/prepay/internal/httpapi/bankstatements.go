package httpapi

import (
	"context"
	"strings"
	"unicode/utf8"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/bankstatement"
	"prepayledger/consumers/commandjson"
)

// bankStatements registers the operations of payments by bank.
func (a *API) bankStatements() {
	op := post("/bank-statements", "Payments")
	op.OperationID, op.Summary = "import_bank_statement", "Read a bank statement, whole or not at all, and propose whose its payments are."
	upload(a, op, access.Finance(), bankstatement.MaxFileBytes, []option{
		{"delimiter", "What separates fields of a CSV file; a comma without, tab for tabulators."},
		{"decimal_comma", "true: amounts of a CSV file are written like 1.234,56."},
	}, a.importBankStatement)
	register(a, get("/bank-statements", "list_bank_statements", "List the bank statements.", "Payments"), access.ReadsAll(), a.listBankStatements)
	register(a, get("/bank-statements/{statement_id}", "get_bank_statement", "Show a statement's payments and proposals as they are now.", "Payments"), access.ReadsAll(), a.bankStatement)
	op = post("/payment-proposals/{proposal_id}/confirmation", "Payments")
	op.OperationID, op.Summary = "confirm_proposal", "Confirm that a payment on a statement was received for an account."
	register(a, op, access.Finance(), a.confirmProposal)
	register(a, get("/payments-to-confirm", "get_payments_to_confirm", "Show who owes, and the payments that came in and wait for a word.", "Payments"), access.ReadsAll(),
		func(ctx context.Context, _ *struct{}) (*body[*desk.PaymentsOverview], error) {
			v, err := a.desk.Payments(ctx)
			return &body[*desk.PaymentsOverview]{v}, err
		})
}

func (a *API) importBankStatement(ctx context.Context, u *uploaded) (*desk.BankStatement, error) {
	file, err := u.file()
	if err != nil {
		return nil, err
	}
	options := bankstatement.Options{DecimalComma: u.values.Get("decimal_comma") == "true"}
	if options.Delimiter, err = delimiter(u.values.Get("delimiter")); err != nil {
		return nil, err
	}
	cmd, err := bankstatement.Parse(file.Name, file, options)
	if err != nil {
		return nil, err
	}
	return a.desk.ImportBankStatement(ctx, u.meta(ctx), cmd)
}

// delimiter reads what separates the fields of a CSV file.
func delimiter(text string) (rune, error) {
	switch text {
	case "":
		return ',', nil
	case "tab":
		return '\t', nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if size != len(text) || strings.ContainsRune("\"\r\n\ufffd", r) {
		return 0, &commandjson.FieldError{Field: "delimiter", Problem: "it is one character, such as ; or tab"}
	}
	return r, nil
}

func (a *API) listBankStatements(ctx context.Context, in *PageInput) (*body[Page[desk.BankStatementLine]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	lines, err := a.desk.BankStatements(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &body[Page[desk.BankStatementLine]]{cut(lines, in.Limit, func(l *desk.BankStatementLine) string { return l.StatementID })}, nil
}

type bankStatementInput struct {
	StatementID string `path:"statement_id" maxLength:"64" doc:"Id of the statement." example:"5f2190dd26b9"`
	PageInput
}

// BankStatementPage is a statement with a page of its payments.
type BankStatementPage struct {
	desk.BankStatement
	Count int    `json:"count" doc:"Payments of the statement."`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page of payments; absent on the last."`
}

func (a *API) bankStatement(ctx context.Context, in *bankStatementInput) (*body[*BankStatementPage], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	s, err := a.desk.BankStatement(ctx, in.StatementID)
	if err != nil {
		return nil, err
	}
	page, err := numbered(s.Payments, after, in.Limit)
	v := &BankStatementPage{BankStatement: *s, Count: len(s.Payments), Next: page.Next}
	v.Payments = page.Items
	return &body[*BankStatementPage]{v}, err
}

type confirmInput struct {
	ProposalID string `path:"proposal_id" maxLength:"80" doc:"Id of the proposal." example:"5f2190dd26b9-3"`
	IdempotencyKey
	Body *struct {
		PartnerID string `json:"partner_id,omitempty" maxLength:"256" doc:"Account that it belongs to; needed where none or several were proposed."`
	}
}

func (a *API) confirmProposal(ctx context.Context, in *confirmInput) (*body[*desk.AccountView], error) {
	partner := ""
	if in.Body != nil {
		partner = in.Body.PartnerID
	}
	owner, err := a.desk.Confirm(ctx, in.meta(ctx), in.ProposalID, partner)
	if err != nil {
		return nil, err
	}
	v, err := a.desk.Account(ctx, owner)
	return &body[*desk.AccountView]{v}, err
}
