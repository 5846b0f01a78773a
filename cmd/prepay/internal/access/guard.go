package access

import (
	"net/netip"
	"sync"
	"time"
)

// guard slows down guessing: by account, and by client address. It is held in
// memory: who restarts the ledger may guess anew, and nobody else can.
type guard struct {
	mu sync.Mutex
	// users are the failures by user; unknown those by the digest of an e-mail
	// address that has no user. Both are answered alike, so that a delay does
	// not tell who has access.
	users   map[string]failures
	unknown map[digest]failures
	// addresses are the clients that sign in; callers those that send keys and
	// tokens: a gateway whose key expired must not keep people from signing in.
	addresses map[netip.Addr]bucket
	callers   map[netip.Addr]bucket
}

func newGuard() *guard {
	return &guard{
		users: make(map[string]failures), unknown: make(map[digest]failures),
		addresses: make(map[netip.Addr]bucket), callers: make(map[netip.Addr]bucket),
	}
}

// failures are those of one account without a success between them.
type failures struct {
	n    int
	last time.Time
}

// until is when the next attempt may be made.
func (f failures) until() time.Time {
	if f.n < freeFailures {
		return time.Time{}
	}
	delay := maxDelay
	if doublings := f.n - freeFailures; doublings < 6 { // a minute, six times doubled, is more than an hour
		delay = firstDelay << doublings
	}
	return f.last.Add(min(delay, maxDelay))
}

// bucket fills with failures and drains with time.
type bucket struct {
	level float64
	at    time.Time
}

// drained is the bucket at a later time.
func (b bucket) drained(now time.Time) bucket {
	if passed := now.Sub(b.at); passed > 0 {
		b.level = max(0, b.level-float64(passed)/float64(addressRefill))
		b.at = now
	}
	return b
}

// network is what failures of a client are counted by: who has an IPv6 address
// has a whole /64 of them.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64) // fails for no IPv6 address
		return p.Addr()
	}
	return a
}

// attempt is one that was counted as a failure when it began: attempts at the
// same time can't all get through before the first of them fails.
type attempt struct {
	g       *guard
	user    string
	unknown digest
	address netip.Addr
}

// begin counts an attempt, or refuses it. Exactly one of user and unknown says
// which account; with neither it is counted by address alone.
func (g *guard) begin(now time.Time, user string, unknown digest, address netip.Addr) (*attempt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := &attempt{g: g, user: user, unknown: unknown, address: network(address)}
	before := g.failures(a)
	if now.Sub(before.last) >= forgetFailures {
		before = failures{}
	}
	if until := before.until(); now.Before(until) {
		return nil, wait(until.Sub(now))
	}
	if err := fill(g.addresses, now, a.address); err != nil {
		return nil, err
	}
	g.set(a, failures{n: before.n + 1, last: now})
	return a, nil
}

// fill counts a failure of a client address, or refuses it.
func fill(buckets map[netip.Addr]bucket, now time.Time, address netip.Addr) error {
	b, there := buckets[address]
	b = b.drained(now)
	if err := b.full(); err != nil {
		return err
	}
	b.level++
	if !there && len(buckets) >= maxAddresses {
		drop(buckets)
	}
	buckets[address] = b
	return nil
}

// full refuses another failure where there is no room for it.
func (b bucket) full() error {
	if b.level+1 > addressFailures {
		return wait(time.Duration((b.level + 1 - addressFailures) * float64(addressRefill)))
	}
	return nil
}

func (g *guard) failures(a *attempt) failures {
	switch {
	case a.user != "":
		return g.users[a.user]
	case a.unknown != digest{}:
		return g.unknown[a.unknown]
	default:
		return failures{}
	}
}

func (g *guard) set(a *attempt, f failures) {
	switch {
	case a.user != "" && f.n == 0:
		delete(g.users, a.user)
	case a.user != "":
		g.users[a.user] = f
	case a.unknown != digest{}:
		if _, there := g.unknown[a.unknown]; !there && len(g.unknown) >= maxUnknown {
			drop(g.unknown)
		}
		g.unknown[a.unknown] = f
	}
}

// drop makes room for one more: which one goes does not matter where so many
// are guessed at.
func drop[K comparable, V any](m map[K]V) {
	for k := range m {
		delete(m, k)
		return
	}
}

// succeeded takes all failures of the account back, and the address's last.
func (a *attempt) succeeded() {
	a.takeBack(func(failures) failures { return failures{} })
}

// notMade takes this attempt alone back: nothing was compared.
func (a *attempt) notMade() {
	a.takeBack(func(f failures) failures {
		f.n = max(0, f.n-1)
		return f
	})
}

func (a *attempt) takeBack(change func(failures) failures) {
	a.g.mu.Lock()
	defer a.g.mu.Unlock()
	a.g.set(a, change(a.g.failures(a)))
	if b, ok := a.g.addresses[a.address]; ok {
		b.level = max(0, b.level-1)
		a.g.addresses[a.address] = b
	}
}

// forget lets a user try again: an admin gave a new link.
func (g *guard) forget(user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.users, user)
}

// failed counts a failure to sign in that belongs to no account, or refuses
// it.
func (g *guard) failed(now time.Time, address netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fill(g.addresses, now, network(address))
}

// wrongCredential counts a wrong key or token, or refuses it.
func (g *guard) wrongCredential(now time.Time, address netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fill(g.callers, now, network(address))
}

// mayTry refuses a credential that is costly to look at from who had too many
// wrong ones.
func (g *guard) mayTry(now time.Time, address netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.callers[network(address)].drained(now).full()
}

// tidy forgets what no longer matters.
func (g *guard) tidy(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, buckets := range []map[netip.Addr]bucket{g.addresses, g.callers} {
		for a, b := range buckets {
			if b.drained(now).level == 0 {
				delete(buckets, a)
			}
		}
	}
	forgetOld(g.users, now)
	forgetOld(g.unknown, now)
}

func forgetOld[K comparable](m map[K]failures, now time.Time) {
	for k, f := range m {
		if now.Sub(f.last) >= forgetFailures {
			delete(m, k)
		}
	}
}
