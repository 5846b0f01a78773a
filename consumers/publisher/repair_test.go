package publisher

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/eventstore"
)

func (b bus) verify(t testing.TB, store eventstore.Store, published eventstore.Position) Report {
	t.Helper()
	r, err := Verify(t.Context(), b.nc, store, VerifyOptions{Published: published})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// repair repairs, and wants the stream to be right afterwards.
func (b bus) repair(t testing.TB, store eventstore.Store, o RepairOptions) Repaired {
	t.Helper()
	if o.Streams == (natsbus.StreamOptions{}) {
		o.Streams = longOptions
	}
	r, err := Repair(t.Context(), b.nc, store, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.verify(t, store, o.Published); !got.OK() {
		t.Fatalf("after the repair: %+v", got)
	}
	return r
}

// TestVerifyQuiet finds nothing in what the publisher wrote, also before it
// wrote anything and while some is on its way.
func TestVerifyQuiet(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 20).Store()
	changes := changesOf(t, store)
	if r := b.verify(t, store, eventstore.Start); !r.OK() || r.Unpublished != 20 {
		t.Fatalf("%+v", r)
	}
	b.deliver(t, store, changes[:15])
	if r := b.verify(t, store, changes[14].Position); !r.OK() || r.Right != 15 || r.Unpublished != 5 || r.First != 1 || r.Last != 15 {
		t.Fatalf("%+v", r)
	}
	b.deliver(t, store, changes)
	if r := b.repair(t, store, RepairOptions{}); r.New != "" {
		t.Fatalf("a right stream was made anew: %+v", r)
	}
}

// TestVerifyKinds names each kind of wrong place.
func TestVerifyKinds(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 9).Store()
	changes := changesOf(t, store)
	b.deliver(t, store, changes[:2])
	altered := message(&changes[2], DefaultSource)
	altered.Header.Set(natsbus.BalanceHeader, "0")
	b.raw(t, altered)
	b.raw(t, &nats.Msg{Subject: natsbus.EventsPrefix + "x.y.z"})
	again := message(&changes[1], DefaultSource)
	again.Header.Del(jetstream.MsgIDHeader)
	b.raw(t, again)
	b.raw(t, message(&changes[7], DefaultSource))
	b.raw(t, message(&changes[6], DefaultSource))
	want := map[uint64]ProblemKind{3: Altered, 4: Foreign, 5: Duplicate, 6: OutOfOrder, 8: Missing}
	r := b.verify(t, store, changes[7].Position)
	if r.OK() || r.Right != 3 || r.Unpublished != 1 || len(r.Problems) != len(want) {
		t.Fatalf("%+v", r)
	}
	for _, p := range r.Problems {
		if want[p.Sequence] != p.Kind || p.EventID != changes[p.Sequence-1].ID {
			t.Errorf("%+v, want %s", p, want[p.Sequence])
		}
	}
	done := b.repair(t, store, RepairOptions{})
	if done.Old != "PREPAY_EVENTS" || done.New != "PREPAY_EVENTS_G2" || done.First != 1 || done.Filled != 9 {
		t.Fatalf("%+v", done)
	}
	check(t, b.js, store)
}

// TestRepairHandsOver: the old generation says who follows it and takes nothing
// any more, a listener on the subjects of events hears none of them again, and
// a publisher that was running goes on in the new one.
func TestRepairHandsOver(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 50).Store()
	changes := changesOf(t, store)
	running := b.publisher(t, store)
	if err := running.Deliver(t.Context(), changes[:30]); err != nil {
		t.Fatal(err)
	}
	heard, err := b.nc.SubscribeSync(natsbus.EventsPrefix + ">")
	if err != nil {
		t.Fatal(err)
	}
	b.repair(t, store, RepairOptions{Force: true})
	if err := b.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := heard.Pending(); err != nil || n != 0 {
		t.Fatalf("a listener heard %d events again (%v)", n, err)
	}
	old, err := b.js.Stream(t.Context(), natsbus.EventsStream)
	if err != nil {
		t.Fatal(err)
	}
	if info := old.CachedInfo(); info.Config.Metadata[SuccessorKey] != "PREPAY_EVENTS_G2" || info.State.LastSeq != 30 {
		t.Fatalf("%+v", info)
	}
	if err := running.Deliver(t.Context(), changes[30:]); err != nil {
		t.Fatal(err)
	}
	check(t, b.js, store)
	if err := natsbus.EnsureStreams(t.Context(), b.js, longOptions); err != nil {
		t.Fatal(err)
	}
	b.repair(t, store, RepairOptions{Force: true})
	check(t, b.js, store)
	names, err := Generations(t.Context(), b.js)
	if err != nil || len(names) != 3 {
		t.Fatalf("generations %v (%v)", names, err)
	}
}

// TestRepairGoesOn after each step at which it may be cut short.
func TestRepairGoesOn(t *testing.T) {
	store := sampleLog(t, 50).Store()
	changes := changesOf(t, store)
	for cut := 1; cut <= 4; cut++ {
		b := newBus(t, longOptions)
		b.deliver(t, store, changes[:30])
		r := repair{js: b.js, store: store, opts: RepairOptions{Streams: longOptions, Source: DefaultSource, Logger: b.publisher(t, store).log}, walker: newWalker(store)}
		if err := r.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.done.Found.First = 1
		if err := r.create(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.done.New = natsbus.EventsName(2)
		part := func(context.Context) error { // as a crash in the middle leaves it
			s := sender{js: b.js, stream: r.done.New}
			for i := range 10 {
				m := message(&changes[i], DefaultSource)
				m.Subject = fillPrefix(2) + m.Subject[len(natsbus.EventsPrefix):]
				if err := s.send(t.Context(), m); err != nil {
					return err
				}
			}
			return s.wait(t.Context(), 0)
		}
		for _, step := range []func(context.Context) error{part, r.fill, r.retire}[:cut-1] {
			if err := step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := natsbus.EnsureStreams(t.Context(), b.js, longOptions); (err != nil) != (cut == 4) {
			t.Fatalf("cut %d: setting up streams says %v", cut, err)
		}
		if done := b.repair(t, store, RepairOptions{}); done.Old != natsbus.EventsStream || done.New != natsbus.EventsName(2) {
			t.Fatalf("cut %d: %+v", cut, done)
		}
		b.deliver(t, store, changes)
		check(t, b.js, store)
	}
}

// TestRepairOfLostStream fills an empty server from the log; the publisher has
// refused to begin in the middle.
func TestRepairOfLostStream(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 30).Store()
	changes := changesOf(t, store)
	b.halts(t, store, changes[20:])
	r := b.verify(t, store, changes[19].Position)
	if r.Wrong[Missing] != 20 || r.Unpublished != 10 {
		t.Fatalf("%+v", r)
	}
	b.repair(t, store, RepairOptions{Published: changes[19].Position})
	b.deliver(t, store, changes[20:])
	check(t, b.js, store)
}

// TestLostBlock deletes files of JetStream's store, as a failing disk does,
// while the server is stopped: out of the middle, at the end, and all.
func TestLostBlock(t *testing.T) {
	for name, blocks := range map[string][]string{"middle": {"2.blk"}, "end": {"4.blk"}, "all": {"1.blk", "2.blk", "3.blk", "4.blk", "index.db"}} {
		t.Run(name, func(t *testing.T) { lostBlock(t, blocks) })
	}
}

func lostBlock(t *testing.T, lost []string) {
	dir := t.TempDir()
	server := natsbustest.StartIn(t, dir)
	nc := natsbustest.Connect(t, server)
	b := bus{nc, natsbustest.JetStream(t, nc)}
	o := longOptions
	o.MaxBytes = 127_000 // the smallest blocks that JetStream makes, 32 kB
	if err := natsbus.EnsureStreams(t.Context(), b.js, o); err != nil {
		t.Fatal(err)
	}
	const n = 115
	store := sampleLog(t, n).Store()
	changes := changesOf(t, store)
	b.deliver(t, store, changes)
	nc.Close()
	server.Close()
	if files := blocks(t, dir, "*.blk"); len(files) != 4 {
		t.Fatalf("blocks are %v", files)
	}
	for _, name := range lost {
		if err := os.Remove(blocks(t, dir, name)[0]); err != nil {
			t.Fatal(err)
		}
	}
	nc = natsbustest.Connect(t, natsbustest.StartIn(t, dir))
	b = bus{nc, natsbustest.JetStream(t, nc)}
	r := b.verify(t, store, changes[n-1].Position)
	t.Logf("%d of %d messages were lost", r.Wrong[Missing], n)
	if r.OK() || r.Wrong[Missing] == 0 || r.Right+r.Wrong[Missing] != n {
		t.Fatalf("%+v", r)
	}
	b.repair(t, store, RepairOptions{Published: changes[n-1].Position})
	b.deliver(t, store, changes)
	check(t, b.js, store)
}

// blocks finds files of the stream's messages.
func blocks(t *testing.T, dir, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", natsbus.EventsStream, "msgs", name))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no %s (%v)", name, err)
	}
	return files
}
