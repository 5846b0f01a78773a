package embedded

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// Defaults of Options.
const (
	// DefaultCacheBytes is the size of the block cache.
	DefaultCacheBytes = 64 << 20
	// DefaultMemTableBytes is the size at which the newest appends, held in
	// memory and in the write-ahead log, are written out as a sorted table.
	DefaultMemTableBytes = 32 << 20
	// DefaultQueueAppends is how many appends wait for the writer before
	// Append itself waits for room.
	DefaultQueueAppends = 1024
	// DefaultMaxGroupBytes is the size at which a group of appends that is
	// synced together takes no more.
	DefaultMaxGroupBytes = 4 << 20
	// DefaultMinFreeBytes is the free space of the disk below which appends
	// are refused.
	DefaultMinFreeBytes = 256 << 20
)

// Limits that are not options.
const (
	// maxGroupAppends bounds the appends that are synced together.
	maxGroupAppends = 4096
	// maxYields bounds how often the writer gives way to callers before it
	// writes what it has.
	maxYields = 8
	// memTables is how many full memtables wait to be written out before
	// appends wait for them.
	memTables = 4
	// spaceCheckBytes is how much is written between two looks at the free
	// space of the disk.
	spaceCheckBytes = 16 << 20
)

// Options of a store. The zero value is good for production.
type Options struct {
	// FS is the file system; nil means the operating system's. Tests put a
	// crashing or failing one here.
	FS vfs.FS
	// Logger takes what the operator should know; nil means silence.
	Logger *zap.Logger
	// CacheBytes bounds the block cache; 0 means DefaultCacheBytes.
	CacheBytes int64
	// MemTableBytes is the size of a memtable, of which up to five are in
	// memory; 0 means DefaultMemTableBytes.
	MemTableBytes int
	// QueueAppends bounds the appends that wait; 0 means
	// DefaultQueueAppends.
	QueueAppends int
	// MaxGroupBytes bounds a group of appends that is synced together; one
	// append may exceed it. 0 means DefaultMaxGroupBytes.
	MaxGroupBytes int
	// MinFreeBytes is the free space of the disk below which appends are
	// refused with ErrUnavailable, until there is more again: a disk that is
	// full in the middle of a write ends writing for good. 0 means
	// DefaultMinFreeBytes.
	MinFreeBytes uint64
	// Clock gives Recorded.Created; nil means time.Now.
	Clock func() time.Time
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.MemTableBytes <= 0 {
		o.MemTableBytes = DefaultMemTableBytes
	}
	if o.QueueAppends <= 0 {
		o.QueueAppends = DefaultQueueAppends
	}
	if o.MaxGroupBytes <= 0 {
		o.MaxGroupBytes = DefaultMaxGroupBytes
	}
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = DefaultMinFreeBytes
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}
