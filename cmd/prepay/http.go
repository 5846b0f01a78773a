package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/cmd/prepay/internal/web"
	"prepayledger/consumers/ledger"
)

const (
	// httpHeaderTimeout and httpIdleTimeout bound slow and idle clients (time).
	httpHeaderTimeout = 5 * time.Second
	httpIdleTimeout   = 2 * time.Minute
	// maxHTTPHeaderBytes bounds a request's headers: 64 KiB.
	maxHTTPHeaderBytes = 64 << 10
)

// httpServer serves the API, the web pages, health and metrics.
type httpServer struct {
	server *http.Server
	// url is where it is reached from this machine.
	url string
}

// listenHTTP starts to serve.
func (s *server) listenHTTP() (*httpServer, error) {
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", s.settings.HTTPListen)
	if err != nil {
		return nil, fmt.Errorf("--http-listen %s: %w", s.settings.HTTPListen, err)
	}
	h := &httpServer{url: "http://" + listener.Addr().String(), server: &http.Server{
		Handler: handler, ReadHeaderTimeout: httpHeaderTimeout, IdleTimeout: httpIdleTimeout, MaxHeaderBytes: maxHTTPHeaderBytes,
		ErrorLog: zap.NewStdLog(s.log.Named("http")),
	}}
	serve := func() error { return h.server.Serve(listener) }
	if s.settings.HTTPCert != "" {
		c := &certificate{certFile: s.settings.HTTPCert, keyFile: s.settings.HTTPKey, log: s.log.Named("http")}
		if err := c.load(); err != nil {
			return nil, errors.Join(fmt.Errorf("--http-cert: %w", err), listener.Close())
		}
		h.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
		h.url = "https://" + listener.Addr().String()
		serve = func() error { return h.server.ServeTLS(listener, "", "") }
	}
	go func() { // ends with close
		if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- fmt.Errorf("HTTP: %w", err):
			default:
			}
		}
	}()
	return h, nil
}

// close ends requests that wait, and those that last as long as the client
// stays, when the time is over.
func (h *httpServer) close(ctx context.Context) error {
	if err := h.server.Shutdown(ctx); err != nil {
		return h.server.Close()
	}
	return nil
}

// routes is a router on which every route says who may use it.
type routes struct {
	*chi.Mux
	all []access.Route
}

// add adds a route. It answers refusals as the API does.
func (r *routes) add(method, path string, rule access.Rule, h http.Handler) {
	r.all = append(r.all, access.Route{Method: method, Path: path, Rule: rule})
	r.Method(method, path, httpapi.Guard(rule, h))
}

// routes are all that is served.
func (s *server) routes() (*routes, error) {
	who, err := s.authenticator()
	if err != nil {
		return nil, err
	}
	links, err := s.links()
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Deps{
		Desk: s.app, Access: who, Data: s.globals.Data, Links: links, SendReset: s.sendReset(links), RequestID: httpapi.RequestID, Logger: s.log.Named("web"),
		Issuer: s.settings.issuer(), BlockedText: ledger.BlockedText(s.settings.Provider), CardLink: s.cardLink(), CardHint: s.cardHint(),
	})
	if err != nil {
		return nil, err
	}
	r := &routes{Mux: chi.NewRouter()}
	r.Use(httpapi.WithRequestID, s.recovered, s.secured, s.telemetry.requests, who.Middleware)
	r.add(http.MethodGet, "/healthz", access.Rule{Anyone: true}, http.HandlerFunc(s.health))
	r.add(http.MethodGet, "/readyz", access.Rule{Anyone: true}, http.HandlerFunc(s.readiness))
	r.add(http.MethodGet, "/metrics", access.Watches(), promhttp.HandlerFor(s.telemetry.registry, promhttp.HandlerOpts{}))
	routePayments(r, s.payments)
	s.routeMeta(r)
	api := httpapi.New(r, httpapi.Options{
		Ending: s.ending, Desk: s.app, Access: who, Links: links, Logger: s.log.Named("http"), CardLink: s.cardLink(), Issuer: s.settings.issuer(), Provider: s.settings.Provider,
		Rate: s.settings.HTTPRate, Burst: int(min(4*s.settings.HTTPRate, 1e9)),
	})
	pages.Mount(r)
	r.NotFound(apart(httpapi.NotFound, r.NotFoundHandler()))
	r.MethodNotAllowed(apart(httpapi.MethodNotAllowed, r.MethodNotAllowedHandler()))
	r.all = slices.Concat(r.all, api.Routes(), pages.Routes())
	s.pages = pages
	return r, nil
}

// apart answers paths of the API as the API does, others as pages do.
func apart(api, pages http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, httpapi.Prefix+"/") {
			api(w, r)
			return
		}
		pages(w, r)
	}
}

// secured sets the headers that every answer has. Pages have a policy of their
// own, of what they may load.
func (s *server) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recovered answers a request whose handler panicked, and goes on. What the
// handler had begun to write is cut off.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the library compares so
				panic(v)
			}
			s.log.Error("a request over HTTP panicked", zap.String("request", httpapi.RequestID(r.Context())), zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
			httpapi.WriteFailure(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}
