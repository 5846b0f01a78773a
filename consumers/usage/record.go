package usage

import (
	"fmt"
	"time"
)

// record is what was read of a charge, before it is looked at.
type record struct {
	values [numFields]string
	seen   uint32 // bit per field: it was there
	// priced says that an amount was there, be it empty.
	priced bool
	// plain says that all values are printable ASCII.
	plain bool
	// at stands for occurred_at where that is no text of RFC 3339.
	at    time.Time
	names *fieldNames
	// problem is the first thing that is wrong, field its place.
	problem string
	field   string
}

// fail notes what is wrong with a field ("" for the whole record); only the
// first problem is kept.
func (r *record) fail(field, format string, args ...any) {
	if r.problem == "" {
		r.field, r.problem = field, fmt.Sprintf(format, args...)
	}
}

// reset makes the record ready for the next line.
func (r *record) reset(names *fieldNames) { *r = record{names: names} }

// mark notes that a field was there; false if it was there before.
func (r *record) mark(f field) bool {
	bit := uint32(1) << f
	fresh := r.seen&bit == 0
	r.seen |= bit
	return fresh
}
