package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// rewatchPause is the time between attempts to open the watch.
	rewatchPause = 500 * time.Millisecond
	// checkEvery is how often a gate that is stale, or was connected anew,
	// looks whether its watch misses something that the bucket has.
	checkEvery = 2 * time.Second
	// checkTimeout bounds that look.
	checkTimeout = 2 * time.Second
)

// errBehind ends a watch that misses what the bucket has.
var errBehind = errors.New("the watch of the bucket of channels fell behind and is begun again")

// watch is the state of one watch; of the one goroutine that follows.
type watch struct {
	// table is filled; it is the gate's once it is whole.
	table *table
	whole bool
	// beat is the bucket's revision of the newest heartbeat.
	beat uint64
	// seen is the bucket's revision of the newest entry, or of what the
	// bucket had when the watch began; checked is seen at the last look.
	seen, checked uint64
	// created is when the bucket was made, reconnects how often the
	// connection came back before the watch was last found whole.
	created    time.Time
	reconnects uint64
	// beatUntil is until when that heartbeat lets the copy be fresh.
	beatUntil int64
}

// follow watches the bucket until the context ends, again and again.
func (g *Gate) follow(ctx context.Context) {
	defer close(g.done)
	for {
		if err := g.watchOnce(ctx); err != nil && ctx.Err() == nil {
			g.opts.OnError(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rewatchPause):
		}
	}
}

// watchOnce copies the bucket and follows it until something is wrong.
func (g *Gate) watchOnce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kv, err := g.js.KeyValue(ctx, ChannelsBucket)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", ChannelsBucket, err)
	}
	info, err := bucketInfo(ctx, kv)
	if err != nil {
		return err
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch bucket %s: %w", ChannelsBucket, err)
	}
	defer stopWatch(w)
	g.watch = watch{table: newTable(), created: info.Created, seen: info.State.LastSeq, reconnects: g.reconnects()}
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return errBehind
			}
			g.take(e)
		case <-check.C:
			if g.behind(ctx, kv) {
				return errBehind
			}
		}
	}
}

// stopWatch ends a watch and takes what is under way, so that its goroutine
// can end.
func stopWatch(w jetstream.KeyWatcher) {
	go func() {
		for range w.Updates() {
		}
	}()
	_ = w.Stop() // of a connection that is gone there is nothing to stop
}

// reconnects is how often the connection came back.
func (g *Gate) reconnects() uint64 { return g.js.Conn().Stats().Reconnects }

// bucketInfo asks what the bucket's stream holds.
func bucketInfo(ctx context.Context, kv jetstream.KeyValue) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("status of bucket %s: %w", ChannelsBucket, err)
	}
	s, ok := status.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return nil, fmt.Errorf("status of bucket %s is a %T", ChannelsBucket, status)
	}
	return s.StreamInfo(), nil
}

// behind says that the bucket has what the watch did not see for a whole
// checkEvery, or is another bucket of that name: not the writer is gone, but
// the watch is broken. It asks only where there is a doubt.
func (g *Gate) behind(ctx context.Context, kv jetstream.KeyValue) bool {
	reconnects := g.reconnects()
	if g.Ready() && reconnects == g.watch.reconnects {
		return false
	}
	info, err := bucketInfo(ctx, kv)
	if err != nil {
		return false // NATS is away: the watch can't see more
	}
	if !info.Created.Equal(g.watch.created) {
		return true
	}
	last, stuck := info.State.LastSeq, g.watch.seen == g.watch.checked
	g.watch.checked = g.watch.seen
	if last == g.watch.seen {
		g.watch.reconnects = reconnects
	}
	return last != g.watch.seen && stuck
}

// take takes one entry of the watch; nil says that the copy is whole.
func (g *Gate) take(e jetstream.KeyValueEntry) {
	if e != nil {
		g.watch.seen = max(g.watch.seen, e.Revision())
	}
	switch {
	case e == nil:
		g.watch.whole = true
		g.refresh()
	case e.Key() == HeartbeatKey:
		g.heartbeat(e)
	case e.Operation() != jetstream.KeyValuePut:
		g.watch.table.remove(e.Key())
	default:
		g.channel(e)
	}
}

func (g *Gate) channel(e jetstream.KeyValueEntry) {
	var s ChannelState
	if err := json.Unmarshal(e.Value(), &s); err != nil {
		g.opts.OnError(fmt.Errorf("bucket %s, key %s: %w", ChannelsBucket, e.Key(), err))
		return
	}
	if Key(s.ChannelID) != e.Key() {
		g.opts.OnError(fmt.Errorf("bucket %s, key %s: value is of channel %q", ChannelsBucket, e.Key(), s.ChannelID))
		return
	}
	g.watch.table.put(s.ChannelID, &known{key: e.Key(), answer: g.answer(&s)})
}

// answer is what the gate answers for a state while it is fresh.
func (g *Gate) answer(s *ChannelState) Decision {
	d := Decision{Allowed: s.MaySend, Status: StatusOK, Since: s.Since, Source: Live}
	if d.Allowed {
		return d
	}
	d.Status, d.Text = StatusRefused, s.Text
	switch {
	case d.Text != "":
	case s.State == StateCancelled:
		d.Text = CancelledText
	default:
		d.Text = BlockedText(g.opts.Provider)
	}
	return d
}

// heartbeat takes a heartbeat. One that comes after another one in the same
// watch was sent just now, whatever the clocks say. The first may have lain
// there for long: it counts from the time that it bears.
func (g *Gate) heartbeat(e jetstream.KeyValueEntry) {
	var h Heartbeat
	if err := json.Unmarshal(e.Value(), &h); err != nil {
		g.opts.OnError(fmt.Errorf("bucket %s, key %s: %w", ChannelsBucket, e.Key(), err))
		return
	}
	now := g.since()
	from := now
	if g.watch.beat == 0 {
		from = min(now, int64(h.At.Sub(g.epoch)))
		if h.At.After(g.opts.Clock()) {
			from = now - int64(g.opts.StaleAfter) // clocks differ: wait for the next
		}
	}
	g.watch.beat = e.Revision()
	g.watch.beatUntil = from + int64(g.opts.StaleAfter)
	g.refresh()
}

// refresh makes the copy fresh for as long as the heartbeat allows. A copy
// without a heartbeat is of a bucket that is being filled, and not used yet.
func (g *Gate) refresh() {
	if !g.watch.whole || g.watch.beat == 0 {
		return
	}
	g.table.Store(g.watch.table)
	g.fresh.Store(max(g.fresh.Load(), g.watch.beatUntil))
	if g.Ready() {
		select {
		case <-g.ready:
		default:
			close(g.ready)
		}
	}
}
