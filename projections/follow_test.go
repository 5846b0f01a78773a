package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/projections"
	"prepayledger/projections/projectionstest"
)

// tally counts events by type: a model to try the engine with.
type tally struct {
	name    string
	version int
	counts  map[string]int
	// refuses is the type of event that it fails at.
	refuses string
}

var errTally = errors.New("tally refuses")

func (m *tally) Name() string { return m.name }
func (m *tally) Version() int { return m.version }

func (m *tally) Load(v projections.View) error {
	m.counts = map[string]int{}
	for row, err := range v.Scan("") {
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(row.Value))
		if err != nil {
			return err
		}
		m.counts[row.Key] = n
	}
	return nil
}

func (m *tally) Apply(f *projections.Fact) error {
	if f.Type == m.refuses {
		return errTally
	}
	m.counts[f.Type]++
	return nil
}

func (m *tally) Flush(_ projections.View, b *projections.Batch) error {
	for kind, n := range m.counts {
		if err := b.Set(kind, strconv.AppendInt(nil, int64(n*m.version), 10)); err != nil {
			return err
		}
	}
	return nil
}

// follow opens an engine in the folder and follows the log to its end.
func follow(t *testing.T, l *projectionstest.Log, dir string, models ...projections.Model) *projections.Engine {
	t.Helper()
	engine, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), models, nil, projections.Options{RetryPause: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return engine
}

func dumpOf(t *testing.T, e *projections.Engine) string {
	t.Helper()
	var b bytes.Buffer
	if err := e.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", ", ")
}

func shut(t *testing.T, e *projections.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestVersions: a model of another version is rebuilt alone; a rebuild that
// fails leaves the former version as it was; what the former left is gone
// after it.
func TestVersions(t *testing.T) {
	l := projectionstest.New(t)
	dir := t.TempDir()
	l.Append("account-PA-1", opened(), charged("a", "1"))
	shut(t, follow(t, l, dir, &tally{name: "one", version: 1}, &tally{name: "other", version: 1}))

	// The new version fails half-way.
	broken := &tally{name: "one", version: 10, refuses: domain.TypeConversationCharged}
	if _, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), []projections.Model{broken, &tally{name: "other", version: 1}}, nil, projections.Options{}); !errors.Is(err, errTally) {
		t.Fatalf("a broken rebuild gives %v", err)
	}
	engine := follow(t, l, dir, &tally{name: "one", version: 1}, &tally{name: "other", version: 1})
	if got := dumpOf(t, engine); got != "one/AccountOpened 1, one/ConversationCharged 1, other/AccountOpened 1, other/ConversationCharged 1" {
		t.Errorf("after the broken rebuild: %s", got)
	}
	shut(t, engine)

	// The new version is built from the start and goes on with the other.
	engine = follow(t, l, dir, &tally{name: "one", version: 10}, &tally{name: "other", version: 1})
	l.Append("account-PA-1", charged("b", "1"))
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := dumpOf(t, engine); got != "one/AccountOpened 10, one/ConversationCharged 20, other/AccountOpened 1, other/ConversationCharged 2" {
		t.Errorf("after the rebuild: %s", got)
	}
	shut(t, engine)

	// Nothing is left of the former version: it would have to be rebuilt, too.
	if _, err := projections.Open(t.Context(), dir, l.Store(), codec.New(),
		[]projections.Model{&tally{name: "one", version: 1, refuses: domain.TypeAccountOpened}, &tally{name: "other", version: 1}}, nil, projections.Options{}); !errors.Is(err, errTally) {
		t.Errorf("the former version is still there: %v", err)
	}
}

// TestUnreadable stops before an event that can't be read, names it, and
// keeps everything before it.
func TestUnreadable(t *testing.T) {
	for name, want := range map[string]struct {
		kind string
		data string
		err  error
	}{
		"unknown type": {"Surprise", "{}", codec.ErrUnknownEvent},
		"payload":      {domain.TypeConversationCharged, `{"charge_id":7}`, codec.ErrPayload},
	} {
		t.Run(name, func(t *testing.T) {
			l := projectionstest.New(t)
			l.Append("account-PA-1", opened(), charged("a", "1"))
			l.AppendRaw("account-PA-1", want.kind, 2, []byte(want.data))
			l.Append("account-PA-1", charged("b", "1"))
			engine, err := projections.Open(t.Context(), t.TempDir(), l.Store(), codec.New(), []projections.Model{&tally{name: "one", version: 1}}, nil, projections.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer shut(t, engine)
			engine.Start()
			if err := engine.CatchUp(t.Context()); !errors.Is(err, want.err) || !strings.Contains(err.Error(), "stream account-PA-1, revision 2") {
				t.Errorf("got %v", err)
			}
			if p := engine.Position(); p.Commit != 2 {
				t.Errorf("stopped at %s", p)
			}
			if got := dumpOf(t, engine); got != "one/AccountOpened 1, one/ConversationCharged 1" {
				t.Errorf("kept %s", got)
			}
			// What is there already can still be waited for.
			if err := engine.WaitFor(t.Context(), engine.Position()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestModelFails names the model and the event.
func TestModelFails(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", opened(), charged("a", "1"))
	engine, err := projections.Open(t.Context(), t.TempDir(), l.Store(), codec.New(),
		[]projections.Model{&tally{name: "one", version: 1, refuses: domain.TypeConversationCharged}}, nil, projections.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, engine)
	engine.Start()
	if err := engine.CatchUp(t.Context()); !errors.Is(err, errTally) || !strings.Contains(err.Error(), "one: stream account-PA-1, revision 1") {
		t.Errorf("got %v", err)
	}
}

// TestDropped subscribes again where it was, and gives up in the end.
func TestDropped(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", opened())
	engine := follow(t, l, t.TempDir(), &tally{name: "one", version: 1})
	defer shut(t, engine)
	l.Drop(2)
	l.Append("account-PA-1", charged("a", "1"), charged("b", "1"))
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := dumpOf(t, engine); got != "one/AccountOpened 1, one/ConversationCharged 2" {
		t.Errorf("after drops: %s", got)
	}
	l.Drop(1000)
	l.Append("account-PA-1", charged("c", "1"))
	if err := engine.CatchUp(t.Context()); !errors.Is(err, eventstore.ErrDropped) {
		t.Errorf("dropped for ever: %v", err)
	}
}

// TestWaitFor returns at once for the past, waits for what comes, and ends
// with its context and with the engine.
func TestWaitFor(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", opened())
	engine := follow(t, l, t.TempDir(), &tally{name: "one", version: 1})
	future := eventstore.Position{Commit: 2, Prepare: 2}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := engine.WaitFor(ctx, engine.Position()); err != nil {
		t.Errorf("the past: %v", err)
	}
	if err := engine.WaitFor(ctx, future); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	done := make(chan error, 2)
	go func() { done <- engine.WaitFor(t.Context(), future) }()
	l.Append("account-PA-1", charged("a", "1"))
	if err := <-done; err != nil || engine.Position().Before(future) {
		t.Errorf("waited to %s, %v", engine.Position(), err)
	}
	go func() { done <- engine.WaitFor(t.Context(), eventstore.Position{Commit: 99}) }()
	shut(t, engine)
	if err := <-done; err == nil {
		t.Error("waited for what a closed engine will never see")
	}
}

// TestAhead refuses a log that lost its end.
func TestAhead(t *testing.T) {
	l := projectionstest.New(t)
	dir := t.TempDir()
	l.Append("account-PA-1", opened(), charged("a", "1"))
	shut(t, follow(t, l, dir, &tally{name: "one", version: 1}))
	l.Cut(1)
	_, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), []projections.Model{&tally{name: "one", version: 1}}, nil, projections.Options{})
	if !errors.Is(err, projections.ErrAhead) || !strings.Contains(fmt.Sprint(err), "it ends at 1/1") {
		t.Errorf("got %v", err)
	}
}

// TestOtherLog refuses a log that the models do not belong to, also one that
// was empty when they were opened first.
func TestOtherLog(t *testing.T) {
	for _, filled := range []bool{true, false} {
		one, other := projectionstest.New(t), projectionstest.New(t)
		dir := t.TempDir()
		if filled {
			one.Append("account-PA-1", opened())
		}
		engine := follow(t, one, dir, &tally{name: "one", version: 1})
		if !filled {
			one.Append("account-PA-1", opened())
			if err := engine.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		shut(t, engine)
		shut(t, follow(t, one, dir, &tally{name: "one", version: 1}))
		other.Append("account-PA-1", opened(), opened())
		_, err := projections.Open(t.Context(), dir, other.Store(), codec.New(), []projections.Model{&tally{name: "one", version: 1}}, nil, projections.Options{})
		if !errors.Is(err, projections.ErrOtherLog) {
			t.Errorf("filled %t: got %v", filled, err)
		}
	}
}

// TestOtherLogOfSinks: an engine of sinks alone knows its log too, also one
// that was empty when it was opened first.
func TestOtherLogOfSinks(t *testing.T) {
	one, other := projectionstest.New(t), projectionstest.New(t)
	dir, sink := t.TempDir(), &place{}
	open := func(l *projectionstest.Log) (*projections.Engine, error) {
		return projections.Open(t.Context(), dir, l.Store(), codec.New(), nil, []projections.Sink{sink}, projections.Options{})
	}
	engine, err := open(one)
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	one.Append("account-PA-1", opened())
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	shut(t, engine)
	other.Append("account-PA-1", opened(), opened())
	if _, err := open(other); !errors.Is(err, projections.ErrOtherLog) {
		t.Errorf("got %v", err)
	}
	again, err := open(one)
	if err != nil {
		t.Fatal(err)
	}
	shut(t, again)
}

// place is a sink that stands somewhere and keeps what it gets.
type place struct {
	at   eventstore.Position
	seen []string
	fail error
}

func (s *place) Checkpoint() (eventstore.Position, error) { return s.at, nil }

func (s *place) Apply(_ context.Context, facts []projections.Fact) error {
	for i := range facts {
		s.seen = append(s.seen, facts[i].Position.String())
	}
	return s.fail
}

func (s *place) Commit(p eventstore.Position) error {
	s.at = p
	return nil
}

// TestSinks: each sink gets what comes after its own checkpoint, once and in
// order, and says how far it is; one that fails stops everything.
func TestSinks(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", opened(), charged("a", "1"), charged("b", "1"), charged("c", "1"))
	sinks := []*place{{at: eventstore.Position{Commit: 3, Prepare: 3}}, {}, {at: eventstore.Position{Commit: 1, Prepare: 1}}}
	engine, err := projections.Open(t.Context(), t.TempDir(), l.Store(), codec.New(), []projections.Model{&tally{name: "one", version: 1}},
		[]projections.Sink{sinks[0], sinks[1], sinks[2]}, projections.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	defer shut(t, engine)
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(sinks[0].seen, sinks[1].seen, sinks[2].seen, engine.Indexed()); got != "[4/4] [1/1 2/2 3/3 4/4] [2/2 3/3 4/4] 4/4" {
		t.Errorf("sinks saw %s", got)
	}
	if got := dumpOf(t, engine); got != "one/AccountOpened 1, one/ConversationCharged 3" {
		t.Errorf("the model has %s", got)
	}
	sinks[1].fail = errTally
	l.Append("account-PA-1", charged("d", "1"))
	if err := engine.CatchUp(t.Context()); !errors.Is(err, errTally) {
		t.Errorf("a sink that fails: %v", err)
	}
	if at := sinks[1].at; at.Commit != 4 || engine.Indexed() != at {
		t.Errorf("after its failure the sink is at %s, indexed %s", at, engine.Indexed())
	}
}
