package web

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/fileerror"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// The stages of an upload of Meta's documents, in their order.
const (
	stageReceived = iota
	stageReading
	stageRecording
	stageDone
)

// uploadStages are what the page says of them.
func uploadStages() []string {
	return []string{"The file was received", "Its lines are read and checked", "It is recorded, with the original", "Ready to be compared"}
}

// documentUpload is what came of an upload.
type documentUpload struct {
	fileName string
	bytes    int
	imported []ledger.ImportedInvoice
	months   []domain.Month
	lines    int
}

// uploadView is the page of an upload.
type uploadView struct {
	id    string
	stage int
	ended bool
	what  documentUpload
	// problems are what is wrong with the file; refused says why it was not
	// taken otherwise.
	problems *fileerror.List
	refused  string
}

// uploadForm shows the form that takes Meta's documents.
func (w *Web) uploadForm(q *request) error { return w.uploadFormPage(q, ui.NewForm()) }

func (w *Web) uploadFormPage(q *request, f *ui.Form) error {
	return q.show(ui.Page{Title: "Upload Meta's documents", Crumbs: monthsCrumbs()}, uploadFormPage(f))
}

func monthsCrumbs() []ui.Crumb { return []ui.Crumb{{Label: "Months", URL: "/months"}} }

// uploadDocuments takes a file of Meta's documents. It is read and recorded
// beside the page, which shows how far that is.
func (w *Web) uploadDocuments(q *request) error {
	u, done, err := q.upload()
	if err != nil {
		return err
	}
	defer done()
	name, data, err := u.file("documents", true)
	if err != nil {
		return err
	}
	o := metainvoice.Options{Sheet: u.text("sheet"), FX: readRates(u.form)}
	mappingName, mapping, err := u.file("mapping", false)
	if err != nil {
		return err
	}
	if len(mapping) > 0 {
		if o.Mapping, err = metainvoice.ParseMapping(mappingName, bytes.NewReader(mapping)); err != nil {
			u.Fail("mapping", err.Error())
		}
	}
	if u.Failed() {
		q.status = unprocessable
		return w.uploadFormPage(q, u.Form)
	}
	if u.commandID == uuid.Nil {
		u.commandID = uuid.New()
	}
	id, meta := u.commandID.String(), q.meta(u.form)
	came := &documentUpload{fileName: name, bytes: len(data)}
	// What goes wrong is said by the page of the upload.
	_, _, _ = w.start(q, "upload/"+id, came, false, func(ctx context.Context, t *job) error { return w.importDocuments(ctx, t, meta, came, data, o) })
	return q.redirect("/documents/uploads/" + id)
}

// importDocuments reads and records a file. What it finds out is in came once
// the task has ended.
func (w *Web) importDocuments(ctx context.Context, t *job, m domain.Meta, came *documentUpload, data []byte, o metainvoice.Options) error {
	t.at(stageReading)
	file, err := metainvoice.Read(came.fileName, bytes.NewReader(data), o)
	if err != nil {
		return err
	}
	t.at(stageRecording)
	imported, err := w.desk.Ledger.ImportMetaFile(ctx, m, file)
	if err != nil {
		return err
	}
	months := map[domain.Month]bool{}
	for i := range file.Invoices {
		came.lines += len(file.Invoices[i].Lines)
		for j := range file.Invoices[i].Lines {
			months[file.Invoices[i].Lines[j].Month] = true
		}
	}
	came.imported, came.months = imported, slices.Sorted(maps.Keys(months))
	t.at(stageDone)
	return w.desk.Ledger.Settle(ctx)
}

// documentUpload shows how far an upload is, and what came of it.
func (w *Web) documentUpload(q *request) error {
	id := q.param("upload")
	t := w.jobs.find("upload/" + id)
	if t == nil {
		return errNotFound
	}
	came := t.about.(*documentUpload)
	v := &uploadView{id: id, what: documentUpload{fileName: came.fileName, bytes: came.bytes}}
	var err error
	if v.stage, v.ended, err = t.state(); v.ended {
		v.what = *came
	}
	if err != nil {
		if v.problems = problemsOf(err); v.problems == nil {
			var told bool
			if v.refused, told = refusal(err); !told {
				w.log.Error("an upload failed", zap.String("file", came.fileName), zap.Error(err))
				v.refused = "The ledger could not take it. Nothing is half done: send it again, and if it stays so, tell your operator."
			}
		}
	}
	return q.show(ui.Page{Title: "Upload of " + v.what.fileName, Crumbs: monthsCrumbs()}, uploadPage(v))
}

// readRates reads rates of exchange, one a line: USD EUR 0.92 2026-10-31 ECB.
func readRates(f *form) (all []reconciliation.FXRate) {
	for n, line := range strings.Split(f.text("fx"), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		wrong := func() {
			f.Fail("fx", fmt.Sprintf("Line %d is no rate of exchange: write it like USD EUR 0.92 2026-10-31 ECB.", n+1))
		}
		if len(words) < 3 {
			wrong()
			continue
		}
		rate, err := money.Parse(words[2])
		if err != nil {
			wrong()
			continue
		}
		r := reconciliation.FXRate{From: money.Currency(strings.ToUpper(words[0])), To: money.Currency(strings.ToUpper(words[1])), Rate: rate}
		if len(words) > 3 {
			r.Date, r.Source = words[3], strings.Join(words[4:], " ")
		}
		if err := r.Validate(); err != nil {
			wrong()
			continue
		}
		all = append(all, r)
	}
	return all
}

// documentView is a document of Meta with some of its lines.
type documentView struct {
	*desk.MetaDocument
	from  int
	pager ui.Pager
	may   bool
	form  *ui.Form
}

// document shows a document of Meta.
func (w *Web) document(q *request) error { return w.documentPage(q, ui.NewForm()) }

func (w *Web) documentPage(q *request, f *ui.Form) error {
	from := q.offset()
	d, err := w.desk.DocumentLines(q.Context(), q.param("document"), from+1, rowsPerPage)
	if err != nil {
		return err
	}
	v := &documentView{MetaDocument: d, from: from, may: isFinance(q.who), form: f, pager: ui.OffsetPager(q.URL, from, rowsPerPage, len(d.Lines), d.LineCount)}
	return q.show(ui.Page{Title: "Document " + d.InvoiceID, Crumbs: monthsCrumbs()}, documentPage(v))
}

// documentURL is the page of a document.
func documentURL(id string) string { return "/documents/" + pathEscape(id) }

// allocate gives a line of a document to an account, or accepts it as own cost.
func (w *Web) allocate(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	line, err := strconv.Atoi(f.text("line"))
	if err != nil {
		return &userError{"The form could not be read. Go back, reload the page and send it again."}
	}
	back := access.LocalPath(f.Value("back"))
	c := reconciliation.AllocateInvoiceLine{Line: line, PartnerID: f.text("partner_id"), OwnCost: f.Value("own_cost") != ""}
	if c.OwnCost {
		c.PartnerID = ""
	}
	err = w.desk.Ledger.AllocateInvoiceLine(q.Context(), q.meta(f), q.param("document"), c)
	if err == nil {
		err = w.desk.Ledger.Settle(q.Context())
	}
	if err != nil {
		sentence, told := refusal(err)
		if !told {
			return err
		}
		q.flash(ui.Bad, sentence)
		return q.redirect(back)
	}
	to := c.PartnerID
	if c.OwnCost {
		to = "own cost"
	}
	q.flash(ui.Good, fmt.Sprintf("Line %d of %s is allocated: %s.", line, q.param("document"), to))
	return q.redirect(back)
}

// original gives back the file that a document came in.
func (w *Web) original(q *request) error {
	version, err := strconv.Atoi(q.query("version"))
	if err != nil {
		version = 0
	}
	var data bytes.Buffer
	o, err := w.desk.Ledger.Original(q.Context(), q.param("document"), version, &data)
	if err != nil {
		return err
	}
	return q.download(o.FileName, "application/octet-stream", func(out http.ResponseWriter) error {
		_, err := out.Write(data.Bytes())
		return err
	})
}
