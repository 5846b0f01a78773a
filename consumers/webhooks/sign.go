package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader bears the signature of a request:
//
//	Prepay-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…]
//
// Each v1 is the HMAC-SHA256, with one of the endpoint's secrets, of the
// digits of t, a dot, and the body.
const SignatureHeader = "Prepay-Signature"

// MinSecretBytes is the shortest secret that is taken.
const MinSecretBytes = 16

// DefaultTolerance is how old a request may be for its receiver: a request
// that is recorded and sent again later is refused.
const DefaultTolerance = 5 * time.Minute

// maxSignatures bounds the signatures that Verify looks at.
const maxSignatures = 16

// ErrSignature is wrapped by Verify's refusals.
var ErrSignature = errors.New("webhook signature")

// Sign returns the value of SignatureHeader, with a signature by each secret.
func Sign(body []byte, secrets []string, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + seconds)
	for _, secret := range secrets {
		b.WriteString(",v1=" + hex.EncodeToString(mac(secret, seconds, body)))
	}
	return b.String()
}

func mac(secret, seconds string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(seconds))
	h.Write([]byte{'.'})
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks a request as its receiver: the header's value, the body as it
// came byte for byte, and the secrets that the receiver takes (during a
// rotation the old and the new one). One signature by one of them is enough.
// The time must lie within the tolerance of now; 0 is DefaultTolerance. It
// returns nil, or an error that wraps ErrSignature.
func Verify(header string, body []byte, secrets []string, tolerance time.Duration, now time.Time) error {
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	seconds, signatures, err := parseSignature(header)
	if err != nil {
		return err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: t is %.20q, not seconds since 1970", ErrSignature, seconds)
	}
	if at := time.Unix(unix, 0); now.Sub(at) > tolerance || at.Sub(now) > tolerance {
		return fmt.Errorf("%w: sent at %s, more than %s from now", ErrSignature, at.UTC().Format(time.RFC3339), tolerance)
	}
	for _, secret := range secrets {
		if len(secret) < MinSecretBytes {
			continue // an unset secret must not let anybody in
		}
		want := mac(secret, seconds, body)
		for _, s := range signatures {
			if hmac.Equal(s, want) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: no signature is by one of the secrets", ErrSignature)
}

func parseSignature(header string) (seconds string, signatures [][]byte, err error) {
	for part := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case key == "t" && seconds != "":
			return "", nil, fmt.Errorf("%w: t comes twice", ErrSignature)
		case key == "t":
			seconds = value
		case key == "v1" && len(signatures) < maxSignatures:
			s, err := hex.DecodeString(value)
			if err != nil {
				return "", nil, fmt.Errorf("%w: v1 is not hex", ErrSignature)
			}
			signatures = append(signatures, s)
		}
	}
	if seconds == "" || len(signatures) == 0 {
		return "", nil, fmt.Errorf("%w: the header must have t and v1", ErrSignature)
	}
	return seconds, signatures, nil
}
