package runindex

import (
	"encoding/binary"
	"math/bits"
)

// A filter answers "may this run hold the key, and where?" from one cache
// line. It cuts the space of key prefixes into equal blocks of about
// entriesPerBlock entries, each described by 64 bytes: the number of its
// first entry in the run, and for every entry the bits of its key that
// follow the block's own. They are coded as in a quotient filter: the first
// six bits pick one of 64 sub-ranges, marked in a bitmap when somebody lives
// there; what follows is cut to as many bits as the block has room for
// (11 for 34 entries) and compared.
//
// It says "maybe" wrongly for 0.08 % of keys that the run doesn't have,
// somewhat less often than a blocked Bloom filter of that size; moreover its
// "maybe" names the record to read, and being in the order of the keys it is
// written in one pass.
//
//	bit 0..407    n bits, bit j set when entry j is the first of its
//	              sub-range; then n remainders of equal width
//	byte 51       n, the number of entries, or overfull
//	byte 52..55   number of the first entry
//	byte 56..63   occupied: bit q set when sub-range q has an entry
//
// One more block at the end holds the number of entries of the whole run.
type filter struct {
	mem    []byte
	blocks uint64
}

const (
	blockBytes = 64
	// entriesPerBlock makes 15.06 bits an entry.
	entriesPerBlock = 34
	maxBlockEntries = 64
	codeBits        = 51 * 8
	// maxRemainderBits keeps a remainder within one 8-byte read.
	maxRemainderBits = 32
	subRangeBits     = 6
	// overfull in place of the number of entries: the block does not
	// describe them (skewed keys), every key of it is a "maybe".
	overfull = 255

	atCount    = 51
	atFirst    = 52
	atOccupied = 56
)

// blocksFor returns how many blocks a run of that many entries has.
func blocksFor(entries uint64) uint64 {
	return max(1, (entries+entriesPerBlock-1)/entriesPerBlock)
}

// filterBytes returns the size of a filter of that many blocks.
func filterBytes(blocks uint64) int { return int(blocks+1) * blockBytes }

// remainderWidth returns how many bits each of n remainders has.
func remainderWidth(n int) int { return min((codeBits-n)/n, maxRemainderBits) }

// maybe has room for the numbers of keys that a probe leaves.
type maybe [lookupGroup + 1]uint8

// probe is the first step of a question. It returns the numbers of those
// keys, at most lookupGroup, for which compare must be asked; the others are
// not in the run.
//
// Every number is written, the next overwrites it unless it counts: without
// a branch that the processor could guess wrongly while it waits for memory,
// the cache misses of many keys overlap.
func (f *filter) probe(room *maybe, prefixes []uint64) []uint8 {
	n, mem, blocks := 0, f.mem, f.blocks
	for key, prefix := range prefixes[:min(len(prefixes), lookupGroup)] {
		i, rest := bits.Mul64(prefix, blocks)
		room[n] = uint8(key)
		n += int(binary.LittleEndian.Uint64(mem[i*blockBytes+atOccupied:]) >> (rest >> (64 - subRangeBits)) & 1)
	}
	return room[:n]
}

// compare is the second step: it returns which records of the run, from and
// to exclusive, may have the key; ok is false when none has.
func (f *filter) compare(prefix uint64) (from, to uint32, ok bool) {
	i, rest := bits.Mul64(prefix, f.blocks)
	b := f.mem[i*blockBytes:][:blockBytes]
	first := binary.LittleEndian.Uint32(b[atFirst:])
	n := int(b[atCount])
	if n == overfull {
		return first, f.first(i + 1), true
	}
	j, end := subRange(b, n, rest>>(64-subRangeBits))
	width := remainderWidth(n)
	want := rest << subRangeBits >> (64 - width)
	for j < end && remainder(b, n, j, width) < want {
		j++
	}
	k := j
	for k < end && remainder(b, n, k, width) == want {
		k++
	}
	return first + uint32(j), first + uint32(k), k > j
}

// subRange returns which of the block's n entries are in an occupied
// sub-range.
func subRange(b []byte, n int, sub uint64) (from, to int) {
	occupied := binary.LittleEndian.Uint64(b[atOccupied:])
	starts := binary.LittleEndian.Uint64(b) & (1<<n - 1)
	for before := bits.OnesCount64(occupied & (1<<sub - 1)); before > 0; before-- {
		starts &= starts - 1
	}
	return bits.TrailingZeros64(starts), min(n, bits.TrailingZeros64(starts&(starts-1)))
}

// first returns the number of the block's first entry.
func (f *filter) first(block uint64) uint32 {
	return binary.LittleEndian.Uint32(f.mem[block*blockBytes+atFirst:])
}

// remainder returns the j-th of a block's n remainders.
func remainder(b []byte, n, j, width int) uint64 {
	at := n + j*width
	return binary.LittleEndian.Uint64(b[at/8:]) >> (at % 8) & (1<<width - 1)
}

// filterBuilder fills a filter from the prefixes of a run, in order.
type filterBuilder struct {
	filter
	block uint64 // the one being filled
	total uint32 // entries so far
	n     int    // entries in the block, of which rests has the first
	rests [maxBlockEntries]uint64
}

// newFilterBuilder starts a filter for at most that many entries.
func newFilterBuilder(entries uint64) (*filterBuilder, error) {
	b := &filterBuilder{filter: filter{blocks: blocksFor(entries)}}
	var err error
	b.mem, err = allocate(filterBytes(b.blocks))
	return b, err
}

// add takes the next entry's prefix, not smaller than the one before.
func (b *filterBuilder) add(prefix uint64) {
	i, rest := bits.Mul64(prefix, b.blocks)
	if i != b.block {
		b.advance(i)
	}
	if b.n < maxBlockEntries {
		b.rests[b.n] = rest
	}
	b.n++
	b.total++
}

// finish writes what is left and the last block.
func (b *filterBuilder) finish() { b.advance(b.blocks) }

// advance writes the block being filled and the empty ones after it, and
// goes on with block i.
func (b *filterBuilder) advance(i uint64) {
	b.write()
	for b.block++; b.block < i; b.block++ {
		b.setFirst(b.total)
	}
	b.n = 0
	b.setFirst(b.total)
}

func (b *filterBuilder) setFirst(first uint32) {
	binary.LittleEndian.PutUint32(b.mem[b.block*blockBytes+atFirst:], first)
}

// write encodes the block being filled; its first entry is there already.
func (b *filterBuilder) write() {
	if b.n == 0 {
		return
	}
	mem := b.mem[b.block*blockBytes:][:blockBytes]
	if b.n > maxBlockEntries {
		mem[atCount] = overfull
		binary.LittleEndian.PutUint64(mem[atOccupied:], 1<<64-1)
		return
	}
	width := remainderWidth(b.n)
	var occupied, starts uint64
	for j, rest := range b.rests[:b.n] {
		if sub := uint64(1) << (rest >> (64 - subRangeBits)); occupied&sub == 0 {
			occupied |= sub
			starts |= 1 << j
		}
		orBits(mem, b.n+j*width, rest<<subRangeBits>>(64-width))
	}
	orBits(mem, 0, starts)
	mem[atCount] = byte(b.n)
	binary.LittleEndian.PutUint64(mem[atOccupied:], occupied)
}

// orBits sets the bits of v, counted from the given bit of mem.
func orBits(mem []byte, at int, v uint64) {
	word := mem[at/8:]
	binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(word)|v<<(at%8))
}
