package natsbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Defaults and bounds of the embedded server.
const (
	// DefaultHost is where the server listens: this machine alone.
	DefaultHost = "127.0.0.1"
	// DefaultPort is the port of NATS.
	DefaultPort = 4222
	// RandomPort lets the system choose the port.
	RandomPort = -1
	// DefaultMaxStoreBytes bounds what JetStream keeps on disk: 64 GiB.
	DefaultMaxStoreBytes = 64 << 30
	// SyncInterval is how long events may be in NATS before they are on its
	// disk, on a server of its own (time); everything else is on disk before it
	// is acknowledged.
	SyncInterval = 10 * time.Second
	// startTimeout is how long the server may take to come up; it reads its
	// streams' files first.
	startTimeout = 2 * time.Minute
	// readyStep is how often it is looked whether it is up.
	readyStep = 20 * time.Millisecond
)

// ServerOptions say how the embedded server runs.
type ServerOptions struct {
	// Dir is the server's folder: passwords and JetStream's files.
	Dir string
	// Host is the address to listen at; empty is DefaultHost.
	Host string
	// Port is the port to listen at; 0 is DefaultPort, RandomPort any free one.
	Port int
	// TLS is what clients from outside must speak; nil is plain TCP.
	TLS *tls.Config
	// MaxStoreBytes bounds JetStream's files; 0 is DefaultMaxStoreBytes.
	MaxStoreBytes int64
	// Cluster joins the server with others; nil is a server of its own.
	Cluster *ClusterOptions
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// ClusterOptions join servers into a cluster.
type ClusterOptions struct {
	// Server is this server's name, its own in the cluster.
	Server string
	// Host and Port are where the other servers connect.
	Host string
	Port int
	// Routes are the addresses of the others: nats://host:port.
	Routes []string
}

// Server is a NATS server in this process: JetStream with a fsync before each
// acknowledgement, and one user for each role.
type Server struct {
	server  *server.Server
	secrets map[Role]string
	log     *zap.Logger
}

// StartServer starts the server and returns when it takes connections. An
// error says in a sentence what to do.
func StartServer(opts ServerOptions) (*Server, error) {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.Dir == "" {
		return nil, errors.New("the NATS server needs a folder")
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the NATS server: %w", err)
	}
	secrets, err := passwords(opts.Dir)
	if err != nil {
		return nil, err
	}
	config, err := configure(opts, secrets)
	if err != nil {
		return nil, err
	}
	n, err := server.NewServer(config)
	if err != nil {
		return nil, fmt.Errorf("the NATS server can't be started: %w", err)
	}
	log := &logger{log: opts.Logger.Sugar()}
	n.SetLoggerV2(log, false, false, false)
	n.Start()
	if err := ready(n, log); err != nil {
		n.Shutdown()
		n.WaitForShutdown()
		return nil, startError(err, config)
	}
	return &Server{server: n, secrets: secrets, log: opts.Logger}, nil
}

// configure writes the server's options.
func configure(opts ServerOptions, secrets map[Role]string) (*server.Options, error) {
	o := &server.Options{
		ServerName: "prepay", Host: opts.Host, Port: opts.Port, NoSigs: true,
		JetStream: true, StoreDir: opts.Dir, JetStreamMaxStore: opts.MaxStoreBytes, DisableJetStreamBanner: true,
		SyncAlways: true, SyncInterval: SyncInterval, TLSConfig: opts.TLS, TLS: opts.TLS != nil,
	}
	if o.Host == "" {
		o.Host = DefaultHost
	}
	if o.Port == 0 {
		o.Port = DefaultPort
	}
	if o.JetStreamMaxStore == 0 {
		o.JetStreamMaxStore = DefaultMaxStoreBytes
	}
	for _, r := range Roles() {
		o.Users = append(o.Users, &server.User{Username: string(r), Password: secrets[r], Permissions: permissions(r)})
	}
	if c := opts.Cluster; c != nil {
		o.ServerName = c.Server
		o.Cluster = server.ClusterOpts{Name: "prepay", Host: c.Host, Port: c.Port}
		o.Routes = server.RoutesFromStr(strings.Join(c.Routes, ","))
		if len(o.Routes) != len(c.Routes) {
			return nil, errors.New("a route of the NATS cluster is not of the form nats://host:port")
		}
	}
	return o, nil
}

// ready waits until the server takes connections, or has said why it can't.
func ready(n *server.Server, log *logger) error {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if fatal := log.fatal.Load(); fatal != nil {
			return errors.New(*fatal)
		}
		if n.ReadyForConnections(readyStep) {
			return nil
		}
	}
	return fmt.Errorf("it is not up after %s", startTimeout)
}

// startError makes a sentence of what kept the server from starting.
func startError(err error, o *server.Options) error {
	if strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
		return fmt.Errorf("port %d of %s is in use by another program: stop that one, or choose another port with --nats-listen HOST:PORT", o.Port, o.Host)
	}
	return fmt.Errorf("the NATS server can't be started: %w", err)
}

// ClientURL is where clients from outside connect.
func (s *Server) ClientURL() string { return s.server.ClientURL() }

// Password returns a role's password. It must not be logged.
func (s *Server) Password(r Role) string { return s.secrets[r] }

// Connect connects within the process, past the network, with the rights of a
// role.
func (s *Server) Connect(ctx context.Context, r Role) (*nats.Conn, error) {
	return Connect(ctx, ConnectOptions{
		URL: s.ClientURL(), User: string(r), Password: s.secrets[r], Name: "prepay " + string(r), Logger: s.log, inProcess: s.server,
	})
}

// Close stops the server: what was acknowledged is on disk.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// logger passes the server's words on. It never ends the process.
type logger struct {
	log   *zap.SugaredLogger
	fatal atomic.Pointer[string]
}

func (l *logger) Noticef(f string, args ...any) { l.log.Debugf(f, args...) }

// Warnf passes warnings on, but the one about passwords that are not hashed: they
// are random, and their file is its owner's alone.
func (l *logger) Warnf(f string, args ...any) {
	if !strings.HasPrefix(f, "Plaintext passwords") {
		l.log.Warnf(f, args...)
	}
}
func (l *logger) Errorf(f string, args ...any) { l.log.Errorf(f, args...) }
func (l *logger) Debugf(string, ...any)        {}
func (l *logger) Tracef(string, ...any)        {}
func (l *logger) Fatalf(f string, args ...any) {
	text := fmt.Sprintf(f, args...)
	l.fatal.CompareAndSwap(nil, &text)
	l.log.Error(text)
}
