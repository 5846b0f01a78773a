package webhooks

import (
	"net/http"
	"testing"
	"time"
)

func TestScheduleTakesThreeDays(t *testing.T) {
	var total, last time.Duration
	for i := 1; i < MaxAttempts(); i++ {
		low, middle, high := delay(i, 0), delay(i, 0.5), delay(i, 0.999999)
		if low >= middle || middle >= high || middle < last || float64(low) < 0.79*float64(middle) || float64(high) > 1.21*float64(middle) {
			t.Errorf("attempt %d: %s, %s, %s", i, low, middle, high)
		}
		total, last = total+middle, middle
	}
	if total < 72*time.Hour || total > 96*time.Hour {
		t.Errorf("attempts end after %s, want three to four days", total)
	}
	if delay(1000, 0.5) != last || delay(0, 0.5) != delay(1, 0.5) {
		t.Error("attempts out of the schedule")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "90": 90 * time.Second, "99999999": maxRetryAfter,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
