package mailer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"prepayledger/consumers/mailer"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"smtp://mail.example.com":                                  "mail.example.com:587 (starttls)",
		"smtps://mail.example.com":                                 "mail.example.com:465 (tls)",
		"smtp://u:p%40@mail.example.com:2525?tls=starttls":         "mail.example.com:2525 (starttls)",
		"smtp://mail.example.com?tls=none":                         "mail.example.com:25 (none)",
		"smtp://u:p@127.0.0.1:1025?tls=none":                       "127.0.0.1:1025 (none)",
		"smtp://[::1]:25?tls=tls":                                  "[::1]:25 (tls)",
		"smtp://u:hunter2@mail.example.com?tls=none":               "in the clear",
		"http://mail.example.com":                                  "smtp:// or smtps://",
		"smtp://":                                                  "needs a host",
		"smtp://mail.example.com/inbox":                            "no path",
		"smtp://mail.example.com:0":                                "between 1 and 65535",
		"smtp://mail.example.com?tls=maybe":                        "starttls, tls or none",
		"smtp://mail.example.com?tsl=tls":                          "there is only tls",
		"smtp://u:hunter2%ZZ@mail.example.com":                     "unreadable",
		"smtp://u:hunter2@mail.example.com:notaport?tls=starttls":  "unreadable",
		"smtp://u:hunter2 with blanks@mail.example.com:notaport/x": "unreadable",
	} {
		s, err := mailer.ParseURL(text)
		got := ""
		if err != nil {
			got = err.Error()
			if !errors.Is(err, mailer.ErrURL) {
				t.Errorf("%s: %v does not match ErrURL", text, err)
			}
		} else {
			got = s.String()
		}
		if !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q, want %q and no password", text, got, want)
		}
	}
	if s, err := mailer.ParseURL("smtp://u:p%40%3A@mail.example.com"); err != nil || s.User != "u" || s.Password != "p@:" {
		t.Errorf("%+v, %v", s, err)
	}
}

func sample(to string) *mailer.Mail {
	return &mailer.Mail{ID: "id-1", To: to, Subject: "PA-1001: ü", Text: "text ü\n", HTML: "<p>html ü</p>\n", Date: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
}

func send(t *testing.T, tr *mailer.Transport, to string) error {
	t.Helper()
	s, err := tr.Open(t.Context())
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Send(sample(to))
}

// A mail arrives whole in each mode, signed in.
func TestModes(t *testing.T) {
	for _, mode := range []mailer.TLSMode{mailer.TLSStart, mailer.TLSImplicit, mailer.TLSNone} {
		t.Run(string(mode), func(t *testing.T) {
			p := newPost(t, mode)
			if err := send(t, p.transport(mode), "ana@example.com"); err != nil {
				t.Fatal(err)
			}
			m := p.next()
			if m.from != "prepay@ledger.example.com" || m.to != "ana@example.com" || m.id != "<id-1@ledger.example.com>" || m.subject != "PA-1001: ü" ||
				m.text != "text ü\n" || m.html != "<p>html ü</p>\n" || m.header != "auto-generated" {
				t.Errorf("%+v", m)
			}
		})
	}
}

// keeper is a context that counts who waits for its end.
type keeper struct {
	context.Context
	end     chan struct{}
	waiting atomic.Int32
}

func (k *keeper) Done() <-chan struct{} { return k.end }

// AfterFunc is asked by package context in the place of a goroutine.
func (k *keeper) AfterFunc(func()) func() bool {
	k.waiting.Add(1)
	return sync.OnceValue(func() bool { k.waiting.Add(-1); return true })
}

// A session that is over leaves nothing behind: the mailer's context lives as
// long as the server.
func TestSessionsAreForgotten(t *testing.T) {
	p := newPost(t, mailer.TLSNone)
	k := &keeper{Context: t.Context(), end: make(chan struct{})}
	s, err := p.transport(mailer.TLSNone).Open(k)
	if err != nil {
		t.Fatal(err)
	}
	if k.waiting.Load() == 0 {
		t.Error("an open session does not wait for the context's end")
	}
	s.Close()
	if n := k.waiting.Load(); n != 0 {
		t.Errorf("a closed session is still known to its context, %d times", n)
	}
}

func TestConnectionsThatAreNotSafeAreRefused(t *testing.T) {
	plain := newPost(t, mailer.TLSNone)
	if err := send(t, plain.transport(mailer.TLSStart), "ana@example.com"); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without STARTTLS: %v", err)
	}
	p := newPost(t, mailer.TLSStart)
	s := p.server(mailer.TLSStart)
	s.RootCAs = nil
	tr, err := mailer.NewTransport(s, "prepay@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, tr, "ana@example.com"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	s = p.server(mailer.TLSStart)
	s.Password = "hunter2"
	if tr, err = mailer.NewTransport(s, "prepay@example.com"); err != nil {
		t.Fatal(err)
	}
	err = send(t, tr, "ana@example.com")
	refused := (*mailer.RefusedError)(nil)
	if err == nil || errors.As(err, &refused) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong password is the operator's to mend: %v", err)
	}
	plain.none()
	p.none()
	if _, err := mailer.NewTransport(s, "nobody"); err == nil {
		t.Error("a sender that is no address is taken")
	}
}

// What is refused for good is told apart from what may go better later.
func TestRefusals(t *testing.T) {
	p := newPost(t, mailer.TLSStart)
	tr := p.transport(mailer.TLSStart)
	answer := func(code int) func(string) error {
		return func(string) error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no"}
		}
	}
	for _, c := range []struct {
		name       string
		rcpt, data func(string) error
		forGood    bool
	}{
		{"unknown", answer(550), nil, true},
		{"greylisted", answer(450), nil, false},
		{"spam", nil, answer(554), true},
		{"full", nil, answer(452), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.refuse(c.rcpt, c.data)
			err := send(t, tr, "ana@example.com")
			refused := (*mailer.RefusedError)(nil)
			if err == nil || errors.As(err, &refused) != c.forGood {
				t.Errorf("refused for good: %t, want %t: %v", errors.As(err, &refused), c.forGood, err)
			}
			p.none()
		})
	}
	p.refuse(nil, nil)
	if err := send(t, tr, "ana@example.com"); err != nil {
		t.Error(err)
	}
	p.next()
}
