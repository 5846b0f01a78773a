package embedded

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walFS stands between Pebble and the file system. It looks over what is
// replayed (tailcheck.go) and sees the failures of the write-ahead log before
// Pebble does.
//
// Pebble hands most of them back as errors. But while it changes from one log
// file to the next it panics with its locks in a state that ends the whole
// process. A failure there is recorded and the goroutine that met it never
// goes on: the store then says that it no longer writes, readers go on, and
// the folder stays locked until the process ends.
type walFS struct {
	vfs.FS
	store *Store
}

// failed returns err to Pebble, or stops here for good.
func (w walFS) failed(err error) error {
	if err != nil && w.store.applying.Load() {
		w.store.wedge(err)
		park()
	}
	return err
}

// Create implements vfs.FS.
func (w walFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.Create(name, category)
	return w.file(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (w walFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.ReuseForWrite(old, name, category)
	return w.file(name, f, err)
}

// OpenDir implements vfs.FS: a new log file counts once its folder is synced.
func (w walFS) OpenDir(name string) (vfs.File, error) {
	f, err := w.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return walFile{f, w}, nil
}

// Open implements vfs.FS. What Pebble is about to replay is looked over first.
func (w walFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := checkTail(w.FS, name); err != nil {
		return nil, err
	}
	return w.FS.Open(name, opts...)
}

// Unwrap implements vfs.FS.
func (w walFS) Unwrap() vfs.FS { return w.FS }

func (w walFS) file(name string, f vfs.File, err error) (vfs.File, error) {
	if !strings.HasSuffix(name, ".log") {
		return f, err
	}
	if err != nil {
		return nil, w.failed(err)
	}
	return walFile{f, w}, nil
}

// walFile is a file of the write-ahead log, or its folder.
type walFile struct {
	vfs.File
	fs walFS
}

// Write implements vfs.File.
func (f walFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.failed(err)
}

// Preallocate implements vfs.File.
func (f walFile) Preallocate(offset, length int64) error {
	return f.fs.failed(f.File.Preallocate(offset, length))
}

// Sync implements vfs.File.
func (f walFile) Sync() error { return f.fs.failed(f.File.Sync()) }

// SyncData implements vfs.File.
func (f walFile) SyncData() error { return f.fs.failed(f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f walFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.fs.failed(err)
}

// Close implements vfs.File.
func (f walFile) Close() error { return f.fs.failed(f.File.Close()) }
