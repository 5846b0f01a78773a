package esdbserver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/projections"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdbserver"
)

// raw is the protocol without a client's shell.
func (f *fixture) raw() streams.StreamsClient { return streams.NewStreamsClient(f.dial()) }

// dial is a connection without a client.
func (f *fixture) dial() *grpc.ClientConn {
	f.Helper()
	conn, err := grpc.NewClient(f.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	return conn
}

func wireID() *shared.UUID {
	id := uuid.New()
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

// batchOf is a whole batch of n events.
func batchOf(stream string, n int) *streams.BatchAppendReq {
	b := &streams.BatchAppendReq{CorrelationId: wireID(), IsFinal: true, Options: &streams.BatchAppendReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
		ExpectedStreamPosition: &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}},
		DeadlineOption:         &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(patience)},
	}}
	for range n {
		b.ProposedMessages = append(b.ProposedMessages, &streams.BatchAppendReq_ProposedMessage{
			Id: &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}}, Metadata: map[string]string{"type": "Noted"}, Data: []byte(`{}`)})
	}
	return b
}

func TestBatchAppend(t *testing.T) {
	f := start(t, esdbserver.Options{Writable: true})
	call, err := f.raw().BatchAppend(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(parts ...*streams.BatchAppendReq) *streams.BatchAppendResp {
		t.Helper()
		for _, p := range parts {
			if err := call.Send(p); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := call.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(answer.GetCorrelationId(), parts[0].GetCorrelationId()) {
			t.Fatalf("answered %s, want %s", answer.GetCorrelationId(), parts[0].GetCorrelationId())
		}
		return answer
	}
	refused := func(b *streams.BatchAppendReq, want proto.Message) {
		t.Helper()
		answer := exchange(b)
		if len(answer.GetError().GetDetails()) != 1 {
			t.Fatalf("answer %s, want one error detail", answer)
		}
		got, err := answer.GetError().GetDetails()[0].UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := got.(*shared.BadRequest); ok && b.GetMessage() != "" {
			b.Message = "" // the text is for people
		}
		if !proto.Equal(got, want) {
			t.Fatalf("refused with %T %s, want %T %s", got, got, want, want)
		}
	}

	whole := batchOf("notes", 2)
	stored := exchange(whole)
	if s := stored.GetSuccess(); s == nil || s.GetCurrentRevision() != 1 || s.GetPosition().GetCommitPosition() != 2 {
		t.Fatalf("answer %s", stored)
	}
	if again := exchange(whole); !proto.Equal(again, stored) {
		t.Fatalf("repeated: %s, want %s", again, stored)
	}
	// In parts, of which only the first has the options.
	first, last := batchOf("parts", 3), batchOf("", 2)
	first.IsFinal, last.Options, last.CorrelationId = false, nil, first.CorrelationId
	if answer := exchange(first, last); answer.GetSuccess().GetCurrentRevision() != 4 {
		t.Fatalf("answer %s, want revision 4", answer)
	}
	free := batchOf("notes", 1)
	free.Options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}
	if answer := exchange(free); answer.GetSuccess().GetCurrentRevision() != 2 {
		t.Fatalf("answer %s, want revision 2", answer)
	}

	refused(batchOf("notes", 1), &shared.WrongExpectedVersion{
		CurrentStreamRevisionOption:  &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: 2},
		ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}},
	})
	absent := batchOf("absent", 1)
	absent.Options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: 7}
	refused(absent, &shared.WrongExpectedVersion{
		CurrentStreamRevisionOption:  &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}},
		ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: 7},
	})
	large := batchOf("large", 2)
	large.ProposedMessages[1].Data = bytes.Repeat([]byte("x"), eventstore.MaxAppendBytes)
	refused(large, &shared.MaximumAppendSizeExceeded{MaxAppendSize: eventstore.MaxAppendBytes})
	refused(batchOf("$system", 1), &shared.AccessDenied{})
	untyped := batchOf("untyped", 1)
	untyped.ProposedMessages[0].Metadata = nil
	refused(untyped, &shared.BadRequest{})
	late := batchOf("late", 1)
	late.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(-time.Second)}
	refused(late, &shared.Timeout{})

	if err := call.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := call.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("the call ends with %v", err)
	}
	if all := f.logged(); len(all) != 8 {
		t.Fatalf("the log has %d events, want 8", len(all))
	}
}

func TestBatchAppendReadOnly(t *testing.T) {
	f := start(t, esdbserver.Options{})
	call, err := f.raw().BatchAppend(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = call.Send(batchOf("notes", 1)) // may come too late
	if _, err := call.Recv(); status.Code(err) != codes.PermissionDenied {
		t.Fatalf("a batch to a read-only log: %v", err)
	}
	if got := call.Trailer().Get("exception"); len(got) != 1 || got[0] != "access-denied" {
		t.Fatalf("exception %v", got)
	}
	if all := f.logged(); len(all) != 0 {
		t.Fatalf("the log has %d events, want none", len(all))
	}
}

// TestLastStreamPosition: only clients that say so understand the message.
func TestLastStreamPosition(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 5)
	client := f.raw()
	for compatibility, want := range map[uint32]int{0: 0, 1: 1} {
		call, err := client.Read(f.ctx, &streams.ReadReq{Options: &streams.ReadReq_Options{
			StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{
				StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("account-1")},
				RevisionOption:   &streams.ReadReq_Options_StreamOptions_Revision{Revision: 3},
			}},
			CountOption:   &streams.ReadReq_Options_Count{Count: 10},
			UuidOption:    &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}},
			ControlOption: &streams.ReadReq_Options_ControlOption{Compatibility: compatibility},
		}})
		if err != nil {
			t.Fatal(err)
		}
		events, told := 0, 0
		for {
			m, err := call.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch c := m.GetContent().(type) {
			case *streams.ReadResp_Event:
				if id := c.Event.GetEvent().GetId().GetString_(); id != f.logged()[3+events].ID.String() {
					t.Fatalf("event %d has id %q", events, id)
				}
				events++
			case *streams.ReadResp_LastStreamPosition:
				if c.LastStreamPosition != 4 {
					t.Fatalf("last revision %d, want 4", c.LastStreamPosition)
				}
				told++
			}
		}
		if events != 2 || told != want {
			t.Fatalf("compatibility %d: %d events and told %d times, want 2 and %d", compatibility, events, told, want)
		}
	}
}

// TestUnimplemented: what EventStoreDB has beyond the log is refused in a
// sentence that says what to do instead.
func TestUnimplemented(t *testing.T) {
	f := start(t, esdbserver.Options{Writable: true})
	conn := f.dial()
	client := persistent.NewPersistentSubscriptionsClient(conn)
	refusals := map[string]error{}
	_, refusals["Create"] = client.Create(f.ctx, &persistent.CreateReq{})
	call, err := client.Read(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = call.Send(&persistent.ReadReq{}) // may come too late
	_, refusals["Read"] = call.Recv()
	_, refusals["Disable"] = projections.NewProjectionsClient(conn).Disable(f.ctx, &projections.DisableReq{})
	for method, err := range refusals {
		if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), method+" is not served") || !strings.Contains(err.Error(), "subscribe to them") {
			t.Errorf("%s: %v, want unimplemented and what to do instead", method, err)
		}
	}
}

// TestReadsOfWrongForm are answered, not served and not fatal.
func TestReadsOfWrongForm(t *testing.T) {
	f := start(t, esdbserver.Options{})
	client := f.raw()
	count := &streams.ReadReq_Options_Count{Count: 1}
	toAll := &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{}}}
	for what, o := range map[string]*streams.ReadReq_Options{
		"nothing":                nil,
		"no count":               {StreamOption: toAll},
		"no target":              {CountOption: count},
		"no place":               {CountOption: count, StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{}}},
		"no stream":              {CountOption: count, StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{}}},
		"subscription backwards": {CountOption: &streams.ReadReq_Options_Subscription{}, StreamOption: toAll, ReadDirection: streams.ReadReq_Options_Backwards},
		"empty filter":           {CountOption: count, StreamOption: toAll, FilterOption: &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{}}},
	} {
		call, err := client.Read(f.ctx, &streams.ReadReq{Options: o})
		if err == nil {
			_, err = call.Recv()
		}
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v, want invalid argument", what, err)
		}
	}
}

// TestCloseEndsSubscriptions: a follower that waits does not keep Close.
func TestCloseEndsSubscriptions(t *testing.T) {
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := esdbserver.New(log, esdbserver.Options{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f := &fixture{T: t, ctx: ctx, log: log, address: l.Addr().String()}
	client := f.connect("esdb://" + f.address + "?tls=false")
	defer client.Close()
	sub, err := client.SubscribeToAll(ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	var s seen
	f.follow(sub, &s, func() bool { return s.caughtUp == 1 })
	for range 2 {
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-served; err != nil {
		t.Fatalf("Serve after Close: %v", err)
	}
	if m := sub.Recv(); m.SubscriptionDropped == nil || status.Code(m.SubscriptionDropped.Error) != codes.Unavailable {
		t.Fatalf("after Close the subscription got %+v, want to be dropped as unavailable", m)
	}
}

func TestClientOverTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	f := start(t, esdbserver.Options{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})
	f.store("account-1", eventstore.NoStream, 3)
	client := f.connect("esdb://admin:changeit@" + f.address + "?tlsVerifyCert=false")
	defer client.Close()
	f.same("over TLS", f.logged(), f.drain(client.ReadAll(f.ctx, esdb.ReadAllOptions{From: esdb.Start{}}, 10)))
}
