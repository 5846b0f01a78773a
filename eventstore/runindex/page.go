package runindex

import (
	"encoding/binary"
	"hash/crc32"
)

// Records lie in pages that carry their own checksum, so that every read is
// verified. The last 32 bytes of a page are its trailer: the run's id (8),
// the page's number (8), the number of records (4), unused (8), CRC-32C of
// everything before (4). All numbers are little-endian.
const (
	pageBytes      = 4096
	recordsPerPage = 127
	pageTrailer    = recordsPerPage * recordBytes
	pageSum        = pageBytes - 4
)

// checksum is CRC-32C, which processors have an instruction for.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// sealPage writes the trailer of a page whose records are in place.
func sealPage(page []byte, run, number uint64, records int) {
	clear(page[records*recordBytes : pageTrailer])
	t := page[pageTrailer:]
	binary.LittleEndian.PutUint64(t, run)
	binary.LittleEndian.PutUint64(t[8:], number)
	binary.LittleEndian.PutUint32(t[16:], uint32(records))
	clear(t[20:28])
	binary.LittleEndian.PutUint32(page[pageSum:], checksum(page[:pageSum]))
}

// checkPage returns what is wrong with a page, "" when nothing is.
func checkPage(page []byte, run, number uint64, records int) string {
	t := page[pageTrailer:]
	switch {
	case binary.LittleEndian.Uint32(page[pageSum:]) != checksum(page[:pageSum]):
		return "checksum of the page does not match"
	case binary.LittleEndian.Uint64(t) != run, binary.LittleEndian.Uint64(t[8:]) != number,
		binary.LittleEndian.Uint32(t[16:]) != uint32(records):
		return "page belongs elsewhere"
	}
	return ""
}
