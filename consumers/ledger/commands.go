package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"prepayledger/domain"
	"prepayledger/eventstore"
)

// Do gives a command to an account. A nil command id in m becomes a new one;
// a given one counts once ever. A zero m.At is now. It returns the rules'
// *domain.Rejection, or a failure.
func (l *Ledger) Do(ctx context.Context, partnerID string, m domain.Meta, cmd domain.Command) error {
	return l.DoIf(ctx, partnerID, m, cmd, nil)
}

// DoIf is Do under a condition on the account's state: that of the very
// decision, so nothing can come in between. The condition's error is returned,
// and nothing is done. A command that counted before is not asked again. The
// condition may be called several times; it must not keep or change the state.
func (l *Ledger) DoIf(ctx context.Context, partnerID string, m domain.Meta, cmd domain.Command, holds func(*domain.Account) error) (err error) {
	once := m.CommandID != uuid.Nil
	ctx, end := l.traced(ctx, &m, cmd.CommandName(), attribute.String("partner_id", partnerID))
	defer func() { end(err) }()
	l.complete(&m)
	if cmd, err = l.withFacts(ctx, partnerID, cmd); err != nil {
		return err
	}
	known, err := l.known(ctx, partnerID)
	if err != nil {
		return err
	}
	if _, opens := cmd.(*domain.OpenAccount); !opens && !known {
		return domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: open it first or correct the partner id.", partnerID)
	}
	c := Command{Meta: m, Do: cmd, Once: once, Holds: holds}
	switch cmd.(type) {
	case *domain.RegisterChannel:
		err = l.registerChannel(ctx, partnerID, c)
	case *domain.CancelChannel, *domain.CloseAccount:
		err = l.endChannels(ctx, partnerID, c)
	case *domain.RecordRechargeReversed, *domain.RecordRechargeReinstated:
		return l.doWithPayment(ctx, partnerID, c)
	default:
		return l.do(ctx, partnerID, c)
	}
	if err != nil {
		return err
	}
	// Charges find channels through the views: the next one must find it.
	return l.settleOwn(ctx)
}

// withFacts gives a command what the ledger alone knows: what the processor
// says of a card, the payments that it is about.
func (l *Ledger) withFacts(ctx context.Context, partnerID string, cmd domain.Command) (domain.Command, error) {
	switch c := cmd.(type) {
	case *domain.OpenAccount:
		if !domain.ValidID(partnerID) {
			return nil, domain.Reject(domain.InvalidSetting, "partner_id must have 1 to %d characters and no control characters.", domain.MaxIDBytes)
		}
		open := *c
		open.CardProblem = l.cardProblem(c.Card)
		return &open, nil
	case *domain.ReplaceCard:
		return &domain.ReplaceCard{Card: c.Card, CardProblem: l.cardProblem(c.Card)}, nil
	case *domain.Transfer:
		known, err := l.known(ctx, c.To)
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: correct the partner id.", c.To)
		}
	}
	return l.withPayments(ctx, partnerID, cmd)
}

// known is Exists, certain also of accounts that another process opened just
// now.
func (l *Ledger) known(ctx context.Context, partnerID string) (bool, error) {
	if l.Exists(partnerID) {
		return true, nil
	}
	err := l.Settle(ctx)
	return l.Exists(partnerID), err
}

// cardProblem says why the processor can't charge a card.
func (l *Ledger) cardProblem(card string) string {
	if err := l.opts.Processor.CheckCard(card); err != nil {
		return err.Error()
	}
	return ""
}

// do gives the command to the account's stream.
func (l *Ledger) do(ctx context.Context, partnerID string, c Command) error {
	results, err := l.engine.Do(ctx, AccountStream(partnerID), c)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Do.CommandName(), err)
	}
	if results[0].Rejected != nil {
		return results[0].Rejected
	}
	if _, opens := c.Do.(*domain.OpenAccount); opens {
		l.mu.Lock()
		l.partners[partnerID] = true
		l.mu.Unlock()
	}
	return nil
}

// CorrectCharge takes a charge back; an empty partner is looked for (R34).
func (l *Ledger) CorrectCharge(ctx context.Context, partnerID string, m domain.Meta, chargeID, reason string) error {
	if err := l.Settle(ctx); err != nil {
		return err
	}
	original, owner, err := l.views.FindCharge(ctx, partnerID, chargeID)
	if err != nil {
		return err
	}
	if original == nil {
		if partnerID == "" {
			return domain.Reject(domain.UnknownCharge, "No account was charged for %.64q.", chargeID)
		}
		owner = partnerID // there may be no such account, or it is closed: that is said first
	}
	return l.Do(ctx, owner, m, &domain.CorrectCharge{ChargeID: chargeID, Reason: reason, Original: original})
}

// ignoreNotFound turns the absence of a stream into nothing.
func ignoreNotFound(err error) error {
	if errors.Is(err, eventstore.ErrStreamNotFound) {
		return nil
	}
	return err
}
