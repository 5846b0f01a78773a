package esdb_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb"
)

// scripted is a server that answers as a test says: what our own server never
// answers, others may.
type scripted struct {
	streams.UnimplementedStreamsServer
	append func(context.Context) (*streams.AppendResp, error)
	read   func(*streams.ReadReq_Options, streams.Streams_ReadServer) error
}

func (s *scripted) Append(in streams.Streams_AppendServer) error {
	for {
		if _, err := in.Recv(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	answer, err := s.append(in.Context())
	if err != nil {
		return err
	}
	return in.SendAndClose(answer)
}

func (s *scripted) Read(req *streams.ReadReq, out streams.Streams_ReadServer) error {
	return s.read(req.GetOptions(), out)
}

func (s *scripted) driver(t *testing.T) *esdb.Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	streams.RegisterStreamsServer(server, s)
	go server.Serve(l)
	d := open(t, "esdb://"+l.Addr().String()+"?tls=false")
	t.Cleanup(func() {
		d.Close()
		server.Stop()
	})
	return d
}

// wire is an event of stream account-1 as a server sends it.
func wire(id uuid.UUID, revision, position uint64) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("account-1")},
			StreamRevision:   revision, CommitPosition: position, PreparePosition: position,
			Metadata: map[string]string{"type": "Noted", "created": "17955000000000000", "content-type": "application/json"},
		},
	}}}
}

func sends(ms ...*streams.ReadResp) func(*streams.ReadReq_Options, streams.Streams_ReadServer) error {
	return func(_ *streams.ReadReq_Options, out streams.Streams_ReadServer) error {
		for _, m := range ms {
			if err := out.Send(m); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestServerForgetsRepeats: a server that calls a stored identical append a
// conflict is corrected; a true conflict stays one.
func TestServerForgetsRepeats(t *testing.T) {
	es := events(2)
	s := &scripted{append: func(context.Context) (*streams.AppendResp, error) {
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: &streams.AppendResp_WrongExpectedVersion{
			CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: 6}}}}, nil
	}}
	d := s.driver(t)
	s.read = sends(wire(es[0].ID, 4, 40), wire(es[1].ID, 5, 50), wire(uuid.New(), 6, 60))
	a, err := d.Append(deadline(t), "account-1", 3, es)
	if err != nil || a.LastRevision != 5 || a.Position != (eventstore.Position{Commit: 50, Prepare: 50}) {
		t.Fatalf("stored before: %+v, %v", a, err)
	}
	s.read = sends(wire(es[0].ID, 4, 40), wire(uuid.New(), 5, 50), wire(uuid.New(), 6, 60))
	var wrong *eventstore.WrongRevisionError
	if _, err := d.Append(deadline(t), "account-1", 3, es); !errors.As(err, &wrong) || wrong.Actual != 6 {
		t.Fatalf("half of it stored: %v, want a conflict with 6", err)
	}
	s.read = func(*streams.ReadReq_Options, streams.Streams_ReadServer) error {
		return status.Error(codes.Internal, "disk")
	}
	if _, err := d.Append(deadline(t), "account-1", 3, es); !errors.Is(err, eventstore.ErrOutcomeUnknown) {
		t.Fatalf("a conflict that cannot be looked into: %v, want outcome unknown", err)
	}
	// Nothing to look into: the stream is too short to hold them.
	if _, err := d.Append(deadline(t), "account-1", 5, es); !errors.As(err, &wrong) || wrong.Actual != 6 {
		t.Fatalf("one too few: %v, want a conflict with 6", err)
	}
}

// TestServerTellsNoPosition: the place of an append is read back.
func TestServerTellsNoPosition(t *testing.T) {
	revision := uint64(1)
	s := &scripted{append: func(context.Context) (*streams.AppendResp, error) {
		return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
			CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: revision},
			PositionOption:        &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}},
		}}}, nil
	}}
	d := s.driver(t)
	s.read = sends(wire(uuid.New(), 1, 77))
	a, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(2))
	if err != nil || a.Position != (eventstore.Position{Commit: 77, Prepare: 77}) {
		t.Fatalf("%+v, %v, want position 77/77", a, err)
	}
	revision = 2
	if _, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(2)); !errors.Is(err, eventstore.ErrCorrupt) {
		t.Fatalf("two events said to end at revision 2: %v, want damage", err)
	}
}

// TestServerRefuses: which refusals are certain, and which are not.
func TestServerRefuses(t *testing.T) {
	tests := []struct {
		code      codes.Code
		exception string
		want      error
		unknown   bool
	}{
		{codes.PermissionDenied, "access-denied", eventstore.ErrUnavailable, false},
		{codes.Unauthenticated, "", eventstore.ErrUnavailable, false},
		{codes.InvalidArgument, "maximum-append-size-exceeded", eventstore.ErrTooLarge, false},
		{codes.InvalidArgument, "", eventstore.ErrInvalid, false},
		{codes.FailedPrecondition, "stream-deleted", eventstore.ErrCorrupt, false},
		{codes.Aborted, "timeout", eventstore.ErrOutcomeUnknown, true},
		{codes.DeadlineExceeded, "", eventstore.ErrOutcomeUnknown, true},
		{codes.Unavailable, "", eventstore.ErrOutcomeUnknown, true},
		{codes.Internal, "", eventstore.ErrOutcomeUnknown, true},
		{codes.Unknown, "", eventstore.ErrOutcomeUnknown, true},
	}
	for _, tt := range tests {
		s := &scripted{append: func(ctx context.Context) (*streams.AppendResp, error) {
			if tt.exception != "" {
				grpc.SetTrailer(ctx, metadata.Pairs("exception", tt.exception))
			}
			return nil, status.Error(tt.code, "refused")
		}}
		_, err := s.driver(t).Append(deadline(t), "account-1", eventstore.NoStream, events(1))
		if !errors.Is(err, tt.want) || errors.Is(err, eventstore.ErrOutcomeUnknown) != tt.unknown {
			t.Errorf("%s %s: %v, want %q", tt.code, tt.exception, err, tt.want)
		}
	}
}

// TestStreamWithHoles: truncation is damage and not a short stream.
func TestStreamWithHoles(t *testing.T) {
	id := uuid.New()
	tests := []struct {
		what   string
		from   eventstore.Revision
		dir    eventstore.Direction
		events []*streams.ReadResp
		before int
		want   error
	}{
		{"begins late", 0, eventstore.Forwards, []*streams.ReadResp{wire(id, 3, 30)}, 0, eventstore.ErrCorrupt},
		{"hole", 0, eventstore.Forwards, []*streams.ReadResp{wire(id, 0, 30), wire(id, 2, 40)}, 1, eventstore.ErrCorrupt},
		{"hole backwards", eventstore.End, eventstore.Backwards, []*streams.ReadResp{wire(id, 5, 50), wire(id, 3, 30)}, 1, eventstore.ErrCorrupt},
		{"no positions", 0, eventstore.Forwards, []*streams.ReadResp{wire(id, 0, math.MaxUint64)}, 0, eventstore.ErrUnavailable},
	}
	for _, tt := range tests {
		d := (&scripted{read: sends(tt.events...)}).driver(t)
		n := 0
		var failed error
		for _, err := range d.ReadStream(deadline(t), "account-1", tt.from, tt.dir) {
			if failed = err; err == nil {
				n++
			}
		}
		if n != tt.before || !errors.Is(failed, tt.want) {
			t.Errorf("%s: %d events, then %v; want %d and %q", tt.what, n, failed, tt.before, tt.want)
		}
	}
}

// TestFellBehind: a subscriber that the server calls behind is told that it
// caught up when the server says so, and after live events when the log has
// no more.
func TestFellBehind(t *testing.T) {
	caughtUp := &streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}
	behind := &streams.ReadResp{Content: &streams.ReadResp_FellBehind_{FellBehind: &streams.ReadResp_FellBehind{}}}
	confirmed := &streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: "1"}}}
	more := make(chan *streams.ReadResp)
	var asked atomic.Int32
	s := &scripted{read: func(o *streams.ReadReq_Options, out streams.Streams_ReadServer) error {
		if o.GetSubscription() == nil { // where does the log end?
			asked.Add(1)
			return out.Send(wire(uuid.New(), 9, 90))
		}
		if err := sends(confirmed, wire(uuid.New(), 1, 10), caughtUp, behind, wire(uuid.New(), 2, 20))(o, out); err != nil {
			return err
		}
		for {
			select {
			case m := <-more:
				if err := out.Send(m); err != nil {
					return err
				}
			case <-out.Context().Done():
				return nil
			}
		}
	}}
	ctx := deadline(t)
	sub, err := s.driver(t).SubscribeAll(ctx, eventstore.Start)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	next := func(kind eventstore.MessageKind, at uint64) {
		t.Helper()
		m, err := sub.Next(ctx)
		if err != nil || m.Kind != kind || m.Position.Commit != at {
			t.Fatalf("message %+v, %v, want kind %d at %d", m, err, kind, at)
		}
	}
	next(eventstore.EventMessage, 10)
	next(eventstore.CaughtUpMessage, 10)
	next(eventstore.EventMessage, 20)
	// Behind: only the server's word counts.
	go func() { more <- caughtUp }()
	next(eventstore.CaughtUpMessage, 20)
	if n := asked.Load(); n != 0 {
		t.Fatalf("asked %d times where the log ends, while behind", n)
	}
	// Live: the log ends at 90, and so 90 is where it has caught up.
	go func() { more <- wire(uuid.New(), 8, 80) }()
	next(eventstore.EventMessage, 80)
	go func() { more <- wire(uuid.New(), 9, 90) }()
	next(eventstore.EventMessage, 90)
	next(eventstore.CaughtUpMessage, 90)
}
