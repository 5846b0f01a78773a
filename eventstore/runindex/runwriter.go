package runindex

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// writeBytes is how many bytes go to a run's file in one write, and how
// often the kernel is asked to start writing them to the disk.
const writeBytes = 256 * pageBytes // 1 MiB

// runWriter writes a run from sorted records.
type runWriter struct {
	run    *run
	filter *filterBuilder
	buf    []byte // whole pages, the last one being filled
	inPage int    // records in the last page
	page   uint64 // its number
	offset int64  // bytes in the file
	fsync  func(*os.File) error
}

// newRunWriter creates the file of a run of at most that many entries.
func newRunWriter(dir string, id, atMost uint64, fsync func(*os.File) error) (*runWriter, error) {
	filter, err := newFilterBuilder(atMost)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, runName(id)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		release(filter.mem)
		return nil, err
	}
	w := &runWriter{run: &run{dir: dir, id: id, file: f}, filter: filter, fsync: fsync}
	w.buf = make([]byte, pageBytes, writeBytes)
	return w, nil
}

// add takes the next record, larger in identity than the one before.
func (w *runWriter) add(rec []byte) error {
	if w.inPage == recordsPerPage {
		if err := w.nextPage(); err != nil {
			return err
		}
	}
	at := len(w.buf) - pageBytes + w.inPage*recordBytes
	copy(w.buf[at:at+recordBytes], rec)
	w.inPage++
	w.run.entries++
	w.filter.add(recordPrefix(rec))
	return nil
}

// nextPage ends the page being filled and starts another.
func (w *runWriter) nextPage() error {
	sealPage(w.buf[len(w.buf)-pageBytes:], w.run.id, w.page, w.inPage)
	w.page++
	w.inPage = 0
	if len(w.buf) == cap(w.buf) {
		if err := w.write(w.buf); err != nil {
			return err
		}
		w.buf = w.buf[:0]
	}
	w.buf = w.buf[:len(w.buf)+pageBytes]
	return nil
}

// write appends to the file.
func (w *runWriter) write(b []byte) error {
	if _, err := w.run.file.Write(b); err != nil {
		return err
	}
	startWriteback(w.run.file, w.offset, int64(len(b)))
	w.offset += int64(len(b))
	return nil
}

// finish makes the file durable and returns the run, with the one reference
// that is the index's. After an error, or instead of finish, call abandon.
func (w *runWriter) finish() (*run, error) {
	pages := w.buf[:len(w.buf)-pageBytes]
	if w.inPage > 0 {
		pages = w.buf
		sealPage(w.buf[len(w.buf)-pageBytes:], w.run.id, w.page, w.inPage)
	}
	w.filter.finish()
	var footer [footerBytes]byte
	copy(footer[:], footerMagic)
	binary.LittleEndian.PutUint64(footer[8:], w.run.id)
	binary.LittleEndian.PutUint64(footer[16:], w.run.entries)
	binary.LittleEndian.PutUint64(footer[24:], w.filter.blocks)
	binary.LittleEndian.PutUint32(footer[32:], checksum(w.filter.mem))
	binary.LittleEndian.PutUint32(footer[footerSum:], checksum(footer[:footerSum]))
	for _, part := range [][]byte{pages, w.filter.mem, footer[:]} {
		if err := w.write(part); err != nil {
			return nil, err
		}
	}
	if err := w.fsync(w.run.file); err != nil {
		return nil, fmt.Errorf("fsync of %s: %w", w.run.file.Name(), err)
	}
	w.run.filter = w.filter.filter
	w.run.refs.Store(1)
	return w.run, nil
}

// abandon deletes what was written.
func (w *runWriter) abandon() {
	w.run.filter = w.filter.filter
	w.run.obsolete.Store(true)
	w.run.refs.Store(1)
	w.run.unref()
}
