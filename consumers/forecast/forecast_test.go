package forecast_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"prepayledger/consumers/forecast"
	"prepayledger/domain/money"
)

// monday is 2026-11-23; tests take place at its noon unless they say more.
var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func amt(s string) money.Amount { return money.MustParse(s) }

// used makes days before monday, oldest first.
func used(amounts ...string) []forecast.Day {
	var days []forecast.Day
	for i, a := range amounts {
		days = append(days, forecast.Day{Day: monday.AddDate(0, 0, i-len(amounts)), Amount: amt(a)})
	}
	return days
}

func repeat(n int, amounts ...string) []string {
	var all []string
	for range n {
		all = append(all, amounts...)
	}
	return all
}

func at(t *time.Time) string {
	if t == nil {
		return "not in sight"
	}
	return t.Format("01-02 15:04:05")
}

func TestForecast(t *testing.T) {
	steady := used(repeat(28, "24")...)
	gap := used(repeat(28, "24")...)
	gap[10].Amount, gap[11].Amount = money.Zero(), money.Zero()
	peak := used(repeat(28, "24")...)
	peak[20].Amount = amt("9999")
	noon := monday.Add(12 * time.Hour)
	for _, c := range []struct {
		name               string
		days               []forecast.Day
		balance, threshold string
		reason             forecast.Reason
		mark, zero         string
	}{
		{"a steady day of 24 is 1 an hour", steady, "148", "100", "", "11-25 12:00:00", "11-29 16:00:00"},
		{"two missing days change nothing", gap, "148", "100", "", "11-25 12:00:00", "11-29 16:00:00"},
		{"nor does one high day", peak, "148", "100", "", "11-25 12:00:00", "11-29 16:00:00"},
		{"within the second", used(repeat(28, "86400")...), "0.5", "0", "", "11-23 12:00:01", "11-23 12:00:01"},
		{"at the threshold it is reached", steady, "100", "100", "", "11-23 12:00:00", "11-27 16:00:00"},
		{"weekends cost nothing", used(repeat(4, "24", "24", "24", "24", "24", "0", "0")...), "120", "0", "", "11-30 12:00:00", "11-30 12:00:00"},
		{"the horizon's last second is in sight", steady, "2160", "0", "", "02-21 12:00:00", "02-21 12:00:00"},
		{"beyond it is not", steady, "2160.0001", "2160", "", "11-23 12:00:01", "not in sight"},
		{"less than a week", used(repeat(6, "24")...), "100", "50", forecast.TooLittleHistory, "not in sight", "not in sight"},
		{"a week is enough", used(repeat(7, "24")...), "100", "52", "", "11-25 12:00:00", "11-27 16:00:00"},
		{"none at all", nil, "100", "50", forecast.TooLittleHistory, "not in sight", "not in sight"},
		{"not used any more", used(append([]string{"24"}, repeat(28, "0")...)...), "100", "50", forecast.NoConsumption, "not in sight", "not in sight"},
		{"taken back is not consumption", used(repeat(28, "-1")...), "100", "50", forecast.NoConsumption, "not in sight", "not in sight"},
		{"today is no whole day", append(used(repeat(28, "24")...), forecast.Day{Day: monday, Amount: amt("5000")}), "148", "100", "", "11-25 12:00:00", "11-29 16:00:00"},
		{"older days count no more", used(append(repeat(7, "5000"), repeat(28, "24")...)...), "148", "100", "", "11-25 12:00:00", "11-29 16:00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := forecast.Of(forecast.Input{Now: noon, Balance: amt(c.balance), Threshold: amt(c.threshold), Days: c.days})
			if f.Reason != c.reason || at(f.Threshold.Expected) != c.mark || at(f.Zero.Expected) != c.zero {
				t.Errorf("%q, threshold %s, zero %s; want %q, %s, %s", f.Reason, at(f.Threshold.Expected), at(f.Zero.Expected), c.reason, c.mark, c.zero)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	var amounts []string
	for _, a := range []string{"10", "20", "30", "40"} {
		amounts = append(amounts, repeat(7, a)...)
	}
	f := forecast.Of(forecast.Input{Now: monday, Balance: amt("325"), Days: used(amounts...)})
	for i, got := range []money.Amount{f.Week.Low, f.Week.Expected, f.Week.High} {
		if want := []string{"122.5", "175", "227.5"}[i]; got.String() != want {
			t.Errorf("week %d: %s, want %s", i, got, want)
		}
	}
	if e, x, l := at(f.Zero.Earliest), at(f.Zero.Expected), at(f.Zero.Latest); e != "12-03 00:00:00" || x != "12-06 00:00:00" || l != "12-11 13:42:52" {
		t.Errorf("earliest %s, expected %s, latest %s", e, x, l)
	}
}

// An oracle of its own: second by second, in whole numbers of which a day's
// smallest part is one.
func TestAgainstSeconds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 100 {
		var amounts []string
		var sums, counts [7]int64 // in 0.0001; at most two of a day: the median is their mean
		n := 7 + rng.IntN(3)
		for i := range n {
			units := rng.Int64N(1000)
			amounts = append(amounts, money.FromInt(units).Mul(amt("0.0001")).String())
			w := monday.AddDate(0, 0, i-n).Weekday()
			sums[w] += units
			counts[w]++
		}
		now := monday.Add(time.Duration(rng.IntN(86400)) * time.Second)
		units := rng.Int64N(3000)
		left, second := units*2*86400, now.Unix()
		end := now.AddDate(0, 0, forecast.HorizonDays).Unix()
		for left > 0 && second < end {
			w := (second/86400 + 4) % 7 // 1970-01-01 was a Thursday
			left -= sums[w] * 2 / counts[w]
			second++
		}
		when := time.Unix(second, 0).UTC()
		want := at(&when)
		if left > 0 {
			want = "not in sight"
		}
		f := forecast.Of(forecast.Input{Now: now, Balance: money.FromInt(units).Mul(amt("0.0001")), Days: used(amounts...)})
		if got := at(f.Zero.Expected); got != want {
			t.Fatalf("seed %d: balance %d, days %v: %s, want %s", seed, units, amounts, got, want)
		}
	}
}

func TestSortPutsTheUrgentFirst(t *testing.T) {
	soon, late := monday, monday.AddDate(0, 0, 9)
	type named struct {
		f    forecast.Forecast
		name string
	}
	list := []named{
		{forecast.Forecast{}, "never"}, {forecast.Forecast{Zero: forecast.Instants{Expected: &late}}, "late"},
		{forecast.Forecast{Zero: forecast.Instants{Expected: &soon}}, "soon"}, {forecast.Forecast{Zero: forecast.Instants{Reached: true}}, "now"}, {forecast.Forecast{}, "a"},
	}
	forecast.Sort(list, func(n *named) (*forecast.Forecast, string) { return &n.f, n.name })
	for i, want := range []string{"now", "soon", "late", "a", "never"} {
		if list[i].name != want {
			t.Errorf("%d is %s, want %s", i, list[i].name, want)
		}
	}
}
