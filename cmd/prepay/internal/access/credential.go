package access

import (
	"net/http"
	"strings"
)

// maxCredential bounds what a request may send as one (bytes); tokens of
// identity providers are the largest.
const maxCredential = 16 << 10

// sent is the credential that a request sends in its headers. A browser's
// session is in a cookie instead.
type sent struct {
	kind   sentKind
	secret string
}

type sentKind int

const (
	sentNothing sentKind = iota
	sentKey              // an API key
	sentToken            // the token of a program's session
	sentJWT              // a token of the identity provider
	sentWrong            // nothing that can be right
)

// sentBy finds what a request sends. More than one is wrong: which of them
// counts would be a matter of who reads it.
func sentBy(h http.Header) sent {
	keys, tokens := h["X-Api-Key"], h["Authorization"]
	switch {
	case len(keys)+len(tokens) == 0:
		return sent{}
	case len(keys)+len(tokens) > 1:
		return sent{kind: sentWrong}
	case len(keys) == 1:
		return known(keys[0], false)
	}
	scheme, secret, ok := strings.Cut(tokens[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return sent{kind: sentWrong}
	}
	return known(secret, true)
}

// known tells credentials apart by how they look.
func known(secret string, bearer bool) sent {
	switch {
	case len(secret) > maxCredential:
		return sent{kind: sentWrong}
	case strings.HasPrefix(secret, KeyPrefix):
		return sent{kind: sentKey, secret: secret}
	case bearer && strings.HasPrefix(secret, TokenPrefix):
		return sent{kind: sentToken, secret: secret}
	case bearer && strings.Count(secret, ".") == 2:
		return sent{kind: sentJWT, secret: secret}
	default:
		return sent{kind: sentWrong}
	}
}
