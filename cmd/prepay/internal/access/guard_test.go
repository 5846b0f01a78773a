package access

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
)

// counting counts the hashes that a store makes, instead of taking the time.
func (b *bench) counting() *atomic.Int64 {
	n := new(atomic.Int64)
	compare := b.passwords.compare
	b.passwords.compare = func(password, hash string) (bool, *argon2id.Params, error) {
		n.Add(1)
		return compare(password, hash)
	}
	return n
}

// retryAfter is how long an error says to wait; zero is none.
func retryAfter(err error) time.Duration {
	var r *Refusal
	if errors.As(err, &r) && r.Code == CodeTooMany {
		return r.RetryAfter
	}
	return 0
}

// TestAccountsAreAlike: who guesses learns nothing about who is a user; neither
// from what is answered, nor from what it costs, nor from the delays.
func TestAccountsAreAlike(t *testing.T) {
	b := newBench(t)
	b.user("ana@example.com", RoleFinance)
	b.user("gone@example.com", RoleFinance)
	if _, err := b.Disable(context.Background(), admin, "gone@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Invite(context.Background(), admin, "new@example.com", RoleFinance, nil); err != nil {
		t.Fatal(err)
	}
	hashes := b.counting()
	type answer struct {
		text   string
		hashes int64
	}
	seen := make(map[string][]answer)
	for i, email := range []string{"ana@example.com", "gone@example.com", "new@example.com", "nobody@example.com", "no address"} {
		from := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		for range 20 {
			before := hashes.Load()
			_, err := b.SignIn(context.Background(), email, "a wrong password", from)
			seen[email] = append(seen[email], answer{err.Error(), hashes.Load() - before})
			if d := retryAfter(err); d > 0 {
				b.now = b.now.Add(d)
			}
		}
		b.now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	}
	for email, answers := range seen {
		for i, a := range answers {
			if want := seen["ana@example.com"][i]; a != want {
				t.Errorf("%s, attempt %d: %+v; of a user %+v", email, i, a, want)
			}
		}
	}
}

func TestAccountWaits(t *testing.T) {
	t.Run("longer each time", func(t *testing.T) {
		b := newBench(t)
		b.user("ana@example.com", RoleFinance)
		for range freeFailures {
			wantRefused(t, b.signIn("ana@example.com", "wrong"), CodeSignIn)
		}
		hashes := b.counting()
		for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			delay := time.Duration(minutes) * time.Minute
			if d := retryAfter(b.signIn("ana@example.com", goodPassword)); d != delay {
				t.Fatalf("waits %s, want %s", d, delay)
			}
			b.now = b.now.Add(delay - 1)
			wantRefused(t, b.signIn("ana@example.com", goodPassword), CodeTooMany)
			b.now = b.now.Add(1)
			wantRefused(t, b.signIn("ana@example.com", "wrong"), CodeSignIn)
		}
		if n := hashes.Load(); n != 8 {
			t.Errorf("%d passwords were compared while it waited, want 8", n)
		}
	})
	t.Run("no more after the right password, a reset or a day", func(t *testing.T) {
		b := newBench(t)
		u := b.user("ana@example.com", RoleFinance)
		fail := func() {
			t.Helper()
			for range freeFailures {
				wantRefused(t, b.signIn(u.Email, "wrong"), CodeSignIn)
			}
			wantRefused(t, b.signIn(u.Email, goodPassword), CodeTooMany)
		}
		fail()
		b.now = b.now.Add(firstDelay)
		if err := b.signIn(u.Email, goodPassword); err != nil {
			t.Fatal(err)
		}
		fail()
		if _, _, err := b.Reset(context.Background(), admin, u.ID); err != nil {
			t.Fatal(err)
		}
		if err := b.signIn(u.Email, goodPassword); err != nil {
			t.Fatal(err)
		}
		fail()
		b.now = b.now.Add(forgetFailures)
		for range freeFailures - 1 {
			wantRefused(t, b.signIn(u.Email, "wrong"), CodeSignIn)
		}
		if err := b.signIn(u.Email, goodPassword); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("not for others", func(t *testing.T) {
		b := newBench(t)
		b.user("ana@example.com", RoleFinance)
		b.user("ben@example.com", RoleFinance)
		for range freeFailures {
			_ = b.signIn("ana@example.com", "wrong")
		}
		if err := b.signIn("ben@example.com", goodPassword); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAttemptsAtOnce: many at the same time get no more guesses.
func TestAttemptsAtOnce(t *testing.T) {
	b := newBench(t)
	b.user("ana@example.com", RoleFinance)
	hashes := b.counting()
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() { _ = b.signIn("ana@example.com", "wrong") })
	}
	all.Wait()
	if n := hashes.Load(); n != freeFailures {
		t.Errorf("%d guesses, want %d", n, freeFailures)
	}
}

// TestCancelledAttempts: who goes away while waiting gains nothing.
func TestCancelledAttempts(t *testing.T) {
	b := newBench(t)
	b.user("ana@example.com", RoleFinance)
	for range maxHashing {
		b.passwords.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error)
	go func() {
		_, err := b.SignIn(ctx, "ana@example.com", "wrong", client)
		waiting <- err
	}()
	for b.passwords.waiting.Load() == 0 {
		runtime.Gosched()
	}
	for range maxHashing {
		b.passwords.leave()
	}
	cancel()
	<-waiting
	for range freeFailures - 1 {
		wantRefused(t, b.signIn("ana@example.com", "wrong"), CodeSignIn)
	}
}

func TestAddressWaits(t *testing.T) {
	b := newBench(t)
	b.user("ana@example.com", RoleFinance)
	office := netip.MustParseAddr("2001:db8::1")
	beside := netip.MustParseAddr("2001:db8::2")
	try := func(from netip.Addr, i int, password string) error {
		_, err := b.SignIn(context.Background(), string(rune('a'+i%26))+"@example.com", password, from)
		return err
	}
	for i := range addressFailures {
		wantRefused(t, try(office, i, "wrong"), CodeSignIn)
	}
	if d := retryAfter(try(office, 0, "wrong")); d != addressRefill {
		t.Errorf("waits %s, want %s", d, addressRefill)
	}
	if retryAfter(try(beside, 0, "wrong")) == 0 {
		t.Error("another address of its /64 does not wait")
	}
	_, err := b.SignIn(context.Background(), "ana@example.com", goodPassword, office)
	wantRefused(t, err, CodeTooMany)
	if _, err := b.SignIn(context.Background(), "ana@example.com", goodPassword, client); err != nil {
		t.Errorf("others wait: %v", err)
	}
	b.now = b.now.Add(addressRefill)
	if _, err := b.SignIn(context.Background(), "ana@example.com", goodPassword, office); err != nil {
		t.Errorf("it waits for ever: %v", err)
	}
}

// TestHashingIsBounded: however many sign in, few hash and few wait.
func TestHashingIsBounded(t *testing.T) {
	b := newBench(t)
	b.user("ana@example.com", RoleFinance)
	var now, most atomic.Int64
	hold := make(chan struct{})
	b.passwords.compare = func(string, string) (bool, *argon2id.Params, error) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-hold
		now.Add(-1)
		return false, &b.passwords.params, nil
	}
	const tries = maxWaiting + maxHashing + 100
	answers := make(chan error, tries)
	for i := range tries {
		go func() {
			from := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
			_, err := b.SignIn(context.Background(), "x"+string(rune('a'+i%26))+string(rune('a'+i/26))+"@example.com", "wrong", from)
			answers <- err
		}()
	}
	for range tries - maxWaiting - maxHashing {
		wantRefused(t, <-answers, CodeBusy)
	}
	close(hold)
	for range maxWaiting + maxHashing {
		if err := <-answers; !errors.Is(err, Refused(CodeSignIn)) && !errors.Is(err, Refused(CodeBusy)) {
			t.Errorf("answered %v", err)
		}
	}
	if m := most.Load(); m > maxHashing {
		t.Errorf("%d hashed at once, want at most %d", m, maxHashing)
	}
}

func TestPasswordRules(t *testing.T) {
	const email = "ana.maria.lopez@example.com"
	for text, good := range map[string]bool{
		goodPassword:              true,
		"ünïcödé wörds":           true,
		"short pass":              false,
		"aaaaaaaaaaaaaaaaaaaa":    false,
		"ababababcdcdcd":          false,
		email:                     false,
		"ANA.MARIA.LOPEZ":         false,
		"not utf-8 \xff\xfe \xfd": false,
		string(make([]byte, MaxPassword*utf8Max+1)): false,
	} {
		if err := checkPassword(text, email); (err == nil) != good {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	b := newBench(t)
	_, token, _ := b.Invite(context.Background(), admin, email, RoleFinance, nil)
	_, err := b.SetPassword(context.Background(), token, "short", client)
	wantRefused(t, err, CodePassword)
	if _, err := b.SetPassword(context.Background(), token, "Ångström and more", client); err != nil {
		t.Fatalf("the link is used up by a password that was refused: %v", err)
	}
	if err := b.signIn(email, "A\u030angstro\u0308m and more"); err != nil {
		t.Errorf("another keyboard's way to write the same: %v", err)
	}
}

const utf8Max = 4

func TestChangePassword(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("ana@example.com", RoleFinance)
	id, _ := b.SignIn(ctx, u.Email, goodPassword, client)
	token, _, _ := b.IssueToken(id, By{})
	_, err := b.ChangePassword(ctx, u.ID, "wrong", "another horse entirely", client)
	wantRefused(t, err, CodeSignIn)
	_, err = b.ChangePassword(ctx, u.ID, goodPassword, "short", client)
	wantRefused(t, err, CodePassword)
	if b.TokenPrincipal(token) == nil {
		t.Fatal("refused, but the session ended")
	}
	id, err = b.ChangePassword(ctx, u.ID, goodPassword, "another horse entirely", client)
	if err != nil {
		t.Fatal(err)
	}
	if b.TokenPrincipal(token) != nil {
		t.Error("a session outlives it")
	}
	if _, _, err := b.IssueToken(id, By{}); err != nil {
		t.Errorf("who changed it can't go on: %v", err)
	}
}

func TestRehash(t *testing.T) {
	b := newBench(t)
	u := b.user("ana@example.com", RoleFinance)
	before := b.users[u.ID].Password
	if err := b.signIn(u.Email, goodPassword); err != nil || b.users[u.ID].Password != before {
		t.Fatal("hashed anew without a reason", err)
	}
	b.passwords.params.Iterations++
	if err := b.signIn(u.Email, goodPassword); err != nil || b.users[u.ID].Password == before {
		t.Fatal("not hashed anew", err)
	}
	if err := b.signIn(u.Email, goodPassword); err != nil {
		t.Fatal(err)
	}
}

func TestForgotPassword(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	u := b.user("ana@example.com", RoleFinance)
	whose, token, err := b.ForgotPassword(ctx, "Ana@Example.com", client)
	if err != nil || token == "" || whose.ID != u.ID {
		t.Fatal(whose, err)
	}
	for _, email := range []string{"nobody@example.com", u.Email} { // the second was sent one just now
		if _, again, err := b.ForgotPassword(ctx, email, client); err != nil || again != "" {
			t.Errorf("%s got one: %v", email, err)
		}
	}
	if _, err := b.SetPassword(ctx, token, "another horse entirely", client); err != nil {
		t.Fatal(err)
	}
	for range addressFailures {
		_, _, err = b.ForgotPassword(ctx, "nobody@example.com", client)
	}
	wantRefused(t, err, CodeTooMany)
}
