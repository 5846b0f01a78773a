package web

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"prepayledger/consumers/bankstatement"
	"prepayledger/consumers/fileerror"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/rating"
)

const (
	// maxFileBytes bounds a file that is uploaded: 64 MiB, as many as Meta's
	// documents may have; others have smaller bounds of their own.
	maxFileBytes = metainvoice.MaxFileBytes
	// formMemory is how much of an upload is kept in memory; more goes to a
	// temporary file (bytes).
	formMemory = 1 << 20
)

// upload is a form with a file.
type upload struct {
	*form
	files map[string]*multipart.FileHeader
}

// upload reads a form with files. The caller calls done.
func (q *request) upload() (*upload, func(), error) {
	q.Body = http.MaxBytesReader(q.w, q.Body, maxFileBytes+maxFormBytes)
	if err := q.ParseMultipartForm(formMemory); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, nil, err
		}
		return nil, nil, &userError{"The file did not arrive whole. Go back, reload the page and send it again."}
	}
	u := &upload{files: map[string]*multipart.FileHeader{}}
	for name, files := range q.MultipartForm.File {
		if len(files) > 0 {
			u.files[name] = files[0]
		}
	}
	q.PostForm = q.MultipartForm.Value
	f, err := q.filled()
	u.form = f
	return u, func() { _ = q.MultipartForm.RemoveAll() }, err
}

// file reads a file of the form; an empty one that is needed is said at its
// field.
func (u *upload) file(name string, needed bool) (string, []byte, error) {
	header := u.files[name]
	if header == nil || header.Size == 0 {
		if needed {
			u.Fail(name, "Choose a file that is not empty.")
		}
		return "", nil, nil
	}
	in, err := header.Open()
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = in.Close() }()
	var data bytes.Buffer
	_, err = io.Copy(&data, in)
	return header.Filename, data.Bytes(), err
}

// problemsOf are the problems of a file by line and field, where an error lists
// them.
func problemsOf(err error) *fileerror.List {
	var invoice *metainvoice.Error
	var statement *bankstatement.Error
	var rates *rating.FileError
	switch {
	case errors.As(err, &invoice):
		return &invoice.List
	case errors.As(err, &statement):
		return &statement.List
	case errors.As(err, &rates):
		l := &fileerror.List{File: rates.File, More: rates.More}
		for _, p := range rates.Problems {
			l.Problems = append(l.Problems, fileerror.Problem{Line: p.Line, Field: p.Field, Message: p.Text})
		}
		return l
	}
	return nil
}

// inFile returns what is wrong with a file by line and field, with an error
// that says so in a sentence; other errors stay as they are.
func inFile(err error) (*fileerror.List, error) {
	l := problemsOf(err)
	if l == nil {
		return nil, err
	}
	return l, domain.Reject(domain.InvoiceInvalid, "Nothing was taken of %.120s: correct what is listed below, and send it again.", l.File)
}
