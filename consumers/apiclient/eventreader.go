package apiclient

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxEventBytes bounds a server-sent event, and each line of one; the ledger's
// largest are well below it.
const maxEventBytes = 8 << 20

// eventReader reads a stream of server-sent events, by the rules that browsers
// follow (the HTML standard, "Interpreting an event stream").
type eventReader struct {
	lines *bufio.Scanner
	// id is that of the last event that came whole, with data or without.
	id string
	// retry is after what time the server wants a follower back; 0 is not said.
	retry time.Duration
	begun bool
}

func newEventReader(r io.Reader, id string) *eventReader {
	e := &eventReader{lines: bufio.NewScanner(r), id: id}
	e.lines.Buffer(nil, maxEventBytes)
	e.lines.Split(splitLines())
	return e
}

// splitLines ends a line at CR, LF or CRLF. What is behind the last end is no
// line: it was cut off. A CR ends its line at once, a LF behind it is left out
// when it comes.
func splitLines() bufio.SplitFunc {
	afterCR := false
	return func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		skip := 0
		if afterCR && bytes.HasPrefix(data, []byte("\n")) {
			skip = 1
		}
		end := bytes.IndexAny(data[skip:], "\r\n")
		switch {
		case end >= 0:
			end += skip
			afterCR = data[end] == '\r'
			return end + 1, data[skip:end], nil
		case atEOF:
			return len(data), nil, nil
		}
		afterCR = afterCR && len(data) == 0
		return skip, nil, nil
	}
}

// next reads the next event that has data. One that did not come whole counts
// as not come. At the end of the stream it is io.EOF.
func (r *eventReader) next() (Event, error) {
	e, id := Event{}, r.id
	for r.lines.Scan() {
		line := r.lines.Text()
		if !r.begun {
			line, r.begun = strings.TrimPrefix(line, "\ufeff"), true
		}
		if line == "" {
			r.id = id
			if e.Data != nil {
				if e.ID = id; e.Type == "" {
					e.Type = "message"
				}
				e.Data = e.Data[:len(e.Data)-1] // the last line's end
				return e, nil
			}
			e = Event{}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			e.Type = value
		case "data":
			if len(e.Data)+len(value) >= maxEventBytes {
				return Event{}, fmt.Errorf("an event of more than %d bytes: %w", maxEventBytes, bufio.ErrTooLong)
			}
			e.Data = append(append(e.Data, value...), '\n')
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				r.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	if err := r.lines.Err(); err != nil {
		return Event{}, err
	}
	return Event{}, io.EOF
}
