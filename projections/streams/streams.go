// Package streams is the read model of the log's streams: their names, how many
// events each has, and when it was written first and last. The event store
// itself lists no streams.
package streams

import (
	"encoding/json"
	"time"

	"prepayledger/projections"
)

// MaxPage is how many streams a page of the list has at most (streams).
const MaxPage = 1000

// Stream is a stream of the log.
type Stream struct {
	Name string `json:"name"`
	// Events is how many events it has.
	Events int64 `json:"events"`
	// FirstAt and LastAt are when its first and its newest event were recorded.
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	// LastType is the type of its newest event.
	LastType string `json:"last_type"`
}

// Model keeps the streams.
type Model struct {
	view  projections.View
	dirty map[string]*Stream
	// last is the stream of the last fact: most facts have the one before's.
	last *Stream
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "streams" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	*m = Model{view: v, dirty: map[string]*Stream{}}
	return nil
}

const rows = "stream/"

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	s := m.last
	if s == nil || s.Name != f.Stream {
		if s = m.dirty[f.Stream]; s == nil {
			s = &Stream{Name: f.Stream}
			m.dirty[f.Stream] = s
		}
		m.last = s
	}
	if f.Revision == 0 {
		s.FirstAt = f.Meta.RecordedAt
	}
	if n := int64(f.Revision) + 1; n > s.Events {
		s.Events, s.LastAt, s.LastType = n, f.Meta.RecordedAt, f.Type
	}
	return nil
}

// Flush implements projections.Model.
func (m *Model) Flush(v projections.View, b *projections.Batch) error {
	for name, s := range m.dirty {
		var known Stream
		if _, err := v.GetJSON(rows+name, &known); err != nil {
			return err
		}
		if known.Events >= s.Events && known.Events > 0 {
			continue // delivered before
		}
		if s.FirstAt.IsZero() {
			s.FirstAt = known.FirstAt
		}
		if err := b.SetJSON(rows+name, s); err != nil {
			return err
		}
	}
	clear(m.dirty)
	m.last = nil
	return nil
}

// Get returns a stream; nil where there is none.
func (m *Model) Get(name string) (*Stream, error) {
	s := &Stream{}
	found, err := m.view.GetJSON(rows+name, s)
	if err != nil || !found {
		return nil, err
	}
	return s, nil
}

// List returns the streams whose names begin with the prefix, in order, after
// the name: at most limit, and at most MaxPage of them.
func (m *Model) List(prefix, after string, limit int) ([]Stream, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	if after != "" {
		after = rows + after
	}
	list := []Stream{}
	for row, err := range m.view.ScanAfter(rows+prefix, after) {
		if err != nil {
			return nil, err
		}
		var s Stream
		if err := json.Unmarshal(row.Value, &s); err != nil {
			return nil, err
		}
		list = append(list, s)
		if len(list) == limit {
			break
		}
	}
	return list, nil
}
