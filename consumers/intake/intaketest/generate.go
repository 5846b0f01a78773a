// Package intaketest makes usage for measurements and tests.
package intaketest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// Workload says what usage to make.
type Workload struct {
	// Charges is how many lines there are, duplicates included.
	Charges int
	// Accounts is how many partner accounts they belong to; each has
	// ChannelsPerAccount channels, each with a WABA of its own.
	Accounts int
	// DuplicatePercent of the lines repeat an earlier one.
	DuplicatePercent int
	// Seed makes the same workload again.
	Seed uint64
	// From is when the usage begins; it spreads over 28 days.
	From time.Time
}

// ChannelsPerAccount is how many channels each account has.
const ChannelsPerAccount = 5

// repeatWithin is how many lines back a duplicate reaches at most.
const repeatWithin = 500_000

// Partner names an account of a workload.
func Partner(i int) string { return fmt.Sprintf("PA-%04d", i) }

// Channel names a channel of an account.
func Channel(i, c int) string { return fmt.Sprintf("CH-%04d-%d", i, c) }

// WABA is the business account of a channel.
func WABA(i, c int) string { return strconv.Itoa(102_290_000_000_000 + i*10 + c) }

// Number is the phone number of a channel.
func Number(i, c int) string { return fmt.Sprintf("+3491%06d%d", i, c) }

// destinations are countries and prefixes that have a rate on
// Meta's card.
var destinations = [...]struct{ country, prefix string }{
	{"BR", "5511"}, {"IN", "9198"}, {"ES", "3461"}, {"DE", "4915"}, {"MX", "5255"},
	{"ID", "6281"}, {"GB", "4477"}, {"TR", "9053"}, {"ZA", "2782"}, {"AR", "5491"},
}

var categories = [...]string{"marketing", "utility", "authentication", "service"}

// Write writes the workload as NDJSON, unrated: one line a charge.
func (w Workload) Write(out io.Writer) error {
	b := bufio.NewWriterSize(out, 1<<20)
	random := rand.New(rand.NewPCG(w.Seed, 1))
	step := 28 * 24 * time.Hour / time.Duration(max(w.Charges, 1))
	line := make([]byte, 0, 512)
	for i := range w.Charges {
		n := i
		if i > 0 && random.IntN(100) < w.DuplicatePercent {
			n = i - 1 - random.IntN(min(i, repeatWithin))
		}
		line = w.line(line[:0], n, w.From.Add(time.Duration(n)*step))
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	return b.Flush()
}

// line is charge number n: everything about it follows from n and the seed,
// so that a duplicate is the same line again.
func (w Workload) line(b []byte, n int, at time.Time) []byte {
	h := (uint64(n) + w.Seed*0x9E3779B97F4A7C15) * 0xD1342543DE82EF95
	h ^= h >> 29
	account, channel := int(h%uint64(w.Accounts)), int(h>>20%ChannelsPerAccount)
	d := destinations[h>>30%uint64(len(destinations))]
	b = append(b, `{"charge_id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQ`...)
	b = fmt.Appendf(b, "%016X%08X", h*0xBF58476D1CE4E5B9, n)
	b = append(b, `","partner_id":"`...)
	b = append(b, Partner(account)...)
	b = append(b, `","channel_id":"`...)
	b = append(b, Channel(account, channel)...)
	b = append(b, `","waba_id":"`...)
	b = append(b, WABA(account, channel)...)
	b = append(b, `","recipient":"`...)
	b = append(b, d.prefix...)
	b = strconv.AppendUint(b, 10_000_000+h>>7%90_000_000, 10)
	b = append(b, `","country":"`...)
	b = append(b, d.country...)
	b = append(b, `","category":"`...)
	b = append(b, categories[h>>40%uint64(len(categories))]...)
	b = append(b, `","pricing_model":"PMP","pricing_type":"regular","occurred_at":"`...)
	b = at.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, "\"}\n"...)
}
