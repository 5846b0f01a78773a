package natsbus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"prepayledger/consumers/natsbus"
)

// foreign runs a NATS server that is not prepay's and returns its address.
func foreign(t *testing.T, o *server.Options) string {
	t.Helper()
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server is not up")
	}
	return s.ClientURL()
}

// signsIn connects, and must not without the means to.
func signsIn(t *testing.T, with, without natsbus.ConnectOptions) {
	t.Helper()
	nc, err := natsbus.Connect(t.Context(), with)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.FlushTimeout(10 * time.Second); err != nil {
		t.Error(err)
	}
	if nc, err := natsbus.Connect(t.Context(), without); err == nil {
		nc.Close()
		t.Error("it was let in without")
	}
}

func TestSignInByToken(t *testing.T) {
	url := foreign(t, &server.Options{Authorization: "a-token"})
	signsIn(t, natsbus.ConnectOptions{URL: url, Token: "a-token"}, natsbus.ConnectOptions{URL: url, Token: "another"})
}

func TestSignInByNKey(t *testing.T) {
	seedFile := func() (string, string) {
		user, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		public, err := user.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		seed, err := user.Seed()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "user.nk")
		if err := os.WriteFile(file, seed, 0o600); err != nil {
			t.Fatal(err)
		}
		return public, file
	}
	public, file := seedFile()
	_, other := seedFile()
	url := foreign(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}})
	signsIn(t, natsbus.ConnectOptions{URL: url, NKeySeedFile: file}, natsbus.ConnectOptions{URL: url, NKeySeedFile: other})
}

// TestTLS: the server's certificate is checked against the authority's file.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	url := foreign(t, &server.Options{TLS: true, TLSConfig: config, TLSTimeout: 10})
	signsIn(t, natsbus.ConnectOptions{URL: url, CAFile: ca}, natsbus.ConnectOptions{URL: url})
}

// TestSignInByCreds signs in with the JWT and the seed of a creds file.
func TestSignInByCreds(t *testing.T) {
	pair := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		kp, err := create()
		if err != nil {
			t.Fatal(err)
		}
		public, err := kp.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return kp, public
	}
	operator, operatorID := pair(nkeys.CreateOperator)
	account, accountID := pair(nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(accountID)
	accountToken, err := claims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(accountID, accountToken); err != nil {
		t.Fatal(err)
	}
	creds := func(signer nkeys.KeyPair) string {
		user, userID := pair(nkeys.CreateUser)
		token, err := jwt.NewUserClaims(userID).Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		seed, err := user.Seed()
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.FormatUserConfig(token, seed)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "user.creds")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	stranger, _ := pair(nkeys.CreateAccount)
	url := foreign(t, &server.Options{TrustedKeys: []string{operatorID}, AccountResolver: resolver})
	signsIn(t, natsbus.ConnectOptions{URL: url, CredsFile: creds(account)}, natsbus.ConnectOptions{URL: url, CredsFile: creds(stranger)})
}
