package runindex

import (
	"fmt"
	"os"
)

// The defaults of Options.
const (
	// DefaultTableEntries is 512 Ki entries: 24 MiB a table, two of them.
	DefaultTableEntries = 512 << 10
	// DefaultFanIn merges four runs of a tier into one of the next.
	DefaultFanIn = 4
	// DefaultMaxRunEntries bounds a merged run to 64 Mi entries (2 GiB).
	DefaultMaxRunEntries = 64 << 20
	// DefaultMaxBacklog lets 16 sealed tables wait for their merge.
	DefaultMaxBacklog = 16
)

// Bounds of Options.
const (
	maxTableEntries = 16 << 20
	maxFanIn        = 16
	maxRunEntries   = 1 << 30
	maxBacklog      = 1024
)

// Options tune an index. The zero value of each field means its default.
type Options struct {
	// TableEntries is how many entries the table in memory takes before it
	// is sealed: also the bound, in entries, of what is replayed after a
	// crash (twice this, plus what came after the last Commit).
	TableEntries int
	// FanIn is how many runs of one tier are merged into one of the next:
	// more means less merging and more runs to ask.
	FanIn int
	// MaxRunEntries bounds the output of a merge, and with it a merge's
	// time, disk space and the memory of the filter that it builds beside
	// those in use. Runs that together would exceed it stay apart.
	MaxRunEntries int
	// MaxBacklog is how many newly sealed runs may wait to be merged; beyond
	// it Put waits.
	MaxBacklog int

	// fsync replaces (*os.File).Sync in tests.
	fsync func(*os.File) error
}

// withDefaults fills the zero fields in and checks the others.
func (o Options) withDefaults() (Options, error) {
	for _, f := range []struct {
		name       string
		value      *int
		usual, min int
		max        int
	}{
		{"TableEntries", &o.TableEntries, DefaultTableEntries, 1, maxTableEntries},
		{"FanIn", &o.FanIn, DefaultFanIn, 2, maxFanIn},
		{"MaxRunEntries", &o.MaxRunEntries, DefaultMaxRunEntries, 1, maxRunEntries},
		{"MaxBacklog", &o.MaxBacklog, DefaultMaxBacklog, 1, maxBacklog},
	} {
		if *f.value == 0 {
			*f.value = f.usual
		}
		if *f.value < f.min || *f.value > f.max {
			return o, fmt.Errorf("%w: %s is %d, must be %d to %d", ErrInvalid, f.name, *f.value, f.min, f.max)
		}
	}
	if o.MaxBacklog < o.FanIn {
		return o, fmt.Errorf("%w: MaxBacklog is %d, must be at least FanIn (%d): fewer runs are never merged", ErrInvalid, o.MaxBacklog, o.FanIn)
	}
	if smallest := 2 * o.FanIn * o.TableEntries; o.MaxRunEntries < smallest {
		return o, fmt.Errorf("%w: MaxRunEntries is %d, must be at least %d (twice FanIn tables)", ErrInvalid, o.MaxRunEntries, smallest)
	}
	if o.fsync == nil {
		o.fsync = (*os.File).Sync
	}
	return o, nil
}
