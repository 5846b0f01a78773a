package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
)

// Status is what a user may do now.
type Status string

// The statuses.
const (
	// StatusInvited has no password yet.
	StatusInvited Status = "invited"
	// StatusActive may sign in.
	StatusActive Status = "active"
	// StatusDisabled may not, until enabled again.
	StatusDisabled Status = "disabled"
)

// User is somebody who signs in with a password.
type User struct {
	// ID never changes and is never used again.
	ID string `json:"id"`
	// Email is in lower case, and no two users'. It never changes: events name
	// who did something by it.
	Email string `json:"email"`
	Role  Role   `json:"role"`
	// Partners are the accounts of a RolePartner, 1 to MaxPartners; others have
	// none here.
	Partners   []string   `json:"partners,omitempty"`
	Status     Status     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"`
	LastSignIn *time.Time `json:"last_sign_in,omitempty"`
}

// Principal is the user as who makes a request.
func (u *User) Principal() *Principal {
	return &Principal{Kind: KindUser, ID: u.ID, Name: u.Email, Role: u.Role, Partners: u.Partners}
}

// userRecord is a user as it is kept.
type userRecord struct {
	User
	// Password is its argon2id hash; empty where there is none.
	Password string `json:"password,omitempty"`
	// Link is the invitation or reset that is open.
	Link *link `json:"link,omitempty"`
	// Epoch counts how often all sessions were ended: one that begins with what
	// was true before does not begin.
	Epoch int `json:"epoch"`

	principal *Principal
}

// link is an invitation or reset.
type link struct {
	Hash    digest    `json:"hash"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

func userKey(id string) []byte { return append([]byte{userPrefix}, id...) }

// keepUser holds a user in memory; Store.mu is held.
func (s *Store) keepUser(u *userRecord) {
	if old := s.users[u.ID]; old != nil && old.Link != nil {
		delete(s.links, old.Link.Hash)
	}
	u.principal = u.Principal()
	s.users[u.ID], s.emails[u.Email] = u, u
	if u.Link != nil {
		s.links[u.Link.Hash] = u
	}
}

// putUser writes a user.
func (c *change) putUser(u *userRecord) error {
	c.apply = append(c.apply, func() { c.store.keepUser(u) })
	return c.put(userKey(u.ID), u)
}

// Users returns all users, by e-mail address.
func (s *Store) Users() []User {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([]User, 0, len(s.users))
	for _, u := range s.users {
		found = append(found, u.User)
	}
	slices.SortFunc(found, func(a, b User) int { return cmp.Compare(a.Email, b.Email) })
	return found
}

// User returns a user by id or e-mail address.
func (s *Store) User(idOrEmail string) (User, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, err := s.user(idOrEmail)
	if err != nil {
		return User{}, err
	}
	return u.User, nil
}

// user is User; Store.mu or Store.write is held.
func (s *Store) user(idOrEmail string) (*userRecord, error) {
	if u := s.users[idOrEmail]; u != nil {
		return u, nil
	}
	if u := s.emails[normal(idOrEmail)]; u != nil {
		return u, nil
	}
	return nil, refuse(CodeUnknown, "There is no user %.80q.", idOrEmail)
}

// normal is an e-mail address as it is compared.
func normal(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// checkEmail refuses what is no e-mail address of a user. One with a slash
// could be taken for another kind of actor.
func checkEmail(email string) error {
	if !domain.ValidAddress(email) || strings.Contains(email, "/") {
		return refuse(CodeInvalid, "%.80q is no e-mail address: write it like ana@example.com.", email)
	}
	return nil
}

// checkRole refuses a role without what belongs to it, and returns the
// partners in order.
func checkRole(role Role, partners []string) ([]string, error) {
	if !slices.Contains(Roles(), role) {
		return nil, refuse(CodeInvalid, "There is no role %.40q: it is one of %v.", role, Roles())
	}
	if role != RolePartner {
		if len(partners) > 0 {
			return nil, refuse(CodeInvalid, "Only the role partner has partner accounts: leave them out for %s.", role)
		}
		return nil, nil
	}
	partners = slices.Compact(slices.Sorted(slices.Values(partners)))
	if len(partners) < 1 || len(partners) > MaxPartners {
		return nil, refuse(CodeInvalid, "The role partner needs 1 to %d partner accounts: name them.", MaxPartners)
	}
	for _, p := range partners {
		if !domain.ValidID(p) {
			return nil, refuse(CodeInvalid, "%.80q is no partner id.", p)
		}
	}
	return partners, nil
}

// Invite adds a user and returns the token with which it sets its first
// password, within InvitationLife. Inviting somebody again who has not come
// gives a new token and takes the old one back.
func (s *Store) Invite(_ context.Context, by By, email string, role Role, partners []string) (User, string, error) {
	email = normal(email)
	if err := checkEmail(email); err != nil {
		return User{}, "", err
	}
	partners, err := checkRole(role, partners)
	if err != nil {
		return User{}, "", err
	}
	var u userRecord
	token, hash := newSecret(linkPrefix)
	err = s.change(func(c *change) error {
		old := s.emails[email]
		switch {
		case old != nil && old.Status != StatusInvited:
			return refuse(CodeExists, "%s is a user already.", email)
		case old != nil:
			u = *old
		case len(s.users) >= MaxUsers:
			return refuse(CodeLimit, "There are %d users, as many as there may be.", MaxUsers)
		default:
			u = userRecord{User: User{ID: uuid.NewString(), Email: email, Status: StatusInvited, CreatedAt: c.now}}
		}
		u.Role, u.Partners = role, partners
		u.Link = &link{Hash: hash, Issued: c.now, Expires: c.now.Add(InvitationLife)}
		s.guard.forget(u.ID)
		return firstOf(c.putUser(&u), c.logUser(by, ActionUserInvited, &u, roleText(role, partners)))
	})
	if err != nil {
		return User{}, "", err
	}
	return u.User, token, nil
}

// SetUser changes what a user may do, and ends the user's sessions.
func (s *Store) SetUser(_ context.Context, by By, idOrEmail string, role Role, partners []string) (User, error) {
	partners, err := checkRole(role, partners)
	if err != nil {
		return User{}, err
	}
	return s.changeUser(by, idOrEmail, func(c *change, u *userRecord) (Action, string, error) {
		detail := roleText(u.Role, u.Partners) + " → " + roleText(role, partners)
		u.Role, u.Partners = role, partners
		return ActionUserChanged, detail, c.endSessions(u)
	})
}

// Disable keeps a user out, from this moment on.
func (s *Store) Disable(_ context.Context, by By, idOrEmail string) (User, error) {
	return s.changeUser(by, idOrEmail, func(c *change, u *userRecord) (Action, string, error) {
		if u.Status == StatusDisabled {
			return "", "", refuse(CodeState, "%s is disabled already.", u.Email)
		}
		u.Status, u.Link = StatusDisabled, nil
		return ActionUserDisabled, "", c.endSessions(u)
	})
}

// Enable lets a user in again, with the old password; who had none is invited
// again.
func (s *Store) Enable(_ context.Context, by By, idOrEmail string) (User, error) {
	return s.changeUser(by, idOrEmail, func(_ *change, u *userRecord) (Action, string, error) {
		if u.Status != StatusDisabled {
			return "", "", refuse(CodeState, "%s is not disabled.", u.Email)
		}
		u.Status = StatusActive
		if u.Password == "" {
			u.Status = StatusInvited
		}
		return ActionUserEnabled, "", nil
	})
}

// Reset returns a token with which the user sets a new password, within
// ResetLife; the old one holds until then. Delays after failures are over.
func (s *Store) Reset(_ context.Context, by By, idOrEmail string) (User, string, error) {
	token, hash := newSecret(linkPrefix)
	u, err := s.changeUser(by, idOrEmail, func(c *change, u *userRecord) (Action, string, error) {
		if u.Status != StatusActive {
			return "", "", refuse(CodeState, "%s is %s: only who is active has a password to reset.", u.Email, u.Status)
		}
		u.Link = &link{Hash: hash, Issued: c.now, Expires: c.now.Add(ResetLife)}
		s.guard.forget(u.ID)
		return ActionResetIssued, "", nil
	})
	if err != nil {
		return User{}, "", err
	}
	return u, token, nil
}

// EndSessions signs a user out everywhere.
func (s *Store) EndSessions(_ context.Context, by By, idOrEmail string) (User, error) {
	return s.changeUser(by, idOrEmail, func(c *change, u *userRecord) (Action, string, error) {
		return ActionSessionsEnded, "", c.endSessions(u)
	})
}

// changeUser changes a copy of a user and writes it; somebody who manages
// access must be left.
func (s *Store) changeUser(by By, idOrEmail string, work func(*change, *userRecord) (Action, string, error)) (User, error) {
	var u userRecord
	err := s.change(func(c *change) error {
		old, err := s.user(idOrEmail)
		if err != nil {
			return err
		}
		u = *old
		action, detail, err := work(c, &u)
		if err != nil {
			return err
		}
		if manages(old) && !manages(&u) && !s.managed(c.now, u.ID, "") {
			return errLastAdmin()
		}
		return firstOf(c.putUser(&u), c.logUser(by, action, &u, detail))
	})
	return u.User, err
}

// manages reports whether a user may decide who has access.
func manages(u *userRecord) bool { return u.Role == RoleAdmin && u.Status == StatusActive }

// managed reports whether somebody may decide who has access, without a user
// and a key.
func (s *Store) managed(now time.Time, exceptUser, exceptKey string) bool {
	for _, u := range s.users {
		if u.ID != exceptUser && manages(u) {
			return true
		}
	}
	for _, k := range s.keys {
		if k.ID != exceptKey && k.manages(now) {
			return true
		}
	}
	return false
}

func errLastAdmin() error {
	return refuse(CodeLastAdmin, "Nobody could manage access any more: give another user the role admin, or make an admin key, first.")
}

// logUser notes what was done about a user.
func (c *change) logUser(by By, action Action, u *userRecord, detail string) error {
	return c.log(LogEntry{Action: action, Actor: by.Actor, Address: by.Address, Subject: u.Email, Detail: detail})
}

// roleText is a role with its partners.
func roleText(role Role, partners []string) string {
	if len(partners) == 0 {
		return string(role)
	}
	return fmt.Sprintf("%s of %s", role, strings.Join(partners, ", "))
}

// firstOf returns the first error.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
