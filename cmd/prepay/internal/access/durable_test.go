package access

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// memory opens a store in a file system that is in memory.
func memory(t rapid.TB, files vfs.FS, clock func() time.Time) *Store {
	t.Helper()
	s, err := Open("access", Options{Clock: clock, fs: files, params: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPowerCut cuts the power after each change: what was answered is there,
// and all of what belongs to it.
func TestPowerCut(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	files := vfs.NewCrashableMem()
	s := memory(t, files, clock)
	defer func() { _ = s.Close() }()
	var link, session, key string
	var id *Identity
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name  string
		do    func()
		holds func(*Store) bool
	}{
		{"invited", func() {
			_, token, err := s.Invite(ctx, admin, "ana@example.com", RoleFinance, nil)
			must(err)
			link = token
		}, func(s *Store) bool { _, err := s.LinkUser(link, client); return err == nil }},
		{"password set", func() {
			_, err := s.SetPassword(ctx, link, goodPassword, client)
			must(err)
		}, func(s *Store) bool {
			var err error
			id, err = s.SignIn(ctx, "ana@example.com", goodPassword, client)
			_, used := s.LinkUser(link, client)
			return err == nil && used != nil
		}},
		{"signed in", func() {
			token, _, err := s.IssueToken(id, By{})
			must(err)
			session = token
		}, func(s *Store) bool { return s.TokenPrincipal(session) != nil }},
		{"key made", func() {
			_, secret, err := s.CreateKey(ctx, admin, NewKey{Name: "gateway", Role: RoleService})
			must(err)
			key = secret
		}, func(s *Store) bool { return s.KeyPrincipal(key) != nil }},
		{"key revoked", func() {
			_, err := s.RevokeKey(ctx, admin, "gateway")
			must(err)
		}, func(s *Store) bool { return s.KeyPrincipal(key) == nil }},
		{"disabled", func() {
			_, err := s.Disable(ctx, admin, "ana@example.com")
			must(err)
		}, func(s *Store) bool { return s.TokenPrincipal(session) == nil }},
	}
	for i, step := range steps {
		step.do()
		after := memory(t, files.CrashClone(vfs.CrashCloneCfg{}), clock)
		if !step.holds(after) {
			t.Errorf("%s: it was answered, and is not there after the power was cut", step.name)
		}
		if entries, err := after.Log(0, MaxLogPage); err != nil || len(entries) != i+1 {
			t.Errorf("%s: the log has %d entries, want %d (%v)", step.name, len(entries), i+1, err)
		}
		must(after.Close())
	}
}

// TestKeysProperty makes, rotates and revokes keys in any order, with time going
// by and restarts, and compares every secret that ever was with a list kept by
// hand.
func TestKeysProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		files := vfs.NewMem()
		s := memory(t, files, clock)
		defer func() { _ = s.Close() }()
		type secret struct {
			name  string
			until time.Time
		}
		type key struct {
			life    time.Duration
			newest  string
			older   []string // the newest first, also those that hold no more
			revoked bool
		}
		secrets, keys := map[string]secret{}, map[string]*key{}
		name := func() string { return rapid.SampledFrom(slices.Sorted(maps.Keys(keys))).Draw(t, "key") }
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch step := rapid.SampledFrom([]string{"make", "rotate", "rotate", "rotate", "revoke", "wait", "restart"}).Draw(t, "step"); {
			case step == "make" && len(keys) < 3 || len(keys) == 0:
				n := fmt.Sprintf("key-%d", len(keys))
				life := time.Duration(rapid.IntRange(1, 40).Draw(t, "hours")) * time.Hour
				_, text, err := s.CreateKey(ctx, admin, NewKey{Name: n, Role: RoleService, Life: life})
				if err != nil {
					t.Fatal(err)
				}
				keys[n], secrets[text] = &key{life: life, newest: text}, secret{n, now.Add(life)}
			case step == "rotate":
				n := name()
				overlap := time.Duration(rapid.IntRange(0, 10).Draw(t, "overlap")) * time.Hour
				_, text, err := s.RotateKey(ctx, admin, n, overlap)
				k := keys[n]
				if (err != nil) != k.revoked {
					t.Fatalf("rotated %s, which is revoked: %t: %v", n, k.revoked, err)
				}
				if k.revoked {
					continue
				}
				k.older, k.newest = slices.Insert(k.older, 0, k.newest), text
				hold := 0
				for _, text := range k.older {
					until := secrets[text].until
					if now.Add(overlap).Before(until) {
						until = now.Add(overlap)
					}
					if hold == maxOlder {
						until = now
					}
					if now.Before(until) {
						hold++
					}
					secrets[text] = secret{n, until}
				}
				secrets[text] = secret{n, now.Add(k.life)}
			case step == "revoke":
				n := name()
				if _, err := s.RevokeKey(ctx, admin, n); (err != nil) != keys[n].revoked {
					t.Fatal(err)
				}
				keys[n].revoked = true
				for _, text := range append(keys[n].older, keys[n].newest) {
					delete(secrets, text)
				}
			case step == "wait":
				now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "minutes")) * time.Minute)
			case step == "restart":
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = memory(t, files, clock)
			}
			for n, k := range keys {
				for _, text := range append([]string{k.newest}, k.older...) {
					want := ""
					if known, ok := secrets[text]; ok && now.Before(known.until) {
						want = n
					}
					got := ""
					if p := s.KeyPrincipal(text); p != nil {
						got = p.Name
					}
					if got != want {
						t.Fatalf("a secret of %s is taken for %q, want %q", n, got, want)
					}
				}
			}
		}
	})
}
