package ledger

import (
	"context"

	"prepayledger/domain"
	"prepayledger/domain/reference"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// numberStream says who owns a number: the reservation pattern of R5.
func numberStream(digits string) string { return "number-" + digits }

// owner is a number's state.
type owner struct{ partnerID, channelID string }

func (l *Ledger) numberOwner(ctx context.Context, digits string) (owner, eventstore.Revision, error) {
	for r, err := range l.store.ReadStream(ctx, numberStream(digits), eventstore.End, eventstore.Backwards) {
		if err != nil {
			return owner{}, eventstore.NoStream, ignoreNotFound(err)
		}
		e, err := l.decode(r)
		if err != nil {
			return owner{}, eventstore.NoStream, err
		}
		if reserved, ok := e.(*reference.NumberReserved); ok {
			return owner{reserved.PartnerID, reserved.ChannelID}, r.Revision, nil
		}
		return owner{}, r.Revision, nil
	}
	return owner{}, eventstore.NoStream, nil
}

// registerChannel reserves the number before the channel is registered. A
// crash in between leaves a reservation that names this channel; registering
// it again goes on from there.
func (l *Ledger) registerChannel(ctx context.Context, partnerID string, c Command) error {
	return decider.Retry(func() error { return l.reserveAndRegister(ctx, partnerID, c) })
}

func (l *Ledger) reserveAndRegister(ctx context.Context, partnerID string, c Command) error {
	register := *c.Do.(*domain.RegisterChannel)
	c.Do = &register
	digits, err := domain.NormalizeNumber(register.PhoneNumber)
	if err != nil {
		return l.do(ctx, partnerID, c) // the account says what is wrong
	}
	if _, blocked := domain.BlockedNumber(digits); blocked {
		return l.do(ctx, partnerID, c)
	}
	who, revision, err := l.numberOwner(ctx, digits)
	if err != nil {
		return err
	}
	mine := owner{partnerID, register.ChannelID}
	registered, err := l.hasChannel(ctx, partnerID, register.ChannelID)
	if err != nil {
		return err
	}
	free := who == owner{} || who == mine && !registered
	if !free {
		if free, err = l.cancelled(ctx, who); err != nil {
			return err
		}
	}
	if !free || registered { // nothing to reserve: it is refused, or was given before
		register.NumberTaken = !free
		return l.do(ctx, partnerID, c)
	}
	if rejected := l.wouldReject(ctx, partnerID, c); rejected != nil {
		return rejected
	}
	if who != mine {
		err := l.append(ctx, numberStream(digits), revision, c.Meta,
			&reference.NumberReserved{Number: "+" + digits, PartnerID: partnerID, ChannelID: register.ChannelID})
		if err != nil {
			return err
		}
	}
	return l.do(ctx, partnerID, c)
}

// hasChannel reports whether the account has the channel already.
func (l *Ledger) hasChannel(ctx context.Context, partnerID, channelID string) (found bool, err error) {
	err = l.Inspect(ctx, partnerID, func(a *domain.Account) { found = a.Channels[channelID] != nil })
	return found, err
}

// cancelled reports whether an owner's channel is cancelled: it then holds the
// number no more, whether it was released or not.
func (l *Ledger) cancelled(ctx context.Context, o owner) (cancelled bool, err error) {
	err = l.Inspect(ctx, o.partnerID, func(a *domain.Account) {
		c := a.Channels[o.channelID]
		cancelled = c != nil && !c.CancelledAt.IsZero()
	})
	return cancelled, err
}

// endChannels cancels channels and then releases their numbers. What a crash
// in between leaves reserved, the next registration takes over.
func (l *Ledger) endChannels(ctx context.Context, partnerID string, c Command) error {
	if err := l.do(ctx, partnerID, c); err != nil {
		return err
	}
	var ended []domain.ChannelRegistered
	err := l.Inspect(ctx, partnerID, func(a *domain.Account) {
		for id, channel := range a.Channels {
			cancel, one := c.Do.(*domain.CancelChannel)
			if !channel.CancelledAt.IsZero() && (!one || cancel.ChannelID == id) {
				ended = append(ended, channel.ChannelRegistered)
			}
		}
	})
	if err != nil {
		return err
	}
	for _, channel := range ended {
		err := decider.Retry(func() error { return l.releaseNumber(ctx, partnerID, c.Meta, channel) })
		if err != nil {
			return err
		}
	}
	return nil
}

// releaseNumber releases a channel's number, if the channel has it.
func (l *Ledger) releaseNumber(ctx context.Context, partnerID string, m domain.Meta, channel domain.ChannelRegistered) error {
	digits, err := domain.NormalizeNumber(channel.PhoneNumber)
	if err != nil {
		return err
	}
	who, revision, err := l.numberOwner(ctx, digits)
	if err != nil || who != (owner{partnerID, channel.ChannelID}) {
		return err
	}
	return l.append(ctx, numberStream(digits), revision, m,
		&reference.NumberReleased{Number: "+" + digits, PartnerID: partnerID, ChannelID: channel.ChannelID})
}
