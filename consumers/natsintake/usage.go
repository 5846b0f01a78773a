package natsintake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/intake"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

// works carries the work queue into the ledger: one goroutine fetches, one
// decodes and presents, one waits for the disk and acknowledges.
type works struct {
	*Intake
	// taking ends when nothing more is to be taken.
	taking  context.Context
	stop    context.CancelFunc
	fetched chan jetstream.Msg
	flights chan *flight
	done    sync.WaitGroup

	// What follows belongs to the goroutine that presents.
	decoder *intake.Decoder
	batch   usage.Batch
	next    *flight
	// landed is how many flights the other goroutine has finished with.
	landed chan struct{}
	flying int
}

// delivery is a message on its way. It is the presenting goroutine's until
// its last flight has left, then the waiting one's.
type delivery struct {
	msg     jetstream.Msg
	seq     uint64
	tries   uint64
	began   time.Time
	charges int
	// failed are the lines that the ledger could not decide, and why.
	failed map[int]error
	err    error
}

// flight is charges that go to the ledger together.
type flight struct {
	under     *ledger.Charging
	err       error // StartCharging's
	presented []ledger.Presented
	lines     []int
	owners    []*delivery // of each charge
	// last are the deliveries that are complete with this flight.
	last []*delivery
}

func (i *Intake) startUsage(ctx, work context.Context) (*works, error) {
	w := &works{
		Intake: i, fetched: make(chan jetstream.Msg), flights: make(chan *flight, MaxFlights),
		decoder: intake.NewDecoder(i.ledger), landed: make(chan struct{}, MaxFlights), next: &flight{},
	}
	messages, err := w.listen(ctx)
	if err != nil {
		return nil, err
	}
	w.taking, w.stop = context.WithCancel(work)
	w.done.Go(func() { w.fetch(messages) })
	w.done.Go(func() { w.present(work) })
	w.done.Go(func() { w.land(work) })
	return w, nil
}

// listen binds to the work queue.
func (w *works) listen(ctx context.Context) (jetstream.MessagesContext, error) {
	consumer, err := w.js.CreateOrUpdateConsumer(ctx, natsbus.UsageStream, jetstream.ConsumerConfig{
		Durable: UsageConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: w.opts.AckWait, MaxAckPending: MaxAckPending,
		// The intake itself ends what fails for ever: JetStream would leave
		// such a message in the stream and never speak of it again.
		MaxDeliver: -1,
	})
	if err == nil {
		var messages jetstream.MessagesContext
		if messages, err = consumer.Messages(jetstream.PullMaxBytes(w.prefetch())); err == nil {
			return messages, nil
		}
	}
	return nil, fmt.Errorf("take usage from stream %s: %w", natsbus.UsageStream, err)
}

// prefetch is how many bytes are fetched ahead: at least as many as the
// largest message that the server takes, or one such would never come.
func (w *works) prefetch() int { return max(MaxPrefetchBytes, 2*int(w.nc.MaxPayload())) }

// drain implements drainer: what is fetched and was not begun is given back.
func (w *works) drain() {
	w.stop()
	w.done.Wait()
}

// fetch hands messages over until the intake stops. It binds anew where the
// consumer was deleted or the server lost it.
func (w *works) fetch(messages jetstream.MessagesContext) {
	defer close(w.fetched)
	for tries := uint64(1); ; tries++ {
		if messages != nil {
			stop := context.AfterFunc(w.taking, messages.Drain)
			w.iterate(messages, func() { tries = 0 })
			stop()
		}
		pause := time.NewTimer(w.retryDelay(tries))
		select {
		case <-w.taking.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		var err error
		if messages, err = w.listen(w.taking); err != nil {
			w.opts.Logger.Error("usage over NATS is not taken", zap.Error(err))
		}
	}
}

// iterate hands messages over until there are no more of this iterator.
func (w *works) iterate(messages jetstream.MessagesContext, progress func()) {
	for {
		msg, err := messages.Next()
		switch {
		case errors.Is(err, jetstream.ErrNoHeartbeat):
			w.opts.Logger.Warn("the work queue of usage is silent", zap.Error(err)) // and goes on by itself
		case err != nil:
			messages.Stop()
			if !errors.Is(err, jetstream.ErrMsgIteratorClosed) {
				w.opts.Logger.Warn("the work queue of usage ended", zap.Error(err))
			}
			return
		default:
			progress()
			select {
			case <-w.taking.Done():
				w.giveBack(msg)
				continue
			default:
			}
			select {
			case w.fetched <- msg:
			case <-w.taking.Done():
				w.giveBack(msg)
			}
		}
	}
}

// giveBack lets a message that was not begun come again at once, to whoever
// takes next.
func (w *works) giveBack(msg jetstream.Msg) {
	if err := msg.Nak(); err != nil {
		w.opts.Logger.Info("a message comes again later than it could", zap.Error(err))
	}
}

// present decodes messages and gives their charges to the ledger, those that
// are there at once together.
func (w *works) present(ctx context.Context) {
	defer close(w.flights)
	defer w.depart(ctx)
	for {
		select {
		case msg, open := <-w.fetched:
			if !open {
				return
			}
			w.message(ctx, msg)
			continue
		default:
		}
		w.depart(ctx) // nothing more at once
		msg, open := <-w.fetched
		if !open {
			return
		}
		w.message(ctx, msg)
	}
}

// message presents what a message holds.
func (w *works) message(ctx context.Context, msg jetstream.Msg) {
	d := &delivery{msg: msg, began: time.Now(), tries: 1}
	if meta, err := msg.Metadata(); err == nil {
		d.seq, d.tries = meta.Sequence.Stream, meta.NumDelivered
	}
	if traced(msg.Headers()) { // goes by itself, in its own trace
		w.depart(ctx)
		ctx = withTrace(ctx, msg.Headers())
		defer w.depart(ctx)
	}
	d.err = unpack(d.name(), msg, w.decoder.Now(), &w.batch, func(b *usage.Batch) error {
		for k := range b.Tiers {
			if err := w.tier(ctx, d, &b.Tiers[k]); err != nil {
				return err
			}
		}
		for k := range b.Items {
			w.add(ctx, d, &b.Items[k])
		}
		return nil
	})
	var broken *brokenError
	if errors.As(d.err, &broken) {
		w.add(ctx, d, broken.item())
		d.err = nil
	}
	w.next.last = append(w.next.last, d)
}

// name is what a message is called where something is wrong in it.
func (d *delivery) name() string { return fmt.Sprintf("%s message %d", natsbus.UsageSubject, d.seq) }

// add puts a charge into the next flight.
func (w *works) add(ctx context.Context, d *delivery, item *usage.Item) {
	f := w.next
	f.presented = append(f.presented, ledger.Presented{Charge: item.Charge, PhoneNumberID: item.PhoneNumberID})
	f.lines = append(f.lines, item.Pos.Line)
	f.owners = append(f.owners, d)
	d.charges++
	if len(f.presented) >= MaxFlightCharges {
		w.depart(ctx)
	}
}

// depart gives the next flight to the ledger.
func (w *works) depart(ctx context.Context) {
	f := w.next
	if len(f.presented) == 0 && len(f.last) == 0 {
		return
	}
	for w.flying >= MaxFlights {
		w.wait()
	}
	if len(f.presented) > 0 {
		f.under, f.err = w.ledger.StartCharging(ctx, domain.Meta{Actor: actorUsage}, f.presented)
	}
	w.next = &flight{presented: make([]ledger.Presented, 0, len(f.presented)), lines: make([]int, 0, len(f.lines)), owners: make([]*delivery, 0, len(f.owners))}
	w.flying++
	w.flights <- f
}

// wait waits for a flight to land.
func (w *works) wait() {
	<-w.landed
	w.flying--
}

// tier applies a volume tier, after everything before it was rated. One that
// can never be applied is quarantined.
func (w *works) tier(ctx context.Context, d *delivery, t *usage.TierItem) error {
	w.depart(ctx)
	for w.flying > 0 {
		w.wait()
	}
	_, err := w.ledger.RecordTier(ctx, domain.Meta{Actor: actorUsage}, t.Change)
	if err == nil || domain.RejectionCode(err) == "" && (passes(err) || d.tries < MaxDeliver) {
		return err
	}
	raw, _ := json.Marshal(t.Change) // a struct of strings and a time
	w.add(ctx, d, malformed(t.Pos.Line, raw, "%s: %v", t.Pos, err))
	return nil
}

// land waits for flights in order, and acknowledges what is complete.
func (w *works) land(ctx context.Context) {
	for f := range w.flights {
		if f.err != nil {
			for i := range f.owners {
				f.owners[i].fail(f.lines[i], f.err)
			}
		} else if f.under != nil {
			f.under.Each(ctx, func(i int, _ domain.Outcome, err error) {
				if err != nil {
					f.owners[i].fail(f.lines[i], err)
				}
			})
		}
		for _, d := range f.last {
			w.complete(ctx, d)
		}
		w.landed <- struct{}{}
	}
}

// fail notes a line that was not decided.
func (d *delivery) fail(line int, err error) {
	if d.failed == nil {
		d.failed = map[int]error{}
	}
	d.failed[line] = err
}

// complete acknowledges a message whose charges are all on disk, or puts it
// off.
func (w *works) complete(ctx context.Context, d *delivery) {
	err := w.settle(ctx, d)
	result := "acknowledged"
	if err == nil {
		err = d.msg.Ack()
	} else if nak := d.msg.NakWithDelay(w.retryDelay(d.tries)); nak != nil {
		err = errors.Join(err, nak)
	}
	if err != nil {
		result = errorReply(err).Error.Code
		w.opts.Logger.Warn("usage over NATS comes again", zap.Uint64("sequence", d.seq), zap.Uint64("delivery", d.tries), zap.Error(err))
	}
	w.opts.Observer.Handled(withTrace(ctx, d.msg.Headers()), Handled{
		Subject: d.msg.Subject(), Result: result, Charges: d.charges, Bytes: len(d.msg.Data()), Began: d.began, Took: time.Since(d.began),
	})
}

// settle says whether a message is done with: everything is charged, or in
// quarantine because it can never be.
func (w *works) settle(ctx context.Context, d *delivery) error {
	if d.err != nil {
		return d.err
	}
	for _, err := range d.failed {
		if passes(err) || d.tries < MaxDeliver {
			return err
		}
	}
	if len(d.failed) == 0 {
		return nil
	}
	return w.giveUp(ctx, d)
}

// giveUp quarantines the lines of a message that were tried MaxDeliver times
// and that the ledger, which works otherwise, could not decide: they belong
// to no account there, and are submitted again like any other entry (R10).
func (w *works) giveUp(ctx context.Context, d *delivery) error {
	left := len(d.failed)
	err := lines(d.msg, func(n int, line []byte) error {
		failure := d.failed[n]
		if failure == nil {
			return nil
		}
		left--
		item := malformed(n, line, "%s line %d: the ledger failed %d times to decide it: %v", d.name(), n, d.tries, failure)
		w.opts.Logger.Error("usage over NATS could not be decided and is quarantined", zap.String("detail", item.Charge.Malformed))
		outcomes, err := w.ledger.Charge(ctx, domain.Meta{Actor: actorUsage}, []ledger.Presented{{Charge: item.Charge}})
		if err == nil && outcomes[0].Charge != domain.ChargeQuarantinedResult {
			err = fmt.Errorf("%s: it came to %q instead of quarantine", d.name(), outcomes[0].Charge)
		}
		return err
	})
	if err == nil && left > 0 {
		err = fmt.Errorf("%s: %d of the lines that failed can't be read again", d.name(), left)
	}
	return err
}

// retryDelay doubles with every delivery.
func (i *Intake) retryDelay(tries uint64) time.Duration {
	delay := MinRetryDelay
	for n := uint64(1); n < tries && delay < i.opts.RetryDelay; n++ {
		delay *= 2
	}
	return min(delay, i.opts.RetryDelay)
}
