package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

const (
	// UploadTimeout is how long an uploaded file may take to come (time).
	UploadTimeout = 5 * time.Minute
	// UploadsAtOnce is how many uploaded files are worked on at once, and
	// UploadWait how long another one waits for its turn (time).
	UploadsAtOnce = 2
	UploadWait    = 10 * time.Second
	// MaxFormParts bounds the parts of a form, and MaxFormValue what one has
	// that is no file, in bytes.
	MaxFormParts = 64
	MaxFormValue = 64 << 10
	// MaxFileName bounds a file's name, in bytes.
	MaxFileName = 255
	// filePart is the name of the part of a form that is a file.
	filePart = "file"
	// fileNameParameter names the file where the body is the file.
	fileNameParameter = "filename"
)

// uploaded is what came: a file, or several, and the options beside it.
type uploaded struct {
	files  []desk.File
	values url.Values
	// request has the path.
	request *http.Request
	key     IdempotencyKey
	temp    []*os.File
}

// file is the only file.
func (u *uploaded) file() (desk.File, error) {
	if len(u.files) != 1 {
		return desk.File{}, &commandjson.FieldError{Field: filePart, Problem: "give one file: as the body, or as the part " + filePart + " of a form"}
	}
	return u.files[0], nil
}

// meta is what a command carries of who gives it.
func (u *uploaded) meta(ctx context.Context) domain.Meta { return u.key.meta(ctx) }

// close deletes what was kept of the files.
func (u *uploaded) close() {
	for _, f := range u.temp {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
}

// option is something that can be said beside a file: as a parameter, or as a
// part of the form.
type option struct{ name, doc string }

// upload registers an operation that takes files: the body is the file and its
// name a parameter, or a form has them. Files are kept on disk while they are
// read; most is how many bytes they may have together. The answer is JSON.
func upload[O any](a *API, op huma.Operation, rule access.Rule, most int64, options []option, handle func(context.Context, *uploaded) (O, error)) {
	describeUpload[O](a, &op, options)
	a.stream(op, rule, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), UploadTimeout+LongTimeout)
		defer cancel()
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(UploadTimeout)) // not every writer can
		answer, err := func() (answer O, err error) {
			leave, err := a.uploading(ctx)
			if err != nil {
				return answer, err
			}
			defer leave()
			u, err := receive(w, r, most, options)
			if u != nil {
				defer u.close()
			}
			if err != nil {
				return answer, err
			}
			return handle(ctx, u)
		}()
		if err != nil {
			a.writeProblem(w, r, err)
			return
		}
		writeJSON(w, answer)
	})
}

// uploading waits for a turn to take files.
func (a *API) uploading(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(UploadWait)
	defer timer.Stop()
	select {
	case a.uploads <- struct{}{}:
		return func() { <-a.uploads }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, desk.Busy("Other files are worked on, nothing was done: try again in a moment.")
	}
}

// receive takes the files and options of a request.
func receive(w http.ResponseWriter, r *http.Request, most int64, options []option) (*uploaded, error) {
	u := &uploaded{values: url.Values{}, request: r}
	if u.key.Key = r.Header.Get("Idempotency-Key"); len(u.key.Key) > MaxKeyBytes {
		return nil, &commandjson.FieldError{Field: "Idempotency-Key", Problem: fmt.Sprintf("it has more than %d bytes", MaxKeyBytes)}
	}
	query, err := parameters(r, append(namesOf(options), fileNameParameter)...)
	if err != nil {
		return nil, err
	}
	for name, values := range query {
		u.values[name] = values
	}
	r.Body = http.MaxBytesReader(w, r.Body, most+MaxFormParts*MaxFormValue)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		return u, u.form(r, most, options)
	}
	name := query.Get(fileNameParameter)
	if name == "" {
		if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil {
			name = params["filename"]
		}
	}
	return u, u.keep(name, r.Body, most)
}

func namesOf(options []option) (all []string) {
	for _, o := range options {
		all = append(all, o.name)
	}
	return all
}

// form takes the parts of a form.
func (u *uploaded) form(r *http.Request, most int64, options []option) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return &commandjson.FieldError{Problem: "the form can't be read: " + err.Error()}
	}
	for n := 0; ; n++ {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return bodyError(err)
		}
		if n == MaxFormParts {
			return &commandjson.FieldError{Problem: fmt.Sprintf("the form has more than %d parts", MaxFormParts)}
		}
		switch name := p.FormName(); {
		case name == filePart:
			err = u.keep(p.FileName(), p, most)
		case slices.Contains(namesOf(options), name):
			err = u.value(name, p)
		default:
			err = &commandjson.FieldError{Field: fmt.Sprintf("%.60s", name), Problem: "there is no such part: give " + filePart + ", " + strings.Join(namesOf(options), ", ")}
		}
		if err != nil {
			return err
		}
	}
}

func (u *uploaded) value(name string, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, MaxFormValue+1))
	switch {
	case err != nil:
		return bodyError(err)
	case len(text) > MaxFormValue:
		return &commandjson.FieldError{Field: name, Problem: fmt.Sprintf("it has more than %d bytes", MaxFormValue)}
	}
	u.values.Add(name, string(text))
	return nil
}

// keep keeps a file on disk while it is read.
func (u *uploaded) keep(name string, r io.Reader, most int64) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "prepay-upload-*")
	if err != nil {
		return err
	}
	u.temp = append(u.temp, file)
	size, err := io.Copy(file, io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return bodyError(err)
	case size > most:
		return &http.MaxBytesError{Limit: most}
	case size == 0:
		return &commandjson.FieldError{Field: filePart, Problem: "the file is empty: send it again"}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	u.files = append(u.files, desk.File{Name: name, Reader: file})
	return nil
}

// cleanName is a file's name without folders.
func cleanName(name string) (string, error) {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	switch {
	case name == "." || name == "/":
		return "upload", nil
	case len(name) > MaxFileName, !utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return "", &commandjson.FieldError{Field: fileNameParameter, Problem: fmt.Sprintf("give a name of at most %d bytes of UTF-8 without control characters", MaxFileName)}
	}
	return name, nil
}

// bodyError says what is wrong with a body that can't be read to its end.
func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newProblem(http.StatusRequestTimeout, commandjson.CodeInvalidRequest, fmt.Sprintf("The body did not come within %s, nothing was done: send it again.", UploadTimeout))
	}
	return newProblem(http.StatusBadRequest, commandjson.CodeInvalidRequest, "The body can't be read to its end, nothing was done: send it again.")
}

// describeUpload says in the OpenAPI document what an upload takes and gives.
func describeUpload[O any](a *API, op *huma.Operation, options []option) {
	text := &huma.Schema{Type: huma.TypeString}
	form := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{filePart: {Type: huma.TypeString, Format: "binary", Description: "The file."}}, Required: []string{filePart}}
	for _, o := range options {
		op.Parameters = append(op.Parameters, query(o.name, o.doc, text))
		form.Properties[o.name] = &huma.Schema{Type: huma.TypeString, Description: o.doc}
	}
	op.Parameters = append(op.Parameters, query(fileNameParameter, "Name of the file, where the body is the file.", text), keyParameter())
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data":      {Schema: form},
		"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
	op.Responses = map[string]*huma.Response{"200": jsonResponse[O](a, "It was done.")}
}
