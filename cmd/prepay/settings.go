package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
)

// natsClient says how to connect to NATS servers that run elsewhere.
type natsClient struct {
	NATSURL      string `name:"nats-url" group:"NATS" help:"Use these NATS servers instead of the embedded one." env:"PREPAY_NATS_URL" placeholder:"nats://…"`
	NATSCreds    string `name:"nats-creds" group:"NATS" help:"Credentials file for --nats-url." env:"PREPAY_NATS_CREDS" placeholder:"FILE"`
	NATSNKey     string `name:"nats-nkey" group:"NATS" help:"File with the seed of an NKey for --nats-url." env:"PREPAY_NATS_NKEY" placeholder:"FILE"`
	NATSToken    string `name:"nats-token" group:"NATS" help:"Token for --nats-url." env:"PREPAY_NATS_TOKEN" placeholder:"TOKEN" secret:""`
	NATSUser     string `name:"nats-user" group:"NATS" help:"User for --nats-url." env:"PREPAY_NATS_USER" placeholder:"USER"`
	NATSPassword string `name:"nats-password" group:"NATS" help:"Password for --nats-url." env:"PREPAY_NATS_PASSWORD" placeholder:"PASSWORD" secret:""`
	NATSCA       string `name:"nats-ca" group:"NATS" help:"Certificates that the servers of --nats-url are checked against." env:"PREPAY_NATS_CA" placeholder:"FILE"`
	NATSCert     string `name:"nats-cert" group:"NATS" help:"Certificate: the client's for --nats-url, else the embedded server's." env:"PREPAY_NATS_CERT" placeholder:"FILE"`
	NATSKey      string `name:"nats-key" group:"NATS" help:"Key of --nats-cert." env:"PREPAY_NATS_KEY" placeholder:"FILE"`
}

// options are those of a connection.
func (c *natsClient) options(name string, log *zap.Logger) natsbus.ConnectOptions {
	return natsbus.ConnectOptions{
		URL: c.NATSURL, CredsFile: c.NATSCreds, NKeySeedFile: c.NATSNKey, Token: c.NATSToken, User: c.NATSUser, Password: c.NATSPassword,
		CAFile: c.NATSCA, CertFile: c.NATSCert, KeyFile: c.NATSKey, Name: name, Logger: log,
	}
}

// connect connects; without a URL to the server of the data folder on this
// machine, with the rights of a role.
func (c *natsClient) connect(ctx context.Context, name, dataDir string, role natsbus.Role) (*nats.Conn, error) {
	opts := c.options(name, nil)
	if opts.URL == "" {
		opts.URL = localNATS
		password, err := natsbus.ReadPassword(filepath.Join(dataDir, natsFolder), role)
		if err != nil {
			return nil, fmt.Errorf("name a NATS server with --nats-url, or the data folder of a running prepay serve with --data: %w", err)
		}
		opts.User, opts.Password = string(role), password
	}
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	return natsbus.Connect(ctx, opts)
}

// localNATS is where the embedded NATS server listens unless told otherwise.
const localNATS = "nats://127.0.0.1:4222"

// settings are what prepay serve can be told: by flags, by the environment
// (PREPAY_…), by the file of --config, in this order; the rest has defaults.
type settings struct {
	natsClient

	NATSListen   string `name:"nats-listen" group:"NATS" help:"Address of the embedded NATS server; port -1 is any free one." default:"127.0.0.1:4222" env:"PREPAY_NATS_LISTEN" placeholder:"HOST:PORT"`
	NATSReplicas int    `name:"nats-replicas" group:"NATS" help:"On how many servers of a NATS cluster streams and buckets lie." default:"1" env:"PREPAY_NATS_REPLICAS"`

	EventsMaxAge   time.Duration `name:"events-max-age" group:"NATS" help:"How long events stay in NATS; older ones come from the log." default:"720h" env:"PREPAY_EVENTS_MAX_AGE"`
	EventsMaxBytes int64         `name:"events-max-bytes" group:"NATS" help:"How many bytes of events stay in NATS." default:"17179869184" env:"PREPAY_EVENTS_MAX_BYTES"`

	Webhooks string `group:"NATS" help:"File of endpoints that get notices by HTTP (TOML)." env:"PREPAY_WEBHOOKS" placeholder:"FILE"`

	HTTPListen string  `name:"http-listen" group:"HTTP" help:"Address of the API, the web pages, /healthz, /readyz and /metrics." default:"127.0.0.1:8080" env:"PREPAY_HTTP_LISTEN" placeholder:"HOST:PORT"`
	HTTPCert   string  `name:"http-cert" group:"HTTP" help:"Serve HTTPS with this certificate (PEM, with its chain); read again when it changes." env:"PREPAY_HTTP_CERT" placeholder:"FILE"`
	HTTPKey    string  `name:"http-key" group:"HTTP" help:"Key of --http-cert." env:"PREPAY_HTTP_KEY" placeholder:"FILE"`
	HTTPRate   float64 `name:"http-rate" group:"HTTP" help:"How many requests a second one caller may make in the long run; the intake and the gate are not counted." default:"50" env:"PREPAY_HTTP_RATE" placeholder:"N"`

	Provider     string `group:"Rules" help:"The provider's name in what senders on a blocked channel are told (R21)." default:"${provider}" env:"PREPAY_PROVIDER"`
	LogFormat    string `group:"Logs" help:"json or console." enum:"json,console" default:"json" env:"PREPAY_LOG_FORMAT"`
	LogLevel     string `group:"Logs" help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"PREPAY_LOG_LEVEL"`
	OTLPEndpoint string `name:"otlp-endpoint" group:"Logs" help:"Send traces to this collector (OTLP over HTTP); off without one." env:"PREPAY_OTLP_ENDPOINT" placeholder:"http://HOST:4318"`
	TraceRatio   string `name:"trace-ratio" group:"Logs" help:"Share of the requests without a trace of their own that are traced, 0 to 1." default:"0.01" env:"PREPAY_TRACE_RATIO"`

	signInFlags

	metaFlags

	issuerFlags

	paymentFlags

	mailSettings
}

// check refuses settings that can't be right, before anything is opened.
func (s *settings) check() error {
	var problems []error
	bad := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf("--%s: %s", name, fmt.Sprintf(format, args...)))
	}
	for _, a := range [][2]string{{"nats-listen", s.NATSListen}, {"http-listen", s.HTTPListen}} {
		if _, _, err := splitAddress(a[1]); err != nil {
			bad(a[0], "%v", err)
		}
	}
	for _, f := range [][2]string{{"nats-creds", s.NATSCreds}, {"nats-nkey", s.NATSNKey}, {"nats-ca", s.NATSCA}, {"nats-cert", s.NATSCert}, {"nats-key", s.NATSKey}} {
		if f[1] == "" {
			continue
		}
		if _, err := os.Stat(f[1]); err != nil {
			bad(f[0], "%v", err)
		}
	}
	if (s.HTTPCert == "") != (s.HTTPKey == "") {
		bad("http-cert", "it belongs together with --http-key: give both or none")
	} else if s.HTTPCert != "" {
		if _, err := tls.LoadX509KeyPair(s.HTTPCert, s.HTTPKey); err != nil {
			bad("http-cert", "%v", err)
		}
	}
	if (s.NATSCert == "") != (s.NATSKey == "") {
		bad("nats-cert", "it belongs together with --nats-key: give both or none")
	}
	if _, err := readEndpoints(s.Webhooks); err != nil {
		problems = append(problems, err)
	}
	ways := 0
	for _, way := range []string{s.NATSCreds, s.NATSNKey, s.NATSToken, s.NATSUser} {
		if way != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		bad("nats-url", "name one way to sign in: --nats-creds, --nats-nkey, --nats-token, or --nats-user with --nats-password")
	case ways == 1 && s.NATSURL == "":
		bad("nats-url", "a way to sign in is for other NATS servers: name them")
	}
	if s.NATSReplicas < 1 || s.NATSReplicas > 5 {
		bad("nats-replicas", "%d is not between 1 and 5", s.NATSReplicas)
	}
	if s.EventsMaxAge < time.Hour {
		bad("events-max-age", "%s is less than an hour", s.EventsMaxAge)
	}
	if s.EventsMaxBytes < 1<<20 {
		bad("events-max-bytes", "%d is less than a mebibyte", s.EventsMaxBytes)
	}
	if r, err := strconv.ParseFloat(s.TraceRatio, 64); err != nil || !(r >= 0 && r <= 1) {
		bad("trace-ratio", "%q is not between 0 and 1", s.TraceRatio)
	}
	if err := s.signInFlags.check(); err != nil {
		problems = append(problems, err)
	}
	if !(s.HTTPRate > 0) {
		bad("http-rate", "%v is not more than 0", s.HTTPRate)
	}
	if err := s.metaFlags.check(); err != nil {
		problems = append(problems, err)
	}
	if err := s.checkMail(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// splitAddress divides HOST:PORT.
func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", address)
	}
	if port, err = strconv.Atoi(text); err != nil || port < -1 || port > 65535 {
		return "", 0, fmt.Errorf("%q has no port", address)
	}
	return host, port, nil
}

// streams are the limits of the streams.
func (s *settings) streams() natsbus.StreamOptions {
	return natsbus.StreamOptions{MaxAge: s.EventsMaxAge, MaxBytes: s.EventsMaxBytes, Replicas: s.NATSReplicas}
}

// defaultProvider is the provider's name where none is set.
const defaultProvider = gate.DefaultProvider
