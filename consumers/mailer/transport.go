package mailer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// smtpTimeout is how long the server may take for each step: greeting,
// sign-in, one mail.
const smtpTimeout = 20 * time.Second

// stopTimeout is how long a mail under way may still take when the ledger
// stops.
const stopTimeout = 4 * time.Second

// Mail is one mail to one recipient.
type Mail struct {
	// ID becomes the Message-ID, with the sender's domain: a mail that comes
	// twice has the same.
	ID      string
	To      string
	Subject string
	// Text and HTML say the same.
	Text, HTML string
	// Date is when it is sent.
	Date time.Time
}

// Transport hands mails to an SMTP server.
type Transport struct {
	server *Server
	from   string
	client *mail.Client
}

// NewTransport returns a transport that sends as an address, such as
// "Prepay <prepay@example.com>".
func NewTransport(s *Server, from string) (*Transport, error) {
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("the sender %.80q is no mail address: write it like Prepay <prepay@example.com>", from)
	}
	opts := []mail.Option{mail.WithPort(s.Port), mail.WithTimeout(smtpTimeout), mail.WithTLSConfig(s.tlsConfig()), mail.WithoutNoop()}
	switch s.TLS {
	case TLSImplicit:
		opts = append(opts, mail.WithSSL(), mail.WithTLSPolicy(mail.NoTLS))
	case TLSStart:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	}
	if s.User != "" {
		how := mail.SMTPAuthAutoDiscover
		if s.TLS == TLSNone { // ParseURL: this machine only
			how = mail.SMTPAuthPlainNoEnc
		}
		opts = append(opts, mail.WithSMTPAuth(how), mail.WithUsername(s.User), mail.WithPassword(s.Password))
	}
	client, err := mail.NewClient(s.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("SMTP server %s: %w", s, err)
	}
	return &Transport{server: s, from: from, client: client}, nil
}

// RefusedError says that the server refuses a recipient or a mail for good.
type RefusedError struct{ err error }

// Error implements error.
func (e *RefusedError) Error() string { return e.err.Error() }

// Unwrap gives the server's answer.
func (e *RefusedError) Unwrap() error { return e.err }

// Session is a connection to the server, for one mail after the other.
type Session struct {
	t      *Transport
	client *smtp.Client
	// ended stops what waits for the context's end; forget has the context
	// keep the session no longer.
	ended  chan struct{}
	forget func() bool
}

// dialled is a connection, or why there is none.
type dialled struct {
	client *smtp.Client
	err    error
}

// Open connects and signs in. Once the context ends, a mail under way has
// stopTimeout left.
func (t *Transport) Open(ctx context.Context) (*Session, error) {
	dial := make(chan dialled, 1)
	go func() {
		client, err := t.client.DialToSMTPClientWithContext(ctx)
		dial <- dialled{client, err}
	}()
	var d dialled
	select {
	case d = <-dial:
	case <-ctx.Done():
		// A server that says nothing is left to itself: it has smtpTimeout.
		go func() {
			if d := <-dial; d.err == nil {
				_ = d.client.Close()
			}
		}()
		d.err = ctx.Err()
	}
	if d.err != nil {
		return nil, fmt.Errorf("SMTP server %s: %w", t.server, d.err)
	}
	s := &Session{t: t, client: d.client, ended: make(chan struct{})}
	s.forget = context.AfterFunc(ctx, s.cut)
	return s, nil
}

// cut ends the connection if the session does not end in time by itself.
func (s *Session) cut() {
	select {
	case <-s.ended:
	case <-time.After(stopTimeout):
		_ = s.client.Text.Close()
	}
}

// Close says goodbye; what was accepted stays accepted.
func (s *Session) Close() {
	_ = s.t.client.CloseWithSMTPClient(s.client)
	s.forget()
	close(s.ended)
}

// Send returns nil once the server has accepted the mail, a *RefusedError
// where it never will, and other errors where it may later.
func (s *Session) Send(m *Mail) error {
	msg, err := s.t.message(m)
	if err != nil {
		return &RefusedError{err}
	}
	err = s.t.client.SendWithSMTPClient(s.client, msg)
	if err == nil || msg.IsDelivered() { // accepted, whatever came of the goodbye
		return nil
	}
	var sent *mail.SendError
	refused := errors.As(err, &sent) && refusedForGood(sent)
	err = fmt.Errorf("SMTP server %s: %w", s.t.server, err)
	if refused {
		return &RefusedError{err}
	}
	return err
}

// refusedForGood says that a recipient, or the mail for it, is refused with a
// code of 500 or more. A refused sender is the operator's to mend: then it is
// tried again.
func refusedForGood(e *mail.SendError) bool {
	switch e.Reason {
	case mail.ErrSMTPRcptTo, mail.ErrSMTPData, mail.ErrSMTPDataClose:
		return e.ErrorCode() >= 500
	default:
		return false
	}
}

// message makes the mail as it goes over the wire.
func (t *Transport) message(m *Mail) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := errors.Join(msg.From(t.from), msg.To(m.To)); err != nil {
		return nil, err
	}
	msg.SetMessageIDWithValue(m.ID + "@" + t.domain())
	msg.SetDateWithValue(m.Date)
	msg.Subject(m.Subject)
	// Nobody's absence note answers a ledger.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	return msg, nil
}

// domain is the sender's.
func (t *Transport) domain() string {
	_, domain, _ := strings.Cut(t.from[strings.LastIndexAny(t.from, "< ")+1:], "@")
	return strings.TrimSuffix(domain, ">")
}
