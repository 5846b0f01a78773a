package gatestate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
	"prepayledger/eventstore"
)

// errLost says that a bucket is not there.
var errLost = errors.New("bucket is missing")

// value is something to be written.
type value interface {
	// key is the bucket's.
	key() string
	// slot is what is kept of it once it is written.
	slot() slot
	// inherit takes from what stands there what this value doesn't know.
	inherit(old slot)
}

// slot is what a writer knows of a key.
type slot struct {
	// revision is the bucket's; 0 says that the key never was.
	revision uint64
	// present is false for a deleted key.
	present bool
	// position is the newest event known to be part of the value; Start for
	// a deleted key or a value that can't be read.
	position eventstore.Position
	// content is the hash of the value without revision, position and time.
	content uint64
	partner string
	// state is a channel's, standing an account's.
	state    gate.State
	standing string
	since    time.Time
}

// reader makes a slot of a value; a zero one where it can't be read.
type reader func(text []byte) slot

// bucket is one bucket with what the writer knows of it: about 150 bytes a key.
type bucket struct {
	name  string
	kv    jetstream.KeyValue
	read  reader
	slots map[string]slot
}

// load reads all keys.
func (b *bucket) load(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("read bucket %s: %w", b.name, err)
	}
	defer func() {
		go func() {
			for range w.Updates() { // or its goroutine could not end
			}
		}()
		_ = w.Stop()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return fmt.Errorf("read bucket %s: the watch ended", b.name)
			}
			if e == nil {
				return nil
			}
			b.take(e.Key(), e.Revision(), e.Operation() == jetstream.KeyValuePut, e.Value())
		}
	}
}

// take notes what a key holds.
func (b *bucket) take(key string, revision uint64, put bool, text []byte) {
	var s slot
	if put && key != gate.HeartbeatKey {
		s = b.read(text)
	}
	s.revision, s.present = revision, put
	b.slots[key] = s
}

// write writes the values that are newer and other than what is there.
func (b *bucket) write(ctx context.Context, js jetstream.JetStream, values []value) error {
	for len(values) > 0 {
		n := min(window, len(values))
		if err := b.writeWindow(ctx, js, values[:n]); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

func (b *bucket) writeWindow(ctx context.Context, js jetstream.JetStream, values []value) error {
	for try := 0; len(values) > 0; try++ {
		if try > maxConflicts {
			return fmt.Errorf("bucket %s, key %s: somebody else keeps writing it", b.name, values[0].key())
		}
		pending, err := b.send(js, values)
		conflicts, await := b.await(ctx, pending)
		if err := errors.Join(err, await); err != nil {
			return err
		}
		for _, v := range conflicts {
			if err := b.reread(ctx, js, v.key()); err != nil {
				return err
			}
		}
		values = conflicts
	}
	return nil
}

// sent is a value on its way.
type sent struct {
	value  value
	slot   slot
	answer jetstream.PubAckFuture
}

// send sends what is news to the bucket, each guarded by the revision that its
// key is known to have.
func (b *bucket) send(js jetstream.JetStream, values []value) ([]sent, error) {
	var pending []sent
	for _, v := range values {
		old, s := b.slots[v.key()], v.slot()
		if !news(old, s) {
			continue
		}
		v.inherit(old)
		if s = v.slot(); old.present && s.content == old.content {
			old.position = s.position
			b.slots[v.key()] = old
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return pending, err
		}
		m := nats.NewMsg("$KV." + b.name + "." + v.key())
		m.Data = text
		m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(old.revision, 10))
		answer, err := js.PublishMsgAsync(m)
		if err != nil {
			return pending, fmt.Errorf("bucket %s, key %s: %w", b.name, v.key(), err)
		}
		pending = append(pending, sent{v, s, answer})
	}
	return pending, nil
}

// news says that a value is to replace another one: it is newer. Of two
// accounts that had the same channel, the one where it lives counts.
func news(old, s slot) bool {
	if old.state != "" && old.partner != s.partner {
		if was, is := old.state != gate.StateCancelled, s.state != gate.StateCancelled; was != is {
			return is
		}
	}
	return old.position.Before(s.position)
}

// await takes the answers to what was sent, and returns the values whose keys
// somebody else has written.
func (b *bucket) await(ctx context.Context, pending []sent) (conflicts []value, err error) {
	for _, p := range pending {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case ack := <-p.answer.Ok():
			p.slot.revision, p.slot.present = ack.Sequence, true
			b.slots[p.value.key()] = p.slot
		case e := <-p.answer.Err():
			var api *jetstream.APIError
			if errors.As(e, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
				conflicts = append(conflicts, p.value)
				continue
			}
			if errors.Is(e, jetstream.ErrNoStreamResponse) || errors.Is(e, nats.ErrNoResponders) {
				e = fmt.Errorf("%w: %w", errLost, e)
			}
			err = errors.Join(err, fmt.Errorf("bucket %s, key %s: %w", b.name, p.value.key(), e))
		}
	}
	return conflicts, err
}

// reread asks what a key holds now.
func (b *bucket) reread(ctx context.Context, js jetstream.JetStream, key string) error {
	stream, err := js.Stream(ctx, "KV_"+b.name)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", b.name, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, "$KV."+b.name+"."+key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		delete(b.slots, key)
		return nil
	}
	if err != nil {
		return fmt.Errorf("bucket %s, key %s: %w", b.name, key, err)
	}
	b.take(key, m.Sequence, m.Header.Get("KV-Operation") == "", m.Data)
	return nil
}

// hash is a value's content.
func hash(v any) uint64 {
	text, err := json.Marshal(v)
	if err != nil {
		return 0 // a struct of strings and times in range always has a JSON
	}
	return xxhash.Sum64(text)
}

// token is a key of a bucket.
func token(id string) string { return natsbus.Token(id) }
