package httpapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// requestHeader names a request in answers and logs.
const requestHeader = "X-Request-Id"

type requestKey struct{}

// WithRequestID gives every request an id of its own, which answers bear and
// the log has.
func WithRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set(requestHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
	})
}

// PathValue returns a parameter of the path as it was meant: an id may have
// characters that a path has escaped.
func PathValue(r *http.Request, name string) string {
	value := r.PathValue(name)
	if r.URL.RawPath == "" {
		return value // nothing in it is escaped any more
	}
	if meant, err := url.PathUnescape(value); err == nil {
		return meant
	}
	return value
}

// RequestID returns the request's id; empty outside of WithRequestID.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
