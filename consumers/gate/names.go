package gate

import (
	"fmt"
	"strings"
)

// The names of package natsbus that a gateway needs. They stand here again
// because natsbus carries a whole NATS server with it; a test holds them
// together.
const (
	// ChannelsBucket has a ChannelState for each channel, and the heartbeat.
	ChannelsBucket = "prepay_channels"
	// AccountsBucket has an AccountState for each account.
	AccountsBucket = "prepay_accounts"
)

// Key is the key of a channel id in ChannelsBucket, and of a partner id in
// AccountsBucket: bytes other than letters, digits, - and _ are written as
// =XX.
func Key(id string) string {
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	if id == "" {
		return "="
	}
	return b.String()
}
