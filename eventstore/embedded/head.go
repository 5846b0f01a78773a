package embedded

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// headFile keeps, outside Pebble, how many events the log held when it was
// last opened or closed. Pebble takes a manifest whose last records are damaged
// for one that ends there, and the tables that they named for leftovers: only a
// number of our own tells that events are missing.
const headFile = "HEAD"

// maxHeadBytes bounds what is read of the file.
const maxHeadBytes = 128

func headText(end uint64) string {
	body := fmt.Sprintf("events %d", end)
	return fmt.Sprintf("%s crc %08x\n", body, crc32.ChecksumIEEE([]byte(body)))
}

// head is the number in the file; 0 where there is none yet.
func (s *Store) head() (uint64, error) {
	path := s.opts.FS.PathJoin(s.dir, headFile)
	file, err := s.opts.FS.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, readError(err, "file %s", path)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxHeadBytes))
	if err != nil {
		return 0, readError(err, "file %s", path)
	}
	var end uint64
	if _, err := fmt.Sscanf(string(text), "events %d", &end); err != nil || headText(end) != string(text) {
		return 0, damage("file %s does not hold a number of events", path)
	}
	return end, nil
}

// checkHead refuses a log that holds fewer events than it once did.
func (s *Store) checkHead(end uint64) error {
	head, err := s.head()
	if err != nil {
		return err
	}
	if end < head {
		return damage("the log in %s ends at event %d, but held %d before: events %d to %d are missing", s.dir, end, head, end+1, head)
	}
	return nil
}

// keepHead writes how many events the log holds, all of them durable. Where it
// fails the older number stays, which is true as well.
func (s *Store) keepHead(end uint64) {
	if err := s.writeHead(end); err != nil {
		s.log.Warn("the number of events could not be noted", zap.String("folder", s.dir), zap.Error(err))
	}
}

func (s *Store) writeHead(end uint64) error {
	fs := s.opts.FS
	path := fs.PathJoin(s.dir, headFile)
	file, err := fs.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, headText(end))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := fs.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := fs.OpenDir(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
