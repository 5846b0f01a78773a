package access

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"prepayledger/eventstore"
)

// bench is a store whose clock a test turns.
type bench struct {
	*Store
	t   *testing.T
	dir string
	now time.Time
}

const goodPassword = "correct horse battery"

var (
	admin  = By{Actor: "admin:root@bsp.example", Address: "192.0.2.1"}
	client = netip.MustParseAddr("192.0.2.7")
)

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), now: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)}
	b.open()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	s, err := Open(b.dir, Options{Clock: func() time.Time { return b.now }, params: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Store = s
}

// again closes the store and opens it anew.
func (b *bench) again() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

// user adds an active user with goodPassword.
func (b *bench) user(email string, role Role, partners ...string) User {
	b.t.Helper()
	_, token, err := b.Invite(context.Background(), admin, email, role, partners)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.SetPassword(context.Background(), token, goodPassword, client); err != nil {
		b.t.Fatal(err)
	}
	u, err := b.User(email)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// key makes a key.
func (b *bench) key(n NewKey) (Key, string) {
	b.t.Helper()
	k, secret, err := b.CreateKey(context.Background(), admin, n)
	if err != nil {
		b.t.Fatal(err)
	}
	return k, secret
}

// signIn tries a password.
func (b *bench) signIn(email, password string) error {
	_, err := b.SignIn(context.Background(), email, password, client)
	return err
}

// newest returns the newest entry of the log.
func (b *bench) newest() LogEntry {
	b.t.Helper()
	found, err := b.Log(0, 1)
	if err != nil || len(found) != 1 {
		b.t.Fatalf("the log has %v, %v", found, err)
	}
	return found[0]
}

func wantRefused(t *testing.T, err error, code Code) {
	t.Helper()
	if !errors.Is(err, Refused(code)) {
		t.Fatalf("got error %v, want %s", err, code)
	}
}

func TestInvitation(t *testing.T) {
	ctx := context.Background()
	t.Run("sets the first password, once", func(t *testing.T) {
		b := newBench(t)
		u, token, err := b.Invite(ctx, admin, " Ana@Example.com ", RolePartner, []string{"PA-2", "PA-1", "PA-2"})
		if err != nil {
			t.Fatal(err)
		}
		if u.Email != "ana@example.com" || u.Status != StatusInvited || strings.Join(u.Partners, " ") != "PA-1 PA-2" {
			t.Fatalf("invited %+v", u)
		}
		wantRefused(t, b.signIn("ana@example.com", goodPassword), CodeSignIn)
		b.again() // and a restart changes nothing
		if whose, err := b.LinkUser(token, client); err != nil || whose.ID != u.ID {
			t.Fatalf("link of %+v, %v", whose, err)
		}
		if _, err := b.SetPassword(ctx, token, goodPassword, client); err != nil {
			t.Fatal(err)
		}
		if err := b.signIn("ANA@example.com", goodPassword); err != nil {
			t.Fatal(err)
		}
		_, err = b.SetPassword(ctx, token, goodPassword+"2", client)
		wantRefused(t, err, CodeLink)
	})
	t.Run("is refused when it expired, was taken back or made up", func(t *testing.T) {
		b := newBench(t)
		_, first, _ := b.Invite(ctx, admin, "ana@example.com", RoleFinance, nil)
		_, second, err := b.Invite(ctx, admin, "ana@example.com", RoleFinance, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.SetPassword(ctx, first, goodPassword, client)
		wantRefused(t, err, CodeLink)
		made, _ := newSecret(linkPrefix)
		_, err = b.SetPassword(ctx, made, goodPassword, client)
		wantRefused(t, err, CodeLink)
		b.now = b.now.Add(InvitationLife)
		_, err = b.SetPassword(ctx, second, goodPassword, client)
		wantRefused(t, err, CodeLink)
	})
	t.Run("stays quiet about who is a user already", func(t *testing.T) {
		b := newBench(t)
		u := b.user("ana@example.com", RoleFinance)
		_, _, err := b.Invite(ctx, admin, "ana@example.com", RoleAdmin, nil)
		wantRefused(t, err, CodeExists)
		if now, _ := b.User(u.ID); now.Role != RoleFinance {
			t.Fatalf("role is %s", now.Role)
		}
	})
}

func TestWhatCanBeInvited(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		email    string
		role     Role
		partners []string
	}{
		"no address":           {"ana", RoleFinance, nil},
		"address with a slash": {"key/ana@example.com", RoleFinance, nil},
		"no role":              {"ana@example.com", "root", nil},
		"partner of nothing":   {"ana@example.com", RolePartner, nil},
		"partner of no id":     {"ana@example.com", RolePartner, []string{"a\nb"}},
		"too many":             {"ana@example.com", RolePartner, strings.Split(strings.Repeat("P,", MaxPartners)+"Q", ",")},
		"finance of a partner": {"ana@example.com", RoleFinance, []string{"PA-1"}},
	} {
		if name == "too many" {
			for i := range c.partners {
				c.partners[i] = "PA-" + strings.Repeat("1", i+1)[:min(i+1, 9)] + string(rune('a'+i%26)) + string(rune('a'+i/26))
			}
		}
		if _, _, err := b.Invite(context.Background(), admin, c.email, c.role, c.partners); !errors.Is(err, Refused(CodeInvalid)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found := b.Users(); len(found) != 0 {
		t.Errorf("there are users: %v", found)
	}
}

func TestReset(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("ana@example.com", RoleFinance)
	id, err := b.SignIn(ctx, u.Email, goodPassword, client)
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := b.IssueToken(id, By{})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := b.Reset(ctx, admin, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.signIn(u.Email, goodPassword); err != nil {
		t.Fatalf("the old password does not hold until then: %v", err)
	}
	if b.TokenPrincipal(session) == nil {
		t.Fatal("the session does not hold until then")
	}
	if _, err := b.SetPassword(ctx, token, "another horse entirely", client); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, b.signIn(u.Email, goodPassword), CodeSignIn)
	if b.TokenPrincipal(session) != nil {
		t.Fatal("a session outlives the password")
	}
	if _, _, err := b.IssueToken(id, By{}); !errors.Is(err, Refused(CodeSignIn)) {
		t.Fatalf("who signed in with the old password begins a session: %v", err)
	}
	_, token, _ = b.Reset(ctx, admin, u.ID)
	b.now = b.now.Add(ResetLife)
	_, err = b.SetPassword(ctx, token, goodPassword, client)
	wantRefused(t, err, CodeLink)
}

func TestDisabled(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("ana@example.com", RoleFinance)
	id, _ := b.SignIn(ctx, u.Email, goodPassword, client)
	session, _, err := b.IssueToken(id, By{})
	if err != nil {
		t.Fatal(err)
	}
	_, link, _ := b.Reset(ctx, admin, u.ID)
	if _, err := b.Disable(ctx, admin, u.ID); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, b.signIn(u.Email, goodPassword), CodeSignIn)
	if b.TokenPrincipal(session) != nil {
		t.Error("a session outlives it")
	}
	_, err = b.SetPassword(ctx, link, goodPassword, client)
	wantRefused(t, err, CodeLink)
	_, _, err = b.Reset(ctx, admin, u.ID)
	wantRefused(t, err, CodeState)
	_, err = b.Disable(ctx, admin, u.ID)
	wantRefused(t, err, CodeState)
	if _, err := b.Enable(ctx, admin, u.Email); err != nil {
		t.Fatal(err)
	}
	if err := b.signIn(u.Email, goodPassword); err != nil {
		t.Error(err)
	}
	if b.TokenPrincipal(session) != nil {
		t.Error("the session came back")
	}
	_, err = b.Enable(ctx, admin, u.Email)
	wantRefused(t, err, CodeState)
}

func TestSetUser(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("ana@example.com", RolePartner, "PA-1")
	id, _ := b.SignIn(ctx, u.Email, goodPassword, client)
	session, _, _ := b.IssueToken(id, By{})
	if p := b.TokenPrincipal(session); p == nil || !p.Sees("PA-1") || p.Sees("PA-2") {
		t.Fatalf("principal %+v", p)
	}
	if _, err := b.SetUser(ctx, admin, u.ID, RolePartner, []string{"PA-2"}); err != nil {
		t.Fatal(err)
	}
	if b.TokenPrincipal(session) != nil {
		t.Error("a session outlives it")
	}
	if e := b.newest(); e.Action != ActionUserChanged || e.Actor != admin.Actor || e.Detail != "partner of PA-1 → partner of PA-2" {
		t.Errorf("logged %+v", e)
	}
	_, err := b.SetUser(ctx, admin, u.ID, RoleAuditor, []string{"PA-2"})
	wantRefused(t, err, CodeInvalid)
	_, err = b.SetUser(ctx, admin, "nobody@example.com", RoleAuditor, nil)
	wantRefused(t, err, CodeUnknown)
}

func TestLastAdmin(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("root@bsp.example", RoleAdmin)
	_, err := b.Disable(ctx, admin, u.ID)
	wantRefused(t, err, CodeLastAdmin)
	_, err = b.SetUser(ctx, admin, u.ID, RoleFinance, nil)
	wantRefused(t, err, CodeLastAdmin)
	if _, _, err := b.Invite(ctx, admin, "other@bsp.example", RoleAdmin, nil); err != nil {
		t.Fatal(err)
	}
	_, err = b.Disable(ctx, admin, u.ID) // who is only invited can't manage yet
	wantRefused(t, err, CodeLastAdmin)
	b.key(NewKey{Name: "narrow", Role: RoleAdmin, Scopes: []Scope{ScopeRead}})
	_, err = b.Disable(ctx, admin, u.ID)
	wantRefused(t, err, CodeLastAdmin)
	k, _ := b.key(NewKey{Name: "wide", Role: RoleAdmin})
	if _, err = b.Disable(ctx, admin, u.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.RevokeKey(ctx, admin, k.Name)
	wantRefused(t, err, CodeLastAdmin)
}

func TestAdminKeyOfFirstStart(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	secret, created, err := b.EnsureAdminKey(ctx)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	if p := b.KeyPrincipal(secret); p == nil || p.Role != RoleAdmin {
		t.Fatalf("principal %+v", p)
	}
	b.again()
	if again, created, err := b.EnsureAdminKey(ctx); err != nil || created || again != "" {
		t.Fatal("a second one", created, err)
	}
	other := newBench(t)
	other.user("ana@example.com", RoleFinance)
	if _, created, err := other.EnsureAdminKey(ctx); err != nil || created {
		t.Fatal("one where there are users", created, err)
	}
}

func TestKey(t *testing.T) {
	ctx := context.Background()
	t.Run("is found by its secret, also after a restart", func(t *testing.T) {
		b := newBench(t)
		k, secret := b.key(NewKey{Name: "gateway", Role: RolePartner, Partners: []string{"PA-1"}, Scopes: []Scope{ScopeRead}})
		b.now = b.now.Add(time.Hour)
		for range 2 {
			p := b.KeyPrincipal(secret)
			if p == nil || p.ID != k.ID || p.Actor() != "partner:key/gateway" || !p.Sees("PA-1") || p.has(ScopeWrite) {
				t.Fatalf("principal %+v", p)
			}
			b.again()
		}
		if now, _ := b.Key("gateway"); now.LastUsed == nil || !now.LastUsed.Equal(b.now) {
			t.Errorf("last used %v", now.LastUsed)
		}
	})
	t.Run("is refused when it is wrong, expired or revoked", func(t *testing.T) {
		b := newBench(t)
		k, secret := b.key(NewKey{Name: "gateway", Role: RoleService})
		for _, wrong := range []string{"", "pk_", secret[:len(secret)-1], secret + "A", "pt_" + secret[3:], strings.ToUpper(secret), strings.Repeat("x", 1<<16)} {
			if p := b.KeyPrincipal(wrong); p != nil {
				t.Errorf("%.60q is %+v", wrong, p)
			}
		}
		b.now = k.ExpiresAt.Add(-1)
		if b.KeyPrincipal(secret) == nil {
			t.Error("expired too early")
		}
		b.now = *k.ExpiresAt
		if b.KeyPrincipal(secret) != nil {
			t.Error("outlives its expiry")
		}
		_, other := b.key(NewKey{Name: "other", Role: RoleService, Forever: true})
		b.now = b.now.Add(100 * KeyLife)
		if b.KeyPrincipal(other) == nil {
			t.Error("one without expiry expired")
		}
		if _, err := b.RevokeKey(ctx, admin, "other"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if b.KeyPrincipal(other) != nil {
				t.Error("outlives being revoked")
			}
			b.again()
		}
		_, err := b.RevokeKey(ctx, admin, "other")
		wantRefused(t, err, CodeState)
		_, _, err = b.RotateKey(ctx, admin, "other", 0)
		wantRefused(t, err, CodeState)
	})
	t.Run("is not made of what can't be one", func(t *testing.T) {
		b := newBench(t)
		b.key(NewKey{Name: "there", Role: RoleService})
		for name, c := range map[string]struct {
			n    NewKey
			code Code
		}{
			"no name":       {NewKey{Role: RoleService}, CodeInvalid},
			"capitals":      {NewKey{Name: "Gate", Role: RoleService}, CodeInvalid},
			"an id":         {NewKey{Name: "0197c3a5-7d1b-7c3e-9a54-2f3c1d2e4b5a", Role: RoleService}, CodeInvalid},
			"too long":      {NewKey{Name: strings.Repeat("a", MaxKeyName+1), Role: RoleService}, CodeInvalid},
			"no role":       {NewKey{Name: "a"}, CodeInvalid},
			"no such scope": {NewKey{Name: "a", Role: RoleService, Scopes: []Scope{"all"}}, CodeInvalid},
			"both expiries": {NewKey{Name: "a", Role: RoleService, Life: 1, Forever: true}, CodeInvalid},
			"the past":      {NewKey{Name: "a", Role: RoleService, Life: -1}, CodeInvalid},
			"twice":         {NewKey{Name: "there", Role: RoleService}, CodeExists},
		} {
			if _, _, err := b.CreateKey(ctx, admin, c.n); !errors.Is(err, Refused(c.code)) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestRotation(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	k, first := b.key(NewKey{Name: "gateway", Role: RoleService, Life: 30 * 24 * time.Hour})
	b.now = b.now.Add(10 * 24 * time.Hour)
	rotated, second, err := b.RotateKey(ctx, admin, k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if want := b.now.Add(30 * 24 * time.Hour); !rotated.ExpiresAt.Equal(want) {
		t.Errorf("expires %s, want %s", rotated.ExpiresAt, want)
	}
	b.again()
	if b.KeyPrincipal(first) == nil || b.KeyPrincipal(second) == nil {
		t.Fatal("both hold for the overlap")
	}
	b.now = b.now.Add(time.Hour)
	if b.KeyPrincipal(first) != nil {
		t.Error("the old one outlives the overlap")
	}
	_, third, err := b.RotateKey(ctx, admin, "gateway", MaxOverlap)
	if err != nil {
		t.Fatal(err)
	}
	_, fourth, err := b.RotateKey(ctx, admin, "gateway", 0)
	if err != nil {
		t.Fatal(err)
	}
	if b.KeyPrincipal(second) != nil || b.KeyPrincipal(third) != nil || b.KeyPrincipal(fourth) == nil {
		t.Error("without overlap only the newest holds")
	}
	_, _, err = b.RotateKey(ctx, admin, "gateway", MaxOverlap+1)
	wantRefused(t, err, CodeInvalid)
	_, fifth, _ := b.RotateKey(ctx, admin, "gateway", time.Hour)
	if _, _, err := b.RotateKey(ctx, admin, "gateway", MaxOverlap); err != nil {
		t.Fatal(err)
	}
	b.again()
	if b.KeyPrincipal(fourth) == nil || b.KeyPrincipal(fifth) == nil {
		t.Error("who rotates again shuts out who has the secret before")
	}
	b.now = b.now.Add(time.Hour)
	if b.KeyPrincipal(fourth) != nil || b.KeyPrincipal(fifth) == nil {
		t.Error("rotating again makes an older secret hold for longer, or shorter")
	}
	b.now = b.now.Add(30*24*time.Hour - time.Hour - time.Minute)
	if short, _, err := b.RotateKey(ctx, admin, "gateway", time.Hour); err != nil || !short.OldUntil.Equal(b.now.Add(time.Minute)) {
		t.Errorf("an overlap outlives the secret: %v, %v", short.OldUntil, err)
	}
}

func TestOneProcess(t *testing.T) {
	b := newBench(t)
	if _, err := Open(b.dir, Options{}); !errors.Is(err, eventstore.ErrLocked) {
		t.Fatalf("a second one opens it: %v", err)
	}
}

func TestNewerVersion(t *testing.T) {
	b := newBench(t)
	if err := b.db.Set(versionKey, []byte("2"), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(b.dir, Options{})
	if err == nil || !strings.Contains(err.Error(), "newer") {
		t.Fatalf("opened: %v", err)
	}
	b.dir = t.TempDir()
	b.open()
}

// TestNoSecretsOnDisk looks for what must not be kept in what is.
func TestNoSecretsOnDisk(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("ana@example.com", RoleFinance)
	_, key := b.key(NewKey{Name: "gateway", Role: RoleService})
	id, _ := b.SignIn(ctx, u.Email, goodPassword, client)
	token, _, err := b.IssueToken(id, By{})
	if err != nil {
		t.Fatal(err)
	}
	_, link, _ := b.Reset(ctx, admin, u.ID)
	typed := "hunter2 in the wrong field"
	_ = b.signIn(typed, "x")
	_ = b.signIn(u.Email, "a wrong password")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	var all []byte
	if err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(all), "ana@example.com") {
		t.Fatal("the files can't be searched like this")
	}
	for _, secret := range []string{goodPassword, key, key[3:], token[3:], link[3:], typed, "a wrong password"} {
		if strings.Contains(string(all), secret) {
			t.Errorf("%q is on disk", secret)
		}
	}
	b.open()
}

func TestLog(t *testing.T) {
	b := newBench(t)
	b.user("ana@example.com", RoleFinance)
	b.key(NewKey{Name: "gateway", Role: RoleService})
	_ = b.signIn("ana@example.com", "wrong")
	_ = b.signIn("nobody@example.com", "wrong")
	b.again()
	b.key(NewKey{Name: "other", Role: RoleService})
	all, err := b.Log(0, MaxLogPage)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		action         Action
		actor, subject string
	}{
		{ActionKeyCreated, admin.Actor, "key/other"},
		{ActionSignInFailed, "", ""},
		{ActionSignInFailed, "", "ana@example.com"},
		{ActionKeyCreated, admin.Actor, "key/gateway"},
		{ActionPasswordSet, "finance:ana@example.com", "ana@example.com"},
		{ActionUserInvited, admin.Actor, "ana@example.com"},
	}
	if len(all) != len(want) {
		t.Fatalf("%d entries: %+v", len(all), all)
	}
	for i, w := range want {
		if e := all[i]; e.Action != w.action || e.Actor != w.actor || e.Subject != w.subject || e.Sequence != uint64(len(want)-i) {
			t.Errorf("entry %d is %+v, want %+v", i, e, w)
		}
	}
	var paged []LogEntry
	for before := uint64(0); before != 1; before = paged[len(paged)-1].Sequence {
		page, err := b.Log(before, 2)
		if err != nil || len(page) == 0 {
			t.Fatal(page, err)
		}
		paged = append(paged, page...)
	}
	if len(paged) != len(all) {
		t.Errorf("pages have %d of %d", len(paged), len(all))
	}
	if rest, err := b.Log(1, 2); err != nil || len(rest) != 0 {
		t.Errorf("before the first there is %v, %v", rest, err)
	}
}

// TestFloodIsNotLogged bounds what failures write.
func TestFloodIsNotLogged(t *testing.T) {
	b := newBench(t)
	for i := range 3 * failuresLogged {
		from := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		_, _ = b.SignIn(context.Background(), "nobody"+string(rune('a'+i%26))+"@example.com", "wrong", from)
	}
	if n := b.newest().Sequence; n > failuresLogged {
		t.Errorf("%d were logged", n)
	}
	b.now = b.now.Add(time.Minute)
	_ = b.signIn("somebody@example.com", "wrong")
	if e := b.newest(); e.Omitted == 0 {
		t.Errorf("the number of others is not said: %+v", e)
	}
}

func TestClosed(t *testing.T) {
	b := newBench(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, _, err := b.Invite(context.Background(), admin, "ana@example.com", RoleFinance, nil); !errors.Is(err, errClosed) {
		t.Errorf("changed after Close: %v", err)
	}
	if _, err := b.Log(0, 1); !errors.Is(err, errClosed) {
		t.Errorf("read after Close: %v", err)
	}
}

// BenchmarkKeyPrincipal looks keys up as each request does.
func BenchmarkKeyPrincipal(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var secret string
	for i := range 1000 {
		n := NewKey{Name: "key-" + strings.Repeat("x", i%40) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)), Role: RoleService}
		if _, secret, err = s.CreateKey(context.Background(), admin, n); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct{ name, secret string }{{"right", secret}, {"wrong", secret[:40] + "AAAAAA"}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if (s.KeyPrincipal(c.secret) != nil) != (c.name == "right") {
						b.Error("taken for the other")
					}
				}
			})
		})
	}
}
