package web

import (
	"strings"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
)

// categoryWords is a category of Meta's for people.
func categoryWords(category string) string {
	if category == "" {
		return "none"
	}
	words := strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(category))
	return strings.ToUpper(words[:1]) + words[1:]
}

// byWords is what a month is broken down by.
func byWords(by desk.UsageBy) string {
	switch by {
	case desk.ByCategory:
		return "Category"
	case desk.ByMarket:
		return "Market"
	case desk.ByChannel:
		return "Channel"
	case desk.ByWABA:
		return "WhatsApp Business Account"
	default:
		return "Day"
	}
}

// lineWords is a line's name in a breakdown.
func lineWords(by desk.UsageBy, name string) string {
	if by == desk.ByCategory {
		return categoryWords(name)
	}
	if name == "" {
		return "none"
	}
	return name
}

// modelWords says who pays for a channel.
func modelWords(m domain.PaymentModel) string {
	if m == domain.Direct {
		return "Direct: paid by the client"
	}
	return "Paid from this balance"
}

// alertWords says what an alert is about.
func alertWords(kind string) string {
	switch kind {
	case "LowBalance":
		return "The balance fell below the threshold"
	case "RechargeFailed":
		return "A card payment failed"
	case "GraceStarted":
		return "The balance went below zero"
	case "GraceEnded":
		return "The balance is zero or above again"
	case "BlockTomorrow":
		return "Channels will be blocked within a day"
	case "Blocked":
		return "Channels were blocked"
	case "Unblocked":
		return "Channels were unblocked"
	case "Recharged":
		return "A card payment was credited"
	case "MonthReconciled":
		return "A month was reconciled with Meta's invoice"
	default:
		return kind
	}
}

// fieldLabel is a field of a command as the rules' sentences name it.
type fieldLabel struct{ name, label string }

// refusedField finds the field of a form that a rejection is about: the rules'
// sentences begin with its name. The sentence is made one for people.
func refusedField(sentence string, fields []fieldLabel) (name, said string) {
	for _, f := range fields {
		if rest, ok := strings.CutPrefix(sentence, f.name); ok && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, ":")) {
			return f.name, f.label + rest
		}
	}
	return "", sentence
}
