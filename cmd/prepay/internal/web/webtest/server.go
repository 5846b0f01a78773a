package webtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/cmd/prepay/internal/web"
	"prepayledger/consumers/demo"
	"prepayledger/consumers/invoices"
)

const (
	// seed and conversations are the demo's month that every test begins with.
	seed          = 7
	conversations = 1_000
	// buildTimeout bounds the making of the month (time).
	buildTimeout = time.Minute
)

// Server is the pages on a data folder of the test's own.
type Server struct {
	// URL is where it listens.
	URL string
	// Desk is the ledger behind it: a test may do something to it.
	Desk *desk.Desk
	// Web is what serves the pages.
	Web *web.Web
	// Data is the data folder.
	Data string
	// Month is the demo's month. Its clock is the ledger's: Month.At moves it.
	Month *demo.Month
	Plan  *demo.Plan
	// Access has the people who may sign in; see People.
	Access *access.Store

	mu     sync.Mutex
	resets map[string]string
}

// template is the data folder that tests copy: it is made once.
type template struct {
	once sync.Once
	dir  string
	at   time.Time
	err  error
}

// made is the template of this test binary.
var made template

// build makes the demo's month: usage and card payments, without Meta's
// invoice.
func (m *template) build() {
	m.dir, m.err = os.MkdirTemp("", "prepay-webtest-")
	if m.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	plan, err := demo.New(seed, conversations)
	if err != nil {
		m.err = err
		return
	}
	month := demo.NewMonth(plan)
	d, err := desk.Open(ctx, m.dir, app.Options{Empty: true, Clock: month.Now, Exact: true})
	if err != nil {
		m.err = err
		return
	}
	if m.err = month.Open(ctx, d.Ledger); m.err == nil {
		m.err = month.Run(ctx, d.Ledger)
	}
	m.at = month.Now()
	if m.err == nil {
		m.err = invite(ctx, m.dir, plan)
	}
	if err := d.Close(); m.err == nil {
		m.err = err
	}
}

// Start serves the demo's month until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartWith(t, func(string) access.AuthenticatorOptions { return access.AuthenticatorOptions{} })
}

// StartWith is Start with other options of access, such as an identity provider;
// they are made for the URL at which the pages are.
func StartWith(t testing.TB, opts func(url string) access.AuthenticatorOptions) *Server {
	t.Helper()
	made.once.Do(made.build)
	if made.err != nil {
		t.Fatalf("the demo's month: %v", made.err)
	}
	s := &Server{Data: t.TempDir(), resets: map[string]string{}}
	if err := os.CopyFS(s.Data, os.DirFS(made.dir)); err != nil {
		t.Fatal(err)
	}
	plan, err := demo.New(seed, conversations)
	if err != nil {
		t.Fatal(err)
	}
	s.Plan, s.Month = plan, demo.NewMonth(plan)
	s.Month.At(made.at)
	log := zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	if s.Desk, err = desk.Open(t.Context(), s.Data, app.Options{Clock: s.Month.Now, Exact: true, Logger: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Desk.Close(); err != nil {
			t.Errorf("closing the ledger: %v", err)
		}
	})
	s.serve(t, log, opts)
	return s
}

// serve opens access and puts the pages behind what prepay serves them behind.
func (s *Server) serve(t testing.TB, log *zap.Logger, options func(url string) access.AuthenticatorOptions) {
	t.Helper()
	var err error
	began := time.Now()
	clock := func() time.Time { return made.at.Add(time.Since(began)) } // also where the ledger's is moved
	if s.Access, err = access.OpenData(s.Data, access.Options{Clock: clock, Logger: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Access.Close(); err != nil {
			t.Errorf("closing access: %v", err)
		}
	})
	s.listen(t, log, options)
}

// listen serves the pages.
func (s *Server) listen(t testing.TB, log *zap.Logger, options func(url string) access.AuthenticatorOptions) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s.URL = "http://" + server.Listener.Addr().String()
	opts := options(s.URL)
	opts.Refuse = func(w http.ResponseWriter, r *http.Request, err error) { s.Web.Refuse(w, r, err) }
	auth, err := access.NewAuthenticator(s.Access, opts)
	if err != nil {
		t.Fatal(err)
	}
	if s.Web, err = web.New(web.Deps{
		Desk: s.Desk, Access: auth, Links: &access.Links{Base: func() string { return s.URL }}, SendReset: s.keepReset, Data: s.Data, RequestID: httpapi.RequestID, Logger: log,
		Issuer: issuer(), CardHint: "No real bank is connected: sim_ok is always charged, sim_declined never.",
	}); err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	r.Use(httpapi.WithRequestID, auth.Middleware)
	s.Web.Mount(r)
	server.Config.Handler = r
	server.Start()
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Web.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("live updates: %v", err)
		}
		server.CloseClientConnections()
		server.Close()
	})
}

// Again serves the same ledger anew, as after a restart of the pages.
func (s *Server) Again(t testing.TB) *Server {
	t.Helper()
	again := &Server{Data: s.Data, Desk: s.Desk, Month: s.Month, Plan: s.Plan, Access: s.Access, resets: map[string]string{}}
	again.listen(t, zap.NewNop(), func(string) access.AuthenticatorOptions { return access.AuthenticatorOptions{} })
	return again
}

// issuer is the provider of the tests.
func issuer() invoices.Issuer {
	return invoices.Issuer{
		Name: "Example BSP GmbH", Street: "Speicherstr. 1", PostalCode: "20457", City: "Hamburg", Country: "DE", VATID: "DE123456789",
		Email: "finance@bsp.example", BankName: "Example Bank", IBAN: "DE02120300000000202051", BIC: "BYLADEM1001",
	}
}

// images is where screenshots are kept, from a package below internal/web.
func images() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return filepath.Join(dir, "docs", "images"), nil
		}
		if filepath.Dir(dir) == dir {
			return "", os.ErrNotExist
		}
	}
	return "", err
}
