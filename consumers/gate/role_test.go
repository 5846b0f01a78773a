package gate_test

import (
	"context"
	"testing"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
)

// The user gate of the embedded server may do what a Gate does, and cannot
// open a channel by writing to the bucket.
func TestRights(t *testing.T) {
	s := natsbustest.Start(t)
	kv, err := natsbustest.JetStream(t, natsbustest.Connect(t, s)).KeyValue(t.Context(), natsbus.ChannelsBucket)
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	b := &bus{t: t, kv: kv}
	b.channel("CH-1", gate.StateBlocked)
	b.beat(c.now())
	nc := natsbustest.ConnectAs(t, s, natsbus.RoleGate)
	g, err := gate.Open(context.Background(), nc, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse, Clock: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	eventually(t, "ready", g.Ready)
	if d := g.Allow("CH-1"); d.Allowed || d.Source != gate.Live {
		t.Errorf("%+v", d)
	}
	if err := nc.Publish("$KV."+natsbus.ChannelsBucket+".CH-1", []byte(`{"channel_id":"CH-1","may_send":true,"state":"open"}`)); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	b.channel("CH-2", gate.StateOpen) // comes after whatever the gate wrote
	eventually(t, "CH-2", func() bool { return g.Allow("CH-2").Allowed })
	if d := g.Allow("CH-1"); d.Allowed {
		t.Error("a gateway opened a channel")
	}
}
