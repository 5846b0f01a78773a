package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"prepayledger/consumers/commandjson"
)

// DownloadTimeout is how long a download may take (time).
const DownloadTimeout = 15 * time.Minute

// query is a parameter of an operation that huma does not read.
func query(name, doc string, schema *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: schema}
}

// inPath is a parameter of the path of an operation that huma does not read.
func inPath(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

func keyParameter() *huma.Param {
	limit := MaxKeyBytes
	return &huma.Param{
		Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &limit},
		Description: "Makes the request count once ever, as long as its content is the same.",
	}
}

// jsonResponse is an answer that is JSON.
func jsonResponse[O any](a *API, doc string) *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[O](), true, "Answer")
	return &huma.Response{Description: doc, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// downloaded is an answer that is a file.
func downloaded(doc string, types ...string) *huma.Response {
	r := &huma.Response{Description: doc, Content: map[string]*huma.MediaType{}}
	for _, t := range types {
		r.Content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	return r
}

// parameters reads the query of a request, and refuses what is not known or is
// there twice.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &commandjson.FieldError{Problem: "the query of the URL can't be read: " + err.Error()}
	}
	for name, all := range values {
		if !slices.Contains(known, name) {
			return nil, &commandjson.FieldError{Field: fmt.Sprintf("%.60s", name), Problem: "there is no such parameter: there are " + strings.Join(known, ", ")}
		}
		if len(all) > 1 {
			return nil, &commandjson.FieldError{Field: name, Problem: "give it once"}
		}
	}
	return values, nil
}

func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer) // who does not read it has left
}

// download is a file on its way to the caller. What fails before its first byte
// is answered with a problem; later the connection is broken, so that nobody
// takes a part for the whole.
type download struct {
	w       http.ResponseWriter
	begun   bool
	typed   string
	name    string
	headers map[string]string
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	return d.w.Write(p)
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	h := d.w.Header()
	h.Set("Content-Type", d.typed)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if d.name != "" {
		h.Set("Content-Disposition", disposition(d.name))
	}
	for name, value := range d.headers {
		h.Set(name, value)
	}
}

// disposition offers a file under a name.
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/;%`, r) {
			return '_'
		}
		return r
	}, name)
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, plain, strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
}

// download answers with a file that write writes, bit by bit.
func (a *API) download(w http.ResponseWriter, r *http.Request, d *download, write func(context.Context, *download) error) {
	ctx, cancel := context.WithTimeout(r.Context(), DownloadTimeout)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(DownloadTimeout)) // not every writer can
	d.w = w
	err := write(ctx, d)
	switch {
	case err == nil:
		d.begin() // an empty file
	case !d.begun:
		a.writeProblem(w, r, err)
	default:
		a.log.Warn("a download over HTTP broke off", zap.String("request", RequestID(r.Context())), zap.Error(err))
		panic(http.ErrAbortHandler)
	}
}
