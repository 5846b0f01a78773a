package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/projections/projectionstest"
)

// refuser is an output that nothing mends.
type refuser struct{}

func (refuser) Name() string { return "refuser" }

func (refuser) Deliver(context.Context, []outbound.Change) error { return outbound.ErrHalt }

// TestFollowerStaysBehind: an output that stops again each time it is started
// lacks the same events all the while. Were its lag to begin anew, gateways
// would be told with each start that their states are fresh.
func TestFollowerStaysBehind(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", &domain.AccountOpened{PartnerID: "PA-1", Currency: "USD"})
	f := &follower{
		dir: filepath.Join(t.TempDir(), "refuser"), output: refuser{}, store: l.Store(), codec: codec.New(), failed: func(string) {}, log: zap.NewNop(),
	}
	var first int64
	for n := range 3 {
		if err := f.follow(t.Context()); !errors.Is(err, outbound.ErrHalt) {
			t.Fatalf("start %d: %v", n, err)
		}
		since := f.since.Load()
		if n == 0 {
			first = since
		}
		if since == 0 || since != first {
			t.Errorf("start %d: behind since %d, at first since %d", n, since, first)
		}
	}
}
