// Package natspay takes card payments through another service over NATS: the
// ledger asks on RequestPrefix, the service answers with the outcome, or with
// "accepted" and tells the outcome later on OutcomeSubject. The service keeps
// the promise that a payment's id is charged once (R16).
package natspay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/manager"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

const (
	// RequestPrefix is where the subject of a request begins; the partner's
	// token follows.
	RequestPrefix = natsbus.PaymentPrefix
	// OutcomeSubject takes outcomes by request.
	OutcomeSubject = natsbus.PaymentOutcomeSubject
	// outcomeQueue has one prepay of several take each outcome.
	outcomeQueue = "prepay"
	// requestTimeout bounds the wait for an answer (time).
	requestTimeout = 20 * time.Second
	// takeTimeout bounds the work on an outcome (time).
	takeTimeout = 10 * time.Second
	// maxOutcomes bounds the outcomes that wait to be worked.
	maxOutcomes = 1024
	// maxCardBytes bounds a card reference.
	maxCardBytes = 255
)

// Kinds of payments, and of what is told.
const (
	KindCharge     = "charge"
	KindPayout     = "payout"
	KindReversed   = "reversed"
	KindReinstated = "reinstated"
)

// Statuses of an outcome.
const (
	StatusAccepted  = "accepted"
	StatusSucceeded = "succeeded"
	StatusFailed    = "failed"
)

// Request asks for a payment, or how it ended: it may come any number of
// times, always with the same content.
type Request struct {
	Kind      string `json:"kind"`
	PartnerID string `json:"partner_id"`
	// ID is the idempotency key: that of the recharge, or of the refund, of
	// which each attempt is a payment of its own.
	ID       string         `json:"id"`
	Attempt  int            `json:"attempt,omitempty"`
	Amount   money.Amount   `json:"amount"`
	Currency money.Currency `json:"currency"`
	Card     string         `json:"card"`
	// RechargeID and PaymentRef say which payment a payout goes back from.
	RechargeID string `json:"recharge_id,omitempty"`
	PaymentRef string `json:"payment_ref,omitempty"`
}

// Outcome tells how a payment ended, or that the bank took it or gave it back.
type Outcome struct {
	Kind      string `json:"kind"`
	PartnerID string `json:"partner_id"`
	ID        string `json:"id"`
	Attempt   int    `json:"attempt,omitempty"`
	// Status is empty where the bank took or gave back.
	Status    string `json:"status,omitempty"`
	Reference string `json:"reference,omitempty"`
	// Code says why it failed, or why the bank took it back.
	Code string `json:"code,omitempty"`
}

// Answer is what the service gets for an outcome. Without ok it tells the
// outcome again, unless Final says that this is of no use.
type Answer struct {
	OK    bool   `json:"ok"`
	Final bool   `json:"final,omitempty"`
	Error string `json:"error,omitempty"`
}

// Driver is a payments.Driver.
type Driver struct{ conn *nats.Conn }

var _ payments.Driver = (*Driver)(nil)

// New returns a driver on a connection, which stays the caller's.
func New(conn *nats.Conn) *Driver { return &Driver{conn: conn} }

// Name implements payments.Driver.
func (*Driver) Name() string { return "nats" }

// CheckCard implements payments.Driver: any reference that can't be a card
// number. The service knows its cards.
func (*Driver) CheckCard(card string) error {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(card)
	if card == "" || len(card) > maxCardBytes || strings.Trim(digits, "0123456789") == "" {
		return fmt.Errorf("card %.8q… is not a reference of a payment service: never give a card number", card)
	}
	return nil
}

// Charge implements payments.Driver.
func (d *Driver) Charge(ctx context.Context, partnerID string, r *domain.RechargeRequested) (payments.Outcome, bool, error) {
	return d.ask(ctx, Request{Kind: KindCharge, PartnerID: partnerID, ID: r.RechargeID, Amount: r.CardTotal, Currency: r.Currency, Card: r.Card})
}

// PayOut implements payments.Driver.
func (d *Driver) PayOut(ctx context.Context, p payments.Payout) (payments.Outcome, bool, error) {
	return d.ask(ctx, Request{
		Kind: KindPayout, PartnerID: p.PartnerID, ID: p.RefundID, Attempt: p.Attempt, Amount: p.Amount, Currency: p.Currency, Card: p.Card,
		RechargeID: p.RechargeID, PaymentRef: p.PaymentRef,
	})
}

func (d *Driver) ask(ctx context.Context, r Request) (payments.Outcome, bool, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return payments.Outcome{}, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	msg, err := d.conn.RequestWithContext(ctx, RequestPrefix+natsbus.Token(r.PartnerID), body)
	if err != nil {
		return payments.Outcome{}, false, fmt.Errorf("payment service: %w", err)
	}
	var o Outcome
	if err := json.Unmarshal(msg.Data, &o); err != nil {
		return payments.Outcome{}, false, fmt.Errorf("payment service: %w", err)
	}
	return outcomeOf(&o)
}

// outcomeOf reads a status; false is one that is not known yet.
func outcomeOf(o *Outcome) (payments.Outcome, bool, error) {
	switch o.Status {
	case StatusAccepted:
		return payments.Outcome{}, false, nil
	case StatusSucceeded:
		return payments.Outcome{Succeeded: true, Reference: o.Reference}, true, nil
	case StatusFailed:
		if o.Code == "" {
			return payments.Outcome{Code: payments.CodeDeclined}, true, nil
		}
		return payments.Outcome{Code: o.Code}, true, nil
	default:
		return payments.Outcome{}, false, fmt.Errorf("status %.40q is none of %s, %s, %s", o.Status, StatusAccepted, StatusSucceeded, StatusFailed)
	}
}

// Sink takes what the service tells; a manager is one.
type Sink interface {
	RechargeOutcome(ctx context.Context, partnerID, rechargeID string, o payments.Outcome) error
	RefundOutcome(ctx context.Context, partnerID, refundID string, attempt int, o payments.Outcome) error
	Reversed(ctx context.Context, partnerID, rechargeID, reference, reason string) error
	Reinstated(ctx context.Context, partnerID, rechargeID, reference string) error
}

// Serve takes outcomes until the context ends; each is answered once the
// ledger has it on disk.
func Serve(ctx context.Context, conn *nats.Conn, sink Sink, log *zap.Logger) error {
	if log == nil {
		log = zap.NewNop()
	}
	messages := make(chan *nats.Msg, maxOutcomes)
	sub, err := conn.ChanQueueSubscribe(OutcomeSubject, outcomeQueue, messages)
	if err != nil {
		return fmt.Errorf("outcomes of payments: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // what is left is told again
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-messages:
			answer := take(ctx, sink, msg.Data)
			if !answer.OK {
				log.Warn("an outcome of the payment service was not taken", zap.ByteString("outcome", msg.Data), zap.String("error", answer.Error))
			}
			body, _ := json.Marshal(answer) // three plain fields
			_ = msg.Respond(body)           // who does not hear it tells the outcome again
		}
	}
}

// take gives an outcome to the sink.
func take(ctx context.Context, sink Sink, data []byte) Answer {
	var o Outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return Answer{Final: true, Error: "it is not JSON: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTimeout)
	defer cancel()
	err := tell(ctx, sink, &o)
	var refused *manager.Refused
	switch {
	case err == nil:
		return Answer{OK: true}
	case errors.As(err, &refused), errors.Is(err, errOutcome):
		return Answer{Final: true, Error: err.Error()}
	default:
		return Answer{Error: err.Error()}
	}
}

// errOutcome says that an outcome can't be read.
var errOutcome = errors.New("not an outcome")

func tell(ctx context.Context, sink Sink, o *Outcome) error {
	switch o.Kind {
	case KindReversed:
		return sink.Reversed(ctx, o.PartnerID, o.ID, o.Reference, o.Code)
	case KindReinstated:
		return sink.Reinstated(ctx, o.PartnerID, o.ID, o.Reference)
	case KindCharge, KindPayout:
	default:
		return fmt.Errorf("%w: kind %.40q is none of %s, %s, %s, %s", errOutcome, o.Kind, KindCharge, KindPayout, KindReversed, KindReinstated)
	}
	outcome, known, err := outcomeOf(o)
	if err != nil {
		return fmt.Errorf("%w: %w", errOutcome, err)
	}
	if !known {
		return nil
	}
	if o.Kind == KindCharge {
		return sink.RechargeOutcome(ctx, o.PartnerID, o.ID, outcome)
	}
	return sink.RefundOutcome(ctx, o.PartnerID, o.ID, o.Attempt, outcome)
}
