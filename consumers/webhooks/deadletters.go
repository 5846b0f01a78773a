package webhooks

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

	"prepayledger/consumers/natsbus"
)

// The stream of notices that could not be delivered: each once per endpoint,
// under prepay.deadletters.<endpoint>.<id>, with its headers and data and with
// the headers below.
const (
	DeadLettersStream = "PREPAY_DEADLETTERS"
	DeadLettersPrefix = "prepay.deadletters."
	// ReasonHeader says what was wrong at the last attempt, AttemptsHeader
	// how many there were, EndpointHeader who was to get it.
	ReasonHeader   = "Prepay-Reason"
	AttemptsHeader = "Prepay-Attempts"
	EndpointHeader = "Prepay-Endpoint"
	// DefaultDeadLetterAge is how long dead letters are kept: 90 days.
	DefaultDeadLetterAge = 90 * 24 * time.Hour
	// maxDeadLetterBytes bounds the stream: 1 GiB, oldest out first.
	maxDeadLetterBytes = 1 << 30
	// maxReasonBytes bounds ReasonHeader.
	maxReasonBytes = 500
)

// ensureDeadLetters makes the stream or brings its settings up to date.
func ensureDeadLetters(ctx context.Context, js jetstream.JetStream, o *Options) error {
	_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: DeadLettersStream, Description: "notices that no webhook took", Subjects: []string{DeadLettersPrefix + ">"},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: o.DeadLetterAge, MaxBytes: maxDeadLetterBytes, Replicas: max(1, o.Replicas), AllowDirect: true,
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", DeadLettersStream, err)
	}
	return nil
}

// letter is why a notice is dead.
type letter struct {
	sequence uint64
	attempts int
	reason   string
}

// bury puts a notice among the dead letters, then lets go of it.
func (e *endpoint) bury(ctx context.Context, m jetstream.Msg, l letter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	id := m.Headers().Get("ce-id")
	if id == "" {
		id = "message-" + strconv.FormatUint(l.sequence, 10)
	}
	dead := nats.NewMsg(DeadLettersPrefix + e.config.Name + "." + natsbus.Token(id))
	for key, values := range m.Headers() {
		if !strings.HasPrefix(key, "Nats-") {
			dead.Header[key] = values
		}
	}
	dead.Header.Set(ReasonHeader, cut(l.reason, maxReasonBytes))
	dead.Header.Set(AttemptsHeader, strconv.Itoa(l.attempts))
	dead.Header.Set(EndpointHeader, e.config.Name)
	dead.Data = m.Data()
	_, err := e.js.PublishMsg(ctx, dead, jetstream.WithExpectLastSequencePerSubject(0))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		err = nil // it lies there already: a crash came before the next step, or it was replayed
	}
	if err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	e.log.Error("a notice is given up", zap.String("id", id), zap.Int("attempts", l.attempts), zap.String("reason", l.reason))
	return e.ack(ctx, m)
}

// cut bounds a text for a header: one line of printable ASCII.
func cut(text string, bytes int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), bytes)]
}
