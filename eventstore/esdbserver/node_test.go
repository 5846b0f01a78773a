package esdbserver_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore/esdbserver"
)

// node prepares a script of testdata that uses the official Node client.
func (f *fixture) node(script string, args ...string) *exec.Cmd {
	f.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		f.Fatal("node is missing: install Node.js 18 or newer with npm, then run make deps")
	}
	if _, err := os.Stat("testdata/node_modules/@eventstore/db-client"); err != nil {
		f.Fatal("the official Node client is not installed: run make deps")
	}
	return exec.CommandContext(f.ctx, "node", append([]string{"testdata/" + script}, args...)...)
}

// TestNodeClient runs the official Node client against a server: appends of
// both kinds, conflicts, refusals, reads and a filtered subscription.
func TestNodeClient(t *testing.T) {
	for _, scheme := range []string{"esdb://", "esdb+discover://"} {
		f := start(t, esdbserver.Options{Writable: true})
		if out, err := f.node("client.mjs", scheme+f.address+"?tls=false").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", scheme, err, out)
		}
	}
}

// TestNodeClientReplaysAccounts: a program that knows nothing of prepay but
// the JSON of its events replays accounts from their streams and from $all,
// which it follows while the ledger goes on, and finds the same balances.
func TestNodeClientReplaysAccounts(t *testing.T) {
	f := start(t, esdbserver.Options{})
	b := newBook(f)
	partners := []string{"PA-1", "PA-2"}
	for _, partner := range partners {
		b.open(partner)
		b.charge(partner, 150)
	}

	cmd := f.node("account.mjs", "esdb://"+f.address+"?tls=false")
	cmd.Stderr = &strings.Builder{}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if lines.Scan(); lines.Text() == "live" {
		for range 20 {
			for _, partner := range partners {
				b.charge(partner, 10)
			}
		}
		if err := json.NewEncoder(in).Encode(b.ends(partners)); err != nil {
			t.Error(err)
		}
		lines.Scan()
	}
	rest, _ := io.ReadAll(out) // so that Wait may close it
	if err := cmd.Wait(); err != nil || lines.Text() != "ok" {
		t.Fatalf("%v: %q %s\n%s", err, lines.Text(), rest, cmd.Stderr)
	}
}

// book is a ledger on the fixture's log.
type book struct {
	*fixture
	ledger  *ledger.Ledger
	now     time.Time
	charges int
}

func newBook(f *fixture) *book {
	f.Helper()
	b := &book{fixture: f, now: time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)}
	c := codec.New()
	l, err := ledger.Open(f.ctx, f.log, ledgertest.New(f.log, c), c, ledger.Options{Clock: func() time.Time { return b.now }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(l.Close)
	b.ledger = l
	return b
}

// open opens an account with one channel and little on it, so that it is
// recharged now and then.
func (b *book) open(partner string) {
	b.Helper()
	for _, cmd := range []domain.Command{
		&domain.OpenAccount{PartnerID: partner, Currency: "EUR", CarriedOver: money.MustParse("500"), Card: "sim_ok"},
		&domain.RegisterChannel{
			ChannelID: "CH-" + partner, PhoneNumber: "+349110000" + partner[len(partner)-1:] + "0",
			PhoneNumberID: "P-" + partner, WABAID: "W-" + partner, PaymentModel: domain.PartnerPaid,
		},
	} {
		if err := b.ledger.Do(b.ctx, partner, domain.Meta{Actor: "finance:ana"}, cmd); err != nil {
			b.Fatal(err)
		}
	}
}

// charge presents n new charges of odd amounts.
func (b *book) charge(partner string, n int) {
	b.Helper()
	batch := make([]ledger.Presented, n)
	for i := range batch {
		b.charges++
		batch[i] = ledger.Presented{Charge: domain.Charge{
			ChargeID: fmt.Sprintf("c-%d", b.charges), PartnerID: partner, ChannelID: "CH-" + partner, WABAID: "W-" + partner,
			Market: "Spain", Category: "marketing", Model: domain.PMP, PricingType: domain.PricingTypeRegular,
			OccurredAt: b.now, Priced: true, Amount: money.MustParse(fmt.Sprintf("3.%04d", b.charges%9973)), Currency: "EUR",
		}}
	}
	outcomes, err := b.ledger.Charge(b.ctx, domain.Meta{Actor: "test"}, batch)
	if err != nil {
		b.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Charge != domain.ChargeDeducted {
			b.Fatalf("charge %d: %+v", i, o)
		}
	}
}

// end is where an account's stream ends, and its balance there.
type end struct {
	Stream   string `json:"stream"`
	Revision int    `json:"revision"`
	Balance  string `json:"balance"`
}

// ends are those of the accounts, as the log and the ledger have them.
func (b *book) ends(partners []string) []end {
	b.Helper()
	var ends []end
	for _, partner := range partners {
		e := end{Stream: "account-" + partner, Revision: -1}
		recharged := false
		for _, r := range b.logged() {
			if r.Stream == e.Stream {
				e.Revision = int(r.Revision)
				recharged = recharged || r.Type == "RechargeSucceeded"
			}
		}
		if !recharged {
			b.Fatalf("%s was never recharged: the test proves too little", partner)
		}
		if err := b.ledger.Inspect(b.ctx, partner, func(a *domain.Account) { e.Balance = a.Balance.String() }); err != nil {
			b.Fatal(err)
		}
		ends = append(ends, e)
	}
	return ends
}
