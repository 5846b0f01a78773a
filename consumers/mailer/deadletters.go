package mailer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// The stream of notices that could not be mailed: each once per recipient,
// under prepay.deadmails.<id>.<recipient's hash>, with its headers and data
// and with the headers below.
const (
	DeadLettersStream = "PREPAY_DEADMAILS"
	DeadLettersPrefix = "prepay.deadmails."
	// ReasonHeader says what was wrong at the last attempt, AttemptsHeader
	// how many there were, RecipientHeader who was to get it.
	ReasonHeader    = "Prepay-Reason"
	AttemptsHeader  = "Prepay-Attempts"
	RecipientHeader = "Prepay-Recipient"
	// deadLetterAge is how long they are kept.
	deadLetterAge = 90 * 24 * time.Hour
	// deadLetterBytes bounds the stream: 256 MiB, oldest out first.
	deadLetterBytes = 256 << 20
	// maxReasonBytes bounds ReasonHeader.
	maxReasonBytes = 500
)

// ensureDeadLetters makes the stream or brings its settings up to date.
func (m *Mailer) ensureDeadLetters(ctx context.Context) error {
	_, err := m.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: DeadLettersStream, Description: "notices that could not be mailed", Subjects: []string{DeadLettersPrefix + ">"},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: deadLetterAge, MaxBytes: deadLetterBytes, Replicas: max(1, m.opts.Replicas), AllowDirect: true,
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", DeadLettersStream, err)
	}
	return nil
}

// letter is why a notice is dead, and for whom.
type letter struct {
	id, recipient string
	attempts      int
	reason        string
}

// bury puts a notice among the dead letters.
func (m *Mailer) bury(ctx context.Context, msg jetstream.Msg, l *letter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), natsTimeout)
	defer cancel()
	dead := nats.NewMsg(DeadLettersPrefix + key(l.id, l.recipient))
	for name, values := range msg.Headers() {
		if !strings.HasPrefix(name, "Nats-") {
			dead.Header[name] = values
		}
	}
	reason := oneLine(l.reason)
	dead.Header.Set(ReasonHeader, reason[:min(len(reason), maxReasonBytes)])
	dead.Header.Set(AttemptsHeader, strconv.Itoa(l.attempts))
	dead.Header.Set(RecipientHeader, l.recipient)
	dead.Data = msg.Data()
	_, err := m.js.PublishMsg(ctx, dead, jetstream.WithExpectLastSequencePerSubject(0))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil // it lies there already
	}
	if err != nil {
		return &natsError{fmt.Errorf("dead letter: %w", err)}
	}
	m.log.Error("a mail is given up", zap.String("id", l.id), zap.String("recipient", l.recipient), zap.Int("attempts", l.attempts), zap.String("reason", reason))
	return nil
}
