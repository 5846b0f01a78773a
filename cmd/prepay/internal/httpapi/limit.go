package httpapi

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
)

const (
	// DefaultRate is how many requests a caller may make in the long run
	// (requests a second); DefaultBurst is how many at once (requests). The
	// intake and the gate are not counted.
	DefaultRate  = 50
	DefaultBurst = 200
	// MaxCallers bounds the callers whose requests are counted apart (callers).
	// Those beyond share one count.
	MaxCallers = 20_000
	// forgetEvery is how long it takes at least until all callers are looked
	// through again for idle ones (time).
	forgetEvery = time.Second
	// MaxInFlight bounds the requests that are worked at once (requests), but
	// for the intake and the gate.
	MaxInFlight = 512
	// MaxFolds bounds the requests at once that read a stream, write a file or
	// look at every account (requests). Others wait for their turn.
	MaxFolds = 2
	// SlowTimeout is how long such a request may take, its turn included (time).
	SlowTimeout = 2 * time.Minute
)

// limits count what callers ask for.
type limits struct {
	rate  rate.Limit
	burst int
	now   func() time.Time
	// inFlight and folds have a place for each request that is worked.
	inFlight, folds chan struct{}

	mu      sync.Mutex
	callers map[string]*rate.Limiter
	// rest counts the callers beyond MaxCallers.
	rest *rate.Limiter
	// forgotten is when idle callers were last forgotten.
	forgotten time.Time
}

func newLimits(o *Options) *limits {
	l := &limits{
		rate: rate.Limit(o.Rate), burst: o.Burst, now: o.Now, inFlight: make(chan struct{}, MaxInFlight), folds: make(chan struct{}, MaxFolds),
		callers: map[string]*rate.Limiter{},
	}
	if l.rate <= 0 {
		l.rate = DefaultRate
	}
	if l.burst <= 0 {
		l.burst = DefaultBurst
	}
	if l.now == nil {
		l.now = time.Now
	}
	l.rest = rate.NewLimiter(l.rate, l.burst)
	return l
}

// caller names whose request it is: who is known, or else where it comes from.
// One network of IPv6 is one caller.
func caller(r *http.Request) string {
	if p := access.From(r.Context()); p != nil {
		return string(p.Kind) + "/" + p.ID
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "address/" + r.RemoteAddr
	}
	const network = 64 // bits of an IPv6 address that a caller is given
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() && !address.Is4In6() {
		if prefix, err := address.WithZone("").Prefix(network); err == nil {
			return "address/" + prefix.String()
		}
	}
	return "address/" + host
}

// counted says whether requests that a rule allows are counted: not those of
// programs that bring usage or ask the gate, and not what anybody may ask.
func counted(rule *access.Rule) bool {
	return !rule.Anyone && rule.Scope != access.ScopeIntake && rule.Scope != access.ScopeGate
}

// allow counts a request. It returns the problem of one that is too many.
func (l *limits) allow(r *http.Request) error {
	now := l.now()
	reserved := l.of(caller(r), now).ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if reserved.OK() && wait == 0 {
		return nil
	}
	reserved.CancelAt(now)
	p := newProblem(http.StatusTooManyRequests, CodeRateLimited, fmt.Sprintf("These are too many requests, nothing was done: at most %v a second in the long run.", float64(l.rate)))
	p.retryAfter = max(1, int(math.Ceil(wait.Seconds())))
	return p
}

// of returns the count of a caller.
func (l *limits) of(caller string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.callers[caller]; c != nil {
		return c
	}
	if len(l.callers) >= MaxCallers && (l.forgotten.IsZero() || now.Sub(l.forgotten) >= forgetEvery) {
		l.forget(now)
	}
	if len(l.callers) >= MaxCallers {
		return l.rest
	}
	c := rate.NewLimiter(l.rate, l.burst)
	l.callers[caller] = c
	return c
}

// forget drops the callers that have all of their burst: a new count is the
// same. The caller holds mu.
func (l *limits) forget(now time.Time) {
	l.forgotten = now
	for name, c := range l.callers {
		if c.TokensAt(now) >= float64(l.burst) {
			delete(l.callers, name)
		}
	}
}

// enter lets a request in if there is room; leave must be called after it.
func (l *limits) enter() (leave func(), err error) {
	select {
	case l.inFlight <- struct{}{}:
		return func() { <-l.inFlight }, nil
	default:
		return nil, overloaded()
	}
}

// fold waits for the turn of a request that costs more; release must be called
// after it.
func (a *API) fold(ctx context.Context) (release func(), err error) {
	select {
	case a.limits.folds <- struct{}{}:
		return func() { <-a.limits.folds }, nil
	case <-ctx.Done():
		return nil, overloaded()
	}
}

// overloaded says that too much is asked for at once.
func overloaded() *Problem {
	p := newProblem(http.StatusServiceUnavailable, commandjson.CodeOverloaded, "Too much is asked for at once, nothing was done: try again in a moment.")
	p.retryAfter = RetryAfter
	return p
}

// timeoutKey is where an operation says how long its requests may take.
const timeoutKey = "timeout"

// slow gives an operation the time that reading a stream takes.
func slow(op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{timeoutKey: SlowTimeout}
	return op
}

// timeoutOf is how long a request of an operation may take.
func timeoutOf(op *huma.Operation) time.Duration {
	if t, ok := op.Metadata[timeoutKey].(time.Duration); ok {
		return t
	}
	return Timeout
}
