package access

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Key is an API key, without its secret, which is shown once and kept nowhere.
type Key struct {
	// ID never changes and is never used again.
	ID string `json:"id"`
	// Name is no other key's, also after it was revoked: events name who did
	// something by it.
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Partners are the accounts of a RolePartner; others have none here.
	Partners []string `json:"partners,omitempty"`
	// Scopes narrow what it may be used for; none is all that its role has.
	Scopes    []Scope   `json:"scopes,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// RotatedAt is when it got the secret that it has.
	RotatedAt *time.Time `json:"rotated_at,omitempty"`
	// ExpiresAt is when it holds no more; nil is never.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// OldUntil is until when secrets of before the last rotation hold.
	OldUntil *time.Time `json:"old_until,omitempty"`
	// RevokedAt is when it was taken back; nil is not.
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	// LastUsed is when it was used last, to the minute; nil is never.
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// keyRecord is a key as it is kept.
type keyRecord struct {
	Key
	Hash digest `json:"hash"`
	// Older are the secrets of before that hold yet, the newest first.
	Older []olderSecret `json:"older,omitempty"`
	// Life is for how long each secret holds (time); 0 is for ever.
	Life time.Duration `json:"life"`

	// used is the minute of the last use, and is that of all records of a key.
	used *atomic.Int64
}

// olderSecret is one of before a rotation.
type olderSecret struct {
	Hash  digest    `json:"hash"`
	Until time.Time `json:"until"`
}

// manages reports whether a key may decide who has access.
func (k *keyRecord) manages(now time.Time) bool {
	return k.Role == RoleAdmin && k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt)) &&
		(len(k.Scopes) == 0 || slices.Contains(k.Scopes, ScopeAccess))
}

// credential is what a secret of a key stands for.
type credential struct {
	hash      digest
	principal *Principal
	until     int64 // nanoseconds since 1970
	used      *atomic.Int64
}

func keyKey(id string) []byte { return append([]byte{keyPrefix}, id...) }

// keepKey holds a key in memory; Store.mu is held.
func (s *Store) keepKey(k *keyRecord) {
	if old := s.keys[k.ID]; old != nil {
		delete(s.secrets, old.Hash)
		for _, o := range old.Older {
			delete(s.secrets, o.Hash)
		}
	}
	s.keys[k.ID], s.names[k.Name] = k, k
	if k.RevokedAt != nil {
		return
	}
	p := &Principal{Kind: KindKey, ID: k.ID, Name: k.Name, Role: k.Role, Partners: k.Partners, Scopes: k.Scopes}
	until := nanoseconds(k.ExpiresAt)
	s.secrets[k.Hash] = &credential{hash: k.Hash, principal: p, until: until, used: k.used}
	for _, o := range k.Older {
		s.secrets[o.Hash] = &credential{hash: o.Hash, principal: p, until: nanoseconds(&o.Until), used: k.used}
	}
}

// nanoseconds since 1970; nil is never.
func nanoseconds(t *time.Time) int64 {
	if t == nil {
		return math.MaxInt64
	}
	return t.UnixNano()
}

// putKey writes a key.
func (c *change) putKey(k *keyRecord) error {
	k.LastUsed = timeOf(k.used.Load())
	c.apply = append(c.apply, func() { c.store.keepKey(k) })
	return c.put(keyKey(k.ID), k)
}

// KeyPrincipal returns who has an API key; nil for one that is wrong, expired
// or revoked. What it returns is for many requests: don't change it.
func (s *Store) KeyPrincipal(secret string) *Principal {
	if c, holds := s.lookUp(secret); holds {
		return c.principal
	}
	return nil
}

// lookUp finds what a secret stands for, and whether it holds; nil is nothing.
func (s *Store) lookUp(secret string) (c *credential, holds bool) {
	hash, ok := digestOf(secret, KeyPrefix)
	if !ok {
		return nil, false
	}
	s.mu.RLock()
	c = s.secrets[hash]
	s.mu.RUnlock()
	if c == nil {
		return nil, false
	}
	now := s.clock()
	if now.UnixNano() >= c.until {
		return c, false
	}
	use(c.used, now)
	return c, true
}

// holds reports whether what a secret stood for still does.
func (s *Store) holds(c *credential) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.secrets[c.hash]
	return now != nil && s.clock().UnixNano() < now.until
}

// use notes a use, at most once a minute.
func use(used *atomic.Int64, now time.Time) {
	if minute := now.Unix() / int64(usePrecision/time.Second); used.Load() < minute {
		used.Store(minute)
	}
}

// Keys returns all keys by name, revoked ones among them.
func (s *Store) Keys() []Key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([]Key, 0, len(s.keys))
	for _, k := range s.keys {
		found = append(found, k.view())
	}
	slices.SortFunc(found, func(a, b Key) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// view is the key with its last use as it is now.
func (k *keyRecord) view() Key {
	v := k.Key
	v.LastUsed = timeOf(k.used.Load())
	return v
}

// Key returns a key by id or name.
func (s *Store) Key(idOrName string) (Key, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, err := s.key(idOrName)
	if err != nil {
		return Key{}, err
	}
	return k.view(), nil
}

// key is Key; Store.mu or Store.write is held.
func (s *Store) key(idOrName string) (*keyRecord, error) {
	if k := s.keys[idOrName]; k != nil {
		return k, nil
	}
	if k := s.names[idOrName]; k != nil {
		return k, nil
	}
	return nil, refuse(CodeUnknown, "There is no API key %.80q.", idOrName)
}

// NewKey says what a key is to be.
type NewKey struct {
	// Name is 1 to MaxKeyName of a-z, 0-9, dot, hyphen and underscore, and
	// starts with a letter or digit.
	Name     string
	Role     Role
	Partners []string
	Scopes   []Scope
	// Life is for how long it holds, and each secret after a rotation; 0 is
	// KeyLife.
	Life time.Duration
	// Forever makes a key that does not expire.
	Forever bool
}

// check refuses what can't be a key, and puts it in order.
func (n *NewKey) check() (err error) {
	if !validName(n.Name) {
		return refuse(CodeInvalid, "%.80q is no name of a key: use 1 to %d of a-z, 0-9, dot, hyphen, underscore.", n.Name, MaxKeyName)
	}
	if n.Partners, err = checkRole(n.Role, n.Partners); err != nil {
		return err
	}
	for _, s := range n.Scopes {
		if !slices.Contains(Scopes(), s) {
			return refuse(CodeInvalid, "There is no scope %.40q: it is one of %v.", s, Scopes())
		}
	}
	n.Scopes = slices.Compact(slices.Sorted(slices.Values(n.Scopes)))
	switch {
	case n.Forever && n.Life != 0:
		return refuse(CodeInvalid, "A key expires or it does not: give one of both.")
	case n.Life < 0 || n.Life > maxLife:
		return refuse(CodeInvalid, "A key holds for up to %d days, or without an expiry.", maxLife/(24*time.Hour))
	case n.Life == 0 && !n.Forever:
		n.Life = KeyLife
	}
	return nil
}

// maxLife is the longest life of a key with an expiry (time).
const maxLife = 10 * KeyLife

// validName reports whether a text can name a key; an id can't.
func validName(name string) bool {
	if name == "" || len(name) > MaxKeyName || strings.ContainsAny(name[:1], ".-_") || uuid.Validate(name) == nil {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune(".-_", r))
	})
}

// CreateKey makes an API key and returns its secret, which can't be asked for
// again.
func (s *Store) CreateKey(_ context.Context, by By, n NewKey) (Key, string, error) {
	if err := n.check(); err != nil {
		return Key{}, "", err
	}
	var k *keyRecord
	var secret string
	err := s.change(func(c *change) (err error) {
		k, secret, err = c.createKey(by, &n)
		return err
	})
	if err != nil {
		return Key{}, "", err
	}
	return k.view(), secret, nil
}

func (c *change) createKey(by By, n *NewKey) (*keyRecord, string, error) {
	if c.store.names[n.Name] != nil {
		return nil, "", refuse(CodeExists, "There is, or was, a key %s: choose another name, or rotate that one.", n.Name)
	}
	if len(c.store.keys) >= MaxKeys {
		return nil, "", refuse(CodeLimit, "There are %d keys, as many as there may be.", MaxKeys)
	}
	secret, hash := newSecret(KeyPrefix)
	k := &keyRecord{
		Key: Key{
			ID: uuid.NewString(), Name: n.Name, Role: n.Role, Partners: n.Partners, Scopes: n.Scopes, CreatedAt: c.now,
			ExpiresAt: expiry(c.now, n.Life),
		},
		Hash: hash, Life: n.Life, used: new(atomic.Int64),
	}
	detail := roleText(k.Role, k.Partners)
	if len(k.Scopes) > 0 {
		detail += fmt.Sprintf(" with %v", k.Scopes)
	}
	return k, secret, firstOf(c.putKey(k), c.logKey(by, ActionKeyCreated, k, detail))
}

func expiry(now time.Time, life time.Duration) *time.Time {
	if life == 0 {
		return nil
	}
	t := now.Add(life)
	return &t
}

// AdminKeyName is the key that EnsureAdminKey makes.
const AdminKeyName = "first-admin"

// EnsureAdminKey makes an admin key where there is neither a user nor a key,
// and returns its secret; else it does nothing.
func (s *Store) EnsureAdminKey(context.Context) (secret string, created bool, err error) {
	n := NewKey{Name: AdminKeyName, Role: RoleAdmin}
	if err := n.check(); err != nil {
		return "", false, err
	}
	err = s.change(func(c *change) (err error) {
		if len(s.users) > 0 || len(s.keys) > 0 {
			return errNothing
		}
		created = true
		_, secret, err = c.createKey(By{Actor: "system:first start"}, &n)
		return err
	})
	if err != nil {
		return "", false, err
	}
	return secret, created, nil
}

// RotateKey gives a key a new secret for as long as the old one held when it
// was new. Older ones hold for an overlap yet, up to MaxOverlap, and no longer
// than they did: who rotates again because the new secret got lost shuts nobody
// out.
func (s *Store) RotateKey(_ context.Context, by By, idOrName string, overlap time.Duration) (Key, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Key{}, "", refuse(CodeInvalid, "The old secret may hold for up to %s beside the new one.", MaxOverlap)
	}
	var k keyRecord
	secret, hash := newSecret(KeyPrefix)
	err := s.change(func(c *change) error {
		old, err := s.key(idOrName)
		if err != nil {
			return err
		}
		if old.RevokedAt != nil {
			return refuse(CodeState, "The key %s was revoked: make another.", old.Name)
		}
		k = *old
		k.Hash, k.RotatedAt, k.ExpiresAt = hash, &c.now, expiry(c.now, k.Life)
		k.age(old, c.now, c.now.Add(overlap))
		return firstOf(c.putKey(&k), c.logKey(by, ActionKeyRotated, &k, fmt.Sprintf("older secrets hold for %s", overlap)))
	})
	if err != nil {
		return Key{}, "", err
	}
	return k.view(), secret, nil
}

// age makes the secrets of before a rotation older ones, which hold until an
// instant at the latest. The oldest of too many hold no more.
func (k *keyRecord) age(before *keyRecord, now, latest time.Time) {
	until := latest
	if before.ExpiresAt != nil {
		until = *before.ExpiresAt
	}
	k.Older, k.OldUntil = nil, nil
	for _, o := range append([]olderSecret{{before.Hash, until}}, before.Older...) {
		if latest.Before(o.Until) {
			o.Until = latest
		}
		if !now.Before(o.Until) || len(k.Older) == maxOlder {
			continue
		}
		k.Older = append(k.Older, o)
		if k.OldUntil == nil || k.OldUntil.Before(o.Until) {
			k.OldUntil = &o.Until
		}
	}
}

// maxOlder is how many older secrets of a key hold at a time (count).
const maxOlder = 4

// RevokeKey takes a key back, with all its secrets, from this moment on.
func (s *Store) RevokeKey(_ context.Context, by By, idOrName string) (Key, error) {
	var k keyRecord
	err := s.change(func(c *change) error {
		old, err := s.key(idOrName)
		if err != nil {
			return err
		}
		if old.RevokedAt != nil {
			return refuse(CodeState, "The key %s is revoked already.", old.Name)
		}
		if old.manages(c.now) && !s.managed(c.now, "", old.ID) {
			return errLastAdmin()
		}
		k = *old
		k.RevokedAt, k.Older, k.OldUntil = &c.now, nil, nil
		return firstOf(c.putKey(&k), c.logKey(by, ActionKeyRevoked, &k, ""))
	})
	if err != nil {
		return Key{}, err
	}
	return k.view(), nil
}

// logKey notes what was done about a key.
func (c *change) logKey(by By, action Action, k *keyRecord, detail string) error {
	return c.log(LogEntry{Action: action, Actor: by.Actor, Address: by.Address, Subject: "key/" + k.Name, Detail: detail})
}

// noteKeys writes down when keys were used last.
func (c *change) noteKeys() error {
	for _, k := range c.store.keys {
		if k.used.Load() == minuteOf(k.LastUsed) {
			continue
		}
		changed := *k
		if err := c.putKey(&changed); err != nil {
			return err
		}
	}
	return nil
}
