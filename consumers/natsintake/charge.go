package natsintake

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/natsbus"
	"prepayledger/domain"
)

// charges answers prepay.charge. The subscription's goroutine decodes and
// queues, one collects rounds, and each round on its way to disk has one that
// answers.
type charges struct {
	*Intake
	sub     *subscription
	waiting chan charging
	decoder *intake.Decoder
	rounds  chan struct{} // has an element for each round on its way
	held    atomic.Int64  // bytes of requests that are not answered yet
	done    chan struct{}
}

// charging is a request for a charge that waits.
type charging struct {
	msg       *nats.Msg
	presented ledger.Presented
	began     time.Time
}

func (i *Intake) startCharges(work context.Context) (*charges, error) {
	c := &charges{
		Intake: i, waiting: make(chan charging, MaxWaitingCharges), rounds: make(chan struct{}, MaxRounds), done: make(chan struct{}),
		decoder: intake.NewDecoder(i.ledger),
	}
	sub, err := i.subscribe(natsbus.ChargeSubject, c.take)
	if err != nil {
		return nil, err
	}
	c.sub = sub
	go c.collect(work)
	return c, nil
}

// drain implements drainer.
func (c *charges) drain() {
	c.sub.drain()
	close(c.waiting)
	<-c.done
}

// take decodes a request and puts it into the queue.
func (c *charges) take(msg *nats.Msg) {
	began := time.Now()
	if len(msg.Data) > MaxRequestBytes {
		c.answer(msg, began, commandjson.CodeInvalidRequest, tooLarge(msg))
		return
	}
	presented, charges, err := c.decoder.One(natsbus.ChargeSubject, msg.Data)
	switch {
	case errors.Is(err, intake.ErrSeveral):
		c.answer(msg, began, commandjson.CodeInvalidRequest, invalid("One charge is taken at a time, nothing was done: send tier changes and batches to "+natsbus.UsageSubject+"."))
	case err != nil:
		c.answer(msg, began, commandjson.CodeInvalidRequest, invalid("The request is empty: send one charge or one webhook as JSON."))
	case !charges:
		c.answer(msg, began, intake.Ignored, ChargeReply{Outcome: intake.Ignored})
	default:
		c.wait(charging{msg, presented, began})
	}
}

// wait puts a request into the queue, where there is room.
func (c *charges) wait(r charging) {
	size := int64(len(r.msg.Data))
	if c.held.Add(size) <= MaxHeldBytes {
		select {
		case c.waiting <- r:
			return
		default:
		}
	}
	c.held.Add(-size)
	c.answer(r.msg, r.began, commandjson.CodeOverloaded, overloaded())
}

// collect makes rounds of what waits until the queue is closed.
func (c *charges) collect(work context.Context) {
	defer close(c.done)
	var flying sync.WaitGroup
	defer flying.Wait()
	for first := range c.waiting {
		c.rounds <- struct{}{}
		round := []charging{first}
		for more := true; more && len(round) < MaxRoundCharges; {
			select {
			case next, open := <-c.waiting:
				if more = open; open {
					round = append(round, next)
				}
			default:
				more = false
			}
		}
		flying.Go(func() {
			defer func() { <-c.rounds }()
			c.round(work, round)
		})
	}
}

// round charges what waited together and answers each. A request that is
// traced goes by itself, in its own trace.
func (c *charges) round(work context.Context, round []charging) {
	ctx, stop := context.WithTimeout(work, MaxReplyWait)
	defer stop()
	var together []charging
	var parts []*roundPart
	for i := range round {
		if traced(round[i].msg.Header) {
			parts = append(parts, c.begin(withTrace(ctx, round[i].msg.Header), round[i:i+1]))
			continue
		}
		together = append(together, round[i])
	}
	if len(together) > 0 {
		parts = append(parts, c.begin(ctx, together))
	}
	for _, p := range parts {
		c.end(ctx, p)
	}
}

// roundPart is the requests of a round that go to the ledger in one call.
type roundPart struct {
	requests []charging
	under    *ledger.Charging
	err      error
}

func (c *charges) begin(ctx context.Context, requests []charging) *roundPart {
	p := &roundPart{requests: requests}
	presented := make([]ledger.Presented, len(requests))
	for i := range requests {
		presented[i] = requests[i].presented
	}
	p.under, p.err = c.ledger.StartCharging(ctx, domain.Meta{Actor: actorCharge}, presented)
	return p
}

func (c *charges) end(ctx context.Context, p *roundPart) {
	if p.err != nil {
		for i := range p.requests {
			c.outcome(&p.requests[i], domain.Outcome{}, p.err)
		}
		return
	}
	p.under.Each(ctx, func(i int, o domain.Outcome, err error) { c.outcome(&p.requests[i], o, err) })
}

// outcome answers one request.
func (c *charges) outcome(r *charging, o domain.Outcome, err error) {
	defer c.held.Add(-int64(len(r.msg.Data)))
	if err != nil {
		reply := errorReply(err)
		c.failed(natsbus.ChargeSubject, reply, err)
		c.answer(r.msg, r.began, reply.Error.Code, reply)
		return
	}
	reply := intake.ReplyOf(&r.presented.Charge, &o)
	c.answer(r.msg, r.began, reply.Outcome, reply)
}

// answer answers a request and tells the observer.
func (i *Intake) answer(msg *nats.Msg, began time.Time, result string, reply any) {
	i.respond(msg, reply)
	charges := 0
	if _, ok := reply.(ChargeReply); ok && result != intake.Ignored {
		charges = 1
	}
	i.opts.Observer.Handled(withTrace(context.Background(), msg.Header), Handled{
		Subject: msg.Subject, Result: result, Charges: charges, Bytes: len(msg.Data), Began: began, Took: time.Since(began),
	})
}
