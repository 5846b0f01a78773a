package gatestate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
)

// queueGroup shares requests among several ledgers.
const queueGroup = "prepay-gate"

// checkTimeout bounds the answer to one request.
const checkTimeout = 5 * time.Second

// maxRequestBytes bounds a request.
const maxRequestBytes = 4096

// Run brings the buckets in line with Options.Accounts, then sends the
// heartbeat and answers requests on natsbus.GateSubject until the context
// ends. What fails is logged and tried again at the next heartbeat; a bucket
// that was lost is filled anew.
func (w *Writer) Run(ctx context.Context) error {
	sub, err := w.nc.QueueSubscribe(natsbus.GateSubject, queueGroup, func(m *nats.Msg) { w.answer(ctx, m) })
	if err != nil {
		return fmt.Errorf("listen on %s: %w", natsbus.GateSubject, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // of a closed connection nothing is left to end
	var flushing sync.WaitGroup
	flushing.Go(func() { w.flushAlways(ctx) })
	defer flushing.Wait()
	tick := time.NewTicker(w.opts.HeartbeatEvery)
	defer tick.Stop()
	for inLine := w.opts.Accounts == nil; ; {
		if err := w.pulse(ctx, &inLine); err != nil && ctx.Err() == nil {
			w.opts.Logger.Warn("gates are left without heartbeat", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// flushAlways writes the figures that wait, again and again, until the context
// ends; then once more, and from then on none wait. Without Options.Accounts
// nothing would make good what a crash lost, so none wait at all.
func (w *Writer) flushAlways(ctx context.Context) {
	if w.opts.Accounts == nil {
		return
	}
	lazy := func(on bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lazy = on
	}
	lazy(true)
	tick := time.NewTicker(w.opts.AccountsEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			lazy(false)
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		if err := w.flush(last); err != nil {
			w.opts.Logger.Warn("accounts' figures could not be written, it is tried again", zap.Error(err))
		}
		cancel()
	}
}

// flush writes the figures that wait.
func (w *Writer) flush(ctx context.Context) error {
	w.mu.Lock()
	waiting := w.pending
	w.pending = map[string]*account{}
	w.mu.Unlock()
	var values []value
	for _, key := range slices.Sorted(maps.Keys(waiting)) {
		values = append(values, waiting[key])
	}
	err := w.put(ctx, ofAccounts, values)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = err != nil
	if err != nil {
		for key, a := range waiting {
			if w.pending[key] == nil {
				w.pending[key] = a
			}
		}
	}
	return err
}

// pulse brings the buckets in line where they aren't, and sends a heartbeat.
func (w *Writer) pulse(ctx context.Context, inLine *bool) error {
	if !*inLine {
		if err := w.Sync(ctx, w.opts.Accounts); err != nil {
			return err
		}
		*inLine = true
	}
	err := w.heartbeat(ctx)
	if errors.Is(err, errLost) {
		*inLine = w.opts.Accounts == nil
	}
	return err
}

// heartbeat sends one, unless changes don't get through: then gates are to
// grow stale. Its own revision tells whether the bucket is still the same.
func (w *Writer) heartbeat(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.opts.Healthy() || w.failing || w.late {
		return nil
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	if w.lost && w.opts.Accounts != nil {
		return fmt.Errorf("%w: all of it must be written again first", errLost)
	}
	text, err := json.Marshal(gate.Heartbeat{
		At: w.opts.Clock().UTC(), EverySeconds: int(gate.HeartbeatEvery / time.Second), StaleAfterSeconds: int(gate.DefaultStaleAfter / time.Second),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	revision, err := w.channels.kv.Update(ctx, gate.HeartbeatKey, text, w.channels.slots[gate.HeartbeatKey].revision)
	if err != nil {
		w.channels, w.accounts = nil, nil
		return fmt.Errorf("%w or somebody else writes it: %w", errLost, err)
	}
	w.channels.slots[gate.HeartbeatKey] = slot{revision: revision, present: true}
	return nil
}

// request is what GateSubject takes.
type request struct {
	ChannelID string `json:"channel_id"`
}

// failure is the answer where there is no state.
type failure struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// answer answers with the channel's state as the bucket has it.
func (w *Writer) answer(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	text, code, message := w.check(ctx, m.Data)
	if code != "" {
		var f failure
		f.Error.Code, f.Error.Message = code, message
		text, _ = json.Marshal(f) // strings always have a JSON
	}
	if err := m.Respond(text); err != nil {
		w.opts.Logger.Warn("an answer could not be given", zap.String("subject", natsbus.GateSubject), zap.Error(err))
	}
}

func (w *Writer) check(ctx context.Context, data []byte) (text []byte, code, message string) {
	var r request
	if len(data) > maxRequestBytes {
		return nil, "malformed", "The request has more than " + strconv.Itoa(maxRequestBytes) + " bytes."
	}
	if err := json.Unmarshal(data, &r); err != nil || r.ChannelID == "" {
		return nil, "malformed", `Ask with {"channel_id":"…"}.`
	}
	kv, err := w.js.KeyValue(ctx, natsbus.ChannelsBucket)
	if err == nil {
		var e jetstream.KeyValueEntry
		if e, err = kv.Get(ctx, token(r.ChannelID)); err == nil {
			return e.Value(), "", ""
		}
	}
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, "unknown_channel", "No account has this channel: register it first or correct its id."
	}
	w.opts.Logger.Warn("a gate's question could not be answered", zap.Error(err))
	return nil, "unavailable", "The state of channels can't be read right now: ask again."
}
