package access

import (
	"context"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// passwordMemory is what hashing a password takes (KiB). With two passes it is
// what OWASP asks of argon2id at least, about 25 ms on a core.
const passwordMemory = 19 << 10

// passwordParams are those of new hashes; a password that was hashed with
// others is hashed anew when its user signs in.
func passwordParams() argon2id.Params {
	return argon2id.Params{Memory: passwordMemory, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// passwords hashes them, a few at a time.
type passwords struct {
	params  argon2id.Params
	slots   chan struct{}
	waiting atomic.Int64
	// dummy is compared where there is no user: it takes as long.
	dummy string
	// compare and create are argon2id's; tests count them.
	compare func(password, hash string) (bool, *argon2id.Params, error)
	create  func(password string, params *argon2id.Params) (string, error)
}

func newPasswords(params argon2id.Params) (*passwords, error) {
	p := &passwords{params: params, slots: make(chan struct{}, maxHashing), compare: argon2id.CheckHash, create: argon2id.CreateHash}
	secret, _ := newSecret(linkPrefix)
	var err error
	p.dummy, err = p.create(secret, &p.params)
	return p, err
}

// enter waits for one of the places for hashing; leave gives it back.
func (p *passwords) enter(ctx context.Context) error {
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > maxWaiting {
		return refuse(CodeBusy, "Too many people sign in at this moment: try again in some seconds.")
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *passwords) leave() { <-p.slots }

// check compares a password with a hash; an empty hash is never right and
// takes as long. It says whether the hash is to be made anew.
func (p *passwords) check(ctx context.Context, password, hash string) (right, old bool, err error) {
	if err := p.enter(ctx); err != nil {
		return false, false, err
	}
	defer p.leave()
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	if len(password) > MaxPassword*utf8.UTFMax {
		password = "" // nobody has one like this; don't normalise megabytes
	}
	right, params, err := p.compare(norm.NFKC.String(password), hash)
	if err != nil {
		return false, false, err
	}
	return right && known, *params != p.params, nil
}

// hash makes the hash of a password that checkPassword accepts.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	return p.create(norm.NFKC.String(password), &p.params)
}

// checkPassword refuses what can't be a user's password. Length counts, not
// what it is made of: people who must mix characters choose worse ones.
func checkPassword(password, email string) error {
	if !utf8.ValidString(password) || len(password) > MaxPassword*utf8.UTFMax {
		return refuse(CodePassword, "Choose a password of %d to %d characters.", MinPassword, MaxPassword)
	}
	text := norm.NFKC.String(password)
	different := make(map[rune]bool)
	for _, r := range text {
		different[r] = true
	}
	local, _, _ := strings.Cut(email, "@")
	switch n := utf8.RuneCountInString(text); {
	case n < MinPassword || n > MaxPassword:
		return refuse(CodePassword, "Choose a password of %d to %d characters; this one has %d.", MinPassword, MaxPassword, n)
	case len(different) < minDifferent:
		return refuse(CodePassword, "Choose a password with at least %d different characters.", minDifferent)
	case strings.EqualFold(text, email), strings.EqualFold(text, local):
		return refuse(CodePassword, "Choose a password that is not the e-mail address.")
	}
	return nil
}
