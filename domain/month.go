package domain

import (
	"fmt"
	"time"
)

// Month is a billing month, such as "2026-10".
type Month string

// MonthOf returns the billing month of an instant in a WABA's time zone
// (R25).
func MonthOf(t time.Time, zone *time.Location) Month {
	if zone != nil && zone != time.UTC {
		t = t.In(zone)
	} else {
		t = t.UTC()
	}
	year, month, _ := t.Date()
	if year < 0 || year > 9999 {
		return Month(t.Format("2006-01"))
	}
	var b [7]byte
	b[0], b[1], b[2], b[3] = byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10)
	b[4], b[5], b[6] = '-', byte('0'+month/10), byte('0'+month%10)
	return Month(b[:])
}

// ParseMonth reads "YYYY-MM".
func ParseMonth(s string) (Month, error) {
	if _, err := time.Parse("2006-01", s); err != nil || len(s) != 7 {
		return "", fmt.Errorf("%.20q is not a month: write it like 2026-10", s)
	}
	return Month(s), nil
}
