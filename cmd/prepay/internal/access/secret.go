package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// What secrets start with, so that people, programs and scanners for leaked
// secrets know them.
const (
	// KeyPrefix starts an API key.
	KeyPrefix = "pk_"
	// TokenPrefix starts the token of a program's session.
	TokenPrefix = "pt_"
	// linkPrefix starts the token of an invitation or reset.
	linkPrefix = "pl_"
)

const (
	// secretBytes is how much of a secret is random (bytes): it can't be
	// guessed, so that a fast hash keeps it.
	secretBytes = 32
	// secretLength is how long a secret is, with its prefix of three (bytes).
	secretLength = 3 + 43
)

// digest is the SHA-256 of a secret: what is kept of it.
type digest [sha256.Size]byte

// MarshalText implements encoding.TextMarshaler.
func (d digest) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, d[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digest) UnmarshalText(text []byte) error {
	_, err := base64.RawURLEncoding.Strict().Decode(d[:], text)
	return err
}

// newSecret returns a secret and what is kept of it.
func newSecret(prefix string) (string, digest) {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails: the process ends where there is no randomness
	secret := prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, sha256.Sum256([]byte(secret))
}

// digestOf is the digest of a text that has the form of a secret with the
// prefix. It allocates nothing.
func digestOf(secret, prefix string) (digest, bool) {
	if len(secret) != secretLength || secret[:len(prefix)] != prefix {
		return digest{}, false
	}
	var b [secretLength]byte
	copy(b[:], secret)
	return sha256.Sum256(b[:]), true
}
