package httpapi

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

const (
	// MaxUploads is how many uploads of usage are taken at once.
	MaxUploads = 8
	// UploadPatience is how long an upload may wait for its client, to send or to
	// read, without MinUploadBytes in between (time). What the ledger takes does
	// not count.
	UploadPatience = 30 * time.Second
	// MinUploadBytes is how much must come within UploadPatience: 1 KiB.
	MinUploadBytes = 1 << 10
	// maxUnpacked is how many bytes a compressed upload may unpack to for each
	// one that came, beyond unpackedFree: usage compresses to a tenth or a
	// fiftieth, what is made to fill the ledger to a thousandth.
	maxUnpacked  = 200
	unpackedFree = 64 << 20
	// uploadBuffer is how much is read at a time: 64 KiB.
	uploadBuffer = 64 << 10
)

// Which results are wanted.
const (
	resultsAll      = "all"
	resultsProblems = "problems"
	resultsSummary  = "summary"
)

// ChargeLine is what became of one charge of an upload, on disk.
type ChargeLine struct {
	Line int `json:"line" doc:"Where it stands, counted from 1."`
	intake.ChargeReply
}

// UploadEnd is the last line of the answer to an upload.
type UploadEnd struct {
	Done    bool           `json:"done" doc:"Whether everything was taken. Else present the same again."`
	Summary intake.Summary `json:"summary" doc:"What became of what was taken."`
	Error   *Problem       `json:"error,omitempty" doc:"Why not everything was taken."`
}

// uploadUsage takes usage line by line, and answers while lines still come.
func (a *API) uploadUsage(w http.ResponseWriter, r *http.Request) {
	defer a.taking.uploads.Add(-1)
	if a.taking.uploads.Add(1) > MaxUploads {
		a.writeProblem(w, r, overloaded())
		return
	}
	results := &results{w: w, connection: http.NewResponseController(w)}
	body := &patientBody{body: r.Body, connection: results.connection, left: UploadPatience}
	defer body.done()
	var summary intake.Summary
	src, err := source(r, body)
	if err == nil {
		results.want, err = wantedResults(r)
	}
	if err == nil {
		_ = results.connection.EnableFullDuplex() // HTTP/2 always is
		m := domain.Meta{Actor: access.From(r.Context()).Actor()}
		summary, err = intake.ImportWatched(r.Context(), a.desk.Ledger, m, src, intake.Watch{Results: results.add})
	}
	if err == nil {
		results.end(&UploadEnd{Done: true, Summary: summary})
		return
	}
	p := a.problem(r.Context(), uploadError(err))
	if !results.begun && summary.Total() == 0 {
		w.Header().Set("Connection", "close") // the rest of the body is not read
		WriteProblem(w, p)
		return
	}
	results.end(&UploadEnd{Summary: summary, Error: p})
}

// uploadError says of what is the client's own that it is: the rest is the
// ledger's.
func uploadError(err error) error {
	var broken *usage.SourceError
	var header *usage.HeaderError
	switch {
	case errors.As(err, &header):
		return newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, header.Error())
	case errors.As(err, &broken) && errors.Is(err, os.ErrDeadlineExceeded):
		return newProblem(http.StatusRequestTimeout, commandjson.CodeInvalidRequest,
			fmt.Sprintf("Less than %d bytes came within %s after line %d: present the same again, what was counted already is told apart.", MinUploadBytes, UploadPatience, broken.LastLine))
	case errors.As(err, &broken), errors.Is(err, context.Canceled):
		return newProblem(http.StatusBadRequest, commandjson.CodeInvalidRequest, err.Error())
	}
	return err
}

// wantedResults reads the only parameter.
func wantedResults(r *http.Request) (string, error) {
	values, err := parameters(r, "results")
	if err != nil {
		return "", err
	}
	want := cmp.Or(values.Get("results"), resultsProblems)
	switch want {
	case resultsAll, resultsProblems, resultsSummary:
		return want, nil
	}
	return "", newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, fmt.Sprintf("results is %.40q: write all, problems or summary.", want))
}

// source is the body as the intake reads it: unpacked, and with a name that
// tells its format.
func source(r *http.Request, body io.Reader) (usage.Source, error) {
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	name := ""
	switch {
	case err != nil:
	case contentType == "application/x-ndjson", contentType == "application/ndjson", contentType == "application/jsonl":
		name = "usage.ndjson"
	case contentType == "text/csv":
		name = "usage.csv"
	}
	if name == "" {
		return usage.Source{}, newProblem(http.StatusUnsupportedMediaType, commandjson.CodeInvalidRequest, "Send application/x-ndjson or text/csv, compressed with gzip or not.")
	}
	plain, err := unpacked(r.Header.Get("Content-Encoding"), body)
	return usage.Source{Name: name, R: plain, Live: true}, err
}

// unpacked is the body as it was before it was compressed, by what the header
// says, or by its first bytes.
func unpacked(encoding string, body io.Reader) (io.Reader, error) {
	arrived := &arrivals{r: body}
	buffered := bufio.NewReaderSize(arrived, uploadBuffer)
	magic, _ := buffered.Peek(2) // what fails fails again
	packed := isGzip(magic)
	switch encoding = strings.ToLower(encoding); {
	case encoding == "gzip" && !packed && len(magic) > 0:
		return nil, newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, "Content-Encoding says gzip, and the body is not: leave the header out, or compress it.")
	case encoding != "" && encoding != "identity" && encoding != "gzip":
		return nil, newProblem(http.StatusUnsupportedMediaType, commandjson.CodeInvalidRequest, fmt.Sprintf("Content-Encoding %.40q is not known: send gzip or nothing.", encoding))
	case !packed:
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, fmt.Sprintf("The body is not gzip: %v.", err))
	}
	inner := bufio.NewReaderSize(&bounded{r: z, packed: arrived}, uploadBuffer)
	if magic, _ := inner.Peek(2); isGzip(magic) {
		return nil, newProblem(http.StatusUnprocessableEntity, commandjson.CodeInvalidRequest, "The body is compressed twice: compress it once.")
	}
	return inner, nil
}

func isGzip(magic []byte) bool { return bytes.Equal(magic, []byte{0x1f, 0x8b}) }

// arrivals counts what is read.
type arrivals struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *arrivals) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded fails where far more is unpacked than came.
type bounded struct {
	r      io.Reader
	packed *arrivals
	n      int64
}

// errUnpacksTooLarge ends what unpacks without end.
var errUnpacksTooLarge = errors.New("it unpacks to far more than usage does: send it uncompressed")

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.n > unpackedFree && b.n > maxUnpacked*b.packed.n {
		return 0, errUnpacksTooLarge
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	return n, err
}

// patientBody is the body of an upload. It waits for its client for
// UploadPatience at most until MinUploadBytes came; while the ledger takes what
// came, no time passes.
type patientBody struct {
	body       io.Reader
	connection *http.ResponseController
	left       time.Duration
	came       int
}

// Read implements io.Reader.
func (b *patientBody) Read(p []byte) (int, error) {
	began := time.Now()
	_ = b.connection.SetReadDeadline(began.Add(b.left)) // not there in tests alone
	n, err := b.body.Read(p)
	b.left -= time.Since(began)
	if b.came += n; b.came >= MinUploadBytes {
		b.left, b.came = UploadPatience, 0
	}
	if err != nil {
		// Else the connection would be thought dead while the ledger works.
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// done takes the bounds off the connection.
func (b *patientBody) done() {
	_ = b.connection.SetReadDeadline(time.Time{})
	_ = b.connection.SetWriteDeadline(time.Time{})
}

// results writes what became of the lines.
type results struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	want       string
	text       bytes.Buffer
	begun      bool
}

// add writes the results of a batch that are wanted. A client that does not
// read them holds its own upload up.
func (s *results) add(batch []intake.Result) error {
	out := json.NewEncoder(&s.text)
	out.SetEscapeHTML(false)
	for i := range batch {
		r := &batch[i]
		if s.want == resultsAll || s.want == resultsProblems && r.Outcome == string(domain.ChargeQuarantinedResult) {
			if err := out.Encode(ChargeLine(*r)); err != nil {
				return err
			}
		}
	}
	if s.begun && s.text.Len() == 0 {
		return nil
	}
	return s.write()
}

// end writes the last line.
func (s *results) end(last *UploadEnd) {
	out := json.NewEncoder(&s.text)
	out.SetEscapeHTML(false)
	if out.Encode(last) == nil {
		_ = s.write() // who has gone has gone
	}
}

// write sends what waits.
func (s *results) write() error {
	_ = s.connection.SetWriteDeadline(time.Now().Add(UploadPatience)) // not there in tests alone
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.w.WriteHeader(http.StatusOK)
	}
	_, err := s.w.Write(s.text.Bytes())
	s.text.Reset()
	if err == nil {
		err = s.connection.Flush()
	}
	return err
}
