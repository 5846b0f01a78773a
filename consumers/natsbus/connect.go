package natsbus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Bounds of a connection.
const (
	// connectTimeout bounds one try to connect.
	connectTimeout = 5 * time.Second
	// reconnectWait is the pause between tries; up to reconnectJitter is added.
	reconnectWait   = 500 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
	// pendingBytes is how much is kept for a server that is away: 8 MiB. What
	// is more is refused at once, so memory stays flat.
	pendingBytes = 8 << 20
	// pingInterval and maxPings say when a silent server counts as away.
	pingInterval = 10 * time.Second
	maxPings     = 3
	// drainTimeout bounds a graceful close.
	drainTimeout = 10 * time.Second
)

// ConnectOptions say where and as whom to connect. At most one of CredsFile,
// NKeySeedFile, Token and User is needed.
type ConnectOptions struct {
	// URL names the servers, separated by commas.
	URL string
	// CredsFile is a file with a JWT and its seed.
	CredsFile string
	// NKeySeedFile is a file with the seed of an NKey.
	NKeySeedFile string
	// Token and User with Password are secrets that the server knows.
	Token          string
	User, Password string
	// CAFile has the certificates that the server's is checked against; empty
	// is the system's.
	CAFile string
	// CertFile and KeyFile are the client's certificate.
	CertFile, KeyFile string
	// Name says to the server's operator who this is.
	Name string
	// InboxPrefix is where replies come; empty is that of the role which User
	// names, else that of NATS.
	InboxPrefix string
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger

	inProcess nats.InProcessConnProvider
}

// Connect connects to a server. The first connection must succeed before ctx
// ends; afterwards a lost one is sought again forever, on each of the URL's
// servers in turn.
func Connect(ctx context.Context, opts ConnectOptions) (*nats.Conn, error) {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	options, err := options(opts)
	if err != nil {
		return nil, err
	}
	for {
		nc, err := nats.Connect(opts.URL, options...)
		if err == nil {
			return nc, nil
		}
		if !again(err) {
			return nil, connectError(err, opts)
		}
		opts.Logger.Warn("NATS can't be reached yet", zap.String("url", opts.URL), zap.Error(err))
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return nil, connectError(errors.Join(err, ctx.Err()), opts)
		}
	}
}

// again says that a failed try may go better the next time.
func again(err error) bool {
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, os.ErrDeadlineExceeded)
}

// connectError makes a sentence of a failed connection.
func connectError(err error, opts ConnectOptions) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return fmt.Errorf("NATS at %s refuses these credentials: check the user, or the creds, seed or token: %w", opts.URL, err)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("no NATS server answers at %s: check the address and that the server runs: %w", opts.URL, err)
	default:
		return fmt.Errorf("connect to NATS at %s: %w", opts.URL, err)
	}
}

// options translates to those of the client.
func options(opts ConnectOptions) ([]nats.Option, error) {
	log := opts.Logger
	list := []nats.Option{
		nats.Name(opts.Name), nats.Timeout(connectTimeout), nats.DrainTimeout(drainTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(pendingBytes), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(maxPings),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS connection lost, it is sought again", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("NATS connection is back", zap.String("server", nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("NATS reports an error", zap.String("subject", subject), zap.Error(err))
		}),
	}
	if opts.inProcess != nil {
		list = append(list, nats.InProcessServer(opts.inProcess))
	}
	if prefix := inboxPrefix(opts); prefix != "" {
		list = append(list, nats.CustomInboxPrefix(prefix))
	}
	if opts.CAFile != "" {
		list = append(list, nats.RootCAs(opts.CAFile))
	}
	if opts.CertFile != "" || opts.KeyFile != "" {
		list = append(list, nats.ClientCert(opts.CertFile, opts.KeyFile))
	}
	auth, err := credentials(opts)
	if err != nil {
		return nil, err
	}
	return append(list, auth...), nil
}

// inboxPrefix is where replies come; empty is NATS's default.
func inboxPrefix(opts ConnectOptions) string {
	if opts.InboxPrefix != "" {
		return opts.InboxPrefix
	}
	if r, ok := roleOf(opts.User); ok {
		return InboxPrefix(r)
	}
	return ""
}

// credentials are what the server is shown.
func credentials(opts ConnectOptions) ([]nats.Option, error) {
	var list []nats.Option
	if opts.CredsFile != "" {
		if _, err := os.Stat(opts.CredsFile); err != nil {
			return nil, fmt.Errorf("the NATS creds file can't be read: %w", err)
		}
		list = append(list, nats.UserCredentials(opts.CredsFile))
	}
	if opts.NKeySeedFile != "" {
		nkey, err := nats.NkeyOptionFromSeed(opts.NKeySeedFile)
		if err != nil {
			return nil, fmt.Errorf("the NATS NKey seed in %s can't be read: %w", opts.NKeySeedFile, err)
		}
		list = append(list, nkey)
	}
	if opts.Token != "" {
		list = append(list, nats.Token(opts.Token))
	}
	if opts.User != "" {
		list = append(list, nats.UserInfo(opts.User, opts.Password))
	}
	if len(list) > 1 {
		return nil, errors.New("name one way to sign in to NATS: a creds file, an NKey seed, a token, or user and password")
	}
	return list, nil
}
