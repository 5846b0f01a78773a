package gatestate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/gate/schematest"
	"prepayledger/consumers/gatestate"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/notices/histories"
	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/projections"
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

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// world is NATS, a writer, and the outbound that feeds it from a log.
type world struct {
	t      testing.TB
	server *natsbus.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	writer *gatestate.Writer
	log    *histories.Log
	dir    string
	out    *outbound.Outbound
	sent   int
}

func newWorld(t testing.TB, seed uint64, opts gatestate.Options) *world {
	t.Helper()
	server := natsbustest.Start(t)
	w := newWorldOn(t, natsbustest.Connect(t, server), seed, opts)
	w.server = server
	return w
}

func newWorldOn(t testing.TB, nc *nats.Conn, seed uint64, opts gatestate.Options) *world {
	t.Helper()
	w := &world{t: t, nc: nc, js: natsbustest.JetStream(t, nc), log: histories.New(seed), dir: t.TempDir()}
	w.start(opts)
	t.Cleanup(func() { _ = w.out.Close() })
	return w
}

// start begins anew: a new writer, and the outbound from its checkpoint.
func (w *world) start(opts gatestate.Options) {
	w.t.Helper()
	if w.out != nil {
		if err := w.out.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	var err error
	if w.writer, err = gatestate.New(w.nc, opts); err != nil {
		w.t.Fatal(err)
	}
	if w.out, err = outbound.Open(w.dir, []outbound.Output{w.writer}, outbound.Options{}); err != nil {
		w.t.Fatal(err)
	}
	at, err := w.out.Checkpoint()
	if err != nil {
		w.t.Fatal(err)
	}
	w.sent = 0
	for w.sent < len(w.log.Facts) && !at.Before(w.log.Facts[w.sent].Position) {
		w.sent++
	}
}

// deliver delivers the next n facts as one batch; commit notes that.
func (w *world) deliver(n int, commit bool) {
	w.t.Helper()
	batch := w.log.Facts[w.sent:min(w.sent+n, len(w.log.Facts))]
	w.sent += len(batch)
	if err := w.out.Apply(context.Background(), slices.Clone(batch)); err != nil {
		w.t.Fatal(err)
	}
	if commit && len(batch) > 0 {
		if err := w.out.Commit(batch[len(batch)-1].Position); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) all() { w.t.Helper(); w.deliver(len(w.log.Facts), true) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// read reads a bucket's values by key, and how many messages it ever took.
func (w *world) read(bucket string) (values map[string]string, writes uint64) {
	w.t.Helper()
	ctx := context.Background()
	kv, err := w.js.KeyValue(ctx, bucket)
	w.must(err)
	keys, err := kv.ListKeys(ctx)
	w.must(err)
	values = map[string]string{}
	for k := range keys.Keys() {
		e, err := kv.Get(ctx, k)
		w.must(err)
		if k != gate.HeartbeatKey {
			values[k] = string(e.Value())
		}
	}
	s, err := w.js.Stream(ctx, "KV_"+bucket)
	w.must(err)
	return values, s.CachedInfo().State.LastSeq
}

func (w *world) channel(id string) gate.ChannelState {
	w.t.Helper()
	values, _ := w.read(natsbus.ChannelsBucket)
	return decode[gate.ChannelState](w.t, values[natsbus.Token(id)])
}

func (w *world) account(partner string) gate.AccountState {
	w.t.Helper()
	values, _ := w.read(natsbus.AccountsBucket)
	return decode[gate.AccountState](w.t, values[natsbus.Token(partner)])
}

func decode[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestBlockAndUnblockAllChannels(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{Provider: "Provider"})
	w.must(w.log.Open("PA 1", "500"))
	w.must(w.log.Register("PA 1", "OLD", domain.PartnerPaid))
	w.must(w.log.Do("PA 1", &domain.CancelChannel{ChannelID: "OLD"}))
	w.all()
	start := w.log.Facts[0].Meta.OccurredAt
	for _, id := range []string{"CH-PA 1", "DI-PA 1"} {
		if s := w.channel(id); !s.MaySend || s.State != gate.StateOpen || s.HTTPStatus != 200 || s.Text != "" || !s.Since.Equal(start) || s.PartnerID != "PA 1" || s.PhoneNumber == "" {
			t.Errorf("before the block: %+v", s)
		}
	}
	w.log.Pass(time.Hour)
	w.must(w.log.Charge("PA 1", "500.01"))
	negative := w.log.Facts[len(w.log.Facts)-1].Meta.OccurredAt
	w.log.Pass(8 * domain.Day)
	w.log.Due("PA 1")
	w.all()
	for _, id := range []string{"CH-PA 1", "DI-PA 1"} {
		s := w.channel(id)
		if s.MaySend || s.State != gate.StateBlocked || s.HTTPStatus != 400 || !s.Since.Equal(negative.Add(7*domain.Day)) {
			t.Errorf("blocked late, since the deadline: %+v", s)
		}
		if s.Text != "pay" { // the text that the event carries
			t.Errorf("text %q", s.Text)
		}
	}
	if s := w.channel("OLD"); s.State != gate.StateCancelled || s.MaySend || s.HTTPStatus != 400 || s.Text != gate.CancelledText {
		t.Errorf("cancelled stays cancelled: %+v", s)
	}
	if a := w.account("PA 1"); a.Standing != "blocked" || a.BlockedReason != "overdue" || a.AmountDue != "0.01" || a.Balance != "-0.01" || !a.BlockedSince.Equal(negative.Add(7*domain.Day)) || !a.NegativeSince.Equal(negative) || a.Threshold != "100" || a.Currency != "EUR" {
		t.Errorf("account: %+v", a)
	}
	w.must(w.log.Do("PA 1", &domain.ConfirmPayment{Reference: "r", Amount: w.log.Account("PA 1").AmountDue()}))
	w.all()
	if s := w.channel("DI-PA 1"); !s.MaySend || s.Text != "" || s.State != gate.StateOpen {
		t.Errorf("after the confirmation: %+v", s)
	}
}

// Each account and channel is written once a batch at most, and not at all
// where nothing changed.
func TestWritesWhatChanged(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{})
	w.must(w.log.Open("PA-1", "500"))
	w.all()
	_, accounts := w.read(natsbus.AccountsBucket)
	_, channels := w.read(natsbus.ChannelsBucket)
	if accounts != 1 || channels != 2 {
		t.Fatalf("opened by %d writes of accounts, %d of channels; want 1 and 2", accounts, channels)
	}
	for range 50 {
		w.must(w.log.Charge("PA-1", "1"))
	}
	w.all()
	if _, n := w.read(natsbus.AccountsBucket); n != 2 {
		t.Errorf("50 charges in a batch wrote %d values, want 1", n-1)
	}
	if _, n := w.read(natsbus.ChannelsBucket); n != 2 {
		t.Errorf("charges wrote %d channels", n-2)
	}
	w.must(w.log.Do("PA-1", &domain.ReplaceCard{Card: "other"}))
	w.must(w.log.Do("PA-1", &domain.PublishBalance{Day: w.log.Account("PA-1").NextDaily}))
	w.log.Foreign()
	w.all()
	if _, n := w.read(natsbus.AccountsBucket); n != 2 {
		t.Errorf("what shows in no figure wrote %d values", n-2)
	}
}

func TestOlderNeverOverNewer(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{})
	w.must(w.log.Open("PA-1", "500"))
	w.deliver(1, true) // the opening
	w.must(w.log.Do("PA-1", &domain.Block{Reason: "fraud", Text: "text"}))
	w.must(w.log.Do("PA-1", &domain.Unblock{}))
	w.must(w.log.Charge("PA-1", "7"))
	w.deliver(100, false) // and then it crashes before the checkpoint
	want, _ := w.read(natsbus.ChannelsBucket)
	wantAccounts, _ := w.read(natsbus.AccountsBucket)
	w.start(gatestate.Options{})
	if w.sent != 1 {
		t.Fatalf("delivery goes on after %d facts, want 1", w.sent)
	}
	for w.sent < len(w.log.Facts) {
		w.deliver(1, true)
		if got, _ := w.read(natsbus.ChannelsBucket); !maps.Equal(got, want) {
			t.Fatalf("after %d facts the channels are %v", w.sent, got)
		}
		if got, _ := w.read(natsbus.AccountsBucket); !maps.Equal(got, wantAccounts) {
			t.Fatalf("after %d facts the accounts are %v", w.sent, got)
		}
	}
}

// A writer that doesn't know what another one wrote meanwhile puts nothing
// older over it.
func TestTwoWriters(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{})
	w.must(w.log.Open("PA-1", "500"))
	w.all() // the first writer knows the buckets as of now
	w.log.Pass(time.Hour)
	w.must(w.log.Do("PA-1", &domain.Block{Reason: "fraud", Text: "text"}))
	w.must(w.log.Do("PA-1", &domain.Unblock{}))
	w.must(w.log.Charge("PA-1", "7"))
	other, err := gatestate.New(w.nc, gatestate.Options{})
	w.must(err)
	out, err := outbound.Open(t.TempDir(), []outbound.Output{other}, outbound.Options{})
	w.must(err)
	defer out.Close()
	w.must(out.Apply(context.Background(), slices.Clone(w.log.Facts)))
	want, _ := w.read(natsbus.ChannelsBucket)
	wantAccounts, _ := w.read(natsbus.AccountsBucket)
	for w.sent < len(w.log.Facts) {
		w.deliver(1, true)
		if got, _ := w.read(natsbus.ChannelsBucket); !maps.Equal(got, want) {
			t.Fatalf("after %d facts the channels are %v", w.sent, got)
		}
		if got, _ := w.read(natsbus.AccountsBucket); !maps.Equal(got, wantAccounts) {
			t.Fatalf("after %d facts the accounts are %v", w.sent, got)
		}
	}
	w.must(w.log.Charge("PA-1", "1"))
	w.all()
	if a := w.account("PA-1"); a.Balance != "492" {
		t.Errorf("afterwards the balance is %s", a.Balance)
	}
}

// expected folds the whole log naively into what the buckets must say.
func expected(facts []projections.Fact) (channels, accounts map[string]string) {
	states := map[string]*domain.Account{}
	since := map[string]time.Time{}
	word := map[string]gate.State{}
	partner := map[string]string{}
	for _, f := range facts {
		if f.PartnerID == "" {
			continue
		}
		a := states[f.PartnerID]
		if a == nil {
			a = domain.NewAccount()
			states[f.PartnerID] = a
		}
		if err := a.Apply(f.Event); err != nil {
			panic(err)
		}
		at := f.Meta.OccurredAt
		switch e := f.Event.(type) {
		case *domain.AccountBlocked:
			at = e.EffectiveAt
		case *domain.AccountUnblocked:
			at = e.EffectiveAt
		case *domain.ChannelCancelled:
			at = e.CancelledAt
		}
		for id, c := range a.Channels {
			if is := gate.State(a.ChannelState(c)); word[id] != is {
				word[id], since[id], partner[id] = is, at, f.PartnerID
			}
		}
	}
	channels, accounts = map[string]string{}, map[string]string{}
	for id, is := range word {
		channels[natsbus.Token(id)] = partner[id] + " " + string(is) + " " + since[id].Format(time.RFC3339)
	}
	for id, a := range states {
		accounts[natsbus.Token(id)] = a.Balance.String() + " " + string(a.Standing()) + " " + a.BlockedReason() + " " + a.BlockDeadline.Format(time.RFC3339)
	}
	return channels, accounts
}

// actual says in the same words what the buckets say, and holds every value
// against its schema.
func (w *world) actual(channel, account *schematest.Schema) (channels, accounts map[string]string) {
	w.t.Helper()
	channels, accounts = map[string]string{}, map[string]string{}
	values, _ := w.read(natsbus.ChannelsBucket)
	for k, text := range values {
		w.must(channel.Validate([]byte(text)))
		s := decode[gate.ChannelState](w.t, text)
		if s.MaySend != (s.State == gate.StateOpen) || s.MaySend != (s.HTTPStatus == 200) || s.MaySend != (s.Text == "") {
			w.t.Errorf("value contradicts itself: %s", text)
		}
		channels[k] = s.PartnerID + " " + string(s.State) + " " + s.Since.Format(time.RFC3339)
	}
	values, _ = w.read(natsbus.AccountsBucket)
	for k, text := range values {
		w.must(account.Validate([]byte(text)))
		s := decode[gate.AccountState](w.t, text)
		accounts[k] = s.Balance + " " + s.Standing + " " + s.BlockedReason + " " + s.BlockDeadline.Format(time.RFC3339)
	}
	return channels, accounts
}

// Whatever the history, the batches and the crashes: the buckets end up with
// what a naive fold of the log says.
func TestRandomHistories(t *testing.T) {
	const (
		runs  = 6
		steps = 300
	)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	channel := schematest.Check(t, "channel-state", &gate.ChannelState{}, "./consumers/gate")
	account := schematest.Check(t, "account-state", &gate.AccountState{}, "./consumers/gate")
	for run := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, run))
		w := newWorld(t, rng.Uint64(), gatestate.Options{})
		for range steps {
			w.log.Step([]string{"PA-1", "PA-2", "PA.3"})
		}
		for w.sent < len(w.log.Facts) {
			if w.deliver(1+rng.IntN(20), rng.IntN(2) == 0); rng.IntN(10) == 0 {
				w.start(gatestate.Options{})
			}
		}
		wantChannels, wantAccounts := expected(w.log.Facts)
		gotChannels, gotAccounts := w.actual(channel, account)
		if !maps.Equal(gotChannels, wantChannels) {
			t.Fatalf("run %d: channels\n%v\nwant\n%v", run, gotChannels, wantChannels)
		}
		if !maps.Equal(gotAccounts, wantAccounts) {
			t.Fatalf("run %d: accounts\n%v\nwant\n%v", run, gotAccounts, wantAccounts)
		}
	}
}

// accounts is a source of snapshots: what a read model has at the log's end.
func (w *world) accounts() gatestate.Accounts {
	return func(context.Context) iter.Seq2[gatestate.Snapshot, error] {
		return func(yield func(gatestate.Snapshot, error) bool) {
			for _, s := range snapshots(w.log.Facts) {
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

func snapshots(facts []projections.Fact) map[string]gatestate.Snapshot {
	all := map[string]gatestate.Snapshot{}
	for _, f := range facts {
		if f.PartnerID == "" {
			continue
		}
		s, ok := all[f.PartnerID]
		if !ok {
			s.Account = domain.NewAccount()
		}
		was := s.Account.Blocked()
		if err := s.Account.Apply(f.Event); err != nil {
			panic(err)
		}
		switch e, ok := f.Event.(*domain.AccountBlocked); {
		case !s.Account.Blocked():
			s.BlockedSince = time.Time{}
		case !was && ok:
			s.BlockedSince = e.EffectiveAt
		}
		s.Revision, s.Position, s.RecordedAt = f.Revision, f.Position, f.Meta.RecordedAt
		all[f.PartnerID] = s
	}
	return all
}

func TestSync(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{})
	ctx := context.Background()
	w.must(w.log.Open("PA-1", "500"))
	w.must(w.log.Open("PA-2", "500"))
	w.must(w.log.Do("PA-2", &domain.Block{Reason: "fraud", Text: gate.BlockedText(gate.DefaultProvider)}))
	w.must(w.log.Do("PA-1", &domain.CancelChannel{ChannelID: "DI-PA-1"}))
	w.all()
	wantChannels, _ := w.read(natsbus.ChannelsBucket)
	wantAccounts, _ := w.read(natsbus.AccountsBucket)

	// In line already: nothing is written.
	_, before := w.read(natsbus.ChannelsBucket)
	w.must(w.writer.Sync(ctx, w.accounts()))
	if _, after := w.read(natsbus.ChannelsBucket); after != before {
		t.Errorf("a bucket in line took %d writes", after-before)
	}

	// Damaged: a value lost, one unreadable, one of nothing, one bucket gone.
	kv, err := w.js.KeyValue(ctx, natsbus.ChannelsBucket)
	w.must(err)
	w.must(kv.Delete(ctx, "CH-PA-1"))
	_, err = kv.PutString(ctx, "CH-PA-2", "{")
	w.must(err)
	_, err = kv.PutString(ctx, "NOBODY", `{"channel_id":"NOBODY","may_send":true,"position":"0/0"}`)
	w.must(err)
	w.must(w.js.DeleteKeyValue(ctx, natsbus.AccountsBucket))
	eventually(t, "in line again", func() bool { // the server may still be at the old one's files
		return w.writer.Sync(ctx, w.accounts()) == nil
	})
	gotAccounts, _ := w.read(natsbus.AccountsBucket)
	if !maps.EqualFunc(gotAccounts, wantAccounts, func(a, b string) bool {
		x, y := decode[gate.AccountState](t, a), decode[gate.AccountState](t, b)
		x.Position, x.Revision, x.UpdatedAt = y.Position, y.Revision, y.UpdatedAt
		return x == y
	}) {
		t.Errorf("accounts %v\nwant %v", gotAccounts, wantAccounts)
	}
	gotChannels, _ := w.read(natsbus.ChannelsBucket)
	if !slices.Equal(slices.Sorted(maps.Keys(gotChannels)), slices.Sorted(maps.Keys(wantChannels))) {
		t.Fatalf("channels %v", gotChannels)
	}
	for k := range wantChannels {
		got, want := decode[gate.ChannelState](t, gotChannels[k]), decode[gate.ChannelState](t, wantChannels[k])
		if got.MaySend != want.MaySend || got.State != want.State || got.Text != want.Text {
			t.Errorf("channel %+v, want %+v", got, want)
		}
		if got.State == gate.StateBlocked && !got.Since.Equal(want.Since) {
			t.Errorf("blocked since %s, want %s", got.Since, want.Since)
		}
	}

	// A read model that is behind takes nothing back.
	snapshot := snapshots(w.log.Facts)
	w.must(w.log.Register("PA-1", "NEW", domain.PartnerPaid))
	w.must(w.log.Do("PA-2", &domain.Unblock{}))
	w.all()
	want, _ := w.read(natsbus.ChannelsBucket)
	w.must(w.writer.Sync(ctx, func(context.Context) iter.Seq2[gatestate.Snapshot, error] {
		return func(yield func(gatestate.Snapshot, error) bool) {
			for _, s := range snapshot {
				if !yield(s, nil) {
					return
				}
			}
		}
	}))
	if got, _ := w.read(natsbus.ChannelsBucket); !maps.Equal(got, want) {
		t.Errorf("an old snapshot made %v of %v", got, want)
	}
	if err := w.writer.Sync(ctx, func(context.Context) iter.Seq2[gatestate.Snapshot, error] {
		return func(yield func(gatestate.Snapshot, error) bool) { yield(gatestate.Snapshot{}, os.ErrClosed) }
	}); err == nil {
		t.Error("accounts that can't be read gave no error")
	}
}

// run runs the writer until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.writer.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
}

// quick sends heartbeats as often as tests want.
const quick = 20 * time.Millisecond

func TestGateFollowsTheWriter(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{})
	w.start(gatestate.Options{Accounts: w.accounts(), HeartbeatEvery: quick})
	w.must(w.log.Open("PA-1", "500"))
	w.run()
	g, err := gate.Open(context.Background(), w.nc, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse})
	w.must(err)
	t.Cleanup(g.Close)
	eventually(t, "the gate knows what Sync wrote", func() bool { return g.Allow("CH-PA-1").Allowed })
	w.must(w.log.Do("PA-1", &domain.Block{Reason: "fraud", Text: "text"}))
	w.all()
	eventually(t, "blocked", func() bool { d := g.Allow("DI-PA-1"); return !d.Allowed && d.Source == gate.Live && d.Text == "text" })

	// Both buckets are lost: Run fills them again.
	w.must(w.js.DeleteKeyValue(context.Background(), natsbus.ChannelsBucket))
	w.must(w.js.DeleteKeyValue(context.Background(), natsbus.AccountsBucket))
	eventually(t, "filled again", func() bool {
		kv, err := w.js.KeyValue(context.Background(), natsbus.ChannelsBucket)
		if err != nil {
			return false
		}
		_, err = kv.Get(context.Background(), gate.HeartbeatKey)
		return err == nil
	})
	if s := w.channel("DI-PA-1"); s.State != gate.StateBlocked {
		t.Errorf("after the loss: %+v", s)
	}
	if a := w.account("PA-1"); a.Standing != "blocked" {
		t.Errorf("after the loss: %+v", a)
	}
}

// A delivery may be the first to miss a bucket, and makes it again: what the
// delivery does not touch must come back all the same, and no heartbeat may say
// before that all is well.
func TestLossFoundByADelivery(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{})
	w.must(w.log.Open("PA-1", "500"))
	w.must(w.log.Open("PA-2", "500"))
	w.start(gatestate.Options{Accounts: w.accounts(), HeartbeatEvery: time.Second})
	w.all()
	want, _ := w.read(natsbus.ChannelsBucket)
	w.run()
	beats := func() bool {
		kv, err := w.js.KeyValue(context.Background(), natsbus.ChannelsBucket)
		if err != nil {
			return false
		}
		_, err = kv.Get(context.Background(), gate.HeartbeatKey)
		return err == nil
	}
	eventually(t, "a heartbeat", beats)
	w.must(w.js.DeleteKeyValue(context.Background(), natsbus.ChannelsBucket))
	w.must(w.js.DeleteKeyValue(context.Background(), natsbus.AccountsBucket))
	w.must(w.log.Do("PA-1", &domain.Block{Reason: "fraud", Text: "text"}))
	w.all()
	eventually(t, "a heartbeat after the loss", beats)
	got, _ := w.read(natsbus.ChannelsBucket)
	for id := range want {
		if _, there := got[id]; !there {
			t.Errorf("after the loss there is a heartbeat and no channel %s", id)
		}
	}
	accounts, _ := w.read(natsbus.AccountsBucket)
	for _, id := range []string{"PA-1", "PA-2"} {
		if _, there := accounts[id]; !there {
			t.Errorf("after the loss there is a heartbeat and no account %s", id)
		}
	}
}

// No heartbeat while changes don't get through, or are late.
func TestHeartbeatIsWithheld(t *testing.T) {
	var healthy atomic.Bool
	var asked atomic.Int64
	w := newWorld(t, 1, gatestate.Options{HeartbeatEvery: quick, Healthy: func() bool { asked.Add(1); return healthy.Load() }})
	kv, err := w.js.KeyValue(context.Background(), natsbus.ChannelsBucket)
	w.must(err)
	beat := func() uint64 {
		e, err := kv.Get(context.Background(), gate.HeartbeatKey)
		if err != nil {
			return 0
		}
		if h := decode[gate.Heartbeat](t, string(e.Value())); h.StaleAfterSeconds != 10 || h.EverySeconds != 2 || h.At.IsZero() {
			t.Errorf("heartbeat %+v", h)
		}
		return e.Revision()
	}
	thrice := func() {
		from := asked.Load()
		eventually(t, "three chances of a heartbeat", func() bool { return asked.Load() > from+3 })
	}
	w.run()
	if thrice(); beat() != 0 {
		t.Fatal("a heartbeat though changes are late")
	}
	healthy.Store(true)
	eventually(t, "a heartbeat", func() bool { return beat() > 0 })

	w.must(w.log.Open("PA-1", "500"))
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	changes := []outbound.Change{{Fact: w.log.Facts[0], After: w.log.Account("PA-1").Funds, Account: w.log.Account("PA-1")}}
	if err := w.writer.Deliver(gone, changes); err == nil {
		t.Fatal("a delivery that was cut short gave no error")
	}
	last := beat()
	if thrice(); beat() != last {
		t.Fatal("a heartbeat though a change didn't get through")
	}
	w.must(w.writer.Deliver(context.Background(), changes))
	eventually(t, "heartbeats again", func() bool { return beat() > last })
}

func TestRequests(t *testing.T) {
	w := newWorld(t, 1, gatestate.Options{HeartbeatEvery: quick})
	w.must(w.log.Open("PA-1", "500"))
	w.all()
	w.run()
	ask := func(text string) (answer string) {
		eventually(t, "an answer to "+text, func() bool {
			m, err := w.nc.Request(natsbus.GateSubject, []byte(text), patience)
			if err != nil {
				return false
			}
			answer = string(m.Data)
			return true
		})
		return answer
	}
	if s := decode[gate.ChannelState](t, ask(`{"channel_id":"CH-PA-1"}`)); !s.MaySend || s.ChannelID != "CH-PA-1" {
		t.Errorf("%+v", s)
	}
	type failure struct {
		Error struct{ Code, Message string }
	}
	for text, code := range map[string]string{`{"channel_id":"none"}`: "unknown_channel", `{"channel_id":""}`: "malformed", `[`: "malformed"} {
		if f := decode[failure](t, ask(text)); f.Error.Code != code || f.Error.Message == "" {
			t.Errorf("%s: %+v, want %s", text, f, code)
		}
	}
}

// While Run runs, figures wait for a moment and are written together. What a
// crash loses of them is made good at the next start.
func TestFiguresWait(t *testing.T) {
	const (
		runs  = 3
		steps = 300
	)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for run := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, run))
		w := newWorld(t, rng.Uint64(), gatestate.Options{})
		for range steps {
			w.log.Step([]string{"PA-1", "PA-2", "PA.3"})
		}
		kept, crashes := w.nc, 0
		begin := func() (crash func()) {
			every := 5 * time.Millisecond
			if rng.IntN(2) == 0 {
				every = time.Hour // all that waits is lost by the crash
			}
			w.nc = natsbustest.Connect(t, w.server)
			w.start(gatestate.Options{Accounts: w.accounts(), AccountsEvery: every, HeartbeatEvery: quick})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- w.writer.Run(ctx) }()
			nc := w.nc
			return func() { nc.Close(); cancel(); <-done }
		}
		crash := begin()
		for w.sent < len(w.log.Facts) {
			w.deliver(1+rng.IntN(20), rng.IntN(2) == 0)
			if late := crashes == 0 && w.sent > len(w.log.Facts)/2; late || rng.IntN(10) == 0 {
				crash()
				crashes++
				crash = begin()
			}
		}
		crash()
		crash = begin()
		w.nc = kept
		wantChannels, wantAccounts := expected(w.log.Facts)
		w.eventuallyEqual(wantChannels, wantAccounts)
		crash()
		if crashes == 0 {
			t.Error("nothing crashed: the test says little")
		}
	}
}

// eventuallyEqual waits for the states that the buckets must come to; since
// when they hold is not always known after a crash.
func (w *world) eventuallyEqual(wantChannels, wantAccounts map[string]string) {
	w.t.Helper()
	channel := schematest.Check(w.t, "channel-state", &gate.ChannelState{}, "./consumers/gate")
	account := schematest.Check(w.t, "account-state", &gate.AccountState{}, "./consumers/gate")
	state := func(all map[string]string) map[string]string {
		short := map[string]string{}
		for k, text := range all {
			short[k] = text[:strings.LastIndex(text, " ")]
		}
		return short
	}
	eventually(w.t, "the buckets are in line", func() bool {
		channels, accounts := w.actual(channel, account)
		return maps.Equal(state(channels), state(wantChannels)) && maps.Equal(accounts, wantAccounts)
	})
}

// NATS is killed in the middle of deliveries and flushes: the buckets come to
// the same, and the gate with them.
func TestNATSKilled(t *testing.T) {
	const kills = 2
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := natsbustest.StartProcess(t, t.TempDir())
	w := newWorldOn(t, p.Connect(), seed, gatestate.Options{})
	w.must(natsbus.EnsureStreams(context.Background(), w.js, natsbus.StreamOptions{}))
	for range 300 {
		w.log.Step([]string{"PA-1", "PA-2", "PA.3"})
	}
	w.start(gatestate.Options{Accounts: w.accounts(), AccountsEvery: quick, HeartbeatEvery: quick})
	w.run()
	g, err := gate.Open(context.Background(), w.nc, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse})
	w.must(err)
	t.Cleanup(g.Close)
	for killed, done := 0, make(chan struct{}); w.sent < len(w.log.Facts); w.deliver(15, true) {
		if killed < kills && w.sent >= (2*killed+1)*len(w.log.Facts)/(2*kills) {
			killed++
			go func() { p.Kill(); p.Restart(); done <- struct{}{} }()
			w.deliver(15, true)
			<-done
		}
	}
	wantChannels, wantAccounts := expected(w.log.Facts)
	w.eventuallyEqual(wantChannels, wantAccounts)
	eventually(t, "the gate is fresh", g.Ready)
	for _, s := range snapshots(w.log.Facts) {
		for id, c := range s.Account.Channels {
			open := s.Account.ChannelState(c) == domain.ChannelOpen
			eventually(t, "the gate agrees on "+id, func() bool { return g.Allow(id).Allowed == open })
		}
	}
}
