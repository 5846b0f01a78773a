package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

const (
	// queueGroup shares requests among several ledgers.
	queueGroup = "prepay-history"
	// maxAtOnce bounds the pages that are read at once; who asks for more is
	// told to come again.
	maxAtOnce = 16
	// pageTimeout bounds the reading of one page (time).
	pageTimeout = 10 * time.Second
)

// Server answers requests for pages.
type Server struct {
	nc    *nats.Conn
	store eventstore.Store
	log   *zap.Logger
	slots chan struct{}
	ready chan struct{}
}

// NewServer returns a server of the store's streams. The connection stays the
// caller's; nil for the logger is silence.
func NewServer(nc *nats.Conn, store eventstore.Store, log *zap.Logger) *Server {
	if log == nil {
		log = zap.NewNop()
	}
	return &Server{nc: nc, store: store, log: log, slots: make(chan struct{}, maxAtOnce), ready: make(chan struct{})}
}

// Ready is closed when requests are listened to.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run answers on natsbus.HistorySubject until the context ends, and finishes
// what it has begun.
func (s *Server) Run(ctx context.Context) error {
	var work sync.WaitGroup
	sub, err := s.nc.QueueSubscribe(natsbus.HistorySubject, queueGroup, func(m *nats.Msg) {
		select {
		case s.slots <- struct{}{}:
		default:
			s.answer(m, Page{Error: &PageError{"overloaded", "Too many pages are being read: ask again in a second."}})
			return
		}
		work.Go(func() {
			defer func() { <-s.slots }()
			s.answer(m, s.page(ctx, m.Data))
		})
	})
	if err != nil {
		return fmt.Errorf("listen on %s: %w", natsbus.HistorySubject, err)
	}
	if err := s.nc.FlushTimeout(pageTimeout); err != nil {
		return fmt.Errorf("listen on %s: %w", natsbus.HistorySubject, err)
	}
	close(s.ready)
	<-ctx.Done()
	_ = sub.Unsubscribe() // of a closed connection nothing is left to end
	work.Wait()
	return nil
}

func (s *Server) answer(m *nats.Msg, p Page) {
	text, err := json.Marshal(p)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		s.log.Warn("a page of history could not be sent", zap.Error(err))
	}
}

// page reads what a request asks for.
func (s *Server) page(ctx context.Context, request []byte) Page {
	var r Request
	if len(request) > maxRequestBytes || json.Unmarshal(request, &r) != nil || r.Stream == "" || r.From < 0 {
		return Page{Error: &PageError{"invalid_request", `Ask with {"stream":"account-PA-1001","from_revision":0}.`}}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTimeout)
	defer cancel()
	p := Page{Events: []Event{}, Next: r.From, End: true}
	size := 0
	for e, err := range s.store.ReadStream(ctx, r.Stream, r.From, eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			break
		}
		if err != nil {
			s.log.Warn("a page of history could not be read", zap.String("stream", r.Stream), zap.Error(err))
			return Page{Error: &PageError{"unavailable", "The log can't be read now: ask again."}}
		}
		m, err := codec.DecodeMetadata(e.Metadata)
		if err != nil {
			s.log.Error("an event has no readable metadata", zap.String("stream", r.Stream), zap.Int64("revision", int64(e.Revision)), zap.Error(err))
			return Page{Error: &PageError{"unavailable", "The log holds an event that can't be read: tell the operator."}}
		}
		size += len(e.Data) + len(e.Metadata)
		if len(p.Events) == MaxEvents || len(p.Events) > 0 && size > MaxBytes {
			p.End = false
			break
		}
		p.Events = append(p.Events, Event{
			ID: e.ID.String(), Stream: e.Stream, Revision: e.Revision, Position: e.Position.String(), Type: e.Type, Version: m.Version,
			OccurredAt: m.OccurredAt, RecordedAt: m.RecordedAt, Actor: m.Actor, Data: e.Data,
		})
		p.Next = e.Revision + 1
	}
	return p
}
