package usage

import (
	"encoding/binary"
	"strings"
)

// isPlain reports whether a line is printable ASCII without backslash: then
// every quote in JSON begins or ends a string, and every string is its own
// text.
func isPlain(line []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(line) >= 8; line = line[8:] {
		x := binary.LittleEndian.Uint64(line)
		control := (x - 0x20*ones) & ^x
		slash, del := x^('\\'*ones), x^(0x7f*ones)
		if (x|control|(slash-ones)&^slash|(del-ones)&^del)&highs != 0 {
			return false
		}
	}
	for _, c := range line {
		if c < 0x20 || c >= 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

// readFast reads the usual line: a flat JSON object of known fields, each
// once, strings and nulls and a plain number as amount. It reports false for
// anything else, sound or not; the record is then to be read again by
// readStrict. The line must be plain (isPlain).
func (r *record) readFast(s string) bool {
	last := len(s) - 1
	if last < 1 || s[0] != '{' || s[last] != '}' {
		return false
	}
	// Every index below stays at or before the last byte: it is a brace,
	// which ends blanks and numbers and is in no string.
	for i := 1; ; i++ {
		i = skipBlanks(s, i)
		if s[i] != '"' {
			return false
		}
		n := strings.IndexByte(s[i+1:last], '"')
		if n < 0 {
			return false
		}
		f, known := fieldOf(s[i+1 : i+1+n])
		if !known || !r.mark(f) {
			return false
		}
		i = skipBlanks(s, i+n+2)
		if s[i] != ':' {
			return false
		}
		i = skipBlanks(s, i+1)
		switch s[i] {
		case '"':
			n = strings.IndexByte(s[i+1:last], '"')
			if n < 0 {
				return false
			}
			r.values[f] = s[i+1 : i+1+n]
			r.priced = r.priced || f == amount
			i += n + 2
		case 'n':
			if !strings.HasPrefix(s[i:], "null") {
				return false
			}
			i += len("null")
		default:
			n = plainNumber(s[i:])
			if n == 0 || f != amount {
				return false
			}
			r.values[f], r.priced = s[i:i+n], true
			i += n
		}
		i = skipBlanks(s, i)
		if s[i] != ',' {
			r.plain = true
			return i == last
		}
	}
}

// skipBlanks returns the place of the next byte that is no blank. The text
// must end in another byte.
func skipBlanks(s string, i int) int {
	for s[i] == ' ' {
		i++
	}
	return i
}

// plainNumber returns the length of the JSON number without sign and exponent
// that s begins with; 0 if there is none. The text must end in a byte that
// belongs to no number.
func plainNumber(s string) int {
	i := 0
	for s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 || i > 1 && s[0] == '0' {
		return 0
	}
	if s[i] == '.' {
		start := i + 1
		for i = start; s[i] >= '0' && s[i] <= '9'; {
			i++
		}
		if i == start {
			return 0
		}
	}
	switch s[i] {
	case ' ', ',', '}':
		return i
	default:
		return 0
	}
}
