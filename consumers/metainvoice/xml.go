package metainvoice

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errXML says that a part of a workbook is no XML as workbooks have it.
var errXML = errors.New("broken XML")

// maxTag and maxText bound one tag and one text of a workbook, in bytes.
const (
	maxTag  = 16 << 10
	maxText = 4 * MaxCellBytes
)

// scanner reads the XML of a workbook piece by piece, in bounded memory
// whatever is in it. It is not a general reader: no doctype, UTF-8 only.
type scanner struct {
	r *bufio.Reader
	// name is the local name of the tag that tag answered, attributes what
	// stands behind it.
	name, attributes []byte
	buf              []byte
	empty            bool
	pending          bool // the end of an empty element is still to be told
}

func newScanner(r io.Reader) *scanner {
	const size = 64 << 10
	return &scanner{r: bufio.NewReaderSize(r, size)}
}

// tag skips to the next tag and reports whether it opens; s.name is what.
// An empty element opens and closes. It ends with io.EOF.
func (s *scanner) tag() (opens bool, err error) {
	if s.pending {
		s.pending = false
		return false, nil
	}
	for {
		if err := s.skipText(); err != nil {
			return false, err
		}
		next, err := s.r.Peek(1)
		if err != nil {
			return false, broken(err)
		}
		switch next[0] {
		case '?':
			err = s.skipTo("?>")
		case '!':
			err = s.skipRemark()
		default:
			return s.element()
		}
		if err != nil {
			return false, err
		}
	}
}

// skipText drops what stands before the next '<', and that.
func (s *scanner) skipText() error {
	for {
		_, err := s.r.ReadSlice('<')
		if err == nil || !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// skipRemark drops a comment or CDATA between elements; a doctype is refused.
func (s *scanner) skipRemark() error {
	switch next, _ := s.r.Peek(len("!--")); {
	case string(next) == "!--":
		return s.skipTo("-->")
	case string(next) == "![C":
		return s.skipTo("]]>")
	}
	return errXML
}

func (s *scanner) skipTo(end string) error {
	at := 0
	for at < len(end) {
		c, err := s.r.ReadByte()
		if err != nil {
			return broken(err)
		}
		switch {
		case c == end[at]:
			at++
		case at == 2 && end[0] == end[1] && c == end[0]: // "--->"
		case c == end[0]:
			at = 1
		default:
			at = 0
		}
	}
	return nil
}

// element reads a tag whose '<' was read.
func (s *scanner) element() (bool, error) {
	s.buf = s.buf[:0]
	for quote := byte(0); ; { // a '>' in quotes does not end it
		piece, err := s.r.ReadSlice('>')
		if err != nil || len(s.buf)+len(piece) > maxTag {
			return false, broken(err)
		}
		s.buf = append(s.buf, piece...)
		if quote = openQuote(quote, piece); quote == 0 {
			break
		}
	}
	t := s.buf[:len(s.buf)-1]
	closes := bytes.HasPrefix(t, []byte("/"))
	t = bytes.TrimPrefix(t, []byte("/"))
	s.empty = bytes.HasSuffix(t, []byte("/"))
	t = bytes.TrimSuffix(t, []byte("/"))
	s.name, s.attributes = t, nil
	if at := bytes.IndexAny(t, " \t\r\n"); at >= 0 {
		s.name, s.attributes = t[:at], t[at:]
	}
	s.name = s.name[bytes.IndexByte(s.name, ':')+1:]
	if len(s.name) == 0 || closes && s.empty {
		return false, errXML
	}
	s.pending = s.empty
	return !closes, nil
}

// openQuote is the quote that is open behind a piece of a tag; 0 for none.
func openQuote(quote byte, piece []byte) byte {
	for _, c := range piece {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return quote
}

// is reports whether the last tag has the name.
func (s *scanner) is(name string) bool { return string(s.name) == name }

// attr is an attribute of the last tag by its local name; "" without.
func (s *scanner) attr(name string) string { return string(s.raw(name)) }

// raw is attr without a copy where nothing is escaped.
func (s *scanner) raw(name string) []byte {
	for rest := s.attributes; ; {
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return nil
		}
		key := bytes.TrimSpace(rest[:eq])
		rest = bytes.TrimLeft(rest[eq+1:], " \t\r\n")
		if len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
			return nil
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return nil
		}
		value := rest[1 : 1+end]
		rest = rest[end+2:]
		if string(key[bytes.LastIndexByte(key, ':')+1:]) == name {
			if bytes.IndexByte(value, '&') >= 0 {
				value, _ = unescape(nil, value)
			}
			return value
		}
	}
}

// text appends what stands in the element just opened, up to its end, to b.
// Elements inside are refused.
func (s *scanner) text(b []byte) ([]byte, error) {
	if s.pending {
		s.pending = false
		return b, nil
	}
	first := len(b)
	for {
		start := len(b)
		for {
			piece, err := s.r.ReadSlice('<')
			b = append(b, piece...)
			if len(b)-first > maxText {
				return b, errXML
			}
			if err == nil {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return b, broken(err)
			}
		}
		var err error
		if b, err = unescapeEnd(b[:len(b)-1], start); err != nil {
			return b, err
		}
		next, _ := s.r.Peek(len("![CDATA["))
		switch {
		case string(next) == "![CDATA[":
			if b, err = s.cdata(b, first); err != nil {
				return b, err
			}
		case bytes.HasPrefix(next, []byte("!--")):
			if err := s.skipTo("-->"); err != nil {
				return b, err
			}
		default:
			if opens, err := s.element(); err != nil || opens {
				return b, errXML
			}
			return b, nil
		}
	}
}

// cdata appends a CDATA section, whose '<' was read.
func (s *scanner) cdata(b []byte, first int) ([]byte, error) {
	if _, err := s.r.Discard(len("![CDATA[")); err != nil {
		return b, broken(err)
	}
	start := len(b)
	for {
		piece, err := s.r.ReadSlice('>')
		b = append(b, piece...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) || len(b)-first > maxText {
			return b, broken(err)
		}
		if bytes.HasSuffix(b[start:], []byte("]]>")) {
			return b[:len(b)-len("]]>")], nil
		}
	}
}

// broken keeps an error of reading, and calls an early end broken.
func broken(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
		return errXML
	}
	return err
}

// unescapeEnd replaces the references in b from start on.
func unescapeEnd(b []byte, start int) ([]byte, error) {
	if bytes.IndexByte(b[start:], '&') < 0 {
		return b, nil
	}
	plain, err := unescape(nil, b[start:])
	return append(b[:start], plain...), err
}

// unescape appends s with its references replaced.
func unescape(b, s []byte) ([]byte, error) {
	for {
		at := bytes.IndexByte(s, '&')
		if at < 0 {
			return append(b, s...), nil
		}
		b = append(b, s[:at]...)
		end := bytes.IndexByte(s[at:], ';')
		if end < 0 {
			return b, errXML
		}
		r, ok := reference(string(s[at+1 : at+end]))
		if !ok {
			return b, errXML
		}
		b = utf8.AppendRune(b, r)
		s = s[at+end+1:]
	}
}

func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	code, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(code, "x"); ok {
		code, base = hex, 16
	}
	const bits = 21
	n, err := strconv.ParseUint(code, base, bits)
	return rune(n), err == nil && utf8.ValidRune(rune(n))
}
