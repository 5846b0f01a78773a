package natswhy_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/why"
	"prepayledger/consumers/why/natswhy"
	"prepayledger/domain"
)

// timeout bounds what a test waits for.
const timeout = 20 * time.Second

// ask asks once.
func ask(t *testing.T, nc *nats.Conn, request string) natswhy.Reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, natsbus.WhySubject, []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	var r natswhy.Reply
	if err := json.Unmarshal(m.Data, &r); err != nil {
		t.Fatalf("%v: %s", err, m.Data)
	}
	return r
}

// Answers, rejections, bad requests and failures over a real server, with the
// rights of those who may ask.
func TestAsk(t *testing.T) {
	bus := natsbustest.Start(t)
	explain := func(_ context.Context, partner string) (why.Answer, error) {
		switch partner {
		case "PA-1":
			return why.Answer{PartnerID: partner, Standing: domain.Blocked, Because: []string{"All channels are blocked."}}, nil
		case "broken":
			return why.Answer{}, errors.New("secret inside")
		default:
			return why.Answer{}, domain.Reject(domain.UnknownAccount, "There is no such partner.")
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	listening := natsbustest.Connect(t, bus)
	server, err := natswhy.Listen(listening, explain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := listening.Flush(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- server.Run(ctx) }()
	for _, role := range []natsbus.Role{natsbus.RoleIntake, natsbus.RoleSubscriber} {
		nc := natsbustest.ConnectAs(t, bus, role)
		if r := ask(t, nc, `{"partner_id":"PA-1"}`); r.Error != nil || r.Answer.Standing != domain.Blocked || len(r.Answer.Because) != 1 {
			t.Errorf("%s: %+v", role, r)
		}
	}
	nc := natsbustest.Connect(t, bus)
	if r := ask(t, nc, `{"partner_id":"nobody"}`); r.Answer != nil || r.Error.Code != "unknown_account" {
		t.Errorf("nobody: %+v", r)
	}
	if r := ask(t, nc, `{"partner_id":"broken"}`); r.Answer != nil || r.Error.Code != "unavailable" || strings.Contains(r.Error.Message, "secret") {
		t.Errorf("broken: %+v", r)
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"partner":"PA-1"}`, `{"partner_id":"` + strings.Repeat("x", 5000) + `"}`} {
		if r := ask(t, nc, bad); r.Answer != nil || r.Error.Code != "invalid_request" {
			t.Errorf("%.40s: %+v", bad, r)
		}
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(timeout):
		t.Error("the server does not end")
	}
}
