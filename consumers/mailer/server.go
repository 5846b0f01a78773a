package mailer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// TLSMode says how the connection to the SMTP server is protected.
type TLSMode string

const (
	// TLSStart begins in the clear and must be raised by STARTTLS before
	// anything is said; the default of smtp://.
	TLSStart TLSMode = "starttls"
	// TLSImplicit is TLS from the first byte; the default of smtps://.
	TLSImplicit TLSMode = "tls"
	// TLSNone is no protection: for a relay on this machine.
	TLSNone TLSMode = "none"
)

// ErrURL is wrapped where the address of an SMTP server can't be right.
var ErrURL = errors.New("the SMTP server's address")

// Server is an SMTP server and how to sign in there.
type Server struct {
	Host string
	Port int
	TLS  TLSMode
	// User and Password sign in; empty is not at all.
	User, Password string
	// RootCAs are what the server's certificate is checked against; nil is
	// the system's.
	RootCAs *x509.CertPool
}

// ParseURL reads an address such as
// smtp://user:password@mail.example.com:587?tls=starttls. What is left out is
// STARTTLS on port 587 for smtp://, and TLS on port 465 for smtps://; port 25
// with tls=none. A password is never sent in the clear, other than to this
// machine. Errors never show the password.
func ParseURL(text string) (*Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		var reason *url.Error
		if errors.As(err, &reason) {
			err = reason.Err // without the text, which has the password
		}
		return nil, fmt.Errorf("%w is unreadable (%v): write it like smtp://user:password@mail.example.com:587?tls=starttls, and special characters of the password as %%XX", ErrURL, err)
	}
	s := &Server{Host: u.Hostname(), User: u.User.Username()}
	s.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		s.TLS, s.Port = TLSStart, 587
	case "smtps":
		s.TLS, s.Port = TLSImplicit, 465
	default:
		return nil, fmt.Errorf("%w begins with %.20q: it must be smtp:// or smtps://", ErrURL, u.Scheme+"://")
	}
	if s.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%w needs a host and no path: write it like smtp://mail.example.com:587", ErrURL)
	}
	if err := s.query(u.Query()); err != nil {
		return nil, err
	}
	if port := u.Port(); port != "" {
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return nil, fmt.Errorf("%w has port %.20q: it is between 1 and 65535", ErrURL, port)
		}
	}
	if s.TLS == TLSNone && s.User != "" && !isLocal(s.Host) {
		return nil, fmt.Errorf("%w has a password and tls=none: it would be sent in the clear; use starttls or tls", ErrURL)
	}
	return s, nil
}

// query reads the parameters.
func (s *Server) query(q url.Values) error {
	for name, values := range q {
		if name != "tls" || len(values) != 1 {
			return fmt.Errorf("%w has a parameter %.20q: there is only tls, once", ErrURL, name)
		}
		switch mode := TLSMode(values[0]); mode {
		case TLSStart, TLSImplicit:
			s.TLS = mode
		case TLSNone:
			s.TLS, s.Port = mode, 25
		default:
			return fmt.Errorf("%w has tls=%.20s: it is starttls, tls or none", ErrURL, mode)
		}
	}
	return nil
}

// isLocal says that a host is this machine.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String shows the server without its password.
func (s *Server) String() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) + " (" + string(s.TLS) + ")"
}

func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.Host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}
}
