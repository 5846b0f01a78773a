package domain

import (
	"slices"
	"strings"
)

// Limits of an account's alert settings.
const (
	// MaxAlertRecipients is how many addresses an account's alerts go to at
	// most.
	MaxAlertRecipients = 20
	// MaxAddressBytes bounds a mail address, as SMTP does.
	MaxAddressBytes = 254
)

// TypeAlertSettingsChanged is the name under which the event is stored.
const TypeAlertSettingsChanged = "AlertSettingsChanged"

// AlertSettings say who is told of an account by mail, and of what.
type AlertSettings struct {
	// Recipients are mail addresses; empty is nobody.
	Recipients []string `json:"recipients"`
	// Kinds are those of AlertKinds; empty is DefaultAlertKinds.
	Kinds []string `json:"kinds,omitempty"`
}

// AlertSettingsChanged sets both.
type AlertSettingsChanged struct {
	Settings AlertSettings `json:"settings"`
}

// EventType implements Event.
func (*AlertSettingsChanged) EventType() string { return TypeAlertSettingsChanged }

// ChangeAlertSettings sets what is not nil; an empty list of recipients ends
// the account's mails, an empty list of kinds is the default again.
type ChangeAlertSettings struct {
	Recipients *[]string
	Kinds      *[]string
}

// CommandName implements Command.
func (*ChangeAlertSettings) CommandName() string { return "ChangeAlertSettings" }

// AlertKinds are the kinds of notices that can be mailed.
func AlertKinds() []string {
	return append(DefaultAlertKinds(), "GraceEnded", "Recharged", "MonthReconciled")
}

// DefaultAlertKinds are those of which a recipient is told who names none: all
// that asks for something to be done, and its end.
func DefaultAlertKinds() []string {
	return []string{"LowBalance", "RechargeFailed", "GraceStarted", "BlockTomorrow", "Blocked", "Unblocked"}
}

// Wants says whether a kind of notice goes to the recipients; nil is nobody's.
func (s *AlertSettings) Wants(kind string) bool {
	if s == nil || len(s.Recipients) == 0 {
		return false
	}
	if len(s.Kinds) == 0 {
		return slices.Contains(DefaultAlertKinds(), kind)
	}
	return slices.Contains(s.Kinds, kind)
}

// ValidAddress says that the text is one mail address and nothing else: plain
// ASCII, with neither a name nor blanks, so that it can't add a header line.
func ValidAddress(text string) bool {
	local, host, ok := strings.Cut(text, "@")
	return ok && len(text) <= MaxAddressBytes && len(local) <= maxLocalBytes && dotted(local, atext) && dotted(host, hostText)
}

// maxLocalBytes bounds what stands before the @ of an address, as SMTP does.
const maxLocalBytes = 64

// dotted reports whether a text is of parts of the characters with single
// dots between them.
func dotted(text string, of func(rune) bool) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return !of(r) }) {
			return false
		}
	}
	return true
}

// atext are the characters that an address may have before its @ without
// quotes (RFC 5322).
func atext(r rune) bool { return hostText(r) || strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r) }

// hostText are the characters of a host's name.
func hostText(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-'
}

// changeAlerts sets who is told by mail; what stays the same is no event.
func (d *decision) changeAlerts(c *ChangeAlertSettings) error {
	var s AlertSettings
	if d.account.Alerts != nil {
		s = *d.account.Alerts
	}
	if c.Recipients != nil {
		s.Recipients = unique(*c.Recipients)
	}
	if c.Kinds != nil {
		s.Kinds = unique(*c.Kinds)
	}
	if len(s.Recipients) > MaxAlertRecipients {
		return Reject(InvalidSetting, "recipients has %d addresses; at most %d are taken: use a mailing list.", len(s.Recipients), MaxAlertRecipients)
	}
	for _, r := range s.Recipients {
		if !ValidAddress(r) {
			return Reject(InvalidSetting, "recipients: %.80q is no mail address; write it like ana@example.com.", r)
		}
	}
	for _, k := range s.Kinds {
		if !slices.Contains(AlertKinds(), k) {
			return Reject(InvalidSetting, "kinds: there is no kind %.40q; they are %s.", k, strings.Join(AlertKinds(), ", "))
		}
	}
	had := d.account.Alerts
	if had == nil && len(s.Recipients) == 0 && len(s.Kinds) == 0 {
		return nil
	}
	if had != nil && slices.Equal(had.Recipients, s.Recipients) && slices.Equal(had.Kinds, s.Kinds) {
		return nil
	}
	d.raise(&AlertSettingsChanged{Settings: s})
	return nil
}

// unique returns the texts without repeats, in their order.
func unique(texts []string) []string {
	kept := make([]string, 0, len(texts))
	for _, t := range texts {
		if !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}
