package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

const (
	// MaxMetaBytes bounds a webhook: Meta sends up to 3 MiB.
	MaxMetaBytes = 3 << 20
	// MaxMetaWebhooks is how many webhooks are taken at once; Meta sends the
	// others again.
	MaxMetaWebhooks = 64
	// maxKeptBody is the largest buffer of a webhook that is used again: 64 KiB.
	maxKeptBody = 64 << 10
	// metaActor is who causes the charges of webhooks.
	metaActor = "meta:webhook"
	// metaCharges bounds the charges that go to the ledger together.
	metaCharges = 2048
)

// CodeBadSignature: a webhook that Meta did not sign.
const CodeBadSignature = "bad_signature"

// MetaOptions say how Meta's webhooks are known.
type MetaOptions struct {
	// AppSecrets are what Meta signs with: the app's secret, and while it is
	// changed the former one. Without any there is no such route.
	AppSecrets []string
	// VerifyToken is what Meta says when it is given the address; without it
	// there is no such route.
	VerifyToken string
	Logger      *zap.Logger
}

// Meta takes webhooks of the Cloud API. What proves who sends them is their
// signature, over the bytes as they came.
type Meta struct {
	ledger *ledger.Ledger
	opts   MetaOptions
	under  atomic.Int64
	// scratch is used again: most webhooks have one status.
	scratch sync.Pool
}

// NewMeta returns the webhook endpoint of a ledger.
func NewMeta(l *ledger.Ledger, opts MetaOptions) *Meta {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return &Meta{ledger: l, opts: opts}
}

// Verify answers Meta's question whether the address is ours.
func (m *Meta) Verify(w http.ResponseWriter, r *http.Request) {
	if m.opts.VerifyToken == "" {
		m.refuse(w, r, notSet())
		return
	}
	q := r.URL.Query()
	if q.Get("hub.mode") != "subscribe" || subtle.ConstantTimeCompare([]byte(q.Get("hub.verify_token")), []byte(m.opts.VerifyToken)) != 1 {
		m.refuse(w, r, newProblem(http.StatusForbidden, CodeForbidden, "The verify token is another: give Meta the one of --meta-verify-token."))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(q.Get("hub.challenge")))
}

// Receive takes a webhook. It answers when everything in it is on disk; what it
// can't take Meta sends again, and that counts once (R8).
func (m *Meta) Receive(w http.ResponseWriter, r *http.Request) {
	defer m.under.Add(-1)
	if m.under.Add(1) > MaxMetaWebhooks {
		m.refuse(w, r, overloaded())
		return
	}
	if err := m.receive(w, r); err != nil {
		m.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (m *Meta) receive(w http.ResponseWriter, r *http.Request) error {
	if len(m.opts.AppSecrets) == 0 {
		return notSet()
	}
	signature := r.Header.Get("X-Hub-Signature-256")
	if signature == "" {
		return newProblem(http.StatusUnauthorized, CodeBadSignature, "The header X-Hub-Signature-256 is missing, nothing was done.")
	}
	s, _ := m.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{decoder: intake.NewDecoder(m.ledger)}
	}
	defer func() {
		if s.body.Cap() <= maxKeptBody {
			m.scratch.Put(s)
		}
	}()
	if err := readBody(w, r, &s.body, MaxMetaBytes); err != nil {
		return err
	}
	if !signed(m.opts.AppSecrets, signature, s.body.Bytes()) {
		return newProblem(http.StatusForbidden, CodeBadSignature, "X-Hub-Signature-256 is not that of the body, nothing was done: correct --meta-app-secret.")
	}
	ctx, cancel := context.WithTimeout(r.Context(), Timeout)
	defer cancel()
	b := &s.decoder.Batch
	s.decoder.Now().DecodeWebhook("webhook", s.body.Bytes(), b)
	if len(b.Tiers) == 0 && len(b.Items) == 1 {
		p := ledger.Presented{Charge: b.Items[0].Charge, PhoneNumberID: b.Items[0].PhoneNumberID}
		_, err := m.ledger.ChargeOne(ctx, domain.Meta{Actor: metaActor}, &p)
		return err
	}
	return m.take(ctx, b)
}

// take charges what a webhook holds. Tiers are applied before what is rated by
// them.
func (m *Meta) take(ctx context.Context, b *usage.Batch) error {
	meta := m.ledger.NewCommand(domain.Meta{Actor: metaActor})
	for i := range b.Tiers {
		if _, err := m.ledger.RecordTier(ctx, meta, b.Tiers[i].Change); err != nil {
			return err
		}
	}
	var under []*ledger.Charging
	var failed error
	for items := b.Items; len(items) > 0 && failed == nil; {
		n := min(len(items), metaCharges)
		presented := make([]ledger.Presented, n)
		for i := range n {
			presented[i] = ledger.Presented{Charge: items[i].Charge, PhoneNumberID: items[i].PhoneNumberID}
		}
		items = items[n:]
		var c *ledger.Charging
		if c, failed = m.ledger.StartCharging(ctx, meta, presented); failed == nil {
			under = append(under, c)
		}
	}
	for _, c := range under {
		_, err := c.Wait(ctx)
		failed = errors.Join(failed, err)
	}
	return failed
}

// signed says whether one of the secrets made the signature of the body.
func signed(secrets []string, signature string, body []byte) bool {
	text, ok := strings.CutPrefix(signature, "sha256=")
	given, err := hex.DecodeString(text)
	if !ok || err != nil {
		return false
	}
	matches := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		matches = hmac.Equal(given, mac.Sum(nil)) || matches
	}
	return matches
}

// notSet hides a route that is not set up.
func notSet() *Problem {
	return newProblem(http.StatusNotFound, CodeNotFound, "There is no such address.")
}

// refuse answers with a problem, and logs what is the ledger's own fault.
func (m *Meta) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.Instance = RequestID(r.Context())
	if p.Status >= http.StatusInternalServerError && p.Code != commandjson.CodeOverloaded {
		m.opts.Logger.Error("a webhook of Meta was not taken, it comes again", zap.String("request", p.Instance), zap.Error(err))
	}
	if p.Code == CodeBadSignature {
		m.opts.Logger.Warn("a webhook that Meta did not sign was refused", zap.String("request", p.Instance))
	}
	WriteProblem(w, p)
}
