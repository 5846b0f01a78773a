package esdb_test

import (
	"errors"
	"net"
	"sync"
	"testing"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb"
	"prepayledger/eventstore/esdbserver"
	"prepayledger/eventstore/storetest"
)

// served is a log with the server before it. Close of the driver closes all.
type served struct {
	*esdb.Store
	log     *embedded.Store
	server  *esdbserver.Server
	address string
	once    sync.Once
	err     error
}

// serve opens the log in dir and serves it on a free port of this machine.
func serve(t *testing.T, dir string) *served {
	t.Helper()
	log, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatalf("Open of the log: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	s := &served{log: log, address: l.Addr().String(), server: esdbserver.New(log, esdbserver.Options{Writable: true})}
	go s.server.Serve(l)
	s.Store = open(t, "esdb://"+s.address+"?tls=false")
	return s
}

func open(t *testing.T, connection string) *esdb.Store {
	t.Helper()
	s, err := esdb.Open(connection, esdb.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func (s *served) Close() error {
	s.once.Do(func() { s.err = errors.Join(s.Store.Close(), s.server.Close(), s.log.Close()) })
	return s.err
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Log {
		dir := t.TempDir()
		return storetest.Log{Open: func(t *testing.T) eventstore.Store { return serve(t, dir) }}
	})
}
