package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// UnassignedStream keeps the charges that belong to no account (R10).
const UnassignedStream = "quarantine-unassigned"

// AccountStream names the stream of an account.
func AccountStream(partnerID string) string { return "account-" + partnerID }

// Command is a domain command with its circumstances.
type Command struct {
	domain.Meta
	Do domain.Command
	// Once makes the command id count once ever: set it where the caller
	// chose the id. Charges count by charge id instead (R8).
	Once bool
	// Holds is the condition under which the command is decided; nil is none.
	// It may be asked several times, and changes nothing.
	Holds func(*domain.Account) error
}

// Result is what came of a command.
type Result struct {
	domain.Outcome
	// Rejected is the rules' no, or that of the command's condition; nil where
	// they said yes.
	Rejected error
}

// state is a stream in memory: the account, and what the views do not know
// yet of it.
type state struct {
	*domain.Account
	overlay overlay
	ledger  *Ledger
	rated   rated
	// err is the first failure of a look-up that a decision needed: Facts
	// can't fail, the decision then does.
	err error
	ctx context.Context
}

func (l *Ledger) spec() decider.Spec[*state, Command, domain.Event, Result] {
	return decider.Spec[*state, Command, domain.Event, Result]{
		Load:    l.load,
		Fold:    l.foldStored,
		Prepare: l.prepare,
		Before:  l.before,
		Decide:  l.decide,
		Evolve:  func(s *state, e domain.Event) error { return s.evolve(e) },
		Encode:  l.encode,
		Barrier: requestsPayment,
		Appended: func(s *state, at eventstore.Appended) {
			s.overlay.appended(at.Position)
			l.appended(at.Position)
		},
	}
}

func (l *Ledger) load(ctx context.Context, stream string) (*state, eventstore.Revision, error) {
	s := &state{Account: domain.NewAccount(), ledger: l, overlay: newOverlay()}
	if stream == UnassignedStream {
		last, err := l.lastIndexed(ctx, stream)
		return s, last, err
	}
	account, revision, err := l.views.Snapshot(ctx, stream[len("account-"):])
	if err != nil {
		return nil, eventstore.NoStream, err
	}
	if account == nil {
		return s, eventstore.NoStream, nil
	}
	s.Account = account
	return s, revision, nil
}

// lastIndexed is where a stream ends, for one that needs no fold; the charge
// index then knows the stream up to there.
func (l *Ledger) lastIndexed(ctx context.Context, stream string) (eventstore.Revision, error) {
	for r, err := range l.store.ReadStream(ctx, stream, eventstore.End, eventstore.Backwards) {
		if err != nil {
			return eventstore.NoStream, ignoreNotFound(err)
		}
		return r.Revision, l.views.WaitFor(ctx, r.Position)
	}
	return eventstore.NoStream, nil
}

// foldStored folds an event after the views' snapshot into the state. What it
// says of charge and command ids goes into the overlay: the index may not
// know it yet, and after a conflict there is no time to wait for it.
func (l *Ledger) foldStored(ctx context.Context, s *state, r eventstore.Recorded) error {
	m, err := codec.DecodeMetadata(r.Metadata)
	if err != nil {
		return err
	}
	e, err := l.codec.Decode(r.Type, m.Version, r.Data)
	if err != nil {
		return err
	}
	if m.CommandHash != "" {
		s.overlay.commands[m.CommandID] = m.CommandHash
	}
	if err := s.overlay.fetch(ctx, l.views, s.PartnerID, e); err != nil {
		return err
	}
	s.overlay.appended(r.Position)
	return s.evolve(e)
}

// prepare looks all charges of a batch up in one go.
func (l *Ledger) prepare(ctx context.Context, _ string, s *state, commands []Command) error {
	s.ctx, s.err = ctx, nil
	if err := l.loadRates(ctx, s); err != nil {
		return err
	}
	s.overlay.prune(l.views.Indexed())
	return s.overlay.prefetch(ctx, l.views, s.PartnerID, commands)
}

func (l *Ledger) decide(s *state, c Command) ([]domain.Event, Result, error) {
	switch own := c.Do.(type) {
	case advance:
		return nil, Result{}, nil
	case inspect:
		own.look(s.Account)
		return nil, Result{}, nil
	case dry:
		events, _, err := domain.Decide(s.Account, s, c.Meta, own.Command)
		own.raises(events)
		return nil, Result{Rejected: err}, s.err
	}
	if c.Once {
		hash, seen, err := s.commandSeen(c)
		if err != nil {
			return nil, Result{}, err
		}
		if seen && hash == commandHash(c.Do) {
			return nil, Result{}, nil
		}
		if seen {
			return nil, Result{Rejected: domain.Reject(domain.CommandConflict,
				"Command %s was given before with other content: use a new id.", c.CommandID)}, nil
		}
	}
	if c.Holds != nil {
		if err := c.Holds(s.Account); err != nil {
			return nil, Result{Rejected: err}, nil
		}
	}
	events, outcome, err := domain.Decide(s.Account, s, c.Meta, c.Do)
	if s.err != nil {
		return nil, Result{}, s.err
	}
	if err != nil {
		return nil, Result{Rejected: err}, nil
	}
	return events, Result{Outcome: outcome}, nil
}

func (s *state) commandSeen(c Command) (string, bool, error) {
	if hash, ok := s.overlay.commands[c.CommandID]; ok {
		return hash, true, nil
	}
	stream := UnassignedStream
	if s.Opened {
		stream = AccountStream(s.PartnerID)
	}
	return s.ledger.views.CommandSeen(s.ctx, stream, c.CommandID)
}

// Seen implements domain.Facts.
func (s *state) Seen(key domain.ChargeKey) domain.Seen {
	seen, err := s.overlay.seen(s.ctx, s.ledger.views, key)
	if err != nil && s.err == nil {
		s.err = err
	}
	return seen
}

// Rate implements domain.Facts.
func (s *state) Rate(q domain.RateQuery) (domain.Rate, bool) { return s.ledger.book.Load().Rate(q) }

func (s *state) evolve(e domain.Event) error {
	if err := s.Apply(e); err != nil {
		return err
	}
	return s.overlay.note(s.PartnerID, e)
}

// requestsPayment says that the processor is to be asked for a payment, to us
// or back: not before its request is on disk.
func requestsPayment(events []domain.Event) bool {
	for _, e := range events {
		switch e := e.(type) {
		case *domain.RechargeRequested, *domain.RefundRetried:
			return true
		case *domain.RefundIssued:
			if e.Payout {
				return true
			}
		}
	}
	return false
}

func (l *Ledger) encode(dst []eventstore.Event, s *state, c Command, events []domain.Event) ([]eventstore.Event, error) {
	m := codec.Metadata{
		RecordedAt: c.At, Actor: c.Actor, CommandID: c.CommandID, CorrelationID: c.CorrelationID, CausationID: c.CausationID,
	}
	if c.Once {
		m.CommandHash = commandHash(c.Do)
		s.overlay.commands[c.CommandID] = m.CommandHash
	}
	const estimate = 768 // bytes of an event with its metadata, to save growing
	buf := make([]byte, 0, estimate*len(events))
	for _, e := range events {
		from := len(buf)
		var err error
		if buf, m.Version, err = l.codec.Encode(buf, e); err != nil {
			return dst, err
		}
		data := buf[from:len(buf):len(buf)]
		m.OccurredAt = occurredAt(e, c.At)
		from = len(buf)
		buf = codec.AppendMetadata(buf, &m)
		dst = append(dst, eventstore.Event{ID: l.opts.IDs(), Type: e.EventType(), Data: data, Metadata: buf[from:len(buf):len(buf)]})
		m.CommandHash = ""
	}
	return dst, nil
}

// occurredAt is when it happened, which may be before it was recorded (R35).
func occurredAt(e domain.Event, recorded time.Time) time.Time {
	switch e := e.(type) {
	case *domain.ConversationCharged:
		return e.OccurredAt
	case *domain.ConversationCounted:
		return e.OccurredAt
	case *domain.AccountBlocked:
		return e.EffectiveAt
	case *domain.BalancePublished:
		return e.Day
	default:
		return recorded
	}
}

func (l *Ledger) decode(r eventstore.Recorded) (domain.Event, error) {
	m, err := codec.DecodeMetadata(r.Metadata)
	if err != nil {
		return nil, err
	}
	return l.codec.Decode(r.Type, m.Version, r.Data)
}

// commandHash stands for a command's content: 14 bytes in hex, as many as the
// charge index keeps.
func commandHash(c domain.Command) string {
	content, err := json.Marshal(asGiven(c))
	if err != nil {
		panic(fmt.Sprintf("ledger: a command that can't be hashed: %v", err))
	}
	sum := sha256.Sum256(append([]byte(c.CommandName()+"\x00"), content...))
	return hex.EncodeToString(sum[:14])
}

// asGiven is the command without what the ledger found out for it, which is
// another when the command is given again: the number of a channel that was
// registered is taken by then.
func asGiven(c domain.Command) domain.Command {
	switch c := c.(type) {
	case *domain.OpenAccount:
		given := *c
		given.CardProblem = ""
		return &given
	case *domain.ReplaceCard:
		return &domain.ReplaceCard{Card: c.Card}
	case *domain.RegisterChannel:
		given := *c
		given.NumberTaken = false
		return &given
	default:
		return c
	}
}

var _ domain.Facts = (*state)(nil)
