package apiclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestEventReader reads streams as the HTML standard says, in one piece and
// byte by byte.
func TestEventReader(t *testing.T) {
	for _, c := range []struct {
		what, stream, id string
		want             []Event
		retry            time.Duration
	}{
		{"nothing", "", "", nil, 0},
		{"an event", "id: 1\nevent: A\ndata: {}\n\n", "1", []Event{{"1", "A", []byte("{}")}}, 0},
		{"CRLF, CR and a mark in front", "\ufeffid: 1\r\nevent: A\r\ndata: x\r\n\r\nid: 2\rdata: y\r\r", "2", []Event{{"1", "A", []byte("x")}, {"2", "message", []byte("y")}}, 0},
		{"data of several lines", "data: x\ndata\ndata:  y\n\n", "", []Event{{"", "message", []byte("x\n\n y")}}, 0},
		{"an id stays", "id: 1\ndata: x\n\ndata: y\n\n", "1", []Event{{"1", "message", []byte("x")}, {"1", "message", []byte("y")}}, 0},
		{"a sign of life with an id", ":\nid: 7\n\nretry: 3000\n\nretry: soon\n\n", "7", nil, 3 * time.Second},
		{"cut off within an event", "id: 1\ndata: x\n\nid: 2\ndata: y\n", "1", []Event{{"1", "message", []byte("x")}}, 0},
		{"cut off within a line", "id: 1\ndata: x\n\nid: 2", "1", []Event{{"1", "message", []byte("x")}}, 0},
		{"what nobody knows", "colour: blue\n: data: x\nid: a\x00b\ndata: y\n\n", "", []Event{{"", "message", []byte("y")}}, 0},
	} {
		for _, stream := range []io.Reader{strings.NewReader(c.stream), iotest.OneByteReader(strings.NewReader(c.stream))} {
			r := newEventReader(stream, "")
			var got []Event
			e, err := r.next()
			for ; err == nil; e, err = r.next() {
				got = append(got, e)
			}
			if err != io.EOF || !reflect.DeepEqual(got, c.want) || r.id != c.id || r.retry != c.retry {
				t.Errorf("%s: %+v, id %q, retry %s: %v", c.what, got, r.id, r.retry, err)
			}
		}
	}
	long := strings.Repeat("x", maxEventBytes/2)
	for _, stream := range []string{"data: " + long + long + "\n\n", "data: " + long + "\ndata: " + long + "\n\n"} {
		if _, err := newEventReader(strings.NewReader(stream), "").next(); !errors.Is(err, bufio.ErrTooLong) {
			t.Errorf("too long: %v", err)
		}
	}
}

// TestFollowResumes: a follower that is cut off, and one that is told to wait,
// goes on behind what it saw; one that is refused ends.
func TestFollowResumes(t *testing.T) {
	var asked []string
	c, pauses := patient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != eventsType || r.URL.Query().Get("type") != "A" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		stream := func(text string) {
			w.Header().Set("Content-Type", eventsType)
			fmt.Fprint(w, text)
		}
		switch len(asked) {
		case 1:
			stream("retry: 2000\n\nid: 1\ndata: x\n\nid: 2\ndata: y\n\nid: 3\ndata: lost")
		case 2:
			stream(":\nid: 5\n\n")
		case 3:
			stream("retry: 9999999\n\n")
		case 4:
			stream("retry: 1\n\n")
		case 5:
			w.WriteHeader(http.StatusBadGateway) // a proxy, whose ledger is away
		case 6:
			stream("id: 6\ndata: z\n\n")
		default:
			problem(w, http.StatusForbidden, "forbidden")
		}
	})
	from, kind := "0", "A"
	var got []string
	var end error
	for e, err := range c.Follow(t.Context(), FollowEventsParams{LastEventID: &from, Type: &kind}) {
		if end = err; err == nil {
			got = append(got, e.ID+string(e.Data))
		}
	}
	if Code(end) != "forbidden" || fmt.Sprint(got) != "[1x 2y 6z]" || fmt.Sprint(asked) != "[0 2 5 5 5 5 6]" {
		t.Errorf("%v, %v asked for, %v", got, asked, end)
	}
	if fmt.Sprint(*pauses) != "[2s 2s 30s 50ms 100ms 50ms]" {
		t.Errorf("paused %v", *pauses)
	}
}

// TestFollowEnds with its context, with who follows, and with what is no stream
// of events; one in vain ends after a number of times.
func TestFollowEnds(t *testing.T) {
	c, pauses := patient(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/accounts/PA-1/events":
			w.Header().Set("Content-Type", eventsType)
			fmt.Fprint(w, "id: 1\ndata: x\n\nid: 2\ndata: y\n\n")
			_ = http.NewResponseController(w).Flush() // the client sees to it
			<-r.Context().Done()
		case "/v1/accounts/PA-2/events":
			fmt.Fprint(w, "<p>Welcome")
		default:
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var end error
	for e, err := range c.FollowAccount(ctx, "PA-1", FollowAccountEventsParams{}) {
		if end = err; e.ID == "2" {
			cancel()
		}
	}
	if !errors.Is(end, context.Canceled) {
		t.Errorf("cancelled: %v", end)
	}
	seen := 0
	for range c.FollowAccount(t.Context(), "PA-1", FollowAccountEventsParams{}) {
		seen++
		break
	}
	if seen != 1 || len(*pauses) > 0 {
		t.Errorf("left after %d, paused %v", seen, *pauses)
	}
	for _, err := range c.FollowAccount(t.Context(), "PA-2", FollowAccountEventsParams{}) {
		if Code(err) != CodeUnexpected || len(*pauses) > 0 {
			t.Errorf("a page: %v, paused %v", err, *pauses)
		}
	}
	for _, err := range c.FollowAccount(t.Context(), "PA-3", FollowAccountEventsParams{}) {
		if Code(err) != CodeUnexpected || len(*pauses) != followFailures-1 || (*pauses)[followFailures-2] != maxFollowPause {
			t.Errorf("in vain: %v, paused %v", err, *pauses)
		}
	}
}
