package esdbserver

import "time"

// MinKeepalive is how often a client may ping.
const MinKeepalive = minKeepalive

// WithMinKeepalive lets clients ping more often or less.
func (o Options) WithMinKeepalive(d time.Duration) Options {
	o.minKeepalive = d
	return o
}
