// Package runindex is an index of small fixed-size entries under uniform
// 16-byte keys, made for one question asked very often: "was this key seen
// before?" when the answer is nearly always "never". It knows keys and
// values, not what they stand for.
//
//	Put ──► table (memory, sorted, newest) ──seal──► run ┐
//	                                                 run ├──merge──► run
//	                                                 run ┘
//	Lookup: table, then one cache line of each run's filter; a file is read
//	only where a filter says "maybe" (for a key never seen: about once in
//	1,250 runs asked).
//
// An entry's identity is key, content and slot. Of several entries with one
// identity the newest counts; Value 0 removes it.
//
// The index is a derived view of a log and is written without fsync on the
// way of a Put. Commit names the log position that all Puts so far
// correspond to; sealing a table makes the last such position durable along
// with the entries. After a crash the index opens at an earlier committed
// position, which Checkpoint returns, and its user puts again what the log
// holds after it. Entries newer than the checkpoint may survive a crash:
// until the user has replayed the log to its end, the index must not be
// asked. Close seals, so that nothing is replayed after it.
//
// Sizes that don't depend on the number of entries: two tables (50 MiB by
// default). Sizes that do: the filters, 15.06 bits an entry, kept in memory
// outside Go's heap, loaded from the files at Open and not rebuilt. Merges
// are bounded (Options.MaxRunEntries), so nothing takes time in proportion
// to history, except loading the filters.
//
// Entries don't retire with age: an index keeps all that is not removed. (A
// merge would be the place to drop what can no longer be asked for; for that
// an entry would have to carry its month.)
//
// A directory belongs to one open Index at a time. The package takes no
// lock: the event store that owns the directory is opened exclusively.
//
// Damage is found by checksums, of filters at Open and of pages whenever
// they are read, and reported as ErrDamaged: delete the directory and
// rebuild the index from the log. Nothing else is lost with it.
package runindex
