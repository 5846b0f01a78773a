package embedded

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"

	"prepayledger/eventstore"
)

// pebbleFormat is pinned, so that a newer Pebble does not change what older
// ones can open. It has the write-ahead log whose chunks tell a torn tail
// from damage before it (FormatWALSyncChunks).
const pebbleFormat = pebble.FormatValueSeparation

// blockBytes is the size at which a block of a table ends, in bytes. A record
// that is larger has one of its own. Larger blocks make the log of many small
// appends faster to scan and its streams slower to read.
const blockBytes = 16 << 10

// pebbleOptions are those of the log's Pebble. Of its compressions, the
// fastest was measured to write and to read faster than Snappy and than none.
func (s *Store) pebbleOptions(lock *pebble.Lock) *pebble.Options {
	logger := pebbleLogger{s}
	o := &pebble.Options{
		FS:                          walFS{s.opts.FS, s},
		Lock:                        lock,
		CacheSize:                   s.opts.CacheBytes,
		FormatMajorVersion:          pebbleFormat,
		MemTableSize:                uint64(s.opts.MemTableBytes),
		MemTableStopWritesThreshold: memTables,
		Logger:                      logger,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { logger.Errorf("background: %v", err) },
			DataCorruption:  func(info pebble.DataCorruptionInfo) { logger.Errorf("damage: %v", info) },
		},
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = blockBytes
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	return o
}

// pebbleLogger hands Pebble's messages to zap.
type pebbleLogger struct{ s *Store }

// Infof logs at debug level: Pebble tells of every flush and compaction.
func (l pebbleLogger) Infof(format string, args ...any) {
	if ce := l.s.log.Check(zap.DebugLevel, "pebble"); ce != nil {
		ce.Write(zap.String("message", fmt.Sprintf(format, args...)))
	}
}

// Errorf logs at error level.
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.s.log.Error("pebble", zap.String("message", fmt.Sprintf(format, args...)))
}

// Fatalf ends writing for good. Pebble expects that it does not return: after
// a failed write of its manifest it would write the same tables again and name
// them twice. Only while the log is being opened does it return, and Open fails.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if l.s.opened.Load() {
		l.s.wedge(err)
		park()
	}
	l.s.fail(err)
}

// park stops a goroutine of Pebble's for good.
func park() { <-make(chan struct{}) }

// readError turns an error of Pebble's into one of the contract's that names
// the place.
func readError(err error, format string, args ...any) error {
	kind := eventstore.ErrUnavailable
	if pebble.IsCorruptionError(err) || errors.Is(err, eventstore.ErrCorrupt) {
		kind = eventstore.ErrCorrupt
	}
	return fmt.Errorf("%w: %s: %w", kind, fmt.Sprintf(format, args...), err)
}

// damage is an ErrCorrupt that names the place.
func damage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", eventstore.ErrCorrupt, fmt.Errorf(format, args...))
}

// isNotFound tells a missing key from a failed read.
func isNotFound(err error) bool { return errors.Is(err, pebble.ErrNotFound) }
