// Package natswhy answers over NATS why an account stands as it stands.
package natswhy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/why"
)

const (
	// queueGroup shares requests among several ledgers.
	queueGroup = "prepay-why"
	// maxAtOnce bounds the answers that are made at once (a count); who asks
	// for more is told to come again.
	maxAtOnce = 8
	// maxRequestBytes bounds a request: 4 KiB.
	maxRequestBytes = 4 << 10
	// answerTimeout bounds the making of an answer (time).
	answerTimeout = 10 * time.Second
)

// Request asks about an account.
type Request struct {
	PartnerID string `json:"partner_id"`
}

// Reply is the answer, or why there is none.
type Reply struct {
	Answer *why.Answer `json:"answer,omitempty"`
	Error  *Error      `json:"error,omitempty"`
}

// Error says what went wrong. Its codes are those of package commandjson and
// of the rules, such as unknown_account.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Explain makes an answer; the rules' rejections and failures are its errors.
type Explain func(ctx context.Context, partnerID string) (why.Answer, error)

// Server answers requests.
type Server struct {
	explain Explain
	log     *zap.Logger
	slots   chan struct{}
	sub     *nats.Subscription
	// ended is closed after the last call of take.
	ended chan struct{}
	work  sync.WaitGroup
}

// Listen answers on natsbus.WhySubject from now on. The connection stays the
// caller's; nil for the logger is silence.
func Listen(nc *nats.Conn, explain Explain, log *zap.Logger) (*Server, error) {
	if log == nil {
		log = zap.NewNop()
	}
	s := &Server{explain: explain, log: log, slots: make(chan struct{}, maxAtOnce), ended: make(chan struct{})}
	var err error
	if s.sub, err = nc.QueueSubscribe(natsbus.WhySubject, queueGroup, s.take); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", natsbus.WhySubject, err)
	}
	s.sub.SetClosedHandler(func(string) { close(s.ended) })
	return s, nil
}

// Run goes on until the context ends, and finishes what it has begun.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	if s.sub.Unsubscribe() == nil { // a closed connection has ended it before
		<-s.ended
	}
	s.work.Wait()
	return nil
}

func (s *Server) take(m *nats.Msg) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.reply(m, Reply{Error: &Error{commandjson.CodeOverloaded, "Too many answers are being made: ask again in a second."}})
		return
	}
	s.work.Go(func() {
		defer func() { <-s.slots }()
		s.reply(m, s.answer(m.Data))
	})
}

func (s *Server) reply(m *nats.Msg, r Reply) {
	text, err := json.Marshal(r)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		s.log.Warn("an answer could not be sent", zap.Error(err))
	}
}

func (s *Server) answer(request []byte) Reply {
	var r Request
	d := json.NewDecoder(bytes.NewReader(request))
	d.DisallowUnknownFields()
	if len(request) > maxRequestBytes || d.Decode(&r) != nil || r.PartnerID == "" {
		return Reply{Error: &Error{commandjson.CodeInvalidRequest, `Ask with {"partner_id":"PA-1001"}.`}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	a, err := s.explain(ctx, r.PartnerID)
	if err != nil {
		p := commandjson.ProblemOf(err)
		switch p.Code {
		case commandjson.CodeFailed, commandjson.CodeUnavailable, commandjson.CodeOutcomeUnknown:
			s.log.Warn("an account could not be explained", zap.String("partner_id", r.PartnerID), zap.Error(err))
			// Nothing was to be done: what is said of commands would mislead.
			return Reply{Error: &Error{commandjson.CodeUnavailable, "The account can't be explained at the moment: ask again."}}
		}
		return Reply{Error: &Error{p.Code, p.Message}}
	}
	return Reply{Answer: &a}
}
