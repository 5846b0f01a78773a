package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/desk"

	"github.com/emersion/go-smtp"
)

// inbox is an SMTP server on this machine that takes every mail.
type inbox struct {
	url   string
	mails chan [2]string // recipient, subject
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{url: fmt.Sprintf("smtp://%s?tls=none", l.Addr()), mails: make(chan [2]string, 100)}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{in: in}, nil }))
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); served.Wait() })
	return in
}

type mailSession struct {
	in *inbox
	to string
}

func (*mailSession) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (*mailSession) Reset()                                      {}
func (*mailSession) Logout() error                               { return nil }

func (s *mailSession) Data(r io.Reader) error {
	subject := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Subject: "); ok {
			subject = rest
		}
	}
	s.in.mails <- [2]string{s.to, subject}
	return lines.Err()
}

func (in *inbox) want(t *testing.T, to, subject string) {
	t.Helper()
	select {
	case m := <-in.mails:
		if m[0] != to || !strings.Contains(m[1], subject) {
			t.Fatalf("a mail to %s: %s; want %s: %s", m[0], m[1], to, subject)
		}
	case <-time.After(waiting):
		t.Fatalf("no mail to %s: %s", to, subject)
	}
}

func TestAlertSettingsOfAnAccount(t *testing.T) {
	data := newLedger(t)
	if v := parsed[desk.Alerts](t, data, "account", "alerts", "PA-1"); len(v.Recipients) != 0 || len(v.Kinds) != 6 {
		t.Errorf("%+v", v)
	}
	v := parsed[desk.Alerts](t, data, "account", "alerts", "PA-1", "--to", "ana@example.com,ben@example.com", "--kinds", "Blocked,Recharged")
	if fmt.Sprint(v) != "{PA-1 [ana@example.com ben@example.com] [Blocked Recharged]}" {
		t.Errorf("%+v", v)
	}
	if v = parsed[desk.Alerts](t, data, "account", "alerts", "PA-1", "--usual"); len(v.Recipients) != 2 || len(v.Kinds) != 6 {
		t.Errorf("%+v", v)
	}
	if text := ok(t, data, "account", "alerts", "PA-1", "--nobody"); !strings.Contains(text, "by mail: nobody") {
		t.Error(text)
	}
	refused(t, "invalid_setting", exitFailed, data, "account", "alerts", "PA-1", "--to", "ana")
	refused(t, "there is no kind", exitFailed, data, "account", "alerts", "PA-1", "--kinds", "Bloked")
	refused(t, "--nobody", exitFailed, data, "account", "alerts", "PA-1", "--nobody", "--to", "ana@example.com")
	refused(t, "unknown_account", exitFailed, data, "account", "alerts", "PA-9", "--to", "ana@example.com")
}

func TestATestMail(t *testing.T) {
	data, in := newLedger(t), newInbox(t)
	refused(t, "nobody is told", exitFailed, data, "alerts", "test", "PA-1", "--smtp-url", in.url, "--mail-from", "prepay@example.com")
	refused(t, "--smtp-url", exitFailed, data, "alerts", "test", "PA-1")
	ok(t, data, "account", "alerts", "PA-1", "--to", "ana@example.com")
	ok(t, data, "alerts", "test", "PA-1", "--smtp-url", in.url, "--mail-from", "prepay@example.com", "--alerts-to", "ops@example.com")
	in.want(t, "ops@example.com", "PA-1: This is a test")
	in.want(t, "ana@example.com", "PA-1: This is a test")
	ok(t, t.TempDir(), "alerts", "test", "PA-1", "--to", "cy@example.com", "--smtp-url", in.url, "--mail-from", "Prepay <prepay@example.com>")
	in.want(t, "cy@example.com", "PA-1: This is a test")
}

func TestMailSettingsThatCantBeRight(t *testing.T) {
	for want, args := range map[string][]string{
		"in the clear":   {"--smtp-url", "smtp://u:hunter2@mail.example.com?tls=none", "--mail-from", "a@example.com"},
		"--mail-from":    {"--smtp-url", "smtp://mail.example.com"},
		"--smtp-ca":      {"--smtp-url", "smtp://mail.example.com", "--mail-from", "a@example.com", "--smtp-ca", "/no/such/file"},
		"no certificate": {"--smtp-url", "smtp://mail.example.com", "--mail-from", "a@example.com", "--smtp-ca", "bank_test.go"},
		"need an SMTP":   {"--alerts-to", "a@example.com"},
		"is no mail":     {"--smtp-url", "smtp://mail.example.com", "--mail-from", "a@example.com", "--alerts-to", "ops"},
	} {
		_, errs, code := cli(t, t.TempDir(), append([]string{"config", "check"}, args...)...)
		if code != exitFailed || !strings.Contains(errs, want) || strings.Contains(errs, "hunter2") {
			t.Errorf("%v: %d %s, want %q and no password", args, code, errs, want)
		}
	}
	out := ok(t, t.TempDir(), "config", "show", "--smtp-url", "smtps://u:hunter2@mail.example.com", "--mail-from", "a@example.com")
	if strings.Contains(out, "hunter2") {
		t.Error("the password is shown")
	}
}

// The whole way: an account goes negative in a running ledger, and those who
// are to know get mails, each once, also over a restart.
func TestAlertsOfARunningLedger(t *testing.T) {
	data, in := newLedger(t), newInbox(t)
	ok(t, data, "account", "alerts", "PA-1", "--to", "ana@example.com", "--kinds", "GraceStarted,Blocked")
	ok(t, data, "account", "card", "PA-1", "sim_declined")
	mails := []string{"--smtp-url", in.url, "--mail-from", "prepay@example.com", "--alerts-to", "ops@example.com"}
	r := serve(t, data, mails...)
	r.ask(r.connect("prepay"), "prepay.charge", strings.TrimSpace(usageLine("a", `,"country":"BR","amount":"512.34","currency":"USD"`)))
	in.want(t, "ops@example.com", "PA-1: The balance is low")
	in.want(t, "ops@example.com", "PA-1: The balance is negative")
	in.want(t, "ana@example.com", "PA-1: The balance is negative")
	in.want(t, "ops@example.com", "PA-1: A card payment of")
	if code := r.end(); code != exitDone {
		t.Errorf("code %d", code)
	}
	r = serve(t, data, mails...)
	r.ask(r.connect("prepay"), "prepay.command.Block", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"reason":"test"}}`)
	in.want(t, "ops@example.com", "PA-1: All channels are blocked")
	in.want(t, "ana@example.com", "PA-1: All channels are blocked")
	if code := r.end(); code != exitDone {
		t.Errorf("code %d", code)
	}
	select {
	case m := <-in.mails:
		t.Errorf("one mail more: %v", m)
	default:
	}
}
