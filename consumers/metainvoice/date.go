package metainvoice

import (
	"fmt"
	"strings"
	"time"
)

// dateTokens are what a mapping's date is made of, longest first, and what
// package time calls them.
var dateTokens = [...][2]string{
	{"YYYY", "2006"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"DD", "02"}, {"D", "2"},
}

// dateLayout translates a mapping's date; default YYYY-MM-DD.
func dateLayout(date string) (string, error) {
	if date == "" {
		return time.DateOnly, nil
	}
	var b strings.Builder
	months, years := 0, 0
next:
	for rest := date; rest != ""; {
		for _, t := range dateTokens {
			if after, ok := strings.CutPrefix(rest, t[0]); ok {
				b.WriteString(t[1])
				if t[0][0] == 'M' {
					months++
				}
				if t[0][0] == 'Y' {
					years++
				}
				rest = after
				continue next
			}
		}
		if !strings.ContainsRune(" ./-,", rune(rest[0])) {
			return "", fmt.Errorf("%q is no date: write it with YYYY, MM, M, MMM, MMMM, DD, D, blanks and . / - ,", date)
		}
		b.WriteByte(rest[0])
		rest = rest[1:]
	}
	if months != 1 || years != 1 {
		return "", fmt.Errorf("%q needs the year (YYYY) and the month, each once", date)
	}
	return b.String(), nil
}

// Days from the Unix epoch back to a workbook's day 0; one that counts from
// 1904 starts later.
const (
	serialEpoch1900 = 25_569
	serialEpoch1904 = 24_107
	// minSerial is 1 March 1900: before it the count has a day that never was.
	minSerial = 61
	// maxSerial is the last day of the year 9999.
	maxSerial = 2_958_465
)

// serialDay is the day that a workbook means by a whole number; false where
// it means none.
func serialDay(text string, from1904 bool) (time.Time, bool) {
	if !digits(text) || len(text) > len("2958465") {
		return time.Time{}, false
	}
	n := 0
	for i := range len(text) {
		n = n*10 + int(text[i]-'0')
	}
	if n < minSerial || n > maxSerial {
		return time.Time{}, false
	}
	epoch := serialEpoch1900
	if from1904 {
		epoch = serialEpoch1904
	}
	return time.Unix(0, 0).UTC().AddDate(0, 0, n-epoch), true
}
