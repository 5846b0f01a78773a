package usage

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"prepayledger/domain"
)

// Paths are the keys of the database. Their parts are separated by a NUL: ids
// and names of charges have no control characters.
const (
	sumPrefix = "sum/"
	dayPrefix = "day/"
	sumParts  = 10
	dayParts  = 3
)

// appendPath appends where a key's sum is kept: by partner and month.
func (k *Key) appendPath(b []byte) []byte {
	b = append(append(b, sumPrefix...), k.PartnerID...)
	b = append(append(b, 0), k.Month...)
	b = append(append(b, 0), k.WABAID...)
	b = append(append(b, 0), k.ChannelID...)
	b = append(append(b, 0), k.Market...)
	b = append(append(b, 0), k.Category...)
	b = append(append(b, 0), k.PricingModel...)
	b = append(append(b, 0), k.PricingType...)
	b = append(append(b, 0), flag(k.Direct))
	return append(append(b, 0), flag(k.Late))
}

// flag writes a truth value into a path.
func flag(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// parsePath reads what appendPath wrote.
func parsePath(path string) (k Key, err error) {
	parts := strings.Split(strings.TrimPrefix(path, sumPrefix), "\x00")
	if len(parts) != sumParts {
		return k, fmt.Errorf("key %q has %d parts", path, len(parts))
	}
	return Key{
		PartnerID: parts[0], Month: domain.Month(parts[1]), WABAID: parts[2], ChannelID: parts[3], Market: parts[4], Category: parts[5],
		PricingModel: domain.PricingModel(parts[6]), PricingType: parts[7], Direct: parts[8] == "1", Late: parts[9] == "1",
	}, nil
}

// appendDayPath appends where a day's sum is kept: by partner, in order of
// days.
func appendDayPath(b []byte, partner, day, category string) []byte {
	b = append(append(b, dayPrefix...), partner...)
	b = append(append(b, 0), day...)
	return append(append(b, 0), category...)
}

// parseDayPath reads what appendDayPath wrote.
func parseDayPath(path string) (Day, error) {
	parts := strings.Split(strings.TrimPrefix(path, dayPrefix), "\x00")
	if len(parts) != dayParts {
		return Day{}, fmt.Errorf("key %q has %d parts", path, len(parts))
	}
	day, err := time.Parse(time.DateOnly, parts[1])
	if err != nil {
		return Day{}, fmt.Errorf("key %q: %w", path, err)
	}
	return Day{PartnerID: parts[0], Day: day, Category: parts[2]}, nil
}

// dayText writes days; most charges are of the same day as the one before.
type dayText struct {
	day  int64
	text string
}

func (d *dayText) of(t time.Time) string {
	const seconds = 24 * 60 * 60
	if day := t.Unix() / seconds; d.text == "" || day != d.day {
		d.day, d.text = day, t.UTC().Format(time.DateOnly)
	}
	return d.text
}

// appendJSON writes what encoding/json writes, without reflection: every
// batch has thousands.
func (s *daySum) appendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"count":`...), s.Count, 10)
	b = s.Amount.Append(append(b, `,"amount":"`...))
	if s.CorrectedCount != 0 {
		b = strconv.AppendInt(append(b, `","corrected_count":`...), s.CorrectedCount, 10)
		b = append(b, `,"corrected_amount":"`...)
	} else {
		b = append(b, `","corrected_amount":"`...)
	}
	b = append(s.CorrectedAmount.Append(b), '"')
	if s.FreeCount != 0 {
		b = strconv.AppendInt(append(b, `,"free_count":`...), s.FreeCount, 10)
	}
	return append(b, '}')
}
