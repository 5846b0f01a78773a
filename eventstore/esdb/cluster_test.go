package esdb_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb"
	"prepayledger/eventstore/esdbserver"
)

// follower is a server that does not lead and says who does.
type follower struct {
	streams.UnimplementedStreamsServer
	gossip.UnimplementedGossipServer
	// leader is what it says, empty if it does not know.
	leader string
	// members is what its gossip tells.
	members atomic.Pointer[[]*gossip.MemberInfo]
	// refused counts calls, asked those that required the leader.
	refused, asked atomic.Int32
	// authorization is the header of the last call.
	authorization atomic.Value
}

// listen serves the follower until the test ends.
func (f *follower) listen(t *testing.T, opts ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(opts...)
	streams.RegisterStreamsServer(s, streamsOf{f})
	gossip.RegisterGossipServer(s, f)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// Read is the gossip.
func (f *follower) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	return &gossip.ClusterInfo{Members: *f.members.Load()}, nil
}

// tells sets what the gossip tells.
func (f *follower) tells(members ...*gossip.MemberInfo) *follower {
	f.members.Store(&members)
	return f
}

func (f *follower) refuse(ctx context.Context) error {
	f.refused.Add(1)
	md, _ := metadata.FromIncomingContext(ctx)
	if v := md.Get("requires-leader"); len(v) == 1 && v[0] == "true" {
		f.asked.Add(1)
	}
	f.authorization.Store(strings.Join(md.Get("authorization"), ","))
	trailer := metadata.Pairs("exception", "not-leader")
	if f.leader != "" {
		host, port, _ := net.SplitHostPort(f.leader)
		trailer.Append("leader-endpoint-host", host)
		trailer.Append("leader-endpoint-port", port)
	}
	grpc.SetTrailer(ctx, trailer)
	return status.Error(codes.NotFound, "Leader info available")
}

// streamsOf is the follower's Streams service.
type streamsOf struct{ *follower }

func (s streamsOf) Read(_ *streams.ReadReq, out streams.Streams_ReadServer) error {
	return s.refuse(out.Context())
}

func (s streamsOf) Append(in streams.Streams_AppendServer) error { return s.refuse(in.Context()) }

func (s streamsOf) BatchAppend(streams.Streams_BatchAppendServer) error { return nil }

func (s streamsOf) Delete(context.Context, *streams.DeleteReq) (*streams.DeleteResp, error) {
	return nil, nil
}

func (s streamsOf) Tombstone(context.Context, *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	return nil, nil
}

func member(t *testing.T, address string, state gossip.MemberInfo_VNodeState, alive bool) *gossip.MemberInfo {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return &gossip.MemberInfo{State: state, IsAlive: alive, HttpEndPoint: &gossip.EndPoint{Address: a.IP.String(), Port: uint32(a.Port)}}
}

// TestFollowsTheLeader: every kind of call goes where the leader is, and the
// next one goes there at once.
func TestFollowsTheLeader(t *testing.T) {
	s := serve(t, t.TempDir())
	defer s.Close()
	calls := map[string]func(*esdb.Store) error{
		"Append": func(d *esdb.Store) error {
			_, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(300))
			return err
		},
		"Last": func(d *esdb.Store) error {
			_, err := d.Last(deadline(t))
			return err
		},
		"SubscribeAll": func(d *esdb.Store) error {
			sub, err := d.SubscribeAll(deadline(t), eventstore.Start)
			if err == nil {
				err = sub.Close()
			}
			return err
		},
	}
	for what, call := range calls {
		f := &follower{leader: s.address}
		d := open(t, "esdb://"+f.listen(t)+"?tls=false")
		if err := call(d); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := d.Last(deadline(t)); err != nil {
			t.Fatal(err)
		}
		if f.refused.Load() != 1 || f.asked.Load() != 1 {
			t.Fatalf("%s: the follower was asked %d times, %d of them for the leader; want once", what, f.refused.Load(), f.asked.Load())
		}
		d.Close()
	}
	if n := count(t, s); n != 300 {
		t.Fatalf("the log has %d events, want 300", n)
	}
}

// TestNoLeader: servers that name each other do not keep a call for ever, and
// nothing is stored.
func TestNoLeader(t *testing.T) {
	f := &follower{}
	f.leader = f.listen(t)
	d := open(t, "esdb://"+f.leader+"?tls=false")
	defer d.Close()
	if _, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(1)); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("Append without a leader: %v, want unavailable", err)
	}
	if n := f.refused.Load(); n != 4 {
		t.Fatalf("asked %d times, want 4", n)
	}
}

// TestDiscoversTheLeader: gossip names it, dead and other members are passed
// over, and so are seeds that do not answer.
func TestDiscoversTheLeader(t *testing.T) {
	s := serve(t, t.TempDir())
	defer s.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := gone.Addr().String()
	gone.Close()
	useless := []*gossip.MemberInfo{
		member(t, dead, gossip.MemberInfo_Leader, false),
		member(t, dead, gossip.MemberInfo_Follower, true),
	}
	f := new(follower).tells(append(useless, member(t, s.address, gossip.MemberInfo_Leader, true))...)
	seed := f.listen(t)
	for _, connection := range []string{
		"esdb+discover://" + seed + "?tls=false",
		"kurrentdb+discover://" + seed + "?tls=false",
		"esdb://" + dead + "," + seed + "?tls=false",
		"esdb+discover://" + s.address + "?tls=false",
	} {
		d := open(t, connection)
		if _, err := d.Last(deadline(t)); err != nil {
			t.Fatalf("%s: %v", connection, err)
		}
		d.Close()
	}
	if f.refused.Load() != 0 {
		t.Fatal("a call went to the follower")
	}
	f.tells(useless...)
	d := open(t, "esdb+discover://"+seed+"?tls=false&maxDiscoverAttempts=2&discoveryInterval=1")
	defer d.Close()
	if _, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(1)); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("a cluster without leader: %v, want unavailable", err)
	}
}

// TestLeaderLost: when the leader goes, the cluster is asked for another.
func TestLeaderLost(t *testing.T) {
	first, second := serve(t, t.TempDir()), serve(t, t.TempDir())
	defer second.Close()
	f := new(follower).tells(member(t, first.address, gossip.MemberInfo_Leader, true))
	d := open(t, "esdb+discover://"+f.listen(t)+"?tls=false")
	defer d.Close()
	if _, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(1)); err != nil {
		t.Fatal(err)
	}
	f.tells(member(t, second.address, gossip.MemberInfo_Leader, true))
	first.Close()
	if _, err := settle(deadline(t), d, "account-2", eventstore.NoStream, events(5)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, second); n != 5 {
		t.Fatalf("the new leader has %d events, want 5", n)
	}
}

// certificate writes one for this machine and returns it with its file.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestTLSAndCredentials: the password goes to a server that is trusted, and
// to no other.
func TestTLSAndCredentials(t *testing.T) {
	cert, ca := certificate(t)
	f := &follower{}
	secure := f.listen(t, grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	d := open(t, "esdb://admin:changeit@"+secure+"?tlsCaFile="+ca)
	defer d.Close()
	d.Last(deadline(t))
	if got := f.authorization.Load(); got != "Basic YWRtaW46Y2hhbmdlaXQ=" {
		t.Fatalf("authorization %v", got)
	}

	untrusted := open(t, "esdb://admin:changeit@"+secure)
	defer untrusted.Close()
	before := f.refused.Load()
	if _, err := untrusted.Last(deadline(t)); !errors.Is(err, eventstore.ErrUnavailable) || f.refused.Load() != before {
		t.Fatalf("a certificate that nobody vouches for: %v, want unavailable and no call", err)
	}

	plain := &follower{}
	if _, err := esdb.Open("esdb://admin:changeit@"+plain.listen(t)+"?tls=false", esdb.Options{}); !errors.Is(err, eventstore.ErrInvalid) || !strings.Contains(err.Error(), "TLS") {
		t.Fatalf("a password without TLS: %v, want invalid", err)
	}
}

// TestIPv6 goes to IPv6 addresses, alone, among several and as gossip has
// them. Where the machine has no IPv6, the errors name them.
func TestIPv6(t *testing.T) {
	target := "[::1]:1" // nobody listens there
	l, err := net.Listen("tcp", "[::1]:0")
	if err == nil {
		log, err := embedded.Open(t.TempDir(), embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		target = l.Addr().String()
		server := esdbserver.New(log, esdbserver.Options{})
		go server.Serve(l)
		defer server.Close()
	}
	for _, connection := range []string{
		"esdb://%s?tls=false", "esdb+discover://%s?tls=false&maxDiscoverAttempts=1", "esdb://[::1]:2,%s?tls=false&maxDiscoverAttempts=1",
	} {
		d := open(t, fmt.Sprintf(connection, target))
		_, lastErr := d.Last(deadline(t))
		if err == nil && lastErr != nil {
			t.Errorf("%s: %v", connection, lastErr)
		}
		if err != nil && (lastErr == nil || !strings.Contains(lastErr.Error(), target)) {
			t.Errorf("%s: %v, want %s named", connection, lastErr, target)
		}
		d.Close()
	}
}

// TestThreeNodes: whichever of three servers is asked first, calls go to the
// one that leads; when it dies, to the one that the others choose, once they
// have chosen.
func TestThreeNodes(t *testing.T) {
	first, second := serve(t, t.TempDir()), serve(t, t.TempDir())
	defer second.Close()
	defer first.Close()
	one, two := &follower{}, &follower{}
	a, b := one.listen(t), two.listen(t)
	gossips := func(wasLeader, other gossip.MemberInfo_VNodeState, alive bool) {
		for _, f := range []*follower{one, two} {
			f.tells(member(t, a, gossip.MemberInfo_Follower, true), member(t, second.address, other, true), member(t, first.address, wasLeader, alive))
		}
	}
	gossips(gossip.MemberInfo_Leader, gossip.MemberInfo_Follower, true)
	for i, seeds := range []string{a + "," + b + "," + first.address, b + "," + first.address + "," + a, first.address + "," + a + "," + b} {
		d := open(t, "esdb://"+seeds+"?tls=false&discoveryInterval=10")
		defer d.Close()
		stream := fmt.Sprintf("account-%d", i)
		if _, err := d.Append(deadline(t), stream, eventstore.NoStream, events(2)); err != nil {
			t.Fatalf("%s: %v", seeds, err)
		}
		if n := count(t, d); n != 2*(i+1) {
			t.Fatalf("%s: %d events, want %d", seeds, n, 2*(i+1))
		}
	}
	d := open(t, "esdb+discover://"+a+"?tls=false&maxDiscoverAttempts=3&discoveryInterval=10")
	defer d.Close()
	if n := count(t, d); n != 6 {
		t.Fatalf("%d events, want 6", n)
	}

	// An election: at first there is no leader.
	gossips(gossip.MemberInfo_Leader, gossip.MemberInfo_PreLeader, false)
	first.Close()
	es := events(3)
	for ctx := deadline(t); ; {
		_, err := d.Append(ctx, "account-9", eventstore.NoStream, es)
		if ctx.Err() != nil {
			t.Fatalf("the leader's end was not noticed: %v", err)
		}
		if errors.Is(err, eventstore.ErrUnavailable) && strings.Contains(err.Error(), "no leader") {
			break
		}
		if !errors.Is(err, eventstore.ErrUnavailable) && !errors.Is(err, eventstore.ErrOutcomeUnknown) {
			t.Fatalf("without a leader: %v", err)
		}
	}
	gossips(gossip.MemberInfo_Leader, gossip.MemberInfo_Leader, false)
	if _, err := settle(deadline(t), d, "account-9", eventstore.NoStream, es); err != nil {
		t.Fatal(err)
	}
	if n := count(t, second); n != 3 {
		t.Fatalf("the new leader has %d events, want 3", n)
	}
	if n := one.refused.Load() + two.refused.Load(); n != 0 {
		t.Fatalf("%d calls went to followers", n)
	}
}

func TestConnectionStrings(t *testing.T) {
	for _, bad := range []string{
		"", "localhost:2113", "http://localhost:2113", "esdb://", "esdb://admin:s3cret@host:port?tls=false",
		"esdb://admin:s3cret@localhost:2113/path", "esdb://admin:s3cret@localhost:2113?nodePreference=follower",
		"esdb://admin:s3cret@local host:2113", "esdb://admin:s3cret@localhost:2113?keepAliveInterval=soon",
		"esdb://admin:s3cret@localhost:2113?userCertFile=/only/one", "esdb://admin:s3cret@[::bad",
		"esdb://admin:s3cret@localhost:2113?tlsCaFile=/does/not/exist", "esdb://admin:s3cret@localhost:2113?tls=false",
		"esdb://admin:s3cret@localhost:2113?nodePreference=random", "esdb://admin:s3cret@localhost:2113?nodePreference=readonlyreplica",
		"esdb://admin:s3cret@[::1]:port", "esdb://admin:s3cret@::1:2113", "esdb://admin:s3cret@[127.0.0.1]:2113",
	} {
		d, err := esdb.Open(bad, esdb.Options{})
		if !errors.Is(err, eventstore.ErrInvalid) {
			t.Errorf("%q: %v, want invalid", bad, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: the error shows the password: %v", bad, err)
		}
		if d != nil {
			d.Close()
		}
	}
	for _, good := range []string{
		"esdb://localhost", "esdb://localhost:2113?tls=false", "esdb+discover://cluster.example:2113",
		"esdb://a:1,b:2,c:3?keepAliveInterval=-1", "kurrentdb://localhost",
		"esdb://[::1]", "esdb://user:pass@[2001:db8::1]:2113", "esdb://[::1]:1,[::2]:2,c:3?tls=false", "kurrentdb+discover://[::1]:2113", "kdb://localhost:2113?nodePreference=leader",
	} {
		d, err := esdb.Open(good, esdb.Options{})
		if err != nil {
			t.Errorf("%q: %v", good, err)
			continue
		}
		if err := d.Close(); err != nil {
			t.Errorf("%q: Close: %v", good, err)
		}
	}
}
