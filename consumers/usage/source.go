package usage

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Source is something to read.
type Source struct {
	// Name is what people call it: a file's name, or "-".
	Name string
	R    io.Reader
	// Live delivers lines as soon as they are read: somebody at the other end may
	// wait for what becomes of them. Else blocks are filled first.
	Live bool
}

// readBuffer is how much is read from a source at a time: 64 KiB.
const readBuffer = 64 << 10

// input reads a source, decompressed where it is compressed, and counts.
type input struct {
	raw   counter
	plain io.Reader
}

func newInput(r io.Reader) *input { return &input{raw: counter{r: r}} }

// open finds out whether the source is compressed, by gzip's magic bytes.
func (in *input) open() error {
	buffered := bufio.NewReaderSize(&in.raw, readBuffer)
	in.plain = buffered
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(buffered)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // not even gzip's header is whole
	}
	if err != nil {
		return err
	}
	in.plain = z
	return nil
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) { return in.plain.Read(p) }

// consumed is how many bytes of the source were read.
func (in *input) consumed() int64 { return in.raw.n }

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// isCSV tells the format: by the name's ending, else by the first line, which
// in NDJSON begins with a brace.
func isCSV(name string, first []byte) bool {
	switch strings.ToLower(filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz"))) {
	case ".csv":
		return true
	case ".ndjson", ".jsonl", ".json":
		return false
	}
	first = bytes.TrimSpace(first)
	return !bytes.HasPrefix(first, []byte{'{'}) && bytes.Contains(first, []byte(chargeNames()[chargeID])) && bytes.Contains(first, []byte{','})
}
