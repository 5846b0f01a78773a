package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/projections/streams"
)

const (
	// MaxFollowers bounds those who follow events at once, MaxFollowersEach
	// those of one user or key.
	MaxFollowers     = 1000
	MaxFollowersEach = 20
	// HeartBeat is how often a follower gets a sign of life (time).
	HeartBeat = 15 * time.Second
	// FollowRetry is after what time who was cut off should come again (time).
	FollowRetry = 3 * time.Second
	// FollowWrite is how long a follower may take to take what is written; who
	// is slower is cut off and can go on later (time).
	FollowWrite = 20 * time.Second
	// FollowLife is how long a follower stays connected (time); who comes again
	// goes on where it was, and is asked again who it is.
	FollowLife = time.Hour
	// typeEvents is what a follower accepts.
	typeEvents = "text/event-stream"
	// MaxTypes bounds the types of events that are asked for.
	MaxTypes = 100
)

// following counts those who follow events.
type following struct {
	mu  sync.Mutex
	all int
	by  map[string]int
}

// enter lets somebody follow, if there are not too many.
func (f *following) enter(id string) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all >= MaxFollowers || f.by[id] >= MaxFollowersEach {
		p := newProblem(http.StatusTooManyRequests, CodeRateLimited, fmt.Sprintf("Too many follow events already (%d in all, %d of one user or key): end one, or try again later.", MaxFollowers, MaxFollowersEach))
		p.retryAfter = int(FollowRetry / time.Second)
		return nil, p
	}
	if f.by == nil {
		f.by = map[string]int{}
	}
	f.all++
	f.by[id]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.all--
		if f.by[id]--; f.by[id] == 0 {
			delete(f.by, id)
		}
	}, nil
}

// events registers the operations of the log's events.
func (a *API) events() {
	text, whole := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeInteger}
	lastID := &huma.Param{Name: "Last-Event-ID", In: "header", Schema: text, Description: "Id of the last event that was seen; a browser sends it by itself."}
	op := get("/events", "follow_events", "Follow the events of the log (server-sent events), or page through them (JSON).", "Events")
	op.Parameters = []*huma.Param{
		query("after", "Position behind which to begin; the log's start without.", text), query("type", "Only events of these types, separated by commas.", text),
		query("stream", "Only events of this stream.", text), query("limit", "Events of a page (JSON).", whole), lastID,
	}
	op.Responses = map[string]*huma.Response{"200": followed[desk.EventsPage](a)}
	a.stream(op, access.ReadsAll(), a.allEvents)

	op = get("/accounts/{partner_id}/events", "follow_account_events", "Follow an account's events (server-sent events), or page through them (JSON).", "Events")
	op.Parameters = []*huma.Param{
		inPath("partner_id", "The account's partner id."), query("from", "Revision to begin with; 0 without.", whole), query("limit", "Events of a page (JSON).", whole), lastID,
	}
	op.Responses = map[string]*huma.Response{"200": followed[desk.StreamPage](a)}
	a.stream(op, access.ReadsAccount(), a.accountEvents)

	register(a, get("/streams", "list_streams", "List the streams of the log.", "Events"), access.ReadsAll(), a.listStreams)
	register(a, get("/streams/{stream}", "get_stream", "Show how long a stream is.", "Events"), access.ReadsAll(), a.getStream)
	register(a, get("/streams/{stream}/events", "list_stream_events", "Page through a stream's events.", "Events"), access.ReadsAll(), a.streamEvents)
	register(a, get("/streams/{stream}/events/{revision}", "get_event", "Show an event by its stream and revision.", "Events"), access.ReadsAll(), a.event)
}

// followed is an answer that is followed, or a page.
func followed[P any](a *API) *huma.Response {
	r := jsonResponse[P](a, "As text/event-stream: id is the position (or the revision of an account's event), event the type, data the event as JSON. As application/json: a page.")
	r.Content[typeEvents] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	return r
}

// follows says that the caller wants to follow.
func follows(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), typeEvents) }

func (a *API) allEvents(w http.ResponseWriter, r *http.Request) {
	if err := func() error {
		values, err := parameters(r, "after", "type", "stream", "limit")
		if err != nil {
			return err
		}
		wanted, err := eventsWanted(values)
		if err != nil {
			return err
		}
		after, err := position(values.Get("after"))
		if err != nil {
			return err
		}
		if !follows(r) {
			return a.eventsPage(w, r, wanted, after, values.Get("limit"))
		}
		if seen := r.Header.Get("Last-Event-ID"); seen != "" {
			if after, err = position(seen); err != nil {
				return err
			}
		}
		return a.follow(w, r, func(ctx context.Context, s *eventStream, beat <-chan time.Time) error {
			return a.desk.Follow(ctx, wanted, after, beat, func(f desk.Followed) error {
				return s.send(f.Position.String(), f.Event)
			})
		})
	}(); err != nil {
		a.writeProblem(w, r, err)
	}
}

func eventsWanted(values url.Values) (w desk.EventsWanted, err error) {
	w.Stream = values.Get("stream")
	if len(w.Stream) > eventstore.MaxStreamNameBytes {
		return w, &commandjson.FieldError{Field: "stream", Problem: "there is no stream with such a long name"}
	}
	if types := values.Get("type"); types != "" {
		w.Types = strings.Split(types, ",")
	}
	if len(w.Types) > MaxTypes {
		return w, &commandjson.FieldError{Field: "type", Problem: fmt.Sprintf("give at most %d types", MaxTypes)}
	}
	return w, nil
}

// position reads a position; empty is the log's start.
func position(text string) (eventstore.Position, error) {
	if text == "" {
		return eventstore.Start, nil
	}
	p, err := eventstore.ParsePosition(text)
	if err != nil {
		return p, &commandjson.FieldError{Field: "after", Problem: "give the position of an event, or the next of the page before"}
	}
	return p, nil
}

func (a *API) eventsPage(w http.ResponseWriter, r *http.Request, wanted desk.EventsWanted, after eventstore.Position, limitText string) error {
	limit, err := limitOf(limitText)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), Timeout)
	defer cancel()
	page, err := a.desk.LogEvents(ctx, wanted, after, limit)
	if err != nil {
		return err
	}
	writeJSON(w, page)
	return nil
}

func limitOf(text string) (int, error) {
	if text == "" {
		return DefaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxPage {
		return 0, &commandjson.FieldError{Field: "limit", Problem: fmt.Sprintf("it is a number from 1 to %d", MaxPage)}
	}
	return n, nil
}

func (a *API) accountEvents(w http.ResponseWriter, r *http.Request) {
	if err := func() error {
		values, err := parameters(r, "from", "limit")
		if err != nil {
			return err
		}
		partner := PathValue(r, "partner_id")
		if err := a.desk.Ledger.Settle(r.Context()); err != nil {
			return err
		}
		if !a.desk.Ledger.Exists(partner) {
			return domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: correct the partner id.", partner)
		}
		from, err := revision("from", values.Get("from"))
		if err != nil {
			return err
		}
		stream := ledger.AccountStream(partner)
		if !follows(r) {
			limit, err := limitOf(values.Get("limit"))
			if err != nil {
				return err
			}
			page, err := a.desk.StreamEvents(r.Context(), stream, from, limit)
			if err != nil {
				return err
			}
			for i := range page.Items {
				page.Items[i] = seenBy(access.From(r.Context()), page.Items[i])
			}
			writeJSON(w, page)
			return nil
		}
		after := from - 1
		if seen := r.Header.Get("Last-Event-ID"); seen != "" {
			if after, err = revision("Last-Event-ID", seen); err != nil {
				return err
			}
		}
		return a.follow(w, r, func(ctx context.Context, s *eventStream, beat <-chan time.Time) error {
			return a.desk.FollowStream(ctx, stream, after, beat, func(f desk.Followed) error {
				if f.Event == nil {
					return s.send("", nil)
				}
				return s.send(strconv.FormatInt(int64(f.Event.Revision), 10), f.Event)
			})
		})
	}(); err != nil {
		a.writeProblem(w, r, err)
	}
}

func revision(field, text string) (eventstore.Revision, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n >= int64(eventstore.End)-1 {
		return 0, &commandjson.FieldError{Field: field, Problem: "it is the revision of an event, counted from 0"}
	}
	return eventstore.Revision(n), nil
}

// seenBy is an event as somebody sees it. Partners learn what those are who gave
// a command to their account, such as finance, and not their names; who reads
// everything sees the event as it is kept.
func seenBy(p *access.Principal, e desk.Replayed) desk.Replayed {
	if p.Role != access.RolePartner {
		return e
	}
	var m map[string]json.RawMessage
	var actor string
	if json.Unmarshal(e.Metadata, &m) != nil || json.Unmarshal(m["actor"], &actor) != nil {
		e.Metadata = json.RawMessage("{}") // not ours; nothing of it is shown
		return e
	}
	role, _, _ := strings.Cut(actor, ":")
	if role == string(access.RolePartner) || role == "system" {
		return e
	}
	m["actor"], _ = json.Marshal(role) // text can be marshalled
	e.Metadata, _ = json.Marshal(m)
	return e
}

// eventStream writes server-sent events.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	// holds says whether the follower still has access; it is asked before each
	// event and sign of life.
	holds func() bool
	// who follows.
	who   *access.Principal
	begun bool
}

// errNoAccess ends a stream whose follower has no access any more.
var errNoAccess = errors.New("the follower has no access any more")

// send writes an event, or a sign of life; id is how far the follower has come,
// empty where it has not.
func (s *eventStream) send(id string, e *eventstore.Recorded) error {
	if !s.holds() {
		return errNoAccess
	}
	if err := s.begin(); err != nil {
		return err
	}
	text := ":\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	if e != nil {
		data, err := json.Marshal(seenBy(s.who, desk.ReplayedOf(e)))
		if err != nil {
			return err
		}
		text = fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n", id, e.Type, data)
	}
	return s.write(text + "\n")
}

// begin sends what is before the first event.
func (s *eventStream) begin() error {
	if s.begun {
		return nil
	}
	s.begun = true
	h := s.w.Header()
	h.Set("Content-Type", typeEvents)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	_ = s.control.SetReadDeadline(time.Time{}) // not every writer can
	return s.write(fmt.Sprintf("retry: %d\n\n", FollowRetry.Milliseconds()))
}

func (s *eventStream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(FollowWrite)) // not every writer can
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// follow answers with events until the caller leaves, is too slow or has no
// access any more, or until the server stops. What fails before the first byte
// is returned.
func (a *API) follow(w http.ResponseWriter, r *http.Request, run func(context.Context, *eventStream, <-chan time.Time) error) error {
	leave, err := a.following.enter(access.From(r.Context()).ID)
	if err != nil {
		return err
	}
	defer leave()
	ticker := time.NewTicker(HeartBeat)
	defer ticker.Stop()
	ctx, cancel := context.WithTimeout(r.Context(), FollowLife)
	defer cancel()
	defer context.AfterFunc(a.opts.Ending, cancel)()
	s := &eventStream{w: w, control: http.NewResponseController(w), who: access.From(ctx), holds: func() bool { return a.opts.Access == nil || a.opts.Access.Recheck(ctx) }}
	beat, stop := beginsNow(ticker.C)
	defer stop()
	err = run(ctx, s, beat)
	if s.begun || ctx.Err() != nil {
		return nil
	}
	return err
}

// beginsNow is a ticker with a first tick at once: the follower learns that it
// is connected.
func beginsNow(ticks <-chan time.Time) (<-chan time.Time, func()) {
	out, done := make(chan time.Time), make(chan struct{})
	go func() { // ends with stop
		now := time.Time{}
		for {
			select {
			case out <- now:
			case <-done:
				return
			}
			select {
			case now = <-ticks:
			case <-done:
				return
			}
		}
	}()
	return out, func() { close(done) }
}

type streamsInput struct {
	PageInput
	Prefix string `query:"prefix" maxLength:"512" doc:"Only streams whose name begins so." example:"account-"`
}

func (a *API) listStreams(ctx context.Context, in *streamsInput) (*body[Page[streams.Stream]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if err := a.desk.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	all, err := a.desk.Views.Streams.List(in.Prefix, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []streams.Stream{}
	}
	return &body[Page[streams.Stream]]{cut(all, in.Limit, func(s *streams.Stream) string { return s.Name })}, nil
}

// StreamPath is the stream of a path.
type StreamPath struct {
	Stream string `path:"stream" maxLength:"512" doc:"Name of the stream." example:"account-PA-1001"`
}

func (a *API) getStream(ctx context.Context, in *StreamPath) (*body[*streams.Stream], error) {
	if err := a.desk.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	s, err := a.desk.Views.Streams.Get(in.Stream)
	if err == nil && s == nil {
		err = desk.NotFound("There is no stream %.120q: list the streams.", in.Stream)
	}
	return &body[*streams.Stream]{s}, err
}

type streamEventsInput struct {
	StreamPath
	From  int64 `query:"from" minimum:"0" maximum:"9007199254740991" doc:"Revision to begin with."`
	Limit int   `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Items a page."`
}

func (a *API) streamEvents(ctx context.Context, in *streamEventsInput) (*body[*desk.StreamPage], error) {
	page, err := a.desk.StreamEvents(ctx, in.Stream, eventstore.Revision(in.From), in.Limit)
	return &body[*desk.StreamPage]{page}, err
}

type eventInput struct {
	StreamPath
	Revision int64 `path:"revision" minimum:"0" maximum:"9007199254740991" doc:"Revision of the event."`
}

func (a *API) event(ctx context.Context, in *eventInput) (*body[*desk.Replayed], error) {
	page, err := a.desk.StreamEvents(ctx, in.Stream, eventstore.Revision(in.Revision), 1)
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, desk.NotFound("Stream %.120q has no revision %d.", in.Stream, in.Revision)
	}
	return &body[*desk.Replayed]{&page.Items[0]}, nil
}
