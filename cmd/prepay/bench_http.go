package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/natsbus"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

const (
	// httpClients is how many requests are made at once.
	httpClients = 64
	// httpSingles is how many single charges are presented in all.
	httpSingles = 100_000
	// httpReadRate is how many balances are read a second while charges come, and
	// httpReads how many in all; httpChargeRate is how many charges a second come.
	httpReadRate   = 20_000
	httpReads      = 100_000
	httpChargeRate = 2_000
	// rawEventBytes is the size of an event of the raw appends.
	rawEventBytes = 500
)

// httpResult is what a running ledger took over HTTP.
type httpResult struct {
	// UploadPerS is an upload of the file, by a server of the API alone;
	// RatioToFile what of the file's import that is.
	UploadPerS  float64 `json:"upload_charges_per_s"`
	RatioToFile float64 `json:"upload_ratio_to_file_import"`
	// Nothing is requests of the same size that nobody works; Appends is single
	// appends to the event log; both are limits of Singles.
	Nothing benchLatency `json:"nothing"`
	Appends float64      `json:"raw_appends_per_s"`
	// Singles is single charges to the whole ledger, outputs included.
	Singles benchLatency `json:"single_charges"`
	// BehindSeconds is how much longer the outputs took to have every event.
	BehindSeconds float64 `json:"outputs_behind_s"`
	// PacedReads is balances read at a fixed rate while charges come,
	// MostReads as many as can be.
	PacedReads benchLatency `json:"paced_reads"`
	MostReads  benchLatency `json:"most_reads"`
}

// write writes it for people.
func (r *httpResult) write(w io.Writer) {
	line := func(name string, l benchLatency) {
		fmt.Fprintf(w, "%-19s %10.0f a second, %.2f ms at the median, %.1f ms at the 99th of a hundred, %.0f µs of processor each\n", name, l.PerS, l.P50, l.P99, l.ProcessorUS)
	}
	fmt.Fprintf(w, "upload              %10.0f charges/s (%.2f of the intake from a file)\n", r.UploadPerS, r.RatioToFile)
	fmt.Fprintf(w, "single appends      %10.0f a second, the event log alone, %d at once\n", r.Appends, httpClients)
	line("requests alone", r.Nothing)
	line("single charges", r.Singles)
	fmt.Fprintf(w, "outputs behind      %10.2f s\n", r.BehindSeconds)
	line("balances, paced", r.PacedReads)
	line("balances, at most", r.MostReads)
}

// measureHTTP uploads the file, then presents single charges and reads balances
// of a whole running ledger.
func (c *benchCmd) measureHTTP(ctx context.Context, dir, file string, w intaketest.Workload, r *benchResult) (err error) {
	now := time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	r.HTTP = &httpResult{}
	if err := r.HTTP.upload(ctx, filepath.Join(dir, "upload-data"), file, w, clock, r.IntakePerS); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if r.HTTP.Appends, err = rawAppends(ctx, filepath.Join(dir, "appends")); err != nil {
		return fmt.Errorf("raw appends: %w", err)
	}
	s := &server{
		globals: &globals{Data: filepath.Join(dir, "http-data"), Now: clock},
		settings: &settings{NATSListen: "127.0.0.1:-1", NATSReplicas: 1, HTTPListen: "127.0.0.1:0", HTTPRate: 1e9, Provider: defaultProvider,
			EventsMaxAge: natsbus.DefaultMaxAge, EventsMaxBytes: natsbus.DefaultMaxBytes},
		log: zap.NewNop(),
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := benchAccounts(ctx, s.app.Ledger, w, now); err != nil {
		return err
	}
	if err := r.HTTP.nothing(w); err != nil {
		return err
	}
	stop, err := c.profile()
	if err != nil {
		return err
	}
	defer stop()
	if err := r.HTTP.singles(ctx, s, w); err != nil {
		return fmt.Errorf("single charges: %w", err)
	}
	return r.HTTP.reads(ctx, s, w)
}

// upload sends the file to a server of the API alone, as the import of the file
// is the ledger alone.
func (r *httpResult) upload(ctx context.Context, data, file string, w intaketest.Workload, clock func() time.Time, fileRate float64) (err error) {
	d, err := desk.Open(ctx, data, app.Options{Clock: clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := benchAccounts(ctx, d.Ledger, w, clock()); err != nil {
		return err
	}
	router := chi.NewRouter()
	httpapi.New(router, httpapi.Options{Desk: d})
	who := &access.Principal{Kind: access.KindKey, ID: "bench", Name: "bench", Role: access.RoleService}
	address, stop, err := serveBench(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		router.ServeHTTP(w, r.WithContext(access.With(r.Context(), who)))
	}))
	if err != nil {
		return err
	}
	defer stop()
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	start := time.Now()
	res, err := http.Post("http://"+address+httpapi.Prefix+"/usage?results=summary", "application/x-ndjson", in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var end httpapi.UploadEnd
	if err := json.NewDecoder(res.Body).Decode(&end); err != nil || !end.Done || end.Summary.Total() != int64(w.Charges) {
		return fmt.Errorf("answered %s %+v: %w", res.Status, end, err)
	}
	r.UploadPerS = float64(w.Charges) / time.Since(start).Seconds()
	r.RatioToFile = r.UploadPerS / fileRate
	return nil
}

// serveBench serves a handler on a free port.
func serveBench(h http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: httpHeaderTimeout}
	go func() { _ = s.Serve(listener) }()
	return listener.Addr().String(), func() { _ = s.Close() }, nil
}

// nothing measures net/http alone.
func (r *httpResult) nothing(w intaketest.Workload) error {
	address, stop, err := serveBench(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"outcome":"charged"}`))
	}))
	if err != nil {
		return err
	}
	defer stop()
	request := benchRequest(http.MethodPost, "/", strings.Repeat("x", 40), singleCharge(w, 1))
	r.Nothing, err = (&benchLoad{clients: httpClients, total: httpSingles, request: func(int) []byte { return request }}).run(address)
	return err
}

// rawAppends appends single events to an event log, many at once.
func rawAppends(ctx context.Context, dir string) (perS float64, err error) {
	store, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var next atomic.Int64
	var group sync.WaitGroup
	failures := make(chan error, httpClients)
	data := bytes.Repeat([]byte("x"), rawEventBytes)
	start := time.Now()
	for client := range httpClients {
		group.Go(func() {
			stream, at := fmt.Sprintf("raw-%d", client), eventstore.NoStream
			for next.Add(1) <= httpSingles {
				appended, err := store.Append(ctx, stream, at, []eventstore.Event{{ID: uuid.New(), Type: "Raw", Data: data}})
				if err != nil {
					failures <- err
					return
				}
				at = appended.LastRevision
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return 0, err
	default:
		return httpSingles / time.Since(start).Seconds(), nil
	}
}

// singles presents charges one by one, and waits until the outputs have them.
func (r *httpResult) singles(ctx context.Context, s *server, w intaketest.Workload) error {
	key, err := benchKey(ctx, s, access.RoleService)
	if err != nil {
		return err
	}
	if r.Singles, err = charges(w, key, 0, httpSingles, 0).run(s.http.address()); err != nil {
		return err
	}
	start := time.Now()
	if err := s.outputsReach(ctx); err != nil {
		return err
	}
	r.BehindSeconds = time.Since(start).Seconds()
	return nil
}

// charges are single charges from a number on.
func charges(w intaketest.Workload, key string, from, total int, rate float64) *benchLoad {
	requests := make([][]byte, total)
	for i := range requests {
		requests[i] = benchRequest(http.MethodPost, httpapi.Prefix+"/charges", key, singleCharge(w, from+i))
	}
	return &benchLoad{
		clients: httpClients, total: total, rate: rate, request: func(i int) []byte { return requests[i-1] },
		check: func(body []byte) error {
			if !bytes.HasPrefix(body, []byte(`{"outcome":"charged"`)) {
				return fmt.Errorf("a charge was answered %s", body)
			}
			return nil
		},
	}
}

// reads reads balances at a fixed rate while charges come, then as many as can
// be.
func (r *httpResult) reads(ctx context.Context, s *server, w intaketest.Workload) error {
	intake, err := benchKey(ctx, s, access.RoleService)
	if err != nil {
		return err
	}
	auditor, err := benchKey(ctx, s, access.RoleAuditor)
	if err != nil {
		return err
	}
	requests := make([][]byte, w.Accounts)
	for i := range requests {
		requests[i] = benchRequest(http.MethodGet, httpapi.Prefix+"/accounts/"+intaketest.Partner(i)+"/balance", auditor, nil)
	}
	read := &benchLoad{clients: httpClients, total: httpReads, rate: httpReadRate, request: func(i int) []byte { return requests[i%len(requests)] }}
	coming := charges(w, intake, httpSingles, httpChargeRate*httpReads/httpReadRate, httpChargeRate)
	failed := make(chan error, 1)
	go func() {
		_, err := coming.run(s.http.address())
		failed <- err
	}()
	r.PacedReads, err = read.run(s.http.address())
	if err = errors.Join(err, <-failed); err != nil {
		return fmt.Errorf("balances: %w", err)
	}
	read.rate = 0
	r.MostReads, err = read.run(s.http.address())
	return err
}

// address is where it listens.
func (h *httpServer) address() string {
	_, address, _ := strings.Cut(h.url, "://")
	return address
}

// benchKey makes an API key.
func benchKey(ctx context.Context, s *server, role access.Role) (string, error) {
	_, secret, err := s.access.CreateKey(ctx, access.By{Actor: "bench"}, access.NewKey{Name: "bench-" + uuid.NewString(), Role: role})
	return secret, err
}

// outputsReach waits until the outputs have all that is in the log now.
func (s *server) outputsReach(ctx context.Context) error {
	last, err := s.lastPosition(ctx)
	if err != nil {
		return err
	}
	for _, f := range s.followers {
		if e := f.engine.Load(); e == nil {
			return fmt.Errorf("output %s does not run", f.output.Name())
		} else if err := e.WaitFor(ctx, last); err != nil {
			return err
		}
	}
	return nil
}
