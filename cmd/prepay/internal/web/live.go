package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/eventstore"
)

const (
	// liveEvery is how often changes are looked for: a page hears of them at
	// most twice a second (time).
	liveEvery = 500 * time.Millisecond
	// heartbeatEvery keeps a quiet connection open (time).
	heartbeatEvery = 20 * time.Second
	// maxLive is how many pages follow at a time (connections); more work
	// without live updates and ask again later.
	maxLive = 2_000
	// maxLivePerUser is how many of them one user has (connections).
	maxLivePerUser = 20
	// liveLife is how long a connection lasts (time): a page connects again, and
	// is asked again who it is.
	liveLife = 15 * time.Minute
	// liveWrite is how long a message may take to be sent (time).
	liveWrite = 5 * time.Second
)

// The names of what changes: pages fetch parts again by them (ui.Live).
const (
	changedAccount      = "account"
	changedAccounts     = "accounts"
	changedMonths       = "months"
	changedQuarantine   = "quarantine"
	changedVerification = "verification"
)

// liveAccount is what the page of an account follows.
func liveAccount(partner string) string { return "/live?account=" + url.QueryEscape(partner) }

// liveAll is what pages about all accounts follow: accounts, months, quarantine.
func liveAll() string { return "/live" }

// live tells pages that something changed. It looks at where the read models
// stand, twice a second and only while a page follows: what it costs does not
// grow with the number of events.
type live struct {
	desk *desk.Desk

	mu        sync.Mutex
	followers map[*follower]struct{}
	perUser   map[string]int
	// verified counts verifications that ended.
	verified int
	ended    bool
}

// follower is a page that follows.
type follower struct {
	user string
	// account that it follows; empty for all.
	account  string
	seen     eventstore.Position
	verified int
	// changed is what it has to be told, in order; wake says that there is some.
	changed []string
	wake    chan struct{}
}

func newLive(d *desk.Desk) *live {
	return &live{desk: d, followers: map[*follower]struct{}{}, perUser: map[string]int{}}
}

// run looks for changes until the context ends.
func (l *live) run(ctx context.Context) error {
	defer l.end()
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.look()
		}
	}
}

// end lets all pages go.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for f := range l.followers {
		close(f.wake)
	}
	clear(l.followers)
}

// liveMark is how far the ledger was: what changes after it is news to a page that
// was made at it.
type liveMark struct {
	position eventstore.Position
	verified int
}

// now is this moment.
func (l *live) now() liveMark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return liveMark{l.desk.Views.Engine.Position(), l.verified}
}

// since adds the moment at which a page was made to the URL that it follows: what
// changes until it is connected must not be missed.
func (m liveMark) since(live string) string {
	if live == "" {
		return ""
	}
	between := "?"
	if strings.Contains(live, "?") {
		between = "&"
	}
	return live + between + url.Values{"at": {m.position.String()}, "verified": {strconv.Itoa(m.verified)}}.Encode()
}

// followedFrom reads the moment of a URL; without a good one it is this moment.
func (w *Web) followedFrom(q *request) liveMark {
	at, err := eventstore.ParsePosition(q.query("at"))
	verified, wrong := strconv.Atoi(q.query("verified"))
	if err != nil || wrong != nil {
		return q.began
	}
	return liveMark{at, verified}
}

// join adds a page that was made at a moment; nil where there are too many.
func (l *live) join(user, account string, made liveMark) *follower {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || len(l.followers) >= maxLive || l.perUser[user] >= maxLivePerUser {
		return nil
	}
	f := &follower{user: user, account: account, seen: made.position, verified: made.verified, wake: make(chan struct{}, 1)}
	l.followers[f] = struct{}{}
	l.perUser[user]++
	return f
}

// leave takes a page away.
func (l *live) leave(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.followers, f)
	if l.perUser[f.user]--; l.perUser[f.user] <= 0 {
		delete(l.perUser, f.user)
	}
}

// position is where an account stands, or all of them.
func (l *live) position(account string) eventstore.Position {
	if account == "" {
		return l.desk.Views.Engine.Position()
	}
	p, _ := l.desk.Views.Accounts.Position(account)
	return p
}

// look tells every page what changed since it was told last.
func (l *live) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.followers {
		if at := l.position(f.account); f.seen.Before(at) {
			f.seen = at
			if f.account != "" {
				f.tell(changedAccount)
			} else {
				f.tell(changedAccounts)
				f.tell(changedMonths)
				f.tell(changedQuarantine)
			}
		}
		if f.verified != l.verified && f.account == "" {
			f.verified = l.verified
			f.tell(changedVerification)
		}
	}
}

// tell queues a change; one that waits already stands for it, too. The lock is
// held.
func (f *follower) tell(name string) {
	if !slices.Contains(f.changed, name) {
		f.changed = append(f.changed, name)
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take returns what a page has to be told.
func (l *live) take(f *follower) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := f.changed
	f.changed = nil
	return names
}

// verification says that a verification began or ended.
func (l *live) verification() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verified++
}

// follow sends a page what changes, as server-sent events.
func (w *Web) follow(q *request) error {
	account := q.query("account")
	if account != "" && !q.who.Sees(account) {
		return access.ErrForeign
	}
	if account == "" && q.who.Role == access.RolePartner {
		return access.ErrForbidden
	}
	f := w.live.join(q.who.ID, account, w.followedFrom(q))
	if f == nil {
		q.w.Header().Set("Retry-After", "60")
		q.w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	}
	defer w.live.leave(f)
	h := q.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	q.w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(q.w)
	send := func(format string, args ...any) bool {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite))
		_, err := fmt.Fprintf(q.w, format, args...)
		return err == nil && out.Flush() == nil
	}
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	over := time.NewTimer(liveLife)
	defer over.Stop()
	for ok := send(": welcome\n\n"); ok; {
		select {
		case <-q.Context().Done():
			return nil
		case <-over.C:
			return nil
		case _, more := <-f.wake:
			if !more {
				return nil
			}
			for _, name := range w.live.take(f) {
				ok = ok && send("event: changed\ndata: %s\n\n", name)
			}
		case <-beat.C:
			ok = w.auth.Recheck(q.Context()) && send(": beat\n\n")
		}
	}
	return nil
}
