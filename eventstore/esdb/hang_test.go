package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"

	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb"
)

// prompt is how long a call may take to notice that its context ended (time).
const prompt = 2 * time.Second

// silent accepts connections and never says a word. Each connection is told
// by asked.
func silent(t *testing.T, asked chan<- struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				tell(asked)
				_, _ = io.Copy(io.Discard, c) // until the client ends it
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func tell(asked chan<- struct{}) {
	select {
	case asked <- struct{}{}:
	default:
	}
}

// mute takes calls and never answers them.
type mute struct {
	streams.UnimplementedStreamsServer
	gossip.UnimplementedGossipServer
	asked chan<- struct{}
}

func (m *mute) hang(ctx context.Context) error {
	tell(m.asked)
	<-ctx.Done()
	return ctx.Err()
}

type muteStreams struct{ *mute }

func (m muteStreams) Read(_ *streams.ReadReq, out streams.Streams_ReadServer) error {
	return m.hang(out.Context())
}

func (m muteStreams) Append(in streams.Streams_AppendServer) error { return m.hang(in.Context()) }

func (m muteStreams) BatchAppend(in streams.Streams_BatchAppendServer) error {
	return m.hang(in.Context())
}

func (m muteStreams) Delete(ctx context.Context, _ *streams.DeleteReq) (*streams.DeleteResp, error) {
	return nil, m.hang(ctx)
}

func (m muteStreams) Tombstone(ctx context.Context, _ *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	return nil, m.hang(ctx)
}

// Read is the gossip.
func (m *mute) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	return nil, m.hang(ctx)
}

func muted(t *testing.T, asked chan<- struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mute{asked: asked}
	s := grpc.NewServer()
	streams.RegisterStreamsServer(s, muteStreams{m})
	gossip.RegisterGossipServer(s, m)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// calls are those of the contract that talk to the server.
var calls = map[string]func(context.Context, *esdb.Store) error{
	"Append": func(ctx context.Context, d *esdb.Store) error {
		_, err := d.Append(ctx, "account-1", eventstore.NoStream, events(1))
		return err
	},
	"ReadStream": func(ctx context.Context, d *esdb.Store) error {
		for _, err := range d.ReadStream(ctx, "account-1", 0, eventstore.Forwards) {
			return err
		}
		return nil
	},
	"ReadAll": func(ctx context.Context, d *esdb.Store) error {
		for _, err := range d.ReadAll(ctx, eventstore.Start) {
			return err
		}
		return nil
	},
	"Last": func(ctx context.Context, d *esdb.Store) error {
		_, err := d.Last(ctx)
		return err
	},
	"SubscribeAll": func(ctx context.Context, d *esdb.Store) error {
		_, err := d.SubscribeAll(ctx, eventstore.Start)
		return err
	},
}

// TestContextsAgainstSilence: a server that takes the connection or the call
// and never answers keeps no caller whose context ends, and Close ends those
// who wait without one.
func TestContextsAgainstSilence(t *testing.T) {
	servers := map[string]func(*testing.T, chan<- struct{}) string{"silent connection": silent, "silent calls": muted}
	schemes := map[string]string{"server": "esdb://%s?tls=false", "cluster": "esdb+discover://%s?tls=false&gossipTimeout=60"}
	for server, listen := range servers {
		for scheme, connection := range schemes {
			for what, call := range calls {
				t.Run(server+"/"+scheme+"/"+what, func(t *testing.T) {
					asked := make(chan struct{}, 1)
					d := open(t, fmt.Sprintf(connection, listen(t, asked)))
					defer d.Close()
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					ended := make(chan error, 1)
					go func() { ended <- call(ctx, d) }()
					<-asked
					cancel()
					if err := within(t, ended); !errors.Is(err, context.Canceled) {
						t.Fatalf("cancelled: %v", err)
					}
				})
			}
		}
	}
}

// TestCloseAgainstSilence: Close ends reads and subscriptions at once, and an
// append by the deadline of the connection string.
func TestCloseAgainstSilence(t *testing.T) {
	for server, listen := range map[string]func(*testing.T, chan<- struct{}) string{"silent connection": silent, "silent calls": muted} {
		for what, call := range calls {
			t.Run(server+"/"+what, func(t *testing.T) {
				asked := make(chan struct{}, 1)
				d := open(t, fmt.Sprintf("esdb://%s?tls=false&defaultDeadline=500", listen(t, asked)))
				ended := make(chan error, 1)
				go func() { ended <- call(context.Background(), d) }()
				<-asked
				closed := make(chan error, 1)
				go func() { closed <- d.Close() }()
				if err := within(t, closed); err != nil {
					t.Fatalf("Close: %v", err)
				}
				err := within(t, ended)
				if what == "Append" && server == "silent calls" {
					if !errors.Is(err, eventstore.ErrOutcomeUnknown) {
						t.Fatalf("an append that was sent: %v, want outcome unknown", err)
					}
				} else if !errors.Is(err, eventstore.ErrClosed) {
					t.Fatalf("after Close: %v, want closed", err)
				}
			})
		}
	}
}

// TestDeadlineAgainstSilence: without a deadline of the caller, that of the
// connection string bounds what changes or follows the log.
func TestDeadlineAgainstSilence(t *testing.T) {
	for _, what := range []string{"Append", "SubscribeAll"} {
		asked := make(chan struct{}, 1)
		d := open(t, fmt.Sprintf("esdb://%s?tls=false&defaultDeadline=300", muted(t, asked)))
		ended := make(chan error, 1)
		go func() { ended <- calls[what](context.Background(), d) }()
		err := within(t, ended)
		if want := map[string]error{"Append": eventstore.ErrOutcomeUnknown, "SubscribeAll": eventstore.ErrUnavailable}[what]; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if errors.Is(err, eventstore.ErrOutcomeUnknown) != (what == "Append") {
			t.Errorf("%s: %v", what, err)
		}
		d.Close()
	}
}

func within(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(prompt):
		t.Fatalf("still waiting after %s", prompt)
		return nil
	}
}
