package natsintake

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsbus"
	"prepayledger/domain"
)

// commands answers prepay.command.<Name>.
type commands struct {
	*Intake
	sub     *subscription
	waiting chan asked
	workers sync.WaitGroup
}

// asked is a request for a command that waits.
type asked struct {
	msg   *nats.Msg
	began time.Time
}

func (i *Intake) startCommands(work context.Context) (*commands, error) {
	c := &commands{Intake: i, waiting: make(chan asked, MaxWaitingCommands)}
	sub, err := i.subscribe(natsbus.CommandSubjects, c.take)
	if err != nil {
		return nil, err
	}
	c.sub = sub
	for range CommandWorkers {
		c.workers.Go(func() {
			for r := range c.waiting {
				c.work(work, r)
			}
		})
	}
	return c, nil
}

// drain implements drainer.
func (c *commands) drain() {
	c.sub.drain()
	close(c.waiting)
	c.workers.Wait()
}

func (c *commands) take(msg *nats.Msg) {
	began := time.Now()
	if len(msg.Data) > MaxRequestBytes {
		c.answer(msg, began, commandjson.CodeInvalidRequest, tooLarge(msg))
		return
	}
	select {
	case c.waiting <- asked{msg, began}:
	default:
		c.answer(msg, began, commandjson.CodeOverloaded, overloaded())
	}
}

// work gives a command to the ledger and answers.
func (c *commands) work(ctx context.Context, r asked) {
	ctx, stop := context.WithTimeout(withTrace(ctx, r.msg.Header), MaxReplyWait)
	defer stop()
	reply, err := c.do(ctx, strings.TrimPrefix(r.msg.Subject, natsbus.CommandPrefix), r.msg.Data)
	if err != nil {
		failure := errorReply(err)
		c.failed(r.msg.Subject, failure, err)
		c.answer(r.msg, r.began, failure.Error.Code, failure)
		return
	}
	c.answer(r.msg, r.began, "ok", reply)
}

func (c *commands) do(ctx context.Context, name string, data []byte) (CommandReply, error) {
	partner, m, cmd, err := commandjson.DecodeRequest(name, data, c.ledger.Now())
	if err != nil {
		return CommandReply{}, err
	}
	if correct, ok := cmd.(*domain.CorrectCharge); ok {
		err = c.ledger.CorrectCharge(ctx, partner, m, correct.ChargeID, correct.Reason)
	} else {
		err = c.ledger.Do(ctx, partner, m, cmd)
	}
	if err != nil {
		return CommandReply{}, err
	}
	reply := CommandReply{OK: true, PartnerID: partner}
	if m.CommandID != uuid.Nil {
		reply.CommandID = m.CommandID.String()
	}
	err = c.ledger.Inspect(ctx, partner, func(a *domain.Account) {
		if !a.Opened {
			return // CorrectCharge without a partner: the ledger looked for it
		}
		balance, due := a.Balance, a.AmountDue()
		reply.Currency, reply.Balance, reply.AmountDue = a.Currency, &balance, &due
		reply.Standing, reply.BlockedReason = a.Standing(), a.BlockedReason()
	})
	if err != nil {
		c.opts.Logger.Warn("a command was done, but the account could not be looked at", zap.String("account", partner), zap.Error(err))
	}
	return reply, nil
}

// failed logs what is the ledger's own fault.
func (i *Intake) failed(subject string, reply ErrorReply, err error) {
	switch reply.Error.Code {
	case commandjson.CodeFailed, commandjson.CodeUnavailable, commandjson.CodeOutcomeUnknown:
		i.opts.Logger.Error("the ledger failed a request over NATS", zap.String("subject", subject), zap.Error(err))
	}
}
