package mailer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"prepayledger/consumers/mailer"
)

// The only user of the test's server.
const user, password = "prepay", "s3cr:t/"

// received is a mail that the server accepted.
type received struct {
	from, to            string
	id, subject, header string
	text, html          string
	raw                 []byte
}

// post is an SMTP server over TCP.
type post struct {
	t       *testing.T
	address *net.TCPAddr
	roots   *x509.CertPool
	mails   chan received

	mu sync.Mutex
	// rcpt and data may refuse; nil accepts.
	rcpt func(to string) error
	data func(to string) error
	// sessions counts connections.
	sessions int
}

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// newPost starts a server; mode says how it is protected.
func newPost(t *testing.T, mode mailer.TLSMode) *post {
	t.Helper()
	cert, roots := certificate(t)
	p := &post{t: t, roots: roots, mails: make(chan received, 1000)}
	s := smtp.NewServer(p)
	s.Domain, s.MaxRecipients, s.MaxMessageBytes, s.ReadTimeout, s.WriteTimeout = "localhost", 1, 1<<20, 10*time.Second, 10*time.Second
	s.ErrorLog = quiet{}
	s.AllowInsecureAuth = mode == mailer.TLSNone
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if mode == mailer.TLSStart {
		s.TLSConfig = config
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().(*net.TCPAddr)
	if mode == mailer.TLSImplicit {
		l = tls.NewListener(l, config)
	}
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); served.Wait() })
	return p
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (p *post) server(mode mailer.TLSMode) *mailer.Server {
	return &mailer.Server{Host: "127.0.0.1", Port: p.address.Port, TLS: mode, User: user, Password: password, RootCAs: p.roots}
}

func (p *post) transport(mode mailer.TLSMode) *mailer.Transport {
	p.t.Helper()
	t, err := mailer.NewTransport(p.server(mode), "Prepay <prepay@ledger.example.com>")
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

func (p *post) refuse(rcpt, data func(to string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rcpt, p.data = rcpt, data
}

// next is the next mail accepted.
func (p *post) next() received {
	p.t.Helper()
	select {
	case m := <-p.mails:
		return m
	case <-time.After(20 * time.Second):
		p.t.Fatal("no mail came")
		return received{}
	}
}

// none says that no mail lies there.
func (p *post) none() {
	p.t.Helper()
	select {
	case m := <-p.mails:
		p.t.Fatalf("a mail to %s: %s", m.to, m.subject)
	default:
	}
}

// NewSession implements smtp.Backend.
func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions++
	return &session{p: p}, nil
}

type session struct {
	p        *post
	signed   bool
	from, to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, secret string) error {
		if name != user || secret != password {
			return errors.New("wrong password")
		}
		s.signed = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.signed {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.p.mu.Lock()
	refuse := s.p.rcpt
	s.p.mu.Unlock()
	if refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	refuse := s.p.data
	s.p.mu.Unlock()
	if refuse != nil {
		if err := refuse(s.to); err != nil {
			return err
		}
	}
	m, err := read(raw)
	if err != nil {
		return err
	}
	m.from, m.to = s.from, s.to
	s.p.mails <- m
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }

// read reads a mail by the standard library: another program than the one that
// wrote it.
func read(raw []byte) (m received, err error) {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m, err
	}
	m.raw, m.id = raw, parsed.Header.Get("Message-Id")
	m.header = parsed.Header.Get("Auto-Submitted")
	if m.subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return m, err
	}
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return m, errors.Join(err, errors.New("not multipart/alternative: "+kind))
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return m, err
		}
		clean := strings.ReplaceAll(string(text), "\r\n", "\n")
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			m.html = clean
		} else {
			m.text = clean
		}
	}
}
