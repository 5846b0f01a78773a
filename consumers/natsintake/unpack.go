package natsintake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

// encodingHeader says how a message is compressed: gzip, or not at all.
const encodingHeader = "Content-Encoding"

// brokenError says that a message can't be read, or not to its end.
type brokenError struct {
	name string
	line int // the last that was read
	raw  []byte
	err  error
}

// Error implements error.
func (e *brokenError) Error() string {
	if e.line == 0 {
		return fmt.Sprintf("%s can't be read: %v", e.name, e.err)
	}
	return fmt.Sprintf("%s breaks off after line %d: %v", e.name, e.line, e.err)
}

// item is the entry in quarantine that stands for what can't be read.
func (e *brokenError) item() *usage.Item { return malformed(e.line+1, e.raw, "%s", e.Error()) }

// malformed is a record that can't be charged (R10).
func malformed(line int, raw []byte, format string, args ...any) *usage.Item {
	return &usage.Item{
		Charge: domain.Charge{Malformed: strings.ToValidUTF8(fmt.Sprintf(format, args...), "?"), Raw: rawText(raw)},
		Pos:    usage.Position{Line: line},
	}
}

// unpack decodes a message, batch by batch. A small one may be a single JSON
// object over several lines. It returns a *brokenError where the message breaks
// off; what comes before is delivered.
func unpack(name string, msg jetstream.Msg, d *usage.Decoder, b *usage.Batch, each func(*usage.Batch) error) error {
	plain, err := open(msg)
	if err != nil {
		return broken(name, 0, msg, err)
	}
	head, err := io.ReadAll(io.LimitReader(plain, usage.MaxLineBytes+1))
	if err == nil && len(head) <= usage.MaxLineBytes {
		d.DecodeMessage(name, head, b)
		return each(b)
	}
	rest := io.Reader(bytes.NewReader(head))
	if err == nil {
		rest = io.MultiReader(rest, plain)
	} else {
		rest = io.MultiReader(rest, failing{err})
	}
	return stream(name, msg, rest, d, b, each)
}

// stream decodes a large message block by block.
func stream(name string, msg jetstream.Msg, r io.Reader, d *usage.Decoder, b *usage.Batch, each func(*usage.Batch) error) error {
	s := usage.NewSplitter(usage.Source{Name: name + ".ndjson", R: r})
	var block usage.Block
	for {
		err := s.Next(&block)
		var source *usage.SourceError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &source):
			return broken(name, source.LastLine, msg, source.Err)
		case err != nil:
			return broken(name, 0, msg, err)
		}
		block.File = name
		d.DecodeBlock(&block, b)
		if err := each(b); err != nil {
			return err
		}
	}
}

// open returns what the message says, unpacked where its header or its first
// bytes say that it is compressed.
func open(msg jetstream.Msg) (io.Reader, error) {
	data := msg.Data()
	encoding := strings.ToLower(msg.Headers().Get(encodingHeader))
	switch {
	case encoding == "gzip", encoding == "" && bytes.HasPrefix(data, gzipMagic()):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("it is not gzip: %w", err)
		}
		return &bounded{r: z, left: MaxUnpackedBytes}, nil
	case encoding == "", encoding == "identity":
		return bytes.NewReader(data), nil
	default:
		return nil, fmt.Errorf("%s %.40q is not known, send gzip or nothing", encodingHeader, encoding)
	}
}

// gzipMagic is how compressed data begins.
func gzipMagic() []byte { return []byte{0x1f, 0x8b} }

// errUnpacksTooLarge ends what unpacks without end.
var errUnpacksTooLarge = fmt.Errorf("it unpacks to more than %d bytes", MaxUnpackedBytes)

// bounded fails beyond its limit.
type bounded struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errUnpacksTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// failing is a reader that broke.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// broken says that a message breaks off after a line. What is compressed is
// kept as base64.
func broken(name string, line int, msg jetstream.Msg, err error) error {
	raw := msg.Data()
	if bytes.HasPrefix(raw, gzipMagic()) {
		raw = []byte(base64.StdEncoding.EncodeToString(raw[:min(len(raw), domain.MaxRawBytes/4*3)]))
	}
	return &brokenError{name: name, line: line, raw: raw, err: err}
}

// lines calls each with the lines of a message, counted from 1, as far as it
// can be read. A message that is one JSON object is line 1.
func lines(msg jetstream.Msg, each func(n int, line []byte) error) error {
	plain, err := open(msg)
	if err != nil {
		return nil // it was quarantined as a whole
	}
	head, _ := io.ReadAll(io.LimitReader(plain, usage.MaxLineBytes+1))
	if len(head) <= usage.MaxLineBytes && json.Valid(head) {
		return each(1, bytes.TrimSpace(head))
	}
	s := usage.NewSplitter(usage.Source{Name: ".ndjson", R: io.MultiReader(bytes.NewReader(head), plain)})
	var block usage.Block
	for s.Next(&block) == nil {
		n := block.FirstLine
		for line := range bytes.Lines(block.Data) {
			if err := each(n, bytes.TrimRight(line, "\r\n")); err != nil {
				return err
			}
			n++
		}
	}
	return nil
}

// rawText keeps a record for people: cut to what the ledger keeps, and valid
// UTF-8.
func rawText(raw []byte) string {
	return strings.ToValidUTF8(string(raw[:min(len(raw), domain.MaxRawBytes)]), "?")
}
