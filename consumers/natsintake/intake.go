package natsintake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/ledger"
)

// Options of an Intake.
type Options struct {
	// Observer is told what is done; nil is nobody.
	Observer Observer
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
	// RetryDelay bounds the pause before a message comes again that failed;
	// default MaxRetryDelay.
	RetryDelay time.Duration
	// AckWait is after how long a message comes again whose acknowledgement
	// was lost; default DefaultAckWait.
	AckWait time.Duration
	// DrainTimeout bounds how long Run takes to finish what it has; default
	// DefaultDrainTimeout.
	DrainTimeout time.Duration
}

// Intake takes usage and commands over one NATS connection into a ledger.
type Intake struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	ledger *ledger.Ledger
	opts   Options
	ready  chan struct{}
}

// New returns an intake; it takes nothing before Run.
func New(nc *nats.Conn, js jetstream.JetStream, l *ledger.Ledger, opts Options) *Intake {
	if opts.Observer == nil {
		opts.Observer = silent{}
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.RetryDelay <= 0 {
		opts.RetryDelay = MaxRetryDelay
	}
	if opts.AckWait <= 0 {
		opts.AckWait = DefaultAckWait
	}
	if opts.DrainTimeout <= 0 {
		opts.DrainTimeout = DefaultDrainTimeout
	}
	return &Intake{nc: nc, js: js, ledger: l, opts: opts, ready: make(chan struct{})}
}

// Ready is closed when everything is listened to.
func (i *Intake) Ready() <-chan struct{} { return i.ready }

// ErrNotDrained says that Run gave up waiting for what it had taken: requests
// without an answer have an unknown outcome, messages come again.
var ErrNotDrained = errors.New("the intake over NATS did not finish in time")

// Run takes what comes until ctx ends, or until it fails to begin. Then it
// takes nothing more, finishes and answers what it has, and returns, within
// Options.DrainTimeout. The stream of usage must exist. Call it once.
func (i *Intake) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	usage, err := i.startUsage(ctx, work)
	if err != nil {
		return err
	}
	charges, err := i.startCharges(work)
	if err != nil {
		return errors.Join(err, i.finish([]drainer{usage}))
	}
	commands, err := i.startCommands(work)
	if err != nil {
		return errors.Join(err, i.finish([]drainer{usage, charges}))
	}
	if err := i.nc.FlushTimeout(i.opts.DrainTimeout); err != nil {
		return errors.Join(fmt.Errorf("listen on NATS: %w", err), i.finish([]drainer{usage, charges, commands}))
	}
	close(i.ready)
	<-ctx.Done()
	return i.finish([]drainer{usage, charges, commands})
}

// drainer is a part of the intake that takes from NATS.
type drainer interface {
	// drain takes nothing more and returns when everything taken is finished.
	drain()
}

// finish drains all parts side by side.
func (i *Intake) finish(parts []drainer) error {
	limit := time.Now().Add(i.opts.DrainTimeout)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for _, p := range parts {
			all.Go(p.drain)
		}
		all.Wait()
	}()
	timer := time.NewTimer(time.Until(limit))
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		return fmt.Errorf("%w (%s): what was not answered may have been done", ErrNotDrained, i.opts.DrainTimeout)
	}
	// What was answered and acknowledged is at the server when it answers.
	if err := i.nc.FlushTimeout(max(time.Until(limit), time.Millisecond)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotDrained, err)
	}
	return nil
}

// subscription is a queue subscription whose end can be waited for.
type subscription struct {
	sub    *nats.Subscription
	closed chan struct{}
}

// subscribe listens to requests; handle must not block.
func (i *Intake) subscribe(subject string, handle nats.MsgHandler) (*subscription, error) {
	s := &subscription{closed: make(chan struct{})}
	sub, err := i.nc.QueueSubscribe(subject, QueueGroup, handle)
	if err != nil {
		return nil, fmt.Errorf("listen to %s: %w", subject, err)
	}
	s.sub = sub
	sub.SetClosedHandler(func(string) { close(s.closed) })
	return s, nil
}

// drain unsubscribes and waits until the handler has had what had come.
func (s *subscription) drain() {
	_ = s.sub.Drain() // an error says that it is closed already
	<-s.closed
}

func (i *Intake) unanswered(msg *nats.Msg, err error) {
	i.opts.Logger.Warn("a request over NATS could not be answered", zap.String("subject", msg.Subject), zap.Error(err))
}
