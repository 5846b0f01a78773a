package natsintake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsintake"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// charge is a rated charge of account 0.
func charge(id, more string) string {
	return fmt.Sprintf(`{"charge_id":%q,"partner_id":"PA-0000","channel_id":"CH-0000-0","country":"BR","category":"marketing","pricing_model":"PMP","occurred_at":"2026-10-03T12:34:56Z"%s}`, id, more)
}

const priced = `,"amount":"0.25","currency":"USD"`

// webhook is a payload of Meta with statuses of account 0.
func webhook(statuses ...string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"34910000000","phone_number_id":%q},"statuses":[%s]},"field":"messages"}]}]}`,
		intaketest.WABA(0, 0), intaketest.WABA(0, 0), strings.Join(statuses, ","))
}

func status(id, status string) string {
	return fmt.Sprintf(`{"id":%q,"status":%q,"timestamp":"1791030896","recipient_id":"5511987654321","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}`, id, status)
}

func TestEachOutcomeOfACharge(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	for _, c := range []struct{ name, request, outcome, id, reason string }{
		{"charged", charge("m-1", priced), "charged", "m-1", ""},
		{"duplicate", charge("m-1", priced), "duplicate", "m-1", ""},
		{"conflict", charge("m-1", `,"amount":"0.26","currency":"USD"`), "quarantined", "m-1", "charge_conflict"},
		{"rated here", charge("m-2", ""), "charged", "m-2", ""},
		{"free", charge("m-3", `,"pricing_type":"free_customer_service"`), "free", "m-3", ""},
		{"misspelt", charge("m-4", `,"ammount":"0.25"`), "quarantined", "m-4", "malformed"},
		{"no JSON", `charge me`, "quarantined", "", "malformed"},
		{"unknown channel", strings.Replace(charge("m-5", priced), "CH-0000-0", "CH-9", 1), "quarantined", "m-5", "unknown_channel"},
		{"unknown partner", strings.Replace(charge("m-6", priced), "PA-0000", "PA-9", 1), "quarantined", "m-6", "unknown_channel"},
		{"webhook", webhook(status("m-7", "delivered")), "charged", "m-7", ""},
		{"webhook again", webhook(status("m-7", "read")), "duplicate", "m-7", ""},
		{"webhook, sent", webhook(status("m-8", "sent")), "ignored", "", ""},
		{"over several lines", strings.ReplaceAll(charge("m-9", priced), ",", ",\n"), "charged", "m-9", ""},
	} {
		reply := b.ask(natsbus.ChargeSubject, c.request)
		if reply["outcome"] != c.outcome || text(reply["charge_id"]) != c.id || text(reply["reason"]) != c.reason {
			t.Errorf("%s: %v, want %s %s %s", c.name, reply, c.outcome, c.id, c.reason)
		}
	}
	if got := b.events()[domain.TypeConversationCharged]; got != 4 {
		t.Errorf("%d charges on disk, want 4", got)
	}
	if a := b.look(0); a.Balance.String() != "999999.375" {
		t.Errorf("balance %s, want 999999.375: 2 × 0.25 given, 2 × 0.0625 by the rate card", a.Balance)
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func TestWhatIsNotOneChargeIsRefused(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	before := b.events()
	for _, request := range []string{
		"", " \n ",
		charge("m-1", priced) + strings.Repeat(" ", natsintake.MaxRequestBytes),
		charge("m-1", priced) + "\n" + charge("m-2", priced),
		webhook(status("m-1", "delivered"), status("m-2", "delivered")),
		`{"object":"whatsapp_business_account","entry":[{"id":"102290000000000","changes":[{"value":{"volume_tier_info":{"tier_update_time":1793451903,"pricing_category":"UTILITY","tier":"25000001:50000000","effective_month":"2026-10","region":"India"},"event":"VOLUME_BASED_PRICING_TIER_UPDATE"},"field":"account_update"}]}]}`,
	} {
		reply := b.ask(natsbus.ChargeSubject, request)
		e, _ := reply["error"].(map[string]any)
		if e["code"] != "invalid_request" || text(e["message"]) == "" {
			t.Errorf("%.80s: %v, want invalid_request", request, reply)
		}
	}
	if after := b.events(); len(after) != len(before) || after[domain.TypeConversationCharged] != 0 {
		t.Errorf("something was written: %v", after)
	}
}

// TestManyInFlight holds what 64 senders are told against what is on disk.
func TestManyInFlight(t *testing.T) {
	b := newBench(t, options{accounts: 7})
	b.run()
	const senders, each = 64, 50
	outcomes := make(chan string, senders*each)
	for s := range senders {
		nc, _ := b.connect()
		go func() {
			for i := range each {
				// Every fourth id is sent by two senders.
				id := fmt.Sprintf("m-%d-%d", s, i)
				if i%4 == 0 {
					id = fmt.Sprintf("m-%d-%d", s/2, i)
				}
				request := strings.Replace(strings.Replace(charge(id, priced), "PA-0000", intaketest.Partner(s/2%7), 1), "CH-0000-0", intaketest.Channel(s/2%7, 0), 1)
				msg, err := nc.Request(natsbus.ChargeSubject, []byte(request), patience)
				var reply struct {
					Outcome  string
					ChargeID string `json:"charge_id"`
				}
				if err == nil {
					err = json.Unmarshal(msg.Data, &reply)
				}
				switch {
				case err != nil:
					outcomes <- err.Error()
				case reply.ChargeID != id:
					outcomes <- fmt.Sprintf("the answer to %s speaks of %s", id, reply.ChargeID)
				default:
					outcomes <- reply.Outcome
				}
			}
		}()
	}
	counts := map[string]int{}
	for range senders * each {
		counts[<-outcomes]++
	}
	const shared = senders / 2 * ((each + 3) / 4)
	if counts["charged"] != senders*each-shared || counts["duplicate"] != shared || len(counts) != 2 {
		t.Errorf("told %v, want %d charged and %d duplicates", counts, senders*each-shared, shared)
	}
	if got := b.events()[domain.TypeConversationCharged]; got != senders*each-shared {
		t.Errorf("%d charges on disk, want %d", got, senders*each-shared)
	}
}

// TestMarketsThatChangeMeanwhileHold imports a table of markets, in which
// Brazil is no market of its own, into a ledger whose intake runs.
func TestMarketsThatChangeMeanwhileHold(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	b.run()
	b.ask(natsbus.ChargeSubject, charge("m-1", ""))
	b.publish([]byte(charge("m-2", "")), nil)
	b.empty()
	const table = "calling_code_prefix,country,market,effective_from\n34,ES,Spain,2025-07-01\n"
	if _, err := b.ledger.ImportMarkets(t.Context(), domain.Meta{Actor: "test"}, "markets.csv", []byte(table)); err != nil {
		t.Fatal(err)
	}
	b.ask(natsbus.ChargeSubject, charge("m-3", ""))
	b.publish([]byte(charge("m-4", "")), nil)
	b.empty()
	want := map[string]string{"m-1": "Brazil", "m-2": "Brazil", "m-3": "Other", "m-4": "Other"}
	for id, e := range b.charged() {
		if e.Market != want[id] {
			t.Errorf("%s was charged in the market %s, want %s", id, e.Market, want[id])
		}
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("not charged: %v", want)
	}
}

// charged returns all charges on disk by their ids.
func (b *bench) charged() map[string]domain.ConversationCharged {
	b.t.Helper()
	all := map[string]domain.ConversationCharged{}
	for r, err := range b.store.ReadAll(b.t.Context(), eventstore.Start) {
		if err != nil {
			b.t.Fatal(err)
		}
		if r.Type != domain.TypeConversationCharged {
			continue
		}
		var e domain.ConversationCharged
		if err := json.Unmarshal(r.Data, &e); err != nil {
			b.t.Fatal(err)
		}
		all[e.ChargeID] = e
	}
	return all
}
