package httpapi

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/apiclient"
	"prepayledger/eventstore"
)

// cutting lets a number of bytes through and then breaks the connection, and
// asks to come again at once.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	sent := bytes.Replace(p, fmt.Appendf(nil, "retry: %d", FollowRetry.Milliseconds()), []byte("retry: 1"), 1)
	if len(sent) > c.left {
		_, _ = c.ResponseWriter.Write(sent[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush() // it is cut anyway
		panic(http.ErrAbortHandler)
	}
	c.left -= len(sent)
	_, err := c.ResponseWriter.Write(sent)
	return len(p), err
}

// Unwrap is for http.ResponseController.
func (c *cutting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// TestFollowByClient follows by the client package over connections that are cut
// anywhere, within lines too, while the log grows: what is seen is the log.
func TestFollowByClient(t *testing.T) {
	o := newOffice(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) // one connection after the other
	var connections atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		cut := &cutting{w, 20 + random.IntN(60_000)}
		o.ServeHTTP(cut, r.WithContext(access.With(r.Context(), o.auditor)))
	}))
	t.Cleanup(s.Close)
	c, err := apiclient.New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	const charges = 600
	go func() { // ends with the charges
		for i := range charges / 50 {
			lines := ""
			for j := range 50 {
				lines += charge(1, fmt.Sprintf("c%d", i*50+j), priced("0.01"))
			}
			o.used(lines)
		}
	}()
	kind := "ConversationCharged"
	var seen []string
	for e, err := range c.Follow(t.Context(), apiclient.FollowEventsParams{Type: &kind}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, e.ID); len(seen) == charges {
			break
		}
	}
	var want, own, wantOwn []string
	for e, err := range o.desk.Store.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == kind {
			want = append(want, e.Position.String())
		}
		if e.Stream == "account-PA-1" {
			wantOwn = append(wantOwn, fmt.Sprint(e.Revision))
		}
	}
	for e, err := range c.FollowAccount(t.Context(), "PA-1", apiclient.FollowAccountEventsParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		if own = append(own, e.ID); len(own) == len(wantOwn) {
			break
		}
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) || fmt.Sprint(own) != fmt.Sprint(wantOwn) {
		t.Errorf("%d events of the log, not %d; %d of the account, not %d", len(seen), len(want), len(own), len(wantOwn))
	}
	if connections.Load() < 4 {
		t.Errorf("%d connections: hardly any was cut", connections.Load())
	}
	if c, err = apiclient.New(o.outside(o.auditor).URL); err != nil {
		t.Fatal(err)
	}
	for _, err := range c.FollowAccount(t.Context(), "PA-9", apiclient.FollowAccountEventsParams{}) {
		if apiclient.Code(err) != "unknown_account" {
			t.Errorf("an account that is not: %v", err)
		}
	}
}
