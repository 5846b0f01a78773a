package web

import (
	"mime"
	"net/http"
	"net/url"

	"go.uber.org/zap"
)

// download answers with a file. What goes wrong once it began can't be said in
// a page: the connection is cut, so that nobody takes a part for the whole.
func (q *request) download(name, contentType string, write func(http.ResponseWriter) error) error {
	h := q.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Cache-Control", "no-store")
	if err := write(q.w); err != nil {
		q.web.log.Error("a download failed", zap.String("path", q.URL.Path), zap.Error(err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

// pathEscape writes a text as a part of a path.
func pathEscape(s string) string { return url.PathEscape(s) }
