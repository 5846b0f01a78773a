package domain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"prepayledger/domain"
)

func alerts(recipients, kinds []string) *domain.ChangeAlertSettings {
	c := &domain.ChangeAlertSettings{}
	if recipients != nil {
		c.Recipients = &recipients
	}
	if kinds != nil {
		c.Kinds = &kinds
	}
	return c
}

// Who is told by mail is set, refused and left alone.
func TestAlertSettings(t *testing.T) {
	ana, ben := []string{"ana@example.com"}, []string{"ben@example.com", "ben@example.com", "cy+x@mail.example.com"}
	var many []string
	for i := range domain.MaxAlertRecipients + 1 {
		many = append(many, fmt.Sprintf("a%d@example.com", i))
	}
	for _, c := range []struct {
		name  string
		given []step
		cmd   *domain.ChangeAlertSettings
		want  string // recipients, kinds; or the code of a rejection
		quiet bool
	}{
		{"set", active(), alerts(ana, nil), "[ana@example.com] []", false},
		{"each once", active(), alerts(ben, []string{"Blocked", "Blocked"}), "[ben@example.com cy+x@mail.example.com] [Blocked]", false},
		{"what is not named stays", with(active(), do(alerts(ana, nil))), alerts(nil, []string{"Blocked"}), "[ana@example.com] [Blocked]", false},
		{"ended", with(active(), do(alerts(ana, nil))), alerts([]string{}, nil), "[] []", false},
		{"the same again is no event", with(active(), do(alerts(ana, nil))), alerts(ana, nil), "[ana@example.com] []", true},
		{"nothing is no event", active(), alerts(nil, nil), "", true},
		{"nobody is no event", active(), alerts([]string{}, nil), "", true},
		{"no address", active(), alerts([]string{"ana"}, nil), "invalid_setting", true},
		{"a name beside it", active(), alerts([]string{"Ana <ana@example.com>"}, nil), "invalid_setting", true},
		{"a header in it", active(), alerts([]string{"ana@example.com\r\nBcc: x@example.com"}, nil), "invalid_setting", true},
		{"too long", active(), alerts([]string{strings.Repeat("a", 250) + "@x.de"}, nil), "invalid_setting", true},
		{"too many", active(), alerts(many, nil), "invalid_setting", true},
		{"no kind", active(), alerts(ana, []string{"Bloked"}), "invalid_setting", true},
		{"no account", nil, alerts(ana, nil), "unknown_account", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(t)
			for _, g := range c.given {
				l.now = l.now.Add(g.wait)
				if _, err := l.do(g.actor, g.cmd); err != nil {
					t.Fatal(err)
				}
			}
			events, err := l.do("partner:pa", c.cmd)
			got := string(domain.RejectionCode(err))
			if err == nil && l.account.Alerts != nil {
				got = fmt.Sprint(l.account.Alerts.Recipients, l.account.Alerts.Kinds)
			}
			if got != c.want || (len(events) == 0) != c.quiet {
				t.Errorf("%q with %d events, want %q (quiet: %t); %v", got, len(events), c.want, c.quiet, err)
			}
		})
	}
}

// Quiet by default: what asks for nothing is mailed to those only who want it.
func TestWants(t *testing.T) {
	var nobody *domain.AlertSettings
	all := &domain.AlertSettings{Recipients: []string{"a@example.com"}}
	one := &domain.AlertSettings{Recipients: []string{"a@example.com"}, Kinds: []string{"Recharged"}}
	for _, k := range domain.AlertKinds() {
		if nobody.Wants(k) || (&domain.AlertSettings{Kinds: []string{k}}).Wants(k) {
			t.Errorf("%s is mailed to nobody", k)
		}
		if got := all.Wants(k); got != slices.Contains(domain.DefaultAlertKinds(), k) {
			t.Errorf("%s by default: %t", k, got)
		}
		if got := one.Wants(k); got != (k == "Recharged") {
			t.Errorf("%s where only Recharged is wanted: %t", k, got)
		}
	}
	if all.Wants("Recharged") || all.Wants("MonthReconciled") {
		t.Error("what asks for nothing is mailed by default")
	}
}
