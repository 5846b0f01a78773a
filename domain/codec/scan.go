package codec

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"prepayledger/domain/money"
)

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

func appendUUID(b []byte, id uuid.UUID) []byte {
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	return append(b, text[:]...)
}

// appendString appends a JSON string. Plain ASCII is copied; everything else
// goes through encoding/json.
func appendString[T ~string](b []byte, s T) []byte {
	if !plain(s) {
		quoted, err := json.Marshal(string(s))
		if err != nil {
			panic("codec: a string that encoding/json refuses: " + err.Error())
		}
		return append(b, quoted...)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func plain[T ~string](s T) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// scanner reads JSON whose shape is known in advance, byte for byte. The
// first surprise sets bad, and the caller falls back to the general decoder:
// it is an accelerator, never a second definition of the format.
type scanner struct {
	b   []byte
	i   int
	bad bool
	// names keeps strings that come again; nil keeps none.
	names *names
}

func (s *scanner) done() bool { return !s.bad && s.i == len(s.b) }

func (s *scanner) has(lit string) bool {
	if !s.bad && len(s.b)-s.i >= len(lit) && string(s.b[s.i:s.i+len(lit)]) == lit {
		s.i += len(lit)
		return true
	}
	return false
}

func (s *scanner) lit(lit string) {
	if !s.has(lit) {
		s.bad = true
	}
}

// raw returns the bytes of a plain string without its quotes.
func (s *scanner) raw() []byte {
	if !s.has(`"`) {
		s.bad = true
		return nil
	}
	start := s.i
	for len(s.b)-s.i >= 8 {
		found := special(binary.LittleEndian.Uint64(s.b[s.i:]))
		if found != 0 {
			s.i += bits.TrailingZeros64(found) / 8
			break
		}
		s.i += 8
	}
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1]
		case c == '\\' || c >= utf8.RuneSelf || c < 0x20:
			s.bad = true
			return nil
		}
	}
	s.bad = true
	return nil
}

// special finds the first of eight bytes that is a quote, a backslash, a
// control character or not ASCII: the lowest high bit set is that byte's.
// Bits above it may be set without reason (borrows); lower ones never are.
func special(x uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote, slash := x^'"'*ones, x^'\\'*ones
	return ((quote-ones)&^quote | (slash-ones)&^slash | (x-0x20*ones)&^x | x) & highs
}

func (s *scanner) str() string { return string(s.raw()) }

// name is str for strings that come again.
func (s *scanner) name() string {
	if s.names == nil {
		return s.str()
	}
	return s.names.of(s.raw())
}

// integer reads up to ten digits; JSON has no leading zeros.
func (s *scanner) integer() int {
	start, n := s.i, 0
	for ; s.i < len(s.b) && s.i-start < 10; s.i++ {
		c := s.b[s.i]
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	if s.i == start || s.b[start] == '0' && s.i-start > 1 {
		s.bad = true
	}
	return n
}

func (s *scanner) amount() money.Amount {
	a, err := money.ParseBytes(s.raw())
	if err != nil {
		s.bad = true
	}
	return a
}

func (s *scanner) uuid() uuid.UUID {
	text := s.raw()
	if len(text) != 36 {
		s.bad = true
		return uuid.Nil
	}
	if s.names != nil && s.names.idText == [36]byte(text) {
		return s.names.id
	}
	id, err := uuid.ParseBytes(text)
	if err != nil {
		s.bad = true
	} else if s.names != nil {
		s.names.idText, s.names.id = [36]byte(text), id
	}
	return id
}

// time reads an RFC 3339 instant in UTC, the only zone that is written.
func (s *scanner) time() time.Time {
	t, ok := parseUTC(s.raw())
	if !ok {
		s.bad = true
	}
	return t
}

// parseUTC reads "2006-01-02T15:04:05[.fraction]Z".
func parseUTC(b []byte) (time.Time, bool) {
	if len(b) < 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[len(b)-1] != 'Z' {
		return time.Time{}, false
	}
	ok := true
	number := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				ok = false
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	nanos := 0
	if fraction := len(b) - 21; len(b) > 20 {
		if b[19] != '.' || fraction < 1 || fraction > 9 {
			return time.Time{}, false
		}
		nanos = number(20, len(b)-1)
		for range 9 - fraction {
			nanos *= 10
		}
	}
	if !ok || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	days, inMonth := daysSinceEpoch(year, month, day)
	t := time.Unix(((days*24+int64(hour))*60+int64(minute))*60+int64(second), int64(nanos)).UTC()
	return t, inMonth
}

// daysSinceEpoch is time.Date for whole days of the Gregorian calendar,
// without its time zones; false where the month has no such day. Years count
// from 1 March here, so that a leap day is a year's last.
func daysSinceEpoch(year, month, day int) (int64, bool) {
	lengths := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	length := lengths[month-1]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		length = 29
	}
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	era := y / 400
	if y < 0 {
		era = -1 // January and February of the year 0
	}
	ofEra := y - era*400
	const epoch = 719_468 // 1 January 1970, from 1 March 0000
	days := era*146_097 + ofEra*365 + ofEra/4 - ofEra/100 + (153*m+2)/5 + day - 1
	return int64(days - epoch), day <= length
}
