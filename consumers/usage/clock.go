package usage

import (
	"strconv"
	"time"

	"prepayledger/domain/rating"
)

// parseTime reads RFC 3339 and returns UTC.
func parseTime(s string) (time.Time, bool) {
	if t, ok := parseZulu(s); ok {
		return t, true
	}
	// The time package is laxer than RFC 3339: it takes hours of one digit,
	// a comma before the decimals, and offsets of 24 hours.
	if !hasTimeShape(s) || s[len(timeShape)] == ',' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || s[len(s)-1] != 'Z' && (s[len(s)-5:len(s)-3] > "23" || s[len(s)-2:] > "59") {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// timeShape is how every time begins, 0 standing for any digit.
const timeShape = "0000-00-00T00:00:00"

func hasTimeShape(s string) bool {
	if len(s) <= len(timeShape) {
		return false
	}
	for i := range len(timeShape) {
		if timeShape[i] != '0' && s[i] != timeShape[i] || timeShape[i] == '0' && s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// parseZulu reads the usual spelling, "2026-10-03T12:34:56Z" with up to nine
// decimals; anything else is left to the time package.
func parseZulu(s string) (time.Time, bool) {
	if !hasTimeShape(s) || len(s) > len(timeShape)+len(".000000000Z") || s[len(s)-1] != 'Z' {
		return time.Time{}, false
	}
	nanos, fraction := 0, s[len(timeShape):len(s)-1]
	if fraction != "" {
		if fraction[0] != '.' || len(fraction) == 1 {
			return time.Time{}, false
		}
		for i := 1; i <= 9; i++ {
			nanos *= 10
			if i < len(fraction) {
				if fraction[i]-'0' > 9 {
					return time.Time{}, false
				}
				nanos += int(fraction[i] - '0')
			}
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	// Beyond a month's end Date goes on to the next month.
	return t, day <= 28 || t.Day() == day
}

// inRange reports whether an instant lies within the years that are taken.
func inRange(t time.Time) bool {
	y := t.Year()
	return y >= rating.MinYear && y <= rating.MaxYear
}

// maxUnixDigits bounds the seconds of a webhook's timestamp.
const maxUnixDigits = 12

// parseUnix reads seconds since 1970, with or without JSON's quotes.
func parseUnix(raw string) (time.Time, bool) {
	if len(raw) >= 2 && raw[0] == '"' && raw[len(raw)-1] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	if len(raw) == 0 || len(raw) > maxUnixDigits {
		return time.Time{}, false
	}
	for i := range len(raw) {
		if raw[i]-'0' > 9 {
			return time.Time{}, false
		}
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	return time.Unix(n, 0).UTC(), err == nil
}
