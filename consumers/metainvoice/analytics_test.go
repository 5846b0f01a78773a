package metainvoice

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"prepayledger/domain"
)

// analyticsSample is a response as the Graph API sends it.
const analyticsSample = `{"id":"102290129340398","currency":"USD","pricing_analytics":{"data":[{"data_points":[
 {"start":1790812800,"end":1790899200,"phone_number":"15550458206","country":"IN","tier":"0:750000","pricing_type":"REGULAR","pricing_category":"AUTHENTICATION_INTERNATIONAL","volume":2,"cost":4.6},
 {"start":1790812800,"end":1790899200,"country":"US","pricing_type":"FREE_CUSTOMER_SERVICE","pricing_category":"UTILITY","volume":1,"cost":0}]}]}}`

func analytics(text string) (points []AnalyticsPoint, err error) {
	err = ParseAnalytics("a.json", strings.NewReader(text), func(p *AnalyticsPoint) error {
		points = append(points, *p)
		return nil
	})
	return points, err
}

func TestAnalytics(t *testing.T) {
	points, err := analytics(analyticsSample + "\n" + strings.Replace(analyticsSample, "4.6", "1.00000000000000001e-1", 1))
	must(t, err)
	if len(points) != 4 {
		t.Fatalf("%d points", len(points))
	}
	p := points[0]
	if p.WABAID != "102290129340398" || p.PhoneNumber != "15550458206" || p.Country != "IN" || p.Tier != "0:750000" || p.PricingType != "regular" ||
		p.Category != "authentication_international" || p.Volume != 2 || p.Cost.String() != "4.6" || p.Currency != "USD" ||
		!p.Start.Equal(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)) || p.End.Sub(p.Start) != 24*time.Hour {
		t.Errorf("%+v", p)
	}
	if points[1].PricingType != "free_customer_service" || !points[1].Cost.IsZero() || points[1].PhoneNumber != "" {
		t.Errorf("%+v", points[1])
	}
	if c := points[2].Cost.String(); c != "0.100000000000000001" {
		t.Errorf("cost %s", c)
	}
}

func TestAnalyticsIsRefusedByName(t *testing.T) {
	with := func(old, now string) string { return strings.Replace(analyticsSample, old, now, 1) }
	const first = "pricing_analytics.data[0].data_points[0]."
	for _, c := range []struct{ name, text, says string }{
		{"empty", "", "no JSON"},
		{"no JSON", "{", "no JSON"},
		{"second", analyticsSample + "]", "response 2 is no JSON"},
		{"error", `{"error":{"message":"Invalid OAuth token"}}`, `an error of the Graph API: "Invalid OAuth token"`},
		{"no WABA", with(`"id":"102290129340398",`, ""), "names no WABA"},
		{"no currency", with("USD", "usd"), `"usd" is no currency`},
		{"no analytics", `{"id":"1","currency":"USD"}`, "ask for the field pricing_analytics"},
		{"country", with(`"country":"IN",`, ""), first + "country: response 1: \"\" is no country: ask for the dimension COUNTRY"},
		{"category", with(`"pricing_category":"AUTHENTICATION_INTERNATIONAL",`, ""), first + "pricing_category"},
		{"type", with(`"pricing_type":"REGULAR",`, ""), first + "pricing_type"},
		{"number", with("15550458206", "x"), first + "phone_number"},
		{"start", with(`"start":1790812800,`, ""), first + "start"},
		{"start in milliseconds", with(`"start":1790812800`, `"start":1790812800000`), "out of range"},
		{"end", with(`"end":1790899200`, `"end":1790812800`), first + "end"},
		{"volume", with(`"volume":2`, `"volume":2.5`), first + "volume"},
		{"negative volume", with(`"volume":2`, `"volume":-2`), first + "volume"},
		{"cost", with(`4.6`, `1e99`), first + "cost"},
		{"long cost", with(`4.6`, `0.1234567890123456789`), first + "cost"},
		{"kind", with(`"volume":2`, `"volume":{}`), "response 1"},
	} {
		_, err := analytics(c.text)
		if domain.RejectionCode(err) != domain.InvoiceInvalid || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "a.json") {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func TestAnalyticsPassesFailuresOn(t *testing.T) {
	gone := errors.New("disk gone")
	err := ParseAnalytics("a.json", io.MultiReader(strings.NewReader(analyticsSample[:50]), iotest.ErrReader(gone)), nil)
	if !errors.Is(err, gone) || domain.RejectionCode(err) != "" {
		t.Error(err)
	}
	err = ParseAnalytics("a.json", strings.NewReader(analyticsSample), func(*AnalyticsPoint) error { return gone })
	if !errors.Is(err, gone) {
		t.Error(err)
	}
	err = ParseAnalytics("a.json", io.MultiReader(strings.NewReader(`{"x":"`), endless{}), nil)
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Error(err)
	}
}
