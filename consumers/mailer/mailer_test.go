package mailer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/mailer"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/notices"
	"prepayledger/domain"
)

// stage is a NATS server, an SMTP server, and accounts with alert settings.
type stage struct {
	*post
	nc *nats.Conn
	js jetstream.JetStream

	mu       sync.Mutex
	settings map[string]*domain.AlertSettings
	broken   error
}

func newStage(t *testing.T) *stage {
	t.Helper()
	nc := natsbustest.Connect(t, natsbustest.Start(t))
	return &stage{post: newPost(t, mailer.TLSStart), nc: nc, js: natsbustest.JetStream(t, nc), settings: map[string]*domain.AlertSettings{
		"PA-1": {Recipients: []string{"ana@example.com", "ben@example.com"}},
	}}
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// start runs a mailer until stop.
func (s *stage) start(change ...func(*mailer.Options)) (stop func()) {
	s.t.Helper()
	o := mailer.Options{
		Recipients: func(_ context.Context, partner string) (*domain.AlertSettings, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.settings[partner], s.broken
		},
		Delay: func(int) time.Duration { return time.Millisecond },
	}
	for _, f := range change {
		f(&o)
	}
	m, err := mailer.New(s.nc, s.transport(mailer.TLSStart), o)
	s.must(err)
	s.must(m.Open(s.t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	s.t.Cleanup(stop)
	return stop
}

// notice publishes a notice and returns its id.
func (s *stage) notice(partner string, kind notices.Kind) string {
	s.t.Helper()
	id := uuid.NewString()
	data, err := json.Marshal(notices.Common{
		Kind: kind, PartnerID: partner, Currency: "EUR", Balance: "-5", AmountDue: "5", Threshold: "100", Text: "Something happened.",
		BlockDeadline: time.Now().Add(30 * time.Hour), OccurredAt: time.Now(),
	})
	s.must(err)
	s.publish(partner, kind, id, data)
	return id
}

func (s *stage) publish(partner string, kind notices.Kind, id string, data []byte) {
	s.t.Helper()
	m := nats.NewMsg(natsbus.NoticeSubject(partner, string(kind)))
	m.Data = data
	m.Header.Set("ce-id", id)
	_, err := s.js.PublishMsg(s.t.Context(), m)
	s.must(err)
}

// settled waits until every notice published so far is acknowledged.
func (s *stage) settled() {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), natsbus.NoticesStream)
	s.must(err)
	last := stream.CachedInfo().State.LastSeq
	deadline := time.Now().Add(20 * time.Second)
	for {
		c, err := s.js.Consumer(s.t.Context(), natsbus.NoticesStream, mailer.Durable)
		s.must(err)
		info := c.CachedInfo()
		if info.AckFloor.Stream >= last {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d pending, %d in hand", info.NumPending, info.NumAckPending)
		}
	}
}

// want takes the next mails and compares recipients and id.
func (s *stage) want(id string, to ...string) {
	s.t.Helper()
	for _, w := range to {
		if m := s.next(); m.to != w || m.id != "<"+id+"@ledger.example.com>" {
			s.t.Fatalf("a mail to %s with %s, want %s, %s", m.to, m.id, w, id)
		}
	}
}

func (s *stage) dead() uint64 {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), mailer.DeadLettersStream)
	s.must(err)
	return stream.CachedInfo().State.Msgs
}

func TestWhoIsToldOfWhat(t *testing.T) {
	s := newStage(t)
	s.settings["PA-2"] = &domain.AlertSettings{Recipients: []string{"cy@example.com", "ops@example.com"}, Kinds: []string{"Recharged"}}
	s.start(func(o *mailer.Options) { o.Operators = []string{"ops@example.com"} })
	s.want(s.notice("PA-1", notices.Blocked), "ops@example.com", "ana@example.com", "ben@example.com")
	s.want(s.notice("PA-3", notices.BlockTomorrow), "ops@example.com")   // whose settings name nobody
	s.notice("PA-1", notices.Recharged)                                  // off by default
	s.want(s.notice("PA-1", notices.MonthReconciled), "ops@example.com") // Finance's
	s.want(s.notice("PA-2", notices.Blocked), "ops@example.com")         // not wanted there
	s.want(s.notice("PA-2", notices.Recharged), "cy@example.com", "ops@example.com")
	s.settings["PA-4"] = &domain.AlertSettings{Recipients: []string{"ops@example.com"}}
	s.want(s.notice("PA-4", notices.Blocked), "ops@example.com") // once, though named twice
	s.settled()
	s.none()
	if s.dead() != 0 {
		t.Error("dead letters")
	}
}

func TestAMailSaysWhomItConcernsAndWhat(t *testing.T) {
	s := newStage(t)
	s.start()
	s.notice("PA-1", notices.Blocked)
	m := s.next()
	if m.subject != "PA-1: All channels are blocked" || !strings.Contains(m.text, "Amount due: 5.00 EUR") || !strings.Contains(m.html, "5.00 EUR") || !strings.Contains(m.html, "Something happened.") {
		t.Errorf("%q\n%s\n%s", m.subject, m.text, m.html)
	}
}

// A warning that comes after what it warns of is no use.
func TestATooLateWarningIsNotMailed(t *testing.T) {
	s := newStage(t)
	s.start(func(o *mailer.Options) { o.Clock = func() time.Time { return time.Now().Add(40 * time.Hour) } })
	s.notice("PA-1", notices.BlockTomorrow)
	s.want(s.notice("PA-1", notices.Blocked), "ana@example.com", "ben@example.com")
	s.settled()
	s.none()
}

// Notices that were there before the first start are no news; those that come
// while the mailer is away are mailed when it is back, each once.
func TestRestarts(t *testing.T) {
	s := newStage(t)
	s.notice("PA-1", notices.Blocked)
	stop := s.start()
	s.want(s.notice("PA-1", notices.Unblocked), "ana@example.com", "ben@example.com")
	s.settled()
	stop()
	away := s.notice("PA-1", notices.LowBalance)
	stop = s.start()
	s.want(away, "ana@example.com", "ben@example.com")
	s.settled()
	stop()
	s.start()
	last := s.notice("PA-1", notices.GraceStarted)
	s.want(last, "ana@example.com", "ben@example.com")
	s.settled()
	s.none()
}

// The server is away, then refuses for now, then takes it: who had the mail
// gets no second one.
func TestTriedAgainUntilAccepted(t *testing.T) {
	s := newStage(t)
	var mu sync.Mutex
	tries := 0
	s.refuse(func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		if to != "ben@example.com" {
			return nil
		}
		if tries++; tries < 4 {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
		}
		return nil
	}, nil)
	outcomes := map[string]int{}
	s.start(func(o *mailer.Options) {
		o.Sent = func(outcome string, _ time.Duration) { mu.Lock(); outcomes[outcome]++; mu.Unlock() }
	})
	s.want(s.notice("PA-1", notices.Blocked), "ana@example.com", "ben@example.com")
	s.settled()
	s.none()
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(outcomes) != "map[failed:3 sent:2]" {
		t.Errorf("%v", outcomes)
	}
}

// A recipient that is refused for good keeps no mail from the others; the
// notice lies among the dead letters, once.
func TestARefusedRecipient(t *testing.T) {
	s := newStage(t)
	s.refuse(func(to string) error {
		if to == "ana@example.com" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "unknown"}
		}
		return nil
	}, nil)
	s.start()
	id := s.notice("PA-1", notices.Blocked)
	s.want(id, "ben@example.com")
	s.settled()
	s.none()
	stream, err := s.js.Stream(t.Context(), mailer.DeadLettersStream)
	s.must(err)
	letter, err := stream.GetMsg(t.Context(), 1)
	s.must(err)
	h := letter.Header
	if s.dead() != 1 || h.Get(mailer.RecipientHeader) != "ana@example.com" || h.Get("ce-id") != id || h.Get(mailer.AttemptsHeader) != "1" || !strings.Contains(h.Get(mailer.ReasonHeader), "550") {
		t.Errorf("%d dead letters, %v", s.dead(), h)
	}
}

// Failures end: after the last attempt the notice is given up, for each
// recipient, and the next is mailed.
func TestGivenUp(t *testing.T) {
	s := newStage(t)
	var mu sync.Mutex
	refusing := true
	s.refuse(nil, func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if refusing {
			return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "full"}
		}
		return nil
	})
	s.start()
	s.notice("PA-1", notices.Blocked)
	s.settled()
	if s.dead() != 2 {
		t.Fatalf("%d dead letters", s.dead())
	}
	mu.Lock()
	refusing = false
	mu.Unlock()
	s.want(s.notice("PA-1", notices.Unblocked), "ana@example.com", "ben@example.com")
}

// Where the settings can't be read, nobody is left out: it is tried again.
func TestSettingsThatCantBeRead(t *testing.T) {
	s := newStage(t)
	s.broken = errors.New("no view")
	failed := make(chan struct{}, 100)
	s.start(func(o *mailer.Options) {
		o.Delay = func(int) time.Duration { failed <- struct{}{}; return time.Millisecond }
	})
	id := s.notice("PA-1", notices.Blocked)
	<-failed
	s.none()
	s.mu.Lock()
	s.broken = nil
	s.mu.Unlock()
	s.want(id, "ana@example.com", "ben@example.com")
}

func TestWhatIsNoNoticeIsSetAside(t *testing.T) {
	s := newStage(t)
	s.start()
	s.publish("PA-1", notices.Blocked, "x", []byte("not JSON"))
	s.want(s.notice("PA-1", notices.Blocked), "ana@example.com", "ben@example.com")
	s.settled()
	if s.dead() != 1 {
		t.Errorf("%d dead letters", s.dead())
	}
}

// A crash between the server's acceptance and the entry: the recipient gets
// the mail a second time, with the same Message-ID, and no third; who came
// before has one.
func TestACrashAfterAcceptance(t *testing.T) {
	s := newStage(t)
	var mu sync.Mutex
	accepted := 0
	crashed := make(chan struct{})
	hang := make(chan struct{})
	short := func(o *mailer.Options) { o.AckWait = time.Second }
	stop := s.start(short, func(o *mailer.Options) {
		mailer.Accepted(o, func() {
			mu.Lock()
			accepted++
			n := accepted
			mu.Unlock()
			if n == 2 { // ben's was accepted; this process goes no further
				close(crashed)
				<-hang
			}
		})
	})
	id := s.notice("PA-1", notices.Blocked)
	s.want(id, "ana@example.com", "ben@example.com")
	<-crashed
	// The bucket has ana's mail alone, as after a crash.
	kv, err := s.js.KeyValue(t.Context(), mailer.SentBucket)
	s.must(err)
	keys, err := kv.Keys(t.Context())
	s.must(err)
	if len(keys) != 1 {
		t.Fatalf("%d entries", len(keys))
	}
	stop2 := s.start(short)
	s.want(id, "ben@example.com")
	s.settled()
	stop2()
	close(hang)
	stop()
	s.start(short)
	s.settled()
	s.none()
}

// A server that answers nothing keeps no ledger from stopping; its notice is
// mailed by the next.
func TestStopsWhileTheServerHangs(t *testing.T) {
	s := newStage(t)
	reached, hang := make(chan struct{}, 10), make(chan struct{})
	s.refuse(nil, func(string) error {
		reached <- struct{}{}
		<-hang
		return nil
	})
	stop := s.start()
	id := s.notice("PA-1", notices.Blocked)
	<-reached
	began := time.Now()
	stop()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the stop took %s", took)
	}
	s.refuse(nil, nil)
	close(hang)
	s.want(id, "ana@example.com") // it was accepted after all, unseen
	s.start()
	s.want(id, "ana@example.com", "ben@example.com")
	s.settled()
	s.none()
}

// While NATS takes no entry, a recipient gets the mail once all the same.
func TestNATSFailsAfterAcceptance(t *testing.T) {
	s := newStage(t)
	var once sync.Once
	s.start(func(o *mailer.Options) {
		o.AckWait = time.Second
		mailer.Accepted(o, func() {
			once.Do(func() {
				if err := s.js.DeleteKeyValue(context.Background(), mailer.SentBucket); err != nil {
					t.Error(err)
				}
			})
		})
	})
	s.want(s.notice("PA-1", notices.Blocked), "ana@example.com", "ben@example.com")
	s.settled()
	s.none()
}
