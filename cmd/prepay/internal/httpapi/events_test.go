package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// outside is a real server on an office, asked by one who is known.
func (o *office) outside(who *access.Principal) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.ServeHTTP(w, r.WithContext(access.With(r.Context(), who)))
	}))
	o.t.Cleanup(s.Close)
	return s
}

// sse is a server-sent event.
type sse struct{ id, kind, data string }

// listen follows a path behind an id and gives each event to take, until take
// says that it has enough; then the connection is cut, in the middle of what
// comes.
func (o *office) listen(s *httptest.Server, path, lastID string, take func(sse) bool) (last string) {
	o.t.Helper()
	ctx, cut := context.WithCancel(o.t.Context())
	defer cut()
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Accept", typeEvents)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != typeEvents {
		text, _ := io.ReadAll(answer.Body)
		o.t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 4<<20)
	var e sse
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			// As a browser does: the id counts also where there is no data.
			if e.id != "" {
				last = e.id
			}
			if e.data != "" && !take(e) {
				return last
			}
			e = sse{}
		}
	}
	return last
}

// TestFollow cuts the connection at random places while the log grows: what is
// seen is the log, without gap and without repetition, in its order.
func TestFollow(t *testing.T) {
	o := newOffice(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	s := o.outside(o.auditor)
	const charges = 3000
	end := make(chan struct{})
	go func() { // ends with the charges
		defer close(end)
		for i := 0; i < charges; i += 50 {
			lines := ""
			for j := range 50 {
				lines += charge(1+i/50%2, fmt.Sprintf("c%d", i+j), priced("0.01"))
			}
			o.used(lines)
		}
	}()
	for _, follow := range []struct {
		path string
		fits func(*eventstore.Recorded) bool
		want int
	}{
		{"/v1/events?type=ConversationCharged", func(e *eventstore.Recorded) bool { return e.Type == domain.TypeConversationCharged }, charges},
		{"/v1/events?type=ConversationCharged,AccountOpened&stream=account-PA-2", func(e *eventstore.Recorded) bool {
			return e.Stream == "account-PA-2" && (e.Type == domain.TypeConversationCharged || e.Type == domain.TypeAccountOpened)
		}, charges/2 + 1},
		{"/v1/accounts/PA-1/events", func(e *eventstore.Recorded) bool { return e.Stream == "account-PA-1" }, charges/2 + 2},
	} {
		var seen []string
		last, cuts := "", 0
		for len(seen) < follow.want {
			more := 1 + random.IntN(200)
			if cuts++; cuts%7 == 0 {
				more = 1
			}
			last = o.listen(s, follow.path, last, func(e sse) bool {
				var r desk.Replayed
				if err := json.Unmarshal([]byte(e.data), &r); err != nil || r.Type != e.kind || e.id != r.Position && e.id != fmt.Sprint(r.Revision) {
					t.Fatalf("%+v: %v", e, err)
				}
				seen = append(seen, r.ID)
				more--
				return more > 0 && len(seen) < follow.want
			})
		}
		<-end
		var want []string
		for e, err := range o.desk.Store.ReadAll(t.Context(), eventstore.Start) {
			if err != nil {
				t.Fatal(err)
			}
			if follow.fits(&e) {
				want = append(want, e.ID.String())
			}
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("%s: %d events seen over %d connections are not the log's %d", follow.path, len(seen), cuts, len(want))
		}
	}
}

// TestFollowSlowly: who takes nothing for long while more comes than is kept for
// it misses nothing.
func TestFollowSlowly(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	after, err := o.desk.Store.Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const charges = 3 * desk.FeedBuffer
	arrived, beat := make(chan struct{}), make(chan time.Time, 1)
	beat <- time.Time{} // the first sign comes once it follows
	seen, stalled := 0, false
	done := make(chan error, 1)
	go func() { // ends with cancel
		done <- o.desk.Follow(ctx, desk.EventsWanted{Types: []string{domain.TypeConversationCharged}}, after, beat, func(f desk.Followed) error {
			if !stalled {
				stalled = true
				arrived <- struct{}{}
				<-arrived // until all is written
			}
			if f.Event != nil {
				if seen++; seen == charges {
					cancel()
				}
			}
			return nil
		})
	}()
	<-arrived
	for i := 0; i < charges; i += 512 {
		lines := ""
		for j := range 512 {
			lines += charge(1, fmt.Sprintf("c%d", i+j), priced("0.01"))
		}
		o.used(lines)
	}
	arrived <- struct{}{}
	if err := <-done; err != context.Canceled || seen != charges {
		t.Errorf("%d of %d seen: %v", seen, charges, err)
	}
}

// TestFollowers bounds those who follow, apart and together, and lets go who
// left.
func TestFollowers(t *testing.T) {
	var f following
	var leave []func()
	for i := range MaxFollowers {
		l, err := f.enter(fmt.Sprint(i / MaxFollowersEach))
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	if _, err := f.enter("another"); err == nil {
		t.Error("too many in all")
	}
	leave[MaxFollowers-1]()
	if _, err := f.enter("0"); err == nil {
		t.Error("too many of one")
	}
	if l, err := f.enter("another"); err != nil {
		t.Error(err)
	} else {
		l()
	}
	for _, l := range leave[:MaxFollowers-1] {
		l()
	}
	if f.all != 0 || len(f.by) != 0 {
		t.Errorf("%d follow after all left: %v", f.all, f.by)
	}
}

// TestFollowRefused: who may not follow is told before anything is sent.
func TestFollowRefused(t *testing.T) {
	o := newOffice(t)
	accept := []string{"Accept", typeEvents}
	o.refused(nil, "GET", "/v1/events", "", 401, CodeUnauthenticated, accept...)
	o.refused(partner("PA-1"), "GET", "/v1/events", "", 403, CodeForbidden, accept...)
	o.refused(partner("PA-1"), "GET", "/v1/accounts/PA-2/events", "", 404, string(domain.UnknownAccount), accept...)
	o.refused(o.auditor, "GET", "/v1/accounts/PA-9/events", "", 404, string(domain.UnknownAccount), accept...)
	for _, bad := range []string{"after=x", "after=1/1/1", "limit=0", "limit=x", "type=" + strings.Repeat(",", MaxTypes), "stream=" + strings.Repeat("s", 600), "colour=blue", "after=1/1&after=2/2", "%zz"} {
		o.refused(o.auditor, "GET", "/v1/events?"+bad, "", 422, "invalid_request")
	}
	o.refused(o.auditor, "GET", "/v1/events?after=99999999/99999999", "", 422, "invalid_request", accept...)
	o.refused(o.auditor, "GET", "/v1/events", "", 422, "invalid_request", "Accept", typeEvents, "Last-Event-ID", "x")
	o.refused(o.auditor, "GET", "/v1/accounts/PA-1/events?from=-1", "", 422, "invalid_request")
	o.refused(o.auditor, "GET", "/v1/accounts/PA-1/events", "", 422, "invalid_request", "Accept", typeEvents, "Last-Event-ID", "9223372036854775807")
}

// TestEventPages: pages of the log and of streams hold what the log holds.
func TestEventPages(t *testing.T) {
	o := october(t)
	var want []string
	for e, err := range o.desk.Store.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.ID.String())
	}
	var got []string
	after := ""
	for {
		var page desk.EventsPage
		o.ask(o.auditor, "GET", "/v1/events?limit=3&after="+url.QueryEscape(after), "", 200, &page)
		for _, e := range page.Items {
			got = append(got, e.ID)
		}
		if after = page.Next; page.End {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d events, not %d", len(got), len(want))
	}
	var streams Page[struct {
		Name   string `json:"name"`
		Events int    `json:"events"`
	}]
	total, cursor := 0, ""
	for {
		o.ask(o.auditor, "GET", "/v1/streams?limit=2&cursor="+cursor, "", 200, &streams)
		for _, s := range streams.Items {
			var page desk.StreamPage
			o.ask(o.auditor, "GET", "/v1/streams/"+url.PathEscape(s.Name)+"/events?limit=500", "", 200, &page)
			if len(page.Items) != s.Events || !page.End {
				t.Errorf("%s: %d events, not %d", s.Name, len(page.Items), s.Events)
			}
			var one desk.Replayed
			o.ask(o.auditor, "GET", fmt.Sprintf("/v1/streams/%s/events/%d", url.PathEscape(s.Name), s.Events-1), "", 200, &one)
			if one.ID != page.Items[s.Events-1].ID {
				t.Errorf("%s: the last event is %s", s.Name, one.ID)
			}
			total += s.Events
		}
		cursor = streams.Next
		streams.Next = ""
		if cursor == "" {
			break
		}
	}
	if total != len(want) {
		t.Errorf("the streams have %d events, the log %d", total, len(want))
	}
	var own desk.StreamPage
	o.ask(partner("PA-1"), "GET", "/v1/accounts/PA-1/events?from=1&limit=2", "", 200, &own)
	if len(own.Items) != 2 || own.Items[0].Revision != 1 || own.Next != 3 || own.End || own.Stream != ledger.AccountStream("PA-1") {
		t.Errorf("%+v", own)
	}
	o.refused(o.auditor, "GET", "/v1/streams/none", "", 404, CodeNotFound)
	o.refused(o.auditor, "GET", "/v1/streams/none/events", "", 404, CodeNotFound)
	o.refused(o.auditor, "GET", "/v1/streams/%24all/events", "", 404, CodeNotFound)
	o.refused(o.auditor, "GET", "/v1/streams/account-PA-1/events/999", "", 404, CodeNotFound)
	o.refused(partner("PA-1"), "GET", "/v1/streams", "", 403, CodeForbidden)
}

// TestSearch finds charges, documents and streams.
func TestSearch(t *testing.T) {
	o := october(t)
	for query, want := range map[string]string{"m3": "charge", "MI-1": "stream", "PA-2": "stream", "2026-10": "", "nothing": ""} {
		var found SearchResults
		o.ask(o.auditor, "GET", "/v1/search?q="+query, "", 200, &found)
		switch {
		case want == "" && len(found.Items) > 0:
			t.Errorf("%s: %+v", query, found)
		case want != "" && (len(found.Items) == 0 || found.Items[0].What != want):
			t.Errorf("%s: %+v", query, found)
		}
	}
	o.refused(o.auditor, "GET", "/v1/search?q=", "", 422, "invalid_request")
	o.refused(o.auditor, "GET", "/v1/search", "", 422, "invalid_request")
	o.refused(o.auditor, "GET", "/v1/search?q=x&day=x", "", 422, "invalid_request")
	o.refused(partner("PA-1"), "GET", "/v1/search?q=m3", "", 403, CodeForbidden)
}
