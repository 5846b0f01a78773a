package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/statements"
	"prepayledger/domain"
)

// statements registers what an account's month comes to.
func (a *API) statements() {
	const path = "/accounts/{partner_id}/statements/{month}"
	register(a, slow(get(path, "get_statement", "Show what moved an account's balance in a calendar month (UTC), and the month's usage.", "Statements")),
		access.ReadsAccount(), a.statement)
	register(a, slow(get(path+"/month-end", "get_month_end_statement", "Show an account's month-end statement, with everything that its PDF, workbook and CSV have (R31).", "Statements")),
		access.ReadsAccount(), a.monthEnd)
	for _, f := range a.statementFiles() {
		op := slow(get(path+"/"+f.suffix, "get_statement_"+f.suffix, "Download an account's month-end statement as "+f.name+" (R31).", "Statements"))
		op.Responses = fileResponse(f.contentType)
		register(a, op, access.ReadsAccount(), func(ctx context.Context, in *monthInput) (*file, error) { return a.statementFile(ctx, in, &f) })
	}
}

// MonthInput is the month of a path.
type MonthInput struct {
	Month string `path:"month" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"The month." example:"2026-10"`
}

type statementInput struct {
	AccountInput
	MonthInput
	AtLeast
	By string `query:"by" enum:"waba,channel,market,category,day" default:"category" doc:"What the usage is broken down by."`
}

func (a *API) statement(ctx context.Context, in *statementInput) (*body[*desk.Statement], error) {
	month, err := monthOf("month", in.Month)
	if err != nil {
		return nil, err
	}
	if _, err := a.live(ctx, in.PartnerID, in.AtLeast); err != nil {
		return nil, err
	}
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	s, err := a.desk.Statement(ctx, in.PartnerID, month, in.By)
	return &body[*desk.Statement]{s}, err
}

// monthOf reads a month.
func monthOf(field, text string) (domain.Month, error) {
	month, err := domain.ParseMonth(text)
	if err != nil {
		return "", &commandjson.FieldError{Field: field, Problem: err.Error()}
	}
	return month, nil
}

// statementFile is a form in which a statement is downloaded.
type statementFile struct {
	suffix, name, contentType string
	write                     func(*statements.Statement, io.Writer) error
}

func (a *API) statementFiles() []statementFile {
	return []statementFile{
		{"pdf", "PDF", "application/pdf", func(s *statements.Statement, w io.Writer) error {
			data, err := s.PDF(a.opts.Issuer.Name)
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}},
		{"xlsx", "workbook with formulas", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (*statements.Statement).XLSX},
		{"csv", "CSV", "text/csv; charset=utf-8", (*statements.Statement).CSV},
	}
}

type monthInput struct {
	AccountInput
	MonthInput
}

// file is an answer that is saved as a file.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition" doc:"The name of the file."`
	Body        []byte
}

// fileOf is the answer for a file's content.
func fileOf(name, contentType string, content []byte) *file {
	return &file{ContentType: contentType, Disposition: mime.FormatMediaType("attachment", map[string]string{"filename": fileName(name)}), Body: content}
}

// fileName is a name without what file systems have a meaning for.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' || r == '\\' || r == ':' {
			return '_'
		}
		return r
	}, name)
}

func (a *API) statementFile(ctx context.Context, in *monthInput, f *statementFile) (*file, error) {
	s, err := a.monthEnd(ctx, in)
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if err := f.write(&s.Body.Statement, &content); err != nil {
		return nil, err
	}
	return fileOf(fmt.Sprintf("statement-%s-%s.%s", in.PartnerID, in.Month, f.suffix), f.contentType, content.Bytes()), nil
}

// MonthEnd is an account's month-end statement.
type MonthEnd struct{ statements.Statement }

func (a *API) monthEnd(ctx context.Context, in *monthInput) (*body[*MonthEnd], error) {
	month, err := monthOf("month", in.Month)
	if err != nil {
		return nil, err
	}
	if _, err := a.desk.Live(in.PartnerID); err != nil {
		return nil, err
	}
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	s, err := a.desk.MonthEndStatement(ctx, in.PartnerID, month)
	if err != nil {
		return nil, err
	}
	return &body[*MonthEnd]{&MonthEnd{*s}}, nil
}

// usage registers the reads of usage; they come from the read models alone.
func (a *API) usage() {
	register(a, get("/accounts/{partner_id}/usage", "get_usage", "Show an account's usage of a billing month, broken down.", "Usage"), access.ReadsAccount(), a.showUsage)
	register(a, get("/accounts/{partner_id}/usage/days", "list_usage_days", "List an account's usage by day and category, for charts.", "Usage"), access.ReadsAccount(), a.usageDays)
}

type usageInput struct {
	AccountInput
	AtLeast
	Month string `query:"month" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"The billing month; default the one that it is now (UTC)." example:"2026-10"`
	By    string `query:"by" enum:"waba,channel,market,category,day" default:"category" doc:"What it is broken down by."`
}

func (a *API) showUsage(ctx context.Context, in *usageInput) (*body[*desk.Usage], error) {
	month := domain.MonthOf(a.desk.Ledger.Now(), time.UTC)
	if in.Month != "" {
		var err error
		if month, err = monthOf("month", in.Month); err != nil {
			return nil, err
		}
	}
	found, err := a.live(ctx, in.PartnerID, in.AtLeast)
	if err != nil {
		return nil, err
	}
	u, err := a.desk.UsageOf(found, month, in.By)
	return &body[*desk.Usage]{u}, err
}

const (
	// DefaultUsageDays is how many days a series of usage has (days).
	DefaultUsageDays = 30
	// MaxUsageDays bounds the days of a series (days).
	MaxUsageDays = 400
)

type usageDaysInput struct {
	AccountInput
	AtLeast
	From string `query:"from" format:"date" doc:"First day (UTC); default 29 days before the last." example:"2026-10-01"`
	To   string `query:"to" format:"date" doc:"Last day (UTC); default today." example:"2026-10-31"`
}

// days are the first and the last day.
func (in *usageDaysInput) days(today time.Time) (from, to time.Time, err error) {
	to = today
	if in.To != "" {
		if to, err = time.Parse(time.DateOnly, in.To); err != nil {
			return from, to, &commandjson.FieldError{Field: "to", Problem: "write a day such as 2026-10-31"}
		}
	}
	from = to.AddDate(0, 0, 1-DefaultUsageDays)
	if in.From != "" {
		if from, err = time.Parse(time.DateOnly, in.From); err != nil {
			return from, to, &commandjson.FieldError{Field: "from", Problem: "write a day such as 2026-10-01"}
		}
	}
	if to.Before(from) || to.Sub(from) >= MaxUsageDays*domain.Day {
		return from, to, &commandjson.FieldError{Field: "from", Problem: fmt.Sprintf("give a day before the last one, at most %d days in all", MaxUsageDays)}
	}
	return from, to, nil
}

// UsageDays is a series of usage by day.
type UsageDays struct {
	PartnerID string          `json:"partner_id" doc:"The account's partner id."`
	From      string          `json:"from" format:"date" doc:"First day (UTC)."`
	To        string          `json:"to" format:"date" doc:"Last day (UTC)."`
	Items     []desk.UsageDay `json:"items" doc:"By day and category; days without usage have none."`
}

func (a *API) usageDays(ctx context.Context, in *usageDaysInput) (*body[UsageDays], error) {
	from, to, err := in.days(a.desk.Ledger.Now().Truncate(domain.Day))
	if err != nil {
		return nil, err
	}
	if _, err := a.live(ctx, in.PartnerID, in.AtLeast); err != nil {
		return nil, err
	}
	days, err := a.desk.UsageDays(in.PartnerID, from, to)
	return &body[UsageDays]{UsageDays{in.PartnerID, from.Format(time.DateOnly), to.Format(time.DateOnly), days}}, err
}
