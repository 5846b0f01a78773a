package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/uuid"

	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
)

// upload gives a file to the ledger at --server and reads what it came to. It is
// read whole, so that it can be sent again.
func upload[T any](ctx context.Context, g *globals, w *who, path, file string, query url.Values) (T, error) {
	return ask[T](ctx, g, func(c *apiclient.ClientWithResponses) (*http.Response, error) {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		query.Set("filename", filepath.Base(file))
		header := http.Header{"Content-Type": {"application/octet-stream"}, "Idempotency-Key": {w.key()}}
		return c.Send(ctx, http.MethodPost, path+"?"+query.Encode(), header, bytes.NewReader(content))
	}, nil)
}

// order gives an order that is no command of an account to the ledger at
// --server, and reads what it came to.
func order[T any](ctx context.Context, g *globals, w *who, method, path string, payload any, header ...string) (T, error) {
	return ask[T](ctx, g, func(c *apiclient.ClientWithResponses) (*http.Response, error) {
		content, err := json.Marshal(payload)
		if err != nil {
			return nil, err
		}
		h := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {w.key()}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return c.Send(ctx, method, path, h, bytes.NewReader(content))
	}, nil)
}

// key makes a request count once, however often it is sent.
func (w *who) key() string {
	if w.CommandID.UUID != uuid.Nil {
		return w.CommandID.UUID.String()
	}
	return uuid.NewString()
}

// optional is a parameter; nil where it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// fetch gets an answer that is read as it comes.
func (g *globals) fetch(ctx context.Context, path string) (*http.Response, error) {
	c, err := g.client()
	if err != nil {
		return nil, err
	}
	return c.Send(ctx, http.MethodGet, path, nil, nil)
}

// download writes an answer as it comes.
func (g *globals) download(ctx context.Context, path string, out io.Writer) error {
	response, err := g.fetch(ctx, path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	return errors.Join(err, response.Body.Close())
}

// form is a form of files. It is made whole, so that it can be sent again.
func form(files []string) (kind string, body *bytes.Buffer, err error) {
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		part, err := w.CreateFormFile("file", filepath.Base(file))
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			return "", nil, err
		}
	}
	return w.FormDataContentType(), body, w.Close()
}

// pageQuery asks for a page of a list of a month.
func pageQuery(preview bool, cursor *string) string {
	q := url.Values{"limit": {strconv.Itoa(httpapi.MaxPage)}}
	if preview {
		q.Set("preview", "true")
	}
	if cursor != nil {
		q.Set("cursor", *cursor)
	}
	return q.Encode()
}
