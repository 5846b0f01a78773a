package esdb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	official "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"prepayledger/eventstore"
)

const (
	// defaultDeadline bounds one append and the opening of a subscription
	// (time), where the connection string has no defaultDeadline.
	defaultDeadline = 10 * time.Second
	// maxResponseBytes bounds one message of the server, which is one event:
	// far above what the contract allows.
	maxResponseBytes = 17 << 20
	// minConnect and maxBackoff bound an attempt to connect and the pause
	// before the next one (time): after an outage the next call finds the
	// server within two seconds.
	minConnect   = 5 * time.Second
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// schemes are those of KurrentDB, the newer name of EventStoreDB, and what the
// parser calls them.
var schemes = strings.NewReplacer(
	"kurrentdb+discover://", "esdb+discover://",
	"kurrentdb://", "esdb://",
	"kdb+discover://", "esdb+discover://",
	"kdb://", "esdb://",
)

// config is how to reach the server or cluster.
type config struct {
	*official.Configuration
	// seeds are the addresses to ask for the cluster's leader; one address
	// without a cluster is the server itself.
	seeds    []string
	cluster  bool
	deadline time.Duration
}

// parse reads a connection string. Its errors never show the string, which
// may hold a password.
func parse(connection string) (*config, error) {
	scheme, rest, ok := strings.Cut(connection, "://")
	if !ok {
		return nil, fmt.Errorf("%w: the connection string must begin with esdb:// or esdb+discover://", eventstore.ErrInvalid)
	}
	rest, addresses := hideIPv6(rest)
	parsed, err := official.ParseConnectionString(schemes.Replace(scheme+"://") + rest)
	if err == nil {
		err = parsed.Validate()
	}
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return nil, fmt.Errorf("%w: connection string: %w", eventstore.ErrInvalid, err)
	}
	if parsed.NodePreference != official.NodePreferenceLeader {
		return nil, fmt.Errorf("%w: connection string: nodePreference must be leader, only the leader knows what was appended last", eventstore.ErrInvalid)
	}
	if parsed.Username != "" && parsed.DisableTLS {
		return nil, fmt.Errorf("%w: connection string: a password is sent over TLS only: take out tls=false, or user and password where the server has no users", eventstore.ErrInvalid)
	}
	c := &config{Configuration: parsed, deadline: defaultDeadline, cluster: parsed.DnsDiscover || len(parsed.GossipSeeds) > 0}
	if d := parsed.DefaultDeadline; d != nil && *d > 0 {
		c.deadline = *d
	}
	for _, seed := range parsed.GossipSeeds {
		c.seeds = append(c.seeds, addresses.Replace(seed.String()))
	}
	if len(c.seeds) == 0 {
		c.seeds = []string{addresses.Replace(parsed.Address)}
	}
	return c, nil
}

// hideIPv6 writes names for the IPv6 addresses ([::1]:2113) among the hosts of
// a connection string without its scheme, which the official parser does not
// read, and returns what puts the addresses back.
func hideIPv6(rest string) (string, *strings.Replacer) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	begin := strings.LastIndexByte(rest[:end], '@') + 1
	hosts := strings.Split(rest[begin:end], ",")
	var back []string
	for i, host := range hosts {
		literal, port, ok := strings.Cut(host, "]")
		address, err := netip.ParseAddr(strings.TrimPrefix(literal, "["))
		if !ok || err != nil || !address.Is6() || address.Zone() != "" {
			continue // for the parser to read or refuse
		}
		name := fmt.Sprintf("ipv6-%d.invalid", i)
		hosts[i] = name + port
		back = append(back, name, "["+address.String()+"]")
	}
	return rest[:begin] + strings.Join(hosts, ",") + rest[end:], strings.NewReplacer(back...)
}

// dialOptions are those of every connection.
func (c *config) dialOptions() ([]grpc.DialOption, error) {
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxResponseBytes)),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: minConnect,
			Backoff:           backoff.Config{BaseDelay: firstBackoff, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxBackoff},
		}),
	}
	if c.KeepAliveInterval >= 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                c.KeepAliveInterval,
			Timeout:             c.KeepAliveTimeout,
			PermitWithoutStream: true,
		}))
	}
	if c.Username != "" {
		options = append(options, grpc.WithPerRPCCredentials(newBasic(c.Username, c.Password)))
	}
	return options, nil
}

func (c *config) transport() (credentials.TransportCredentials, error) {
	if c.DisableTLS {
		return insecure.NewCredentials(), nil
	}
	t := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: c.SkipCertificateVerification,
		RootCAs:            c.RootCAs,
	}
	if c.UserCertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.UserCertFile, c.UserKeyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: connection string: user certificate: %w", eventstore.ErrInvalid, err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return credentials.NewTLS(t), nil
}
