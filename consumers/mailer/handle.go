package mailer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/notices"
)

// jitter is by how much a delay is made longer or shorter at random, at most.
const jitter = 0.2

// schedule returns the delays after the first, second, … failed attempt: about
// three days in all.
func schedule() []time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	return []time.Duration{15 * s, 1 * m, 5 * m, 15 * m, 1 * h, 2 * h, 4 * h, 8 * h, 12 * h, 12 * h, 12 * h, 12 * h}
}

// MaxAttempts is how often a notice is mailed before it goes to the dead
// letters.
func MaxAttempts() int { return len(schedule()) + 1 }

// delay is the pause after a failed attempt, counted from 1.
func delay(attempt int) time.Duration {
	all := schedule()
	d := all[min(max(attempt, 1), len(all))-1]
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand.Float64()))
}

// handle mails one notice and settles what becomes of it. An error says that
// NATS failed: the notice comes again.
func (m *Mailer) handle(ctx context.Context, msg jetstream.Msg, sent jetstream.KeyValue) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("a message without metadata: %w", err)
	}
	attempt := int(meta.NumDelivered)
	id := msg.Headers().Get("ce-id")
	n, err := parseNote(msg.Data())
	if err == nil && id == "" {
		err = errors.New("the notice lacks its id")
	}
	if err != nil {
		return errors.Join(m.bury(ctx, msg, &letter{id: fmt.Sprintf("message-%d", meta.Sequence.Stream), reason: err.Error()}), m.ack(ctx, msg))
	}
	err = m.deliver(ctx, msg, n, id, attempt, sent)
	var failed *natsError
	switch {
	case errors.As(err, &failed):
		return err
	case err == nil:
		return m.ack(ctx, msg)
	case ctx.Err() != nil:
		return msg.Nak() // cut short: another has it at once
	}
	pause := m.opts.Delay(attempt)
	m.log.Warn("a notice could not be mailed, it is tried again", zap.String("id", id), zap.String("partner_id", n.PartnerID),
		zap.Int("attempt", attempt), zap.Duration("in", pause), zap.Error(err))
	if err := msg.NakWithDelay(pause); err != nil {
		return fmt.Errorf("put a notice off: %w", err)
	}
	return nil
}

// natsError says that NATS failed, not the mail.
type natsError struct{ error }

// Unwrap gives the cause.
func (e *natsError) Unwrap() error { return e.error }

// deliver sends a notice to those who lack it. With the last attempt, what
// can't be sent is given up.
func (m *Mailer) deliver(ctx context.Context, msg jetstream.Msg, n *note, id string, attempt int, sent jetstream.KeyValue) error {
	to, err := m.to(ctx, n)
	if err != nil {
		return err
	}
	to, err = m.lacking(ctx, sent, id, to)
	if err != nil || len(to) == 0 {
		return err
	}
	now := m.opts.Clock().UTC()
	if n.Kind == notices.BlockTomorrow && !now.Before(n.BlockDeadline) {
		return nil // too late to warn: what came of it is another notice
	}
	c := contentOf(n, now)
	mail, err := m.layouts.mail(id, &c, now)
	if err != nil {
		return err
	}
	session, err := m.transport.Open(ctx)
	if err == nil {
		defer session.Close()
	}
	var problems []error
	for _, recipient := range to {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = msg.InProgress() // the time of AckWait begins anew
		mail.To = recipient
		start := time.Now()
		problem := err
		if problem == nil {
			problem = session.Send(mail)
		}
		if err := m.settle(ctx, msg, &outcome{id, recipient, attempt, problem, time.Since(start)}, sent); err != nil {
			if failed := (*natsError)(nil); errors.As(err, &failed) {
				return err
			}
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// outcome is how a mail to one recipient ended.
type outcome struct {
	id, recipient string
	attempt       int
	problem       error
	took          time.Duration
}

// settle notes how a mail ended: sent, or given up. Else it returns why, and
// the mail is tried again.
func (m *Mailer) settle(ctx context.Context, msg jetstream.Msg, o *outcome, sent jetstream.KeyValue) error {
	var refused *RefusedError
	value := wasSent
	switch {
	case o.problem == nil:
		m.opts.Sent("sent", o.took)
		m.opts.accepted()
	case errors.As(o.problem, &refused) || o.attempt >= MaxAttempts():
		value = wasGivenUp
		m.opts.Sent("dead", o.took)
		if err := m.bury(ctx, msg, &letter{o.id, o.recipient, o.attempt, o.problem.Error()}); err != nil {
			return err
		}
	default:
		m.opts.Sent("failed", o.took)
		return o.problem
	}
	return m.put(ctx, sent, key(o.id, o.recipient), value)
}

// What the entries of the bucket say.
const (
	wasSent    = "sent"
	wasGivenUp = "given up"
)

// put notes that a recipient needs no mail any more, also while the mailer
// stops.
func (m *Mailer) put(ctx context.Context, sent jetstream.KeyValue, key, value string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), natsTimeout)
	defer cancel()
	if _, err := sent.PutString(ctx, key, value); err != nil {
		m.unnoted[key] = value
		return &natsError{fmt.Errorf("note that a mail was sent: %w", err)}
	}
	delete(m.unnoted, key)
	return nil
}

// lacking are the recipients who have not had a notice.
func (m *Mailer) lacking(ctx context.Context, sent jetstream.KeyValue, id string, all []string) (lack []string, err error) {
	for _, a := range all {
		if value, ended := m.unnoted[key(id, a)]; ended {
			if err := m.put(ctx, sent, key(id, a), value); err != nil {
				return nil, err
			}
			continue
		}
		switch _, err := sent.Get(ctx, key(id, a)); {
		case errors.Is(err, jetstream.ErrKeyNotFound):
			lack = append(lack, a)
		case err != nil:
			return nil, &natsError{fmt.Errorf("look whether a mail was sent: %w", err)}
		}
	}
	return lack, nil
}

// ack tells NATS that the notice is settled. Without its answer the notice
// comes again, and nobody lacks it.
func (m *Mailer) ack(ctx context.Context, msg jetstream.Msg) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), natsTimeout)
	defer cancel()
	if err := msg.DoubleAck(ctx); err != nil {
		return fmt.Errorf("acknowledge a notice: %w", err)
	}
	return nil
}
