package access

import (
	"cmp"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// session is one of somebody who signed in.
type session struct {
	Hash digest `json:"hash"`
	// Owner is the id of whose it is.
	Owner string `json:"owner"`
	// Principal is whose it is where that is no user: the identity provider
	// said who it is. It is what was true at the sign-in.
	Principal *Principal `json:"principal,omitempty"`
	// Program is a program's, which has no idle time.
	Program   bool       `json:"program,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	Deadline  time.Time  `json:"deadline"`
	Used      *time.Time `json:"used,omitempty"`
	// Data is what the session carries.
	Data []byte `json:"data,omitempty"`

	// used is the minute of the last use, and is that of all records of a
	// session.
	used *atomic.Int64
}

func sessionKey(hash digest) []byte { return append([]byte{sessionPrefix}, hash[:]...) }

// keepSession holds a session in memory; Store.mu is held.
func (s *Store) keepSession(x *session) {
	s.sessions[x.Hash] = x
	if s.owned[x.Owner] == nil {
		s.owned[x.Owner] = make(map[digest]*session)
	}
	s.owned[x.Owner][x.Hash] = x
}

// dropSession forgets a session; Store.mu is held.
func (s *Store) dropSession(x *session) {
	delete(s.sessions, x.Hash)
	delete(s.owned[x.Owner], x.Hash)
	if len(s.owned[x.Owner]) == 0 {
		delete(s.owned, x.Owner)
	}
}

func (c *change) putSession(x *session) error {
	x.Used = timeOf(x.used.Load())
	c.apply = append(c.apply, func() { c.store.keepSession(x) })
	return c.put(sessionKey(x.Hash), x)
}

func (c *change) deleteSession(x *session) error {
	c.apply = append(c.apply, func() { c.store.dropSession(x) })
	return c.batch.Delete(sessionKey(x.Hash), nil)
}

// principal is whose session it is now; nil is nobody's any more. Store.mu is
// held.
func (s *Store) principal(x *session, now time.Time) *Principal {
	p := x.Principal
	if p == nil {
		u := s.users[x.Owner]
		if u == nil || u.Status != StatusActive {
			return nil
		}
		p = u.principal
	}
	if !now.Before(x.Deadline) {
		return nil
	}
	idle := SessionIdle
	if p.Role == RolePartner {
		idle = PartnerIdle
	}
	if !x.Program && now.Sub(*timeOf(x.used.Load())) >= idle+usePrecision { // within which the last use lies
		return nil
	}
	return p
}

// find returns a session that holds, and whose it is; nil where there is none.
// It counts as a use only where touch says so.
func (s *Store) find(hash digest, touch bool) (*session, *Principal) {
	now := s.clock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	x := s.sessions[hash]
	if x == nil {
		return nil, nil
	}
	p := s.principal(x, now)
	if p == nil {
		return nil, nil
	}
	if touch {
		use(x.used, now)
	}
	return x, p
}

// Identity is somebody who has proven who they are, and may begin a session.
type Identity struct {
	// Principal is who it is.
	Principal *Principal
	user      bool
	epoch     int
}

// begin writes a new session.
func (s *Store) begin(id *Identity, hash digest, program bool, data []byte, by By) error {
	if len(data) > MaxSessionData {
		return refuse(CodeLimit, "The session carries too much.")
	}
	return s.change(func(c *change) error {
		x := &session{Hash: hash, Owner: id.Principal.ID, Program: program, CreatedAt: c.now, Deadline: c.now.Add(SessionLife), Data: data, used: new(atomic.Int64)}
		use(x.used, c.now)
		if id.user {
			u := s.users[id.Principal.ID]
			if u == nil || u.Status != StatusActive || u.Epoch != id.epoch {
				return errSignIn()
			}
			changed := *u
			changed.LastSignIn = &c.now
			if err := c.putUser(&changed); err != nil {
				return err
			}
		} else {
			x.Principal = id.Principal
		}
		if err := c.makeRoom(x.Owner); err != nil {
			return err
		}
		detail := ""
		if program {
			detail = "for a program"
		}
		return firstOf(c.putSession(x), c.log(LogEntry{
			Action: ActionSignedIn, Actor: id.Principal.Actor(), Subject: id.Principal.Name, Detail: detail, Address: by.Address,
		}))
	})
}

// makeRoom ends the session of an owner that was used longest ago, where there
// are as many as there may be.
func (c *change) makeRoom(owner string) error {
	if len(c.store.sessions) >= MaxAllSessions {
		return refuse(CodeLimit, "There are %d sessions, as many as there may be: try again later.", MaxAllSessions)
	}
	owned := c.store.owned[owner]
	if len(owned) < MaxSessions {
		return nil
	}
	var oldest *session
	for _, x := range owned {
		if oldest == nil || cmp.Or(cmp.Compare(x.used.Load(), oldest.used.Load()), x.CreatedAt.Compare(oldest.CreatedAt)) < 0 {
			oldest = x
		}
	}
	return c.deleteSession(oldest)
}

// IssueToken begins a session of a program and returns its token, which holds
// for SessionLife.
func (s *Store) IssueToken(id *Identity, by By) (token string, expires time.Time, err error) {
	token, hash := newSecret(TokenPrefix)
	expires = s.now().Add(SessionLife)
	if err := s.begin(id, hash, true, nil, by); err != nil {
		return "", time.Time{}, err
	}
	return token, expires, nil
}

// end ends a session; one that is not there is no error.
func (s *Store) end(hash digest, by By) error {
	return s.change(func(c *change) error {
		x := s.sessions[hash]
		if x == nil {
			return errNothing
		}
		name := ""
		if x.Principal != nil {
			name = x.Principal.Name
		} else if u := s.users[x.Owner]; u != nil {
			name = u.Email
		}
		return firstOf(c.deleteSession(x), c.log(LogEntry{Action: ActionSignedOut, Actor: by.Actor, Subject: name, Address: by.Address}))
	})
}

// EndOwnSessions signs out everywhere who has this principal's id.
func (s *Store) EndOwnSessions(by By, p *Principal) error {
	return s.change(func(c *change) error {
		if u := s.users[p.ID]; u != nil {
			changed := *u
			return firstOf(c.endSessions(&changed), c.putUser(&changed), c.logUser(by, ActionSessionsEnded, &changed, ""))
		}
		return firstOf(c.dropOwned(p.ID), c.log(LogEntry{Action: ActionSessionsEnded, Actor: by.Actor, Subject: p.Name, Address: by.Address}))
	})
}

// endSessions ends a user's sessions, also those that are about to begin. The
// user is a copy that is written afterwards.
func (c *change) endSessions(u *userRecord) error {
	u.Epoch++
	return c.dropOwned(u.ID)
}

func (c *change) dropOwned(owner string) error {
	for _, x := range c.store.owned[owner] {
		if err := c.deleteSession(x); err != nil {
			return err
		}
	}
	return nil
}

// SessionInfo is a session as its user sees it.
type SessionInfo struct {
	Program   bool       `json:"program"`
	CreatedAt time.Time  `json:"created_at"`
	Used      *time.Time `json:"used,omitempty"`
	ExpiresAt time.Time  `json:"expires_at"`
}

// Sessions returns the sessions of a principal, the newest first.
func (s *Store) Sessions(p *Principal) []SessionInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([]SessionInfo, 0, len(s.owned[p.ID]))
	for _, x := range s.owned[p.ID] {
		if s.principal(x, s.clock()) != nil {
			found = append(found, SessionInfo{Program: x.Program, CreatedAt: x.CreatedAt, Used: timeOf(x.used.Load()), ExpiresAt: x.Deadline})
		}
	}
	slices.SortFunc(found, func(a, b SessionInfo) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return found
}

// noteSessions writes down when sessions were used last, and deletes those that
// hold no more.
func (c *change) noteSessions() error {
	var errs []error
	for _, x := range c.store.sessions {
		switch {
		case c.store.principal(x, c.now) == nil:
			errs = append(errs, c.deleteSession(x))
		case x.used.Load() != minuteOf(x.Used):
			changed := *x
			errs = append(errs, c.putSession(&changed))
		}
	}
	return errors.Join(errs...)
}

// TokenPrincipal returns whose a program's token is; nil for one that is wrong,
// expired or ended. What it returns is for many requests: don't change it.
func (s *Store) TokenPrincipal(token string) *Principal {
	hash, ok := digestOf(token, TokenPrefix)
	if !ok {
		return nil
	}
	x, p := s.find(hash, true)
	if x == nil || !x.Program {
		return nil
	}
	return p
}

// EndToken ends a program's session; one that is not there is no error.
func (s *Store) EndToken(token string, by By) error {
	hash, ok := digestOf(token, TokenPrefix)
	if !ok {
		return nil
	}
	return s.end(hash, by)
}
