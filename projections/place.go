package projections

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/eventstore"
)

// checkpoints is where the keys of all checkpoints begin.
const checkpoints = "\x00checkpoint/"

// place is a model's own place in the database, that of its version.
func place(m Model) string { return fmt.Sprintf("%s@%d", m.Name(), m.Version()) }

// rows is where the keys of a place's rows begin.
func rows(place string) []byte { return append([]byte(place), '/') }

// checkpointKey keeps a place's position.
func checkpointKey(place string) []byte { return []byte(checkpoints + place) }

// successor is the first key after all that begin with the prefix.
func successor(prefix []byte) []byte {
	next := bytes.Clone(prefix)
	next[len(next)-1]++
	return next
}

// checkpoint is how far a model's rows have come; Start where it has none.
func (e *Engine) checkpoint(m Model) (eventstore.Position, error) {
	value, closer, err := e.db.Get(checkpointKey(place(m)))
	if errors.Is(err, pebble.ErrNotFound) {
		return eventstore.Start, nil
	}
	if err != nil {
		return eventstore.Start, err
	}
	defer closer.Close()
	p, err := eventstore.ParsePosition(string(value))
	if err != nil {
		return p, fmt.Errorf("checkpoint of %s: %w", m.Name(), err)
	}
	return p, nil
}

// dropFormer deletes what other versions of the models left.
func (e *Engine) dropFormer() error {
	current := map[string]string{} // place by name
	for _, m := range e.models {
		current[m.Name()] = place(m)
	}
	b := e.db.NewBatch()
	defer b.Close()
	lower := []byte(checkpoints)
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: successor(lower)})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		former := strings.TrimPrefix(string(it.Key()), checkpoints)
		name, _, _ := strings.Cut(former, "@")
		if now, known := current[name]; !known || now == former {
			continue
		}
		from := rows(former)
		if err := errors.Join(b.DeleteRange(from, successor(from), nil), b.Delete(checkpointKey(former), nil)); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return err
	}
	return b.Commit(pebble.NoSync)
}
