package embedded

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble's write-ahead log and manifest are sequences of records, cut into
// chunks in blocks of 32 KiB (package record of Pebble describes them). When
// Pebble meets a chunk that is not whole it takes it for the torn end of the
// file, as a crash leaves it, unless a later block proves the opposite. That
// overlooks damage in the last block, and every damage of a manifest: what
// follows it is then silently missing.
//
// So both are looked through before Pebble reads them. In both, a record is
// only begun when the one before it was synced (Pebble does so with its
// manifest, and the writer with its groups): a chunk that is not whole is
// damage if another record begins behind it. Damage of the last record alone
// cannot be told from one that a crash tore.
const (
	chunkBlock = 32 << 10
	// legacyHeader, recyclableHeader and syncHeader are the lengths of the
	// three forms of a chunk's header.
	legacyHeader     = 7
	recyclableHeader = legacyHeader + 4
	syncHeader       = recyclableHeader + 8
	// The first type of chunk of each form; each has full, first, middle and
	// last in this order.
	legacyFull     = 1
	recyclableFull = 5
	syncFull       = 9
	typesEnd       = 13
)

// checkTail looks a file over that Pebble is about to replay.
func checkTail(fs vfs.FS, name string) error {
	base := path.Base(name)
	switch {
	case strings.HasSuffix(base, ".log"):
		number, err := strconv.ParseUint(strings.TrimSuffix(base, ".log"), 10, 64)
		if err != nil {
			return nil // none of Pebble's
		}
		return checkChunks(fs, name, chunks{log: uint32(number), wal: true})
	case strings.HasPrefix(base, "MANIFEST-"):
		return checkChunks(fs, name, chunks{})
	}
	return nil
}

// checkChunks reads the file and looks for damage before its end.
func checkChunks(fs vfs.FS, name string, c chunks) error {
	f, err := fs.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.data, err = io.ReadAll(f); err != nil {
		return readError(err, "file %s", name)
	}
	if at, damaged := c.damage(); damaged {
		return damage("file %s is damaged at byte %d, before its end", name, at)
	}
	return nil
}

// chunks is the content of a write-ahead log or a manifest.
type chunks struct {
	data []byte
	wal  bool
	// log is the number of the write-ahead log: a file that is used again
	// still holds chunks of an older one.
	log uint32
}

// damage finds the first chunk that is not whole, and says whether it was
// synced once.
func (c *chunks) damage() (at int, damaged bool) {
	end := c.end()
	for i := end + 1; i+legacyHeader <= len(c.data); i++ {
		// Most bytes are told apart by the type alone.
		if t := c.data[i+6]; t == 0 || t >= typesEnd {
			continue
		}
		if _, ok := c.chunk(i); ok && begins(c.data[i+6]) {
			return end, true
		}
	}
	return end, false
}

// end is where the first chunk begins that is not whole.
func (c *chunks) end() int {
	i := 0
	for i < len(c.data) {
		next, ok := c.chunk(i)
		if !ok {
			// The rest of a block that is too short for a chunk is zero.
			next = (i/chunkBlock + 1) * chunkBlock
			if next-i >= syncHeader || next > len(c.data) || !zero(c.data[i:next]) {
				return i
			}
		}
		i = next
	}
	return i
}

// chunk says whether a whole chunk of this file begins at i, and where it
// ends.
func (c *chunks) chunk(i int) (end int, ok bool) {
	limit := min(len(c.data), (i/chunkBlock+1)*chunkBlock)
	if i+legacyHeader > limit {
		return 0, false
	}
	header := headerLength(c.data[i+6])
	if header == 0 || i+header > limit || c.wal == (header == legacyHeader) {
		return 0, false
	}
	if c.wal && binary.LittleEndian.Uint32(c.data[i+legacyHeader:]) != c.log {
		return 0, false
	}
	end = i + header + int(binary.LittleEndian.Uint16(c.data[i+4:]))
	if end > limit {
		return 0, false
	}
	return end, binary.LittleEndian.Uint32(c.data[i:]) == chunkSum(c.data[i+6:end])
}

// headerLength is that of a chunk's header, by its type; 0 for no type.
func headerLength(kind byte) int {
	switch {
	case kind >= typesEnd || kind == 0:
		return 0
	case kind >= syncFull:
		return syncHeader
	case kind >= recyclableFull:
		return recyclableHeader
	}
	return legacyHeader
}

// begins says whether a chunk of this type begins a record.
func begins(kind byte) bool { return (kind-legacyFull)%4 < 2 }

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// chunkSum is the checksum of a chunk.
func chunkSum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// castagnoli is the table of the checksum; it is never written.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)
