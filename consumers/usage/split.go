package usage

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"prepayledger/domain"
)

// Block is whole lines of a source.
type Block struct {
	// File is the source's name.
	File string
	// Data is the lines, the last one with or without line end.
	Data []byte
	// FirstLine is the number of the first line, from 1.
	FirstLine int
	// Consumed is how many bytes of the source were read up to here.
	Consumed int64

	columns []field // of a CSV file; nil is NDJSON
	tooLong bool    // Data is the beginning of a line beyond MaxLineBytes
}

// SourceError says that a source broke. Everything before the break was
// delivered.
type SourceError struct {
	// File is the source's name.
	File string
	// LastLine is the last line that was delivered; 0 if none was.
	LastLine int
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *SourceError) Error() string {
	return fmt.Sprintf("%s breaks off after line %d, which is the last one that was read: %v; get the file anew and read it again, what was counted already is told apart", e.File, e.LastLine, e.Err)
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// Splitter cuts a source into blocks of whole lines, with bounded memory.
type Splitter struct {
	file    string
	in      *input
	live    bool
	carry   []byte // the beginning of a line
	line    int    // lines delivered
	columns []field
	begun   bool
	err     error // what the input ended with
}

// NewSplitter returns a splitter of the source. Nothing is read yet.
func NewSplitter(src Source) *Splitter {
	return &Splitter{file: src.Name, in: newInput(src.R), live: src.Live}
}

// Next fills the block, whose memory it reuses. It returns io.EOF at the end,
// a *HeaderError for a CSV file with a wrong header, and a *SourceError where
// the source breaks, after all blocks before the break.
func (s *Splitter) Next(b *Block) error {
	if !s.begun {
		s.begun = true
		if err := s.begin(); err != nil {
			return err
		}
	}
	buf := append(b.Data[:0], s.carry...)
	s.carry = s.carry[:0]
	*b = Block{File: s.file, FirstLine: s.line + 1, columns: s.columns, Data: buf}
	for room := BlockBytes; ; room = len(buf) + BlockBytes {
		buf = s.fill(buf, room)
		b.Data = buf
		if end := bytes.LastIndexByte(buf, '\n') + 1; end > 0 {
			s.carry = append(s.carry, buf[end:]...)
			b.Data = buf[:end]
			break
		}
		if s.err != nil {
			if len(buf) == 0 || !errors.Is(s.err, io.EOF) {
				return s.ended()
			}
			break // the last line, without line end
		}
		if len(buf) > MaxLineBytes {
			if err := s.skipLine(b); err != nil {
				return err
			}
			break
		}
	}
	b.Consumed = s.in.consumed()
	s.line += bytes.Count(b.Data, []byte{'\n'})
	if b.Data[len(b.Data)-1] != '\n' {
		s.line++
	}
	return nil
}

// fill reads until buf has so many bytes or the input ends; of a live source,
// until there is a line.
func (s *Splitter) fill(buf []byte, size int) []byte {
	if cap(buf) < size {
		buf = append(make([]byte, 0, size), buf...)
	}
	for len(buf) < size && s.err == nil && !(s.live && bytes.IndexByte(buf, '\n') >= 0) {
		n, err := s.in.Read(buf[len(buf):size])
		buf, s.err = buf[:len(buf)+n], err
	}
	return buf
}

// skipLine makes the block the beginning of the line that begins it and reads
// past the line's end.
func (s *Splitter) skipLine(b *Block) error {
	head := bytes.Clone(b.Data[:domain.MaxRawBytes])
	buf := b.Data[:0]
	for s.err == nil {
		buf = s.fill(buf[:0], BlockBytes)
		if n := bytes.IndexByte(buf, '\n'); n >= 0 {
			s.carry = append(s.carry, buf[n+1:]...)
			b.Data, b.tooLong = append(buf[:0], head...), true
			return nil
		}
	}
	if !errors.Is(s.err, io.EOF) {
		return s.ended()
	}
	b.Data, b.tooLong = append(buf[:0], head...), true
	return nil
}

// ended returns what the input ended with.
func (s *Splitter) ended() error {
	if errors.Is(s.err, io.EOF) {
		return io.EOF
	}
	return &SourceError{File: s.file, LastLine: s.line, Err: s.err}
}

// begin looks at the first bytes: compressed or not, byte order mark, format,
// header.
func (s *Splitter) begin() error {
	if err := s.in.open(); err != nil {
		s.err = err
		return s.ended()
	}
	s.carry = s.fill(s.carry, BlockBytes)
	s.carry = bytes.TrimPrefix(s.carry, []byte("\ufeff"))
	first, rest, ended := bytes.Cut(s.carry, []byte{'\n'})
	if !isCSV(s.file, first) {
		return nil
	}
	switch {
	case ended || errors.Is(s.err, io.EOF):
	case s.err != nil:
		return s.ended()
	default:
		return &HeaderError{Pos: Position{s.file, 1}, Problem: "it has no end; is it a CSV file?"}
	}
	columns, err := parseHeader(Position{s.file, 1}, string(bytes.TrimSuffix(first, []byte{'\r'})))
	if err != nil {
		return err
	}
	s.columns, s.carry, s.line = columns, rest, 1
	return nil
}
