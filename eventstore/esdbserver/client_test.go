package esdbserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdbserver"
)

// patience is how long a test waits for what must happen (time).
const patience = 30 * time.Second

// fixture is a served log and an official client of it.
type fixture struct {
	*testing.T
	ctx     context.Context
	log     *embedded.Store
	address string
	client  *esdb.Client
}

func start(t *testing.T, opts esdbserver.Options) *fixture {
	t.Helper()
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := esdbserver.New(log, opts)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	f := &fixture{T: t, ctx: ctx, log: log, address: l.Addr().String()}
	f.client = f.connect("esdb://" + f.address + "?tls=false")
	t.Cleanup(func() {
		f.client.Close()
		cancel()
		if err := errors.Join(server.Close(), <-served, log.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// connect makes an official client.
func (f *fixture) connect(connection string) *esdb.Client {
	f.Helper()
	conf, err := esdb.ParseConnectionString(connection)
	if err != nil {
		f.Fatal(err)
	}
	conf.Logger = nil
	client, err := esdb.NewClient(conf)
	if err != nil {
		f.Fatal(err)
	}
	return client
}

// store appends n events of types A and B in turn to the log itself.
func (f *fixture) store(stream string, expected eventstore.Revision, n int) eventstore.Appended {
	f.Helper()
	var es []eventstore.Event
	for i := range n {
		es = append(es, eventstore.Event{
			ID: uuid.New(), Type: string(rune('A' + i%2)),
			Data: fmt.Appendf(nil, `{"n":%d}`, i), Metadata: []byte(`{"m":1}`),
		})
	}
	a, err := f.log.Append(f.ctx, stream, expected, es)
	if err != nil {
		f.Fatal(err)
	}
	return a
}

// logged is the log itself.
func (f *fixture) logged() []eventstore.Recorded {
	f.Helper()
	var all []eventstore.Recorded
	for e, err := range f.log.ReadAll(f.ctx, eventstore.Start) {
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// drain reads what a client's read yields.
func (f *fixture) drain(r *esdb.ReadStream, err error) []*esdb.RecordedEvent {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	var got []*esdb.RecordedEvent
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			f.Fatal(err)
		}
		got = append(got, e.OriginalEvent())
	}
}

// same compares what a client got with what the log holds.
func (f *fixture) same(what string, want []eventstore.Recorded, got []*esdb.RecordedEvent) {
	f.Helper()
	if len(got) != len(want) {
		f.Fatalf("%s: %d events, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.EventID != w.ID || g.EventType != w.Type || g.StreamID != w.Stream || g.EventNumber != uint64(w.Revision) ||
			!bytes.Equal(g.Data, w.Data) || !bytes.Equal(g.UserMetadata, w.Metadata) ||
			g.Position != (esdb.Position{Commit: w.Position.Commit, Prepare: w.Position.Prepare}) ||
			g.ContentType != "application/json" || w.Created.Sub(g.CreatedDate).Abs() >= time.Microsecond {
			f.Fatalf("%s: event %d is %+v, want %+v", what, i, g, w)
		}
	}
}

func backwards(es []eventstore.Recorded) []eventstore.Recorded {
	var r []eventstore.Recorded
	for i := len(es) - 1; i >= 0; i-- {
		r = append(r, es[i])
	}
	return r
}

func (f *fixture) wantCode(err error, want esdb.ErrorCode) {
	f.Helper()
	var failed *esdb.Error
	if !errors.As(err, &failed) || failed.Code() != want {
		f.Fatalf("error %v, want code %d", err, want)
	}
}

func TestClientReadsStream(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 7)
	f.store("account-2", eventstore.NoStream, 3)
	all := f.logged()[:7]
	read := func(dir esdb.Direction, from esdb.StreamPosition, n uint64) []*esdb.RecordedEvent {
		t.Helper()
		return f.drain(f.client.ReadStream(f.ctx, "account-1", esdb.ReadStreamOptions{Direction: dir, From: from}, n))
	}
	f.same("forwards", all, read(esdb.Forwards, esdb.Start{}, 100))
	f.same("forwards from 2, three of them", all[2:5], read(esdb.Forwards, esdb.Revision(2), 3))
	f.same("forwards beyond the end", nil, read(esdb.Forwards, esdb.Revision(7), 3))
	f.same("forwards from the end", nil, read(esdb.Forwards, esdb.End{}, 3))
	f.same("backwards", backwards(all), read(esdb.Backwards, esdb.End{}, 100))
	f.same("backwards from 4, two of them", backwards(all[3:5]), read(esdb.Backwards, esdb.Revision(4), 2))
	f.same("backwards beyond the end", backwards(all[5:]), read(esdb.Backwards, esdb.Revision(100), 2))
	f.same("backwards from the start", all[:1], read(esdb.Backwards, esdb.Start{}, 100))

	for _, missing := range []string{"account-3", "$ce-account", "$$account-1"} {
		r, err := f.client.ReadStream(f.ctx, missing, esdb.ReadStreamOptions{}, 1)
		if err == nil {
			_, err = r.Recv()
			r.Close()
		}
		f.wantCode(err, esdb.ErrorCodeResourceNotFound)
	}
}

func TestClientReadsAll(t *testing.T) {
	f := start(t, esdbserver.Options{})
	for i := range 60 { // more than a window of backwards reading
		f.store(fmt.Sprintf("account-%d", i), eventstore.NoStream, 1+i%9)
	}
	all := f.logged()
	read := func(dir esdb.Direction, from esdb.AllPosition, n uint64) []*esdb.RecordedEvent {
		t.Helper()
		return f.drain(f.client.ReadAll(f.ctx, esdb.ReadAllOptions{Direction: dir, From: from}, n))
	}
	at := func(i int) esdb.Position {
		return esdb.Position{Commit: all[i].Position.Commit, Prepare: all[i].Position.Prepare}
	}
	f.same("forwards", all, read(esdb.Forwards, esdb.Start{}, 1000))
	f.same("forwards, inclusive", all[5:9], read(esdb.Forwards, at(5), 4))
	f.same("forwards from the end", nil, read(esdb.Forwards, esdb.End{}, 4))
	f.same("backwards", backwards(all), read(esdb.Backwards, esdb.End{}, 1000))
	f.same("backwards, exclusive", backwards(all[150:200]), read(esdb.Backwards, at(200), 50))
	f.same("backwards from beyond the end", backwards(all[len(all)-3:]), read(esdb.Backwards, esdb.Position{Commit: 1e6, Prepare: 1e6}, 3))
	f.same("backwards from the first", nil, read(esdb.Backwards, at(0), 50))
	f.same("backwards from the start", nil, read(esdb.Backwards, esdb.Start{}, 50))
}

func TestClientAppends(t *testing.T) {
	f := start(t, esdbserver.Options{Writable: true})
	events := func(n int) (es []esdb.EventData) {
		for i := range n {
			es = append(es, esdb.EventData{EventID: uuid.New(), EventType: "Noted", ContentType: esdb.ContentTypeJson,
				Data: fmt.Appendf(nil, `{"n":%d}`, i), Metadata: []byte(`{"by":"client"}`)})
		}
		return es
	}
	write := func(expected esdb.ExpectedRevision, es []esdb.EventData) (*esdb.WriteResult, error) {
		return f.client.AppendToStream(f.ctx, "notes", esdb.AppendToStreamOptions{ExpectedRevision: expected}, es...)
	}
	must := func(r *esdb.WriteResult, err error) *esdb.WriteResult {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := write(esdb.StreamExists{}, events(1)); err == nil {
		t.Fatal("appended to a stream that does not exist")
	}
	first := events(3)
	r := must(write(esdb.NoStream{}, first))
	if end := f.logged()[2]; r.NextExpectedVersion != 2 || r.CommitPosition != end.Position.Commit || r.PreparePosition != end.Position.Prepare {
		t.Fatalf("answered %+v, the log ends with %+v", r, end)
	}
	must(write(esdb.Revision(2), events(2)))
	if again := must(write(esdb.NoStream{}, first)); *again != *r {
		t.Fatalf("repeated: %+v, want %+v", again, r)
	}
	_, err := write(esdb.Revision(3), events(1))
	f.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
	if got := err.Error(); !bytes.Contains([]byte(got), []byte("expecting '3' but got '4'")) {
		t.Fatalf("the conflict is told as %q", got)
	}
	_, err = write(esdb.NoStream{}, events(1))
	f.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
	must(write(esdb.Any{}, events(1)))
	must(write(esdb.StreamExists{}, events(1)))

	large := events(2)
	large[1].Data = bytes.Repeat([]byte("x"), eventstore.MaxAppendBytes)
	if _, err := write(esdb.Any{}, large); err == nil {
		t.Fatal("stored more than an append may hold")
	}
	_, err = f.client.SetStreamMetadata(f.ctx, "notes", esdb.AppendToStreamOptions{}, esdb.StreamMetadata{})
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	if all := f.logged(); len(all) != 7 {
		t.Fatalf("the log has %d events, want 7", len(all))
	}
}

func TestClientMayNotChange(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 2)
	_, err := f.client.AppendToStream(f.ctx, "account-1", esdb.AppendToStreamOptions{}, esdb.EventData{EventType: "Forged", ContentType: esdb.ContentTypeJson})
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	_, err = f.client.DeleteStream(f.ctx, "account-1", esdb.DeleteStreamOptions{})
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	_, err = f.client.TombstoneStream(f.ctx, "account-1", esdb.TombstoneStreamOptions{})
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	err = f.client.CreatePersistentSubscription(f.ctx, "account-1", "group", esdb.PersistentStreamSubscriptionOptions{})
	f.wantCode(err, esdb.ErrorCodeUnsupportedFeature)
	if all := f.logged(); len(all) != 2 {
		t.Fatalf("the log has %d events, want 2", len(all))
	}
}

func TestWritableServerDeletesNothing(t *testing.T) {
	f := start(t, esdbserver.Options{Writable: true})
	f.store("account-1", eventstore.NoStream, 2)
	_, err := f.client.DeleteStream(f.ctx, "account-1", esdb.DeleteStreamOptions{})
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	_, err = f.client.TombstoneStream(f.ctx, "account-1", esdb.TombstoneStreamOptions{})
	f.wantCode(err, esdb.ErrorCodeAccessDenied)
	if all := f.logged(); len(all) != 2 {
		t.Fatalf("the log has %d events, want 2", len(all))
	}
}

func TestClientDiscovers(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 2)
	for _, connection := range []string{"esdb+discover://" + f.address + "?tls=false", "esdb://" + f.address + "," + f.address + "?tls=false"} {
		client := f.connect(connection)
		f.same(connection, f.logged(), f.drain(client.ReadAll(f.ctx, esdb.ReadAllOptions{From: esdb.Start{}}, 10)))
		if v, err := client.GetServerVersion(); err != nil || v.Major != 23 {
			t.Fatalf("version %+v, %v", v, err)
		}
		client.Close()
	}
}
