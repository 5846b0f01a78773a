package runindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// A run is an immutable file of sorted records, one per identity:
//
//	pages of records | filter | footer
//
// The footer is 64 bytes: magic (8), id (8), entries (8), blocks of the
// filter (8), CRC-32C of the filter (4), zeros, CRC-32C of the footer (4).
// The id is also the file's name; a larger id is not always a newer run.
type run struct {
	dir     string
	id      uint64
	file    *os.File
	entries uint64
	filter  filter
	// refs counts the index itself and the readers of the file.
	refs atomic.Int32
	// obsolete runs delete their file with the last reference.
	obsolete atomic.Bool
}

const (
	footerBytes = 64
	footerMagic = "runidx\x00\x01" // the last byte is the format's version
	footerSum   = footerBytes - 4
	runSuffix   = ".run"
)

// runName returns the file name of a run.
func runName(id uint64) string { return fmt.Sprintf("%016x%s", id, runSuffix) }

// pagesFor returns how many pages that many records take.
func pagesFor(entries uint64) uint64 { return (entries + recordsPerPage - 1) / recordsPerPage }

// openRun opens a run of the manifest and loads its filter.
func openRun(dir string, id, entries uint64) (*run, error) {
	f, err := os.Open(filepath.Join(dir, runName(id)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamagedError{Dir: dir, File: runName(id), Reason: "file is missing"}
	} else if err != nil {
		return nil, err
	}
	r := &run{dir: dir, id: id, file: f, entries: entries}
	if err := r.load(); err != nil {
		_ = f.Close()
		release(r.filter.mem)
		return nil, err
	}
	r.refs.Store(1)
	return r, nil
}

// load checks the footer and reads the filter.
func (r *run) load() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	at := info.Size() - footerBytes
	if at < 0 {
		return r.damaged(0, "file is too short")
	}
	var footer [footerBytes]byte
	if err := r.readAt(footer[:], at); err != nil {
		return err
	}
	blocks := binary.LittleEndian.Uint64(footer[24:])
	switch {
	case binary.LittleEndian.Uint32(footer[footerSum:]) != checksum(footer[:footerSum]):
		return r.damaged(at, "checksum of the footer does not match")
	case string(footer[:8]) != footerMagic:
		return r.damaged(at, "not a run of this version")
	case binary.LittleEndian.Uint64(footer[8:]) != r.id, binary.LittleEndian.Uint64(footer[16:]) != r.entries:
		return r.damaged(at, "another run than the manifest names")
	}
	filterAt := int64(pagesFor(r.entries) * pageBytes)
	if filterAt+int64(filterBytes(blocks)) != at {
		return r.damaged(at, "file has another length than its footer says")
	}
	r.filter.blocks = blocks
	if r.filter.mem, err = allocate(filterBytes(blocks)); err != nil {
		return err
	}
	if err := r.readAt(r.filter.mem, filterAt); err != nil {
		return err
	}
	if checksum(r.filter.mem) != binary.LittleEndian.Uint32(footer[32:]) {
		return r.damaged(filterAt, "checksum of the filter does not match")
	}
	return nil
}

// readAt fills b; a file that ends early is damaged.
func (r *run) readAt(b []byte, at int64) error {
	_, err := r.file.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		return r.damaged(at, "file ends early")
	}
	return err
}

func (r *run) damaged(at int64, reason string) error {
	return &DamagedError{Dir: r.dir, File: runName(r.id), Offset: at, Reason: reason}
}

// retain keeps the file open until unref. Call it only where the index's own
// reference is known to stand.
func (r *run) retain() { r.refs.Add(1) }

// unref ends a retain, or the index's own use. The filter must not be probed
// after the latter.
func (r *run) unref() {
	if r.refs.Add(-1) > 0 {
		return
	}
	// Neither error matters: the file was only read, and one that isn't
	// deleted now is deleted at the next Open.
	_ = r.file.Close()
	if r.obsolete.Load() {
		_ = os.Remove(filepath.Join(r.dir, runName(r.id)))
	}
	release(r.filter.mem)
}

// recordsIn returns how many records a page has.
func (r *run) recordsIn(page uint64) int {
	return int(min(recordsPerPage, r.entries-page*recordsPerPage))
}

// check verifies one page that was read.
func (r *run) check(page []byte, number uint64) error {
	if reason := checkPage(page, r.id, number, r.recordsIn(number)); reason != "" {
		return r.damaged(int64(number*pageBytes), reason)
	}
	return nil
}

// pageReader reads single records, keeping the last page.
type pageReader struct {
	run   *run
	page  uint64
	valid bool
	buf   *[pageBytes]byte
}

// record returns the i-th record, valid until the next call.
func (p *pageReader) record(i uint64) ([]byte, error) {
	if page := i / recordsPerPage; !p.valid || page != p.page {
		p.valid = false
		if err := p.run.readAt(p.buf[:], int64(page*pageBytes)); err != nil {
			return nil, err
		}
		if err := p.run.check(p.buf[:], page); err != nil {
			return nil, err
		}
		p.page, p.valid = page, true
	}
	at := i % recordsPerPage * recordBytes
	return p.buf[at : at+recordBytes], nil
}

// appendKey appends the key's entries among the records from and to
// exclusive, which a probe named. It stops at MaxEntriesPerKey+1 of them.
func (r *run) appendKey(dst []Entry, key *Key, from, to uint32, buf *[pageBytes]byte) ([]Entry, error) {
	p := pageReader{run: r, buf: buf}
	lo, hi := uint64(from), min(uint64(to), r.entries)
	for end := hi; end-lo > recordsPerPage; { // only where a block was overfull
		mid := lo + (end-lo)/2
		rec, err := p.record(mid)
		if err != nil {
			return dst, err
		}
		if bytes.Compare(rec[:keyBytes], key[:]) < 0 {
			lo = mid + 1
		} else {
			end = mid
		}
	}
	for found := 0; lo < hi && found <= MaxEntriesPerKey; lo++ {
		rec, err := p.record(lo)
		if err != nil {
			return dst, err
		}
		c := bytes.Compare(rec[:keyBytes], key[:])
		if c == 0 {
			dst = append(dst, decode(rec))
			found++
		}
		if c > 0 {
			break
		}
	}
	return dst, nil
}
