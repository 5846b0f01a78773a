package webhooks

import (
	"net/http"
	"strconv"
	"time"
)

const (
	// jitter is by how much a delay is made longer or shorter at random, at
	// most: a receiver that comes back is not met by everything at once.
	jitter = 0.2
	// maxRetryAfter bounds the pause that a receiver may ask for.
	maxRetryAfter = 24 * time.Hour
)

// schedule returns the delays after the first, second, … failed attempt:
// somewhat more than three days in all.
func schedule() []time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	return []time.Duration{5 * s, 30 * s, 2 * m, 10 * m, 30 * m, 1 * h, 2 * h, 4 * h, 8 * h, 12 * h, 12 * h, 12 * h, 12 * h, 12 * h}
}

// MaxAttempts is how often a notice is sent before it goes to the dead
// letters.
func MaxAttempts() int { return len(schedule()) + 1 }

// delay is the pause after a failed attempt, counted from 1. random lies in
// [0, 1).
func delay(attempt int, random float64) time.Duration {
	all := schedule()
	d := all[min(max(attempt, 1), len(all))-1]
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*random))
}

// retryAfter reads how long a receiver asks to be left alone; 0 if it doesn't.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
