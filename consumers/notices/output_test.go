package notices_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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
const patience = 20 * time.Second

// stage is NATS with a stream of notices that remembers message ids as
// shortly as it can, and from which tests may delete.
type stage struct {
	t   testing.TB
	nc  *nats.Conn
	js  jetstream.JetStream
	log *histories.Log
}

func newStage(t testing.TB, seed uint64) *stage {
	t.Helper()
	nc := natsbustest.Connect(t, natsbustest.StartIn(t, t.TempDir()))
	s := &stage{t: t, nc: nc, js: natsbustest.JetStream(t, nc), log: histories.New(seed)}
	_, err := s.js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: natsbus.NoticesStream, Subjects: []string{natsbus.NoticesPrefix + ">"}, Duplicates: 100 * time.Millisecond,
	})
	s.must(err)
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// output is a new one, as after a start. Its clock is the log's.
func (s *stage) output() *notices.Output {
	s.t.Helper()
	o, err := notices.NewOutput(s.nc, notices.Options{Clock: func() time.Time { return time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC) }})
	s.must(err)
	return o
}

// stream reads all that is in the stream, notices only.
func (s *stage) stream() (list []*jetstream.RawStreamMsg) {
	s.t.Helper()
	ctx := context.Background()
	stream, err := s.js.Stream(ctx, natsbus.NoticesStream)
	s.must(err)
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		s.must(err)
		if m.Header.Get("ce-id") != "" {
			list = append(list, m)
		}
	}
	return list
}

func ids(list []*jetstream.RawStreamMsg) (ids []string) {
	for _, m := range list {
		ids = append(ids, m.Header.Get("ce-id"))
	}
	return ids
}

// wanted are the ids that the log gives, in order.
func (s *stage) wanted() (ids []string) {
	for _, c := range changes(s.t, s.log.Facts) {
		for _, n := range notices.Of(c) {
			ids = append(ids, n.ID.String())
		}
	}
	return ids
}

func TestMessage(t *testing.T) {
	s := newStage(t, 1)
	s.must(s.log.Open("PA 1ä", "500"))
	s.must(s.log.Charge("PA 1ä", "450"))
	s.must(s.output().Deliver(context.Background(), changes(t, s.log.Facts)))
	list := s.stream()
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	m, id, at := list[0], s.wanted()[0], "2026-10-01T00:00:00Z"
	if m.Subject != "prepay.notices.PA=201=C3=A4.LowBalance" {
		t.Errorf("subject %s", m.Subject)
	}
	for key, want := range map[string]string{
		"Nats-Msg-Id": id, "ce-id": id, "ce-specversion": "1.0", "ce-type": "prepay.notice.LowBalance", "ce-source": "prepay", "ce-time": at,
		"ce-subject": "PA%201%C3%A4", "ce-datacontenttype": "application/json", "Prepay-Position": "40/40", "Prepay-Revision": "3", "Prepay-Balance": "50",
	} {
		if got := m.Header.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	var data notices.LowBalanceData
	s.must(json.Unmarshal(m.Data, &data))
	if data.Kind != notices.LowBalance || data.PartnerID != "PA 1ä" || data.Balance != "50" || data.EventID != s.log.Facts[3].ID {
		t.Errorf("%+v", data)
	}
}

// outlast waits until JetStream has forgotten the ids of all messages before.
func (s *stage) outlast() {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for seen, end := 0, time.Now().Add(patience); ; <-tick.C {
		ack, err := s.js.Publish(context.Background(), natsbus.NoticesPrefix+"probe", nil, jetstream.WithMsgID("probe"))
		s.must(err)
		if !ack.Duplicate {
			seen++
		}
		if seen == 2 {
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("message ids are remembered for ever")
		}
	}
}

// Whatever was delivered again, by whichever batches, with whichever crashes
// in between, also when JetStream has forgotten the ids and while others
// publish too: each notice once, in order.
func TestOnceAndInOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newStage(t, seed)
	for range 600 {
		s.log.Step([]string{"PA-1", "PA-2"})
	}
	o, done, committed, crashes := s.output(), 0, 0, 0
	all := changes(t, s.log.Facts)
	// The clock stands: no notice is too old.
	for done < len(all) {
		n := min(1+rng.IntN(60), len(all)-done)
		s.must(o.Deliver(context.Background(), all[done:done+n]))
		done += n
		switch rng.IntN(8) {
		case 0:
			committed = done
		case 1:
			if crashes++; crashes%4 == 1 {
				s.outlast()
			}
			o, done = s.output(), committed
		}
	}
	s.outlast()
	s.must(s.output().Deliver(context.Background(), all)) // from the very start
	if got, want := ids(s.stream()), s.wanted(); !slices.Equal(got, want) {
		t.Fatalf("%d notices in the stream, want %d, each once and in order", len(got), len(want))
	}
	if crashes == 0 {
		t.Error("nothing crashed: the test says little")
	}
}

// Two notices of one event, of which a crash let only the first through.
func TestGoesOnWithinAnEvent(t *testing.T) {
	s := newStage(t, 1)
	s.must(s.log.Open("PA-1", "105"))
	s.must(s.log.Do("PA-1", &domain.AdjustReconciliation{Month: "2026-10", Run: 1, Amount: money.FromInt(-10)}))
	all := changes(t, s.log.Facts)
	s.must(s.output().Deliver(context.Background(), all))
	want := ids(s.stream())
	if len(want) != 2 {
		t.Fatalf("%d notices, want LowBalance and MonthReconciled", len(want))
	}
	stream, err := s.js.Stream(context.Background(), natsbus.NoticesStream)
	s.must(err)
	s.must(stream.DeleteMsg(context.Background(), 2))
	s.outlast()
	s.must(s.output().Deliver(context.Background(), all))
	if got := ids(s.stream()); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

// Somebody else's message lets none of the window in; the next attempt goes on
// after it.
func TestSomebodyElsePublishes(t *testing.T) {
	s := newStage(t, 1)
	s.must(s.log.Open("PA-1", "500"))
	s.must(s.log.Charge("PA-1", "450"))
	o := s.output()
	s.must(o.Deliver(context.Background(), changes(t, s.log.Facts)))
	_, err := s.js.Publish(context.Background(), natsbus.NoticesPrefix+"foreign", nil)
	s.must(err)
	s.must(s.log.Charge("PA-1", "51"))
	all := changes(t, s.log.Facts)
	if err := o.Deliver(context.Background(), all); err == nil || errors.Is(err, outbound.ErrHalt) {
		t.Fatalf("publishing beside somebody else: %v", err)
	}
	s.must(o.Deliver(context.Background(), all))
	if got, want := ids(s.stream()), s.wanted(); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func TestForeignStreamHalts(t *testing.T) {
	s := newStage(t, 1)
	for i := range 1000 {
		_, err := s.js.PublishAsync(natsbus.NoticesPrefix+"foreign", fmt.Append(nil, i))
		s.must(err)
	}
	<-s.js.PublishAsyncComplete()
	s.must(s.log.Open("PA-1", "50"))
	if err := s.output().Deliver(context.Background(), changes(t, s.log.Facts)); err != nil {
		t.Fatalf("1000 foreign messages from the start hide nothing: %v", err)
	}
	for i := range 1000 {
		_, err := s.js.PublishAsync(natsbus.NoticesPrefix+"foreign", fmt.Append(nil, i))
		s.must(err)
	}
	<-s.js.PublishAsyncComplete()
	if err := s.output().Deliver(context.Background(), changes(t, s.log.Facts)); !errors.Is(err, outbound.ErrHalt) {
		t.Fatalf("a notice behind 1000 foreign messages: %v", err)
	}
}

func TestTooOldIsNotPublished(t *testing.T) {
	s := newStage(t, 1)
	s.must(s.log.Open("PA-1", "500"))
	s.must(s.log.Charge("PA-1", "450")) // 30 days and a minute old: too old
	s.log.Pass(2 * time.Minute)
	s.must(s.log.Charge("PA-1", "51")) // negative, not too old yet
	now := s.log.Facts[0].Meta.RecordedAt.Add(natsbus.DefaultMaxAge + time.Minute)
	o, err := notices.NewOutput(s.nc, notices.Options{Clock: func() time.Time { return now }})
	s.must(err)
	s.must(o.Deliver(context.Background(), changes(t, s.log.Facts)))
	if got, want := ids(s.stream()), s.wanted(); len(want) != 2 || !slices.Equal(got, want[1:]) {
		t.Fatalf("%v, want the second of %v", got, want)
	}
}

func TestWithoutStream(t *testing.T) {
	s := newStage(t, 1)
	s.must(s.js.DeleteStream(context.Background(), natsbus.NoticesStream))
	s.must(s.log.Open("PA-1", "50"))
	if err := s.output().Deliver(context.Background(), changes(t, s.log.Facts)); err == nil {
		t.Fatal("published into nothing")
	}
	if err := s.output().Deliver(context.Background(), changes(t, s.log.Facts[1:])); err != nil {
		t.Fatalf("nothing to publish needs no stream: %v", err)
	}
}
