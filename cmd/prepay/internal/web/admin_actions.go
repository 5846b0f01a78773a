package web

import (
	"context"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/ui"
)

// userAction does something to a user's sign-in, and says so.
func (w *Web) userAction(do func(*access.Store, context.Context, access.By, string) (access.User, error), said string) func(*request) error {
	return func(q *request) error {
		u, err := do(w.auth.Store(), q.Context(), q.by(), q.param("user"))
		if err != nil {
			return err
		}
		q.flash(ui.Good, said)
		return q.redirect(userURL(u.ID))
	}
}

// keyState is a key's state in a word.
func keyState(k *access.Key, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return "expired"
	}
	return "active"
}

// scopeWords are a key's scopes for people.
func scopeWords(scopes []access.Scope) string {
	if len(scopes) == 0 {
		return "all of its role"
	}
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
