package ui

import "strings"

// toneOf is what a state means.
func toneOf(state string) Tone {
	switch state {
	case "active", "open", "posted", "paid", "succeeded", "credited", "verified", "paid_out", "ok":
		return Good
	case "grace", "proposed", "approved", "in_flight", "requested", "estimated", "waiting", "invited", "running":
		return Warn
	case "blocked", "failed", "unallocated", "reversed", "differs", "disabled":
		return Bad
	default:
		return Neutral
	}
}

// wordsOf is a state for people.
func wordsOf(state string) string {
	switch state {
	case "overdue+manual":
		return "overdue, and by hand"
	case "grace":
		return "grace period"
	}
	return strings.ReplaceAll(state, "_", " ")
}
