package webhooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/notices"
	"prepayledger/consumers/notices/histories"
	"prepayledger/consumers/outbound"
	"prepayledger/consumers/webhooks"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

func TestMain(m *testing.M) {
	code := natsbustest.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// patience bounds every waiting for the other side.
const patience = 30 * time.Second

// stage is NATS and a log whose notices are published.
type stage struct {
	t    testing.TB
	nc   *nats.Conn
	js   jetstream.JetStream
	log  *histories.Log
	sent int
	out  *notices.Output
}

func newStage(t testing.TB) *stage {
	t.Helper()
	return newStageOn(t, natsbustest.Connect(t, natsbustest.Start(t)))
}

func newStageOn(t testing.TB, nc *nats.Conn) *stage {
	t.Helper()
	s := &stage{t: t, nc: nc, js: natsbustest.JetStream(t, nc), log: histories.New(1)}
	var err error
	s.out, err = notices.NewOutput(nc, notices.Options{Clock: func() time.Time { return time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC) }})
	s.must(err)
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// notice publishes one more notice of the partner, MonthReconciled or
// LowBalance, and returns its id.
func (s *stage) notice(partner string, kind notices.Kind) string {
	s.t.Helper()
	if s.log.Account(partner) == nil {
		s.must(s.log.Open(partner, "500"))
	}
	a := s.log.Account(partner)
	if kind == notices.LowBalance {
		up, down := money.FromInt(1000), money.Zero()
		s.must(s.log.Do(partner, &domain.ChangeRechargeSettings{Threshold: &down}))
		s.must(s.log.Do(partner, &domain.ChangeRechargeSettings{Threshold: &up}))
	} else {
		run := 1
		if m := a.Months["2026-10"]; m != nil {
			run = m.Run + 1
		}
		s.must(s.log.Do(partner, &domain.AdjustReconciliation{Month: "2026-10", Run: run, Amount: money.FromInt(1)}))
	}
	var id string
	folded := map[string]*domain.Account{}
	for i, f := range s.log.Facts {
		a := folded[f.PartnerID]
		if a == nil {
			a = domain.NewAccount()
			folded[f.PartnerID] = a
		}
		c := outbound.Change{Fact: f, Account: a, Before: a.Funds}
		s.must(a.Apply(f.Event))
		c.After = a.Funds
		if i < s.sent {
			continue
		}
		for _, n := range notices.Of(c) {
			id = n.ID.String()
		}
		s.must(s.out.Deliver(context.Background(), []outbound.Change{c}))
	}
	s.sent = len(s.log.Facts)
	return id
}

// receiver is a service that takes notices.
type receiver struct {
	*httptest.Server
	t testing.TB
	// answer answers a request; nil is 200 to all.
	answer func(w http.ResponseWriter, r *http.Request, id string)

	mu  sync.Mutex
	got []string
	// requests tells of each request's id.
	requests chan string
}

// event is what a receiver reads.
type event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Type            string          `json:"type"`
	Source          string          `json:"source"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Position        string          `json:"position"`
	Data            json.RawMessage `json:"data"`
}

// clock is the sender's.
func clock() time.Time { return time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC) }

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, id string)) *receiver {
	t.Helper()
	rc := &receiver{t: t, answer: answer, requests: make(chan string, 10_000)}
	rc.Server = httptest.NewServer(rc)
	t.Cleanup(rc.Close)
	return rc
}

// ServeHTTP checks each request as every receiver should.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if err := webhooks.Verify(r.Header.Get(webhooks.SignatureHeader), body, []string{oldSecret}, 0, clock()); err != nil {
		rc.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || r.Header.Get("Content-Type") != "application/cloudevents+json; charset=utf-8" || r.Method != http.MethodPost || e.SpecVersion != "1.0" {
		rc.t.Errorf("%s %s %s: %s", r.Method, r.URL, r.Header, body)
	}
	rc.mu.Lock()
	rc.got = append(rc.got, e.ID)
	rc.mu.Unlock()
	rc.requests <- e.ID
	if rc.answer != nil {
		rc.answer(w, r, e.ID)
	}
}

func (rc *receiver) ids() []string {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return slices.Clone(rc.got)
}

// next waits for the next request.
func (rc *receiver) next() string {
	rc.t.Helper()
	return receive(rc.t, rc.requests)
}

// receive waits for what a channel brings.
func receive[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

func (rc *receiver) endpoint(name string) webhooks.Endpoint {
	return webhooks.Endpoint{Name: name, URL: rc.URL + "/hooks", Secrets: []string{newSecret, oldSecret}}
}

// run runs a sender until stop is called or the test ends. It returns when
// all endpoints have their consumers.
func (s *stage) run(opts webhooks.Options, endpoints ...webhooks.Endpoint) (sender *webhooks.Sender, stop func()) {
	s.t.Helper()
	opts.Clock = clock
	if opts.Delay == nil {
		opts.Delay = func(int) time.Duration { return time.Millisecond }
	}
	sender, err := webhooks.New(s.nc, endpoints, opts)
	s.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := sender.Run(ctx); err != nil {
			s.t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	s.t.Cleanup(stop)
	for _, e := range endpoints {
		s.eventually("consumer of "+e.Name, func() bool {
			_, err := s.js.Consumer(context.Background(), natsbus.NoticesStream, "webhook-"+e.Name)
			return err == nil
		})
	}
	return sender, stop
}

func (s *stage) eventually(what string, ok func() bool) {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

// settled waits until an endpoint has nothing left to do.
func (s *stage) settled(name string) {
	s.t.Helper()
	s.eventually("all of "+name+" is settled", func() bool {
		c, err := s.js.Consumer(context.Background(), natsbus.NoticesStream, "webhook-"+name)
		if err != nil {
			return false
		}
		i, err := c.Info(context.Background())
		return err == nil && i.NumPending == 0 && i.NumAckPending == 0
	})
}

// letters reads the dead letters, by subject.
func (s *stage) letters() map[string]nats.Header {
	s.t.Helper()
	stream, err := s.js.Stream(context.Background(), webhooks.DeadLettersStream)
	s.must(err)
	all := map[string]nats.Header{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(context.Background(), seq)
		s.must(err)
		if all[m.Subject] != nil {
			s.t.Errorf("dead letter %s comes twice", m.Subject)
		}
		all[m.Subject] = m.Header
	}
	return all
}

func TestDeliversInOrder(t *testing.T) {
	s := newStage(t)
	rc := newReceiver(t, nil)
	s.notice("PA-1", notices.MonthReconciled) // before there was the endpoint
	_, stop := s.run(webhooks.Options{}, rc.endpoint("crm"))
	var want []string
	for range 20 {
		want = append(want, s.notice("PA ä", notices.MonthReconciled))
	}
	s.settled("crm")
	if got := rc.ids(); !slices.Equal(got, want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
	stop()
	want = append(want, s.notice("PA ä", notices.MonthReconciled)) // while the sender is away
	s.run(webhooks.Options{}, rc.endpoint("crm"))
	for _, id := range want {
		if got := rc.next(); got != id {
			t.Fatalf("after a restart: got %s, want %s", got, id)
		}
	}
	s.settled("crm")
	if got := rc.ids(); !slices.Equal(got, want) {
		t.Fatalf("after a restart: got %v\nwant %v", got, want)
	}
}

func TestBody(t *testing.T) {
	s := newStage(t)
	bodies := make(chan event, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		bodies <- e
	}))
	defer server.Close()
	s.run(webhooks.Options{}, webhooks.Endpoint{Name: "crm", URL: server.URL, Secrets: []string{oldSecret}})
	id := s.notice("PA ä", notices.LowBalance)
	e := receive(t, bodies)
	var data notices.LowBalanceData
	s.must(json.Unmarshal(e.Data, &data))
	if e.ID != id || e.Type != "prepay.notice.LowBalance" || e.Subject != "PA ä" || e.Source != "prepay" || e.DataContentType != "application/json" || e.Position == "" || e.Time.IsZero() || data.Balance != "500" || data.PartnerID != "PA ä" {
		t.Errorf("%+v\n%+v", e, data)
	}
}

func TestFilters(t *testing.T) {
	s := newStage(t)
	all, kind, partner, both := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
	ek, ep, eb := kind.endpoint("kind"), partner.endpoint("partner"), both.endpoint("both")
	ek.Kinds = []notices.Kind{notices.LowBalance}
	ep.Partners = []string{"PA.2"}
	eb.Kinds, eb.Partners = []notices.Kind{notices.LowBalance, notices.Blocked}, []string{"PA.2", "PA-3", "PA.2"}
	_, stop := s.run(webhooks.Options{}, all.endpoint("all"), ek, ep, eb)
	low1, month1 := s.notice("PA-1", notices.LowBalance), s.notice("PA-1", notices.MonthReconciled)
	low2, month2 := s.notice("PA.2", notices.LowBalance), s.notice("PA.2", notices.MonthReconciled)
	for rc, want := range map[*receiver][]string{all: {low1, month1, low2, month2}, kind: {low1, low2}, partner: {low2, month2}, both: {low2}} {
		for _, id := range want {
			if got := rc.next(); got != id {
				t.Errorf("got %s, want %s", got, id)
			}
		}
	}
	for _, name := range []string{"all", "kind", "partner", "both"} {
		s.settled(name)
	}
	if n := len(both.ids()); n != 1 {
		t.Errorf("an endpoint with filters got %d", n)
	}
	// Another filter after a restart.
	stop()
	ek.Kinds = []notices.Kind{notices.MonthReconciled}
	s.run(webhooks.Options{}, ek)
	s.notice("PA-1", notices.LowBalance)
	month := s.notice("PA-1", notices.MonthReconciled)
	if got := kind.next(); got != month {
		t.Errorf("with another filter: got %s, want %s", got, month)
	}
	s.settled("kind")
	if got := kind.ids(); len(got) != 3 {
		t.Errorf("with another filter: %v", got)
	}
}

func TestRetriesUntilItIsTaken(t *testing.T) {
	s := newStage(t)
	var tries atomic.Int64
	var attempts []int
	rc := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		switch tries.Add(1) {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			w.WriteHeader(http.StatusNotFound)
		case 3:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	s.run(webhooks.Options{Delay: func(attempt int) time.Duration { attempts = append(attempts, attempt); return time.Millisecond }}, rc.endpoint("crm"))
	id := s.notice("PA-1", notices.MonthReconciled)
	for range 4 {
		if got := rc.next(); got != id {
			t.Errorf("got %s, want %s again", got, id)
		}
	}
	s.settled("crm")
	if n := len(rc.ids()); n != 4 || !slices.Equal(attempts, []int{1, 2, 3}) {
		t.Errorf("%d requests, delays after attempts %v", n, attempts)
	}
	if l := s.letters(); len(l) != 0 {
		t.Errorf("dead letters %v", l)
	}
}

func TestDeadLetters(t *testing.T) {
	s := newStage(t)
	var dead atomic.Value // the id that is refused for ever
	var refuse atomic.Bool
	rc := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, id string) {
		if refuse.CompareAndSwap(true, false) {
			dead.Store(id)
		}
		if id == dead.Load() {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	outcomes := make(chan string, 100)
	sender, _ := s.run(webhooks.Options{Sent: func(_, outcome string, _ time.Duration) { outcomes <- outcome }}, rc.endpoint("crm"))
	first := s.notice("PA-1", notices.MonthReconciled)
	rc.next()
	s.settled("crm")
	refuse.Store(true)
	bad := s.notice("PA-1", notices.MonthReconciled)
	good := s.notice("PA-1", notices.MonthReconciled)
	s.settled("crm")
	counts := map[string]int{}
	for _, id := range rc.ids() {
		counts[id]++
	}
	if counts[first] != 1 || counts[good] != 1 || counts[bad] != webhooks.MaxAttempts() {
		t.Errorf("requests %v; want %d for the one that is refused", counts, webhooks.MaxAttempts())
	}
	letters := s.letters()
	h := letters["prepay.deadletters.crm."+bad]
	if len(letters) != 1 || h.Get(webhooks.ReasonHeader) != "answered 418 I'm a teapot" || h.Get(webhooks.AttemptsHeader) != fmt.Sprint(webhooks.MaxAttempts()) || h.Get(webhooks.EndpointHeader) != "crm" || h.Get("ce-id") != bad {
		t.Errorf("dead letters %v", letters)
	}
	// Replayed, and refused again: still one dead letter.
	s.must(sender.Replay(context.Background(), "crm", time.Time{}))
	s.eventually("refused again", func() bool {
		n := 0
		for _, id := range rc.ids() {
			if id == bad {
				n++
			}
		}
		return n == 2*webhooks.MaxAttempts()
	})
	s.settled("crm")
	if n := len(s.letters()); n != 1 {
		t.Errorf("%d dead letters", n)
	}
	close(outcomes)
	said := map[string]int{}
	for o := range outcomes {
		said[o]++
	}
	if said["dead"] != 2 || said["delivered"] < 2 || said["failed"] < 2*(webhooks.MaxAttempts()-1) {
		t.Errorf("outcomes %v", said)
	}
}

func TestGoneStopsTheEndpoint(t *testing.T) {
	s := newStage(t)
	var gone atomic.Bool
	gone.Store(true)
	rc := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		if gone.Load() {
			w.WriteHeader(http.StatusGone)
		}
	})
	other := newReceiver(t, nil)
	_, stop := s.run(webhooks.Options{}, rc.endpoint("crm"), other.endpoint("other"))
	first := s.notice("PA-1", notices.MonthReconciled)
	rc.next()
	s.eventually("the stop is noted", func() bool {
		c, err := s.js.Consumer(context.Background(), natsbus.NoticesStream, "webhook-crm")
		return err == nil && c.CachedInfo().Config.Metadata["prepay_stopped"] != ""
	})
	second := s.notice("PA-1", notices.MonthReconciled)
	other.next()
	other.next()
	s.settled("other")
	stop()
	gone.Store(false)
	sender, stop := s.run(webhooks.Options{}, rc.endpoint("crm"), other.endpoint("other")) // a restart changes nothing
	third := s.notice("PA-1", notices.MonthReconciled)
	other.next()
	if n := len(rc.ids()); n != 1 {
		t.Fatalf("%d requests to a receiver that is gone", n)
	}
	if err := sender.Replay(context.Background(), "nobody", time.Time{}); !errors.Is(err, webhooks.ErrEndpoint) {
		t.Errorf("replay of nobody: %v", err)
	}
	s.must(sender.Replay(context.Background(), "crm", time.Time{}))
	for _, want := range []string{first, second, third} {
		if got := rc.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	s.settled("crm")
	// A later restart goes on after what was replayed.
	stop()
	s.run(webhooks.Options{}, rc.endpoint("crm"))
	fourth := s.notice("PA-1", notices.MonthReconciled)
	if got := rc.next(); got != fourth {
		t.Errorf("got %s, want %s", got, fourth)
	}
}

func TestAnotherURLGoesOn(t *testing.T) {
	s := newStage(t)
	old := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusGone) })
	_, stop := s.run(webhooks.Options{}, old.endpoint("crm"))
	first := s.notice("PA-1", notices.MonthReconciled)
	old.next()
	s.eventually("the stop is noted", func() bool {
		c, err := s.js.Consumer(context.Background(), natsbus.NoticesStream, "webhook-crm")
		return err == nil && c.CachedInfo().Config.Metadata["prepay_stopped"] != ""
	})
	stop()
	moved := newReceiver(t, nil)
	s.run(webhooks.Options{}, moved.endpoint("crm"))
	if got := moved.next(); got != first {
		t.Errorf("got %s, want %s", got, first)
	}
}

// One endpoint hangs; the other gets everything meanwhile.
func TestSlowEndpointDelaysNobody(t *testing.T) {
	s := newStage(t)
	release := make(chan struct{})
	slow := newReceiver(t, func(_ http.ResponseWriter, r *http.Request, _ string) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	fast := newReceiver(t, nil)
	_, stop := s.run(webhooks.Options{}, slow.endpoint("slow"), fast.endpoint("fast"))
	const n = 50
	for range n {
		s.notice("PA-1", notices.MonthReconciled)
	}
	s.settled("fast")
	if got := len(fast.ids()); got != n {
		t.Errorf("the fast one got %d of %d", got, n)
	}
	if got := len(slow.ids()); got > 1 {
		t.Errorf("the slow one got %d while it hung in the first", got)
	}
	stop() // ends though a request hangs
	close(release)
}

func TestRedirects(t *testing.T) {
	s := newStage(t)
	var strangers atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	defer stranger.Close()
	var step atomic.Int64
	rc := newReceiver(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		if r.URL.Path == "/here" {
			return
		}
		switch step.Add(1) {
		case 1:
			http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect) // the body must not go there
		case 2:
			http.Redirect(w, r, "/here", http.StatusFound) // would become a GET
		default:
			http.Redirect(w, r, "/here", http.StatusPermanentRedirect)
		}
	})
	failed := make(chan string, 100)
	s.run(webhooks.Options{Sent: func(_, outcome string, _ time.Duration) { failed <- outcome }}, rc.endpoint("crm"))
	s.notice("PA-1", notices.MonthReconciled)
	for _, want := range []string{"failed", "failed", "delivered"} {
		if got := receive(t, failed); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	if strangers.Load() != 0 {
		t.Error("a notice went to another host")
	}
}

func TestEndlessAnswer(t *testing.T) {
	s := newStage(t)
	ended := make(chan struct{})
	rc := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		defer close(ended)
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return // the sender has heard enough
			}
		}
	})
	s.run(webhooks.Options{}, rc.endpoint("crm"))
	s.notice("PA-1", notices.MonthReconciled)
	receive(t, ended)
	s.settled("crm")
	if n := len(rc.ids()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestRetryAfterIsHeard(t *testing.T) {
	s := newStage(t)
	rc := newReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	failed := make(chan string, 100)
	s.run(webhooks.Options{Sent: func(_, outcome string, _ time.Duration) { failed <- outcome }}, rc.endpoint("crm"))
	s.notice("PA-1", notices.MonthReconciled)
	receive(t, failed)
	second := s.notice("PA-1", notices.MonthReconciled)
	receive(t, failed)
	// Both had their one attempt: with the millisecond of Delay there would
	// have been others in between.
	if got := rc.ids(); len(got) != 2 || got[1] != second {
		t.Errorf("requests %v", got)
	}
}

func TestForeignMessage(t *testing.T) {
	s := newStage(t)
	rc := newReceiver(t, nil)
	s.run(webhooks.Options{}, rc.endpoint("crm"))
	_, err := s.js.Publish(context.Background(), natsbus.NoticesPrefix+"x.y", []byte("hello"))
	s.must(err)
	id := s.notice("PA-1", notices.MonthReconciled)
	if got := rc.next(); got != id {
		t.Errorf("got %s, want %s", got, id)
	}
	if h := s.letters()["prepay.deadletters.crm.message-1"]; h.Get(webhooks.ReasonHeader) != "the message is not a notice" {
		t.Errorf("dead letters %v", s.letters())
	}
}

func TestNATSKilled(t *testing.T) {
	p := natsbustest.StartProcess(t, t.TempDir())
	nc := p.Connect()
	s := newStageOn(t, nc)
	s.must(natsbus.EnsureStreams(context.Background(), s.js, natsbus.StreamOptions{}))
	rc := newReceiver(t, nil)
	s.run(webhooks.Options{}, rc.endpoint("crm"))
	first := s.notice("PA-1", notices.MonthReconciled)
	if got := rc.next(); got != first {
		t.Errorf("got %s, want %s", got, first)
	}
	s.settled("crm")
	p.Kill()
	p.Restart()
	s.eventually("NATS is back", func() bool { _, err := s.js.AccountInfo(context.Background()); return err == nil })
	second := s.notice("PA-1", notices.MonthReconciled)
	got := rc.next()
	if got == first {
		got = rc.next() // JetStream may have lost the acknowledgement: at least once
	}
	if got != second {
		t.Errorf("got %s, want %s", got, second)
	}
}
