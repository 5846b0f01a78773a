// Package esdbtest gives tests an event store behind the protocol of
// EventStoreDB: the driver, connected to a server of the embedded log.
package esdbtest

import (
	"net"
	"testing"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb"
	"prepayledger/eventstore/esdbserver"
)

// Serve serves an embedded log of its own on loopback, writable, until the
// test ends, and returns the connection string.
func Serve(t testing.TB) string {
	t.Helper()
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	return ServeStore(t, log)
}

// ServeStore serves a store on loopback, writable, until the test ends, and
// returns the connection string.
func ServeStore(t testing.TB, log eventstore.Store) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := esdbserver.New(log, esdbserver.Options{Writable: true})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "esdb://" + listener.Addr().String() + "?tls=false"
}

// Open returns the driver on a log of its own.
func Open(t testing.TB) *esdb.Store {
	t.Helper()
	return Connect(t, Serve(t))
}

// Connect returns one more driver on a log that Serve serves.
func Connect(t testing.TB, connection string) *esdb.Store {
	t.Helper()
	store, err := esdb.Open(connection, esdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// Each runs a test on the embedded log and on the driver.
func Each(t *testing.T, test func(t *testing.T, open func(testing.TB) eventstore.Store)) {
	t.Run("embedded", func(t *testing.T) {
		test(t, func(t testing.TB) eventstore.Store {
			t.Helper()
			store, err := embedded.Open(t.TempDir(), embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			return store
		})
	})
	t.Run("esdb", func(t *testing.T) {
		test(t, func(t testing.TB) eventstore.Store { return Open(t) })
	})
}
