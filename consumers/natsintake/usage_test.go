package natsintake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsintake"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// lines makes a workload of NDJSON.
func lines(t testing.TB, w intaketest.Workload) []byte {
	t.Helper()
	w.From = now.AddDate(0, 0, -29)
	var b bytes.Buffer
	if err := w.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tierWebhook is Meta's word about a volume tier of account 0.
func tierWebhook(tier string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"volume_tier_info":{"tier_update_time":1790900000,"pricing_category":"UTILITY","tier":%q,"effective_month":"2026-10","region":"India"},"event":"VOLUME_BASED_PRICING_TIER_UPDATE"},"field":"account_update"}]}]}`,
		intaketest.WABA(0, 0), tier)
}

var gzipped = nats.Header{"Content-Encoding": {"gzip"}}

func TestEachKindOfUsageMessage(t *testing.T) {
	b := newBench(t, options{accounts: 3})
	b.run()
	batch := lines(t, intaketest.Workload{Charges: 3000, Accounts: 3, Seed: 1})
	b.publish([]byte(charge("m-1", priced)), nil)
	b.publish([]byte(webhook(status("m-2", "delivered"), status("m-3", "read"), status("m-4", "sent"))), nil)
	b.publish([]byte(strings.ReplaceAll(charge("m-5", priced), ",", ",\n")), nil)
	b.publish([]byte(charge("m-6", priced)+"\n"+webhook(status("m-7", "delivered"))+"\n"), nil)
	b.publish(batch, nil)
	b.publish(zip(t, lines(t, intaketest.Workload{Charges: 9000, Accounts: 3, Seed: 2})), gzipped) // more than may be one line
	b.publish(zip(t, []byte(charge("m-8", priced))), nil)                                          // known by its first bytes
	b.publish([]byte(tierWebhook("25000001:50000000")), nil)
	b.publish(batch, nil) // again
	b.empty()
	events := b.events()
	if got := events[domain.TypeConversationCharged]; got != 12_000+7 {
		t.Errorf("%d charges on disk, want %d", got, 12_000+7)
	}
	if events["TierReached"] != 1 || events[domain.TypeChargeQuarantined] != 0 {
		t.Errorf("events %v, want one TierReached and nothing quarantined: %+v", events, b.quarantined())
	}
}

func TestPoisonGoesToQuarantineAndIsNotInTheWay(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	whole := zip(t, lines(t, intaketest.Workload{Charges: 8000, Accounts: 1, Seed: 3}))
	for _, poison := range []struct {
		data   string
		header nats.Header
	}{
		{"charge me", nil},
		{`{"charge_id":"m-1"`, nil},
		{charge("m-2", `,"ammount":"1"`), nil},
		{"\xff\xfe\x00", nil},
		{"this is not gzip", gzipped},
		{charge("m-3", priced), nats.Header{"Content-Encoding": {"br"}}},
		{string(whole[:len(whole)/2]), gzipped}, // what comes before the break is charged
		{string(zip(t, []byte(charge("m-4", priced)))[:40]), gzipped},
		{tierWebhook("many"), nil},
		{"{\"charge_id\":\"m-5\"}\n" + charge("m-6", priced) + "\n[]\n" + charge("m-7", priced), nil},
		{string(zip(t, []byte(`{"charge_id":"`+strings.Repeat("x", 2<<20)+`"}`))), gzipped},
	} {
		b.publish([]byte(poison.data), poison.header)
	}
	b.publish([]byte(charge("m-last", priced)), nil)
	b.empty()
	entries := b.quarantined()
	for _, e := range entries {
		if e.Reason != "malformed" || !strings.Contains(e.Detail, natsbus.UsageSubject+" message ") || e.Raw == "" {
			t.Errorf("entry %+.300v, want malformed with the message's number and its beginning", e)
		}
	}
	if len(entries) != 12 {
		t.Errorf("%d entries, want 12", len(entries))
		for _, e := range entries {
			t.Log(e.Detail)
		}
	}
	events := b.events()
	if got := events[domain.TypeConversationCharged]; got < 3+100 || got > 8000 {
		t.Errorf("%d charges on disk, want 3 and those before the break", got)
	}
	if events["TierReached"] != 0 {
		t.Error("an impossible tier was recorded")
	}
}

// failing is a store whose appends to one stream can be made to fail.
type failing struct {
	eventstore.Store
	stream string
	err    error
	calls  atomic.Int64
	broken atomic.Bool
}

func (f *failing) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	if f.broken.Load() && (f.stream == "" || f.stream == stream) {
		f.calls.Add(1)
		return eventstore.Appended{}, f.err
	}
	return f.Store.Append(ctx, stream, expected, events)
}

func TestAnAccountThatFailsForEverIsQuarantinedAndTheOthersCharged(t *testing.T) {
	f := &failing{stream: "account-PA-0001", err: errors.New("this account is beyond help")}
	b := newBench(t, options{accounts: 3, store: func(s eventstore.Store) eventstore.Store { f.Store = s; return f }})
	f.broken.Store(true)
	b.run()
	batch := lines(t, intaketest.Workload{Charges: 90, Accounts: 3, Seed: 4})
	sick := bytes.Count(batch, []byte("PA-0001"))
	b.publish(batch, nil)
	single := strings.ReplaceAll(strings.ReplaceAll(charge("m-1", priced), "-0000", "-0001"), ",", ",\n")
	b.publish([]byte(single), nil)
	b.empty()
	if got := b.events()[domain.TypeConversationCharged]; got != 90-sick || sick == 0 {
		t.Errorf("%d charges on disk, want %d", got, 90-sick)
	}
	entries := b.quarantined()
	if len(entries) != sick+1 {
		t.Fatalf("%d entries, want %d", len(entries), sick+1)
	}
	found := false
	for _, e := range entries {
		if e.Reason != "malformed" || !strings.Contains(e.Detail, "beyond help") {
			t.Errorf("entry %+v", e)
		}
		found = found || e.Raw == single
		if e.Raw != single && !bytes.Contains(batch, []byte(e.Raw+"\n")) {
			t.Errorf("an entry has the line %q, which nobody sent", e.Raw)
		}
	}
	if !found {
		t.Error("the message of several lines is not kept whole")
	}
	b.seen.wait(t, commandjson.CodeFailed, 2*(natsintake.MaxDeliver-1))
}

func TestAnOutageQuarantinesNothing(t *testing.T) {
	f := &failing{err: fmt.Errorf("%w: the disk is full", eventstore.ErrUnavailable)}
	b := newBench(t, options{accounts: 1, store: func(s eventstore.Store) eventstore.Store { f.Store = s; return f }})
	f.broken.Store(true)
	b.run()
	b.publish([]byte(charge("m-1", priced)), nil)
	b.publish([]byte("poison"), nil)
	reply := b.ask(natsbus.ChargeSubject, charge("m-2", priced))
	if e, _ := reply["error"].(map[string]any); e["code"] != commandjson.CodeUnavailable {
		t.Errorf("%v, want unavailable", reply)
	}
	b.seen.wait(t, commandjson.CodeUnavailable, 2*(natsintake.MaxDeliver+1)+1)
	f.broken.Store(false)
	b.empty()
	events := b.events()
	if events[domain.TypeConversationCharged] != 1 || events[domain.TypeChargeQuarantined] != 1 {
		t.Errorf("events %v, want one charge and the poison in quarantine", events)
	}
}

// TestKilledBetweenDiskAndAcknowledgement charges messages and never
// acknowledges them, as a process does that is killed at that point.
func TestKilledBetweenDiskAndAcknowledgement(t *testing.T) {
	b := newBench(t, options{accounts: 3})
	batch := lines(t, intaketest.Workload{Charges: 3000, Accounts: 3, Seed: 5})
	b.publish(batch, nil)
	b.publish([]byte(webhook(status("m-1", "delivered"))), nil)
	b.publish([]byte("poison"), nil)
	// The kill: a connection that the server loses before any acknowledgement.
	nc, err := nats.Connect(b.server.ClientURL(), nats.NoReconnect(), nats.SetCustomDialer(&deaf{}),
		nats.UserInfo(string(natsbus.RolePrepay), b.server.Password(natsbus.RolePrepay)), nats.CustomInboxPrefix(natsbus.InboxPrefix(natsbus.RolePrepay)))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	in := natsintake.New(nc, js, b.ledger, natsintake.Options{Observer: b.seen})
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	b.seen.wait(t, "acknowledged", 3)
	first := b.events()
	nc.Close()
	cancel()
	<-done
	stream, err := b.js.Stream(context.Background(), natsbus.UsageStream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(context.Background())
	if err != nil || info.State.Msgs != 3 {
		t.Fatalf("the queue holds %d messages (%v): an acknowledgement got through, this test proves nothing", info.State.Msgs, err)
	}
	// The server gives them to the next at once, not after AckWait.
	if err := b.js.DeleteConsumer(context.Background(), natsbus.UsageStream, natsintake.UsageConsumer); err != nil {
		t.Fatal(err)
	}
	b.run()
	b.empty()
	second := b.events()
	if first[domain.TypeConversationCharged] != 3001 || first[domain.TypeChargeQuarantined] != 1 {
		t.Errorf("before the kill %v", first)
	}
	if len(first) != len(second) || second[domain.TypeConversationCharged] != 3001 || second[domain.TypeChargeQuarantined] != 1 {
		t.Errorf("before the kill %v, after the redelivery %v", first, second)
	}
}

func TestAConsumerThatWasDeletedIsMadeAgain(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	b.publish([]byte(charge("m-1", priced)), nil)
	b.empty()
	if err := b.js.DeleteConsumer(context.Background(), natsbus.UsageStream, natsintake.UsageConsumer); err != nil {
		t.Fatal(err)
	}
	b.publish([]byte(charge("m-2", priced)), nil)
	b.empty()
	if got := b.events()[domain.TypeConversationCharged]; got != 2 {
		t.Errorf("%d charges on disk, want 2", got)
	}
}

func TestWithoutTheStreamRunSaysSo(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	if err := b.js.DeleteStream(context.Background(), natsbus.UsageStream); err != nil {
		t.Fatal(err)
	}
	nc, js := b.connect()
	err := natsintake.New(nc, js, b.ledger, natsintake.Options{}).Run(context.Background())
	if !errors.Is(err, jetstream.ErrStreamNotFound) || !strings.Contains(err.Error(), natsbus.UsageStream) {
		t.Errorf("%v, want a sentence that names the stream", err)
	}
}
