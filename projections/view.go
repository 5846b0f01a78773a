package projections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cockroachdb/pebble/v2"
)

// View reads a model's committed state.
type View struct {
	db     *pebble.DB
	prefix []byte
}

func (e *Engine) view(m Model) View { return View{db: e.db, prefix: rows(place(m))} }

func (v View) key(key string) []byte { return append(bytes.Clone(v.prefix), key...) }

// Get returns the value of a key; false where there is none.
func (v View) Get(key string) ([]byte, bool, error) {
	value, closer, err := v.db.Get(v.key(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer closer.Close()
	return bytes.Clone(value), true, nil
}

// GetJSON reads a value into out; false where there is none.
func (v View) GetJSON(key string, out any) (bool, error) {
	value, ok, err := v.Get(key)
	if err != nil || !ok {
		return false, err
	}
	return true, json.Unmarshal(value, out)
}

// Row is a key, without the model's prefix, and its value.
type Row struct {
	Key   string
	Value []byte
}

// Scan yields the rows whose key begins with the text, in order, as they are
// now.
func (v View) Scan(from string) iter.Seq2[Row, error] { return v.ScanAfter(from, "") }

// ScanAfter is Scan of the rows behind a key, which need not be there any more;
// empty is the start.
func (v View) ScanAfter(from, after string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		lower := v.key(from)
		upper := successor(lower)
		if behind := append(v.key(after), 0); after != "" && bytes.Compare(lower, behind) < 0 {
			lower = behind
		}
		if upper != nil && bytes.Compare(upper, lower) <= 0 {
			return
		}
		it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			row := Row{Key: string(it.Key()[len(v.prefix):]), Value: bytes.Clone(it.Value())}
			if !yield(row, nil) {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(Row{}, err)
		}
	}
}

// Batch takes a model's changes.
type Batch struct {
	batch  *pebble.Batch
	prefix []byte
	key    []byte
}

// Set sets a key.
func (b *Batch) Set(key string, value []byte) error {
	b.key = append(append(b.key[:0], b.prefix...), key...)
	return b.batch.Set(b.key, value, nil)
}

// SetJSON sets a key to a value's JSON.
func (b *Batch) SetJSON(key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Set(key, text)
}

// Delete deletes a key.
func (b *Batch) Delete(key string) error {
	b.key = append(append(b.key[:0], b.prefix...), key...)
	return b.batch.Delete(b.key, nil)
}

// Dump writes all that the models keep, in order, for comparison: the same
// log gives the same bytes.
func (e *Engine) Dump(w io.Writer) error {
	for _, m := range e.models {
		for row, err := range e.view(m).Scan("") {
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%s/%s %s\n", m.Name(), row.Key, row.Value); err != nil {
				return err
			}
		}
	}
	return nil
}
