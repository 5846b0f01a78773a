package access

import (
	"context"
	"crypto/sha256"
	"net/netip"
)

func errSignIn() error { return refuse(CodeSignIn, "The e-mail address or the password is wrong.") }

// SignIn proves who somebody is by a password. Who has no access, is disabled,
// or was only invited, is answered as if the password were wrong, and as late.
// After freeFailures wrong ones the account must wait, longer each time; so
// must a client address after addressFailures.
func (s *Store) SignIn(ctx context.Context, email, password string, from netip.Addr) (*Identity, error) {
	email = normal(email)
	s.mu.RLock()
	u := s.emails[email]
	s.mu.RUnlock()
	id, hash := "", ""
	var unknown digest
	switch {
	case u == nil:
		unknown = sha256.Sum256([]byte(email))
	default:
		id = u.ID
		if u.Status == StatusActive {
			hash = u.Password
		}
	}
	attempt, err := s.guard.begin(s.now(), id, unknown, from)
	if err != nil {
		return nil, err
	}
	right, old, err := s.passwords.check(ctx, password, hash)
	if err != nil {
		attempt.notMade()
		return nil, err
	}
	if !right {
		e := LogEntry{Action: ActionSignInFailed, Address: addressText(from)}
		if u != nil {
			e.Subject = u.Email
		}
		return nil, firstOf(s.logFailure(e), errSignIn())
	}
	attempt.succeeded()
	if old {
		if err := s.rehash(ctx, u, password); err != nil {
			return nil, err
		}
	}
	return &Identity{Principal: u.principal, user: true, epoch: u.Epoch}, nil
}

// rehash keeps a password with the parameters of today.
func (s *Store) rehash(ctx context.Context, u *userRecord, password string) error {
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.change(func(c *change) error {
		now := s.users[u.ID]
		if now.Password != u.Password {
			return errNothing
		}
		changed := *now
		changed.Password = hash
		return c.putUser(&changed)
	})
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

func errLink() error {
	return refuse(CodeLink, "The link is wrong, expired or was used: ask for another.")
}

// LinkUser returns whose invitation or reset a token is, while it holds.
func (s *Store) LinkUser(token string, from netip.Addr) (User, error) {
	u, err := s.linkUser(token, from)
	if err != nil {
		return User{}, err
	}
	return u.User, nil
}

func (s *Store) linkUser(token string, from netip.Addr) (*userRecord, error) {
	hash, ok := digestOf(token, linkPrefix)
	if ok {
		s.mu.RLock()
		u := s.links[hash]
		s.mu.RUnlock()
		if u != nil && s.now().Before(u.Link.Expires) {
			return u, nil
		}
	}
	return nil, firstOf(s.guard.failed(s.now(), from), errLink())
}

// SetPassword sets the password of whom an invitation or reset is for. The
// token is used up, and all sessions of the user end.
func (s *Store) SetPassword(ctx context.Context, token, password string, from netip.Addr) (*Identity, error) {
	u, err := s.linkUser(token, from)
	if err != nil {
		return nil, err
	}
	return s.setPassword(ctx, u, password, from, func(now *userRecord, c *change) error {
		if now.Link == nil || now.Link.Hash != u.Link.Hash || !c.now.Before(now.Link.Expires) {
			return errLink()
		}
		return nil
	})
}

// ChangePassword changes the password of a user who knows it. All sessions of
// the user end, also the one that asks.
func (s *Store) ChangePassword(ctx context.Context, id, old, password string, from netip.Addr) (*Identity, error) {
	u, err := s.User(id)
	if err != nil {
		return nil, err
	}
	proven, err := s.SignIn(ctx, u.Email, old, from)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	record := s.users[u.ID]
	s.mu.RUnlock()
	return s.setPassword(ctx, record, password, from, func(now *userRecord, _ *change) error {
		if now.Epoch != proven.epoch || now.Status != StatusActive {
			return errSignIn()
		}
		return nil
	})
}

// setPassword sets a password where the user still is as allowed says.
func (s *Store) setPassword(ctx context.Context, u *userRecord, password string, from netip.Addr, allowed func(*userRecord, *change) error) (*Identity, error) {
	if err := checkPassword(password, u.Email); err != nil {
		return nil, err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	var changed userRecord
	err = s.change(func(c *change) error {
		now := s.users[u.ID]
		if err := allowed(now, c); err != nil {
			return err
		}
		changed = *now
		changed.Password, changed.Link, changed.Status = hash, nil, StatusActive
		s.guard.forget(u.ID)
		by := By{Actor: changed.Principal().Actor(), Address: addressText(from)}
		return firstOf(c.endSessions(&changed), c.putUser(&changed), c.logUser(by, ActionPasswordSet, &changed, ""))
	})
	if err != nil {
		return nil, err
	}
	return &Identity{Principal: changed.Principal(), user: true, epoch: changed.Epoch}, nil
}

// ForgotPassword returns a token for a user who asks for one without being
// signed in; it is for mailing to that address alone. It is empty where there
// is no such user, or one was sent within ForgotEvery: who asks must not see a
// difference.
func (s *Store) ForgotPassword(_ context.Context, email string, from netip.Addr) (User, string, error) {
	if err := s.guard.failed(s.now(), from); err != nil {
		return User{}, "", err
	}
	var u userRecord
	token, hash := newSecret(linkPrefix)
	given := false
	err := s.change(func(c *change) error {
		old := s.emails[normal(email)]
		if old == nil || old.Status != StatusActive || old.Link != nil && c.now.Before(old.Link.Issued.Add(ForgotEvery)) {
			return c.logFailure(LogEntry{Action: ActionResetRefused, Address: addressText(from)})
		}
		u, given = *old, true
		u.Link = &link{Hash: hash, Issued: c.now, Expires: c.now.Add(ResetLife)}
		return firstOf(c.putUser(&u), c.logUser(By{Address: addressText(from)}, ActionResetIssued, &u, "asked for without signing in"))
	})
	if err != nil || !given {
		return User{}, "", err
	}
	return u.User, token, nil
}
