package esdbserver

import (
	"regexp"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"prepayledger/eventstore"
)

const (
	// defaultWindow is how many events a filtered subscription looks at
	// between two checkpoints where the client leaves it open, times its
	// multiplier.
	defaultWindow = 32
	// maxFilterExpressions bounds the prefixes of a filter.
	maxFilterExpressions = 1024
)

// filter chooses events of $all by stream or type.
type filter struct {
	byType   bool
	prefixes []string
	regex    *regexp.Regexp
	// interval is how many events lie between two checkpoints.
	interval uint64
}

// newFilter reads a filter. Regular expressions are those of Go's package
// regexp (RE2), not of .NET: lookaround and back references are refused.
func newFilter(o *streams.ReadReq_Options_FilterOptions) (*filter, error) {
	f := &filter{}
	var x *streams.ReadReq_Options_FilterOptions_Expression
	switch e := o.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		x = e.StreamIdentifier
	case *streams.ReadReq_Options_FilterOptions_EventType:
		x, f.byType = e.EventType, true
	default:
		return nil, invalid("the filter names neither streams nor event types")
	}
	f.prefixes = x.GetPrefix()
	if len(f.prefixes) > maxFilterExpressions {
		return nil, invalid("the filter has %d prefixes, at most %d", len(f.prefixes), maxFilterExpressions)
	}
	if x.GetRegex() != "" {
		var err error
		if f.regex, err = regexp.Compile(x.GetRegex()); err != nil {
			return nil, invalid("the filter's regular expression is not one of RE2: %s", err)
		}
	}
	if f.regex == nil && len(f.prefixes) == 0 {
		return nil, invalid("the filter has neither a regular expression nor a prefix")
	}
	f.interval = max(uint64(o.GetCheckpointIntervalMultiplier()), 1)
	if m, ok := o.GetWindow().(*streams.ReadReq_Options_FilterOptions_Max); ok && m.Max > 0 {
		f.interval *= uint64(m.Max)
	} else {
		f.interval *= defaultWindow
	}
	return f, nil
}

// match reports whether the filter lets an event through; nil lets all.
func (f *filter) match(e *eventstore.Recorded) bool {
	if f == nil {
		return true
	}
	what := e.Stream
	if f.byType {
		what = e.Type
	}
	if f.regex != nil {
		return f.regex.MatchString(what)
	}
	for _, p := range f.prefixes {
		if strings.HasPrefix(what, p) {
			return true
		}
	}
	return false
}
