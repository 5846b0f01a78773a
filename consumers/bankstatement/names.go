package bankstatement

import (
	"slices"
	"strings"
	"unicode"
)

// minNameLetters is how many letters and digits a name needs to be looked for
// in a text: a shorter one would be found in every second one.
const minNameLetters = 4

// letters are the letters and digits of a text, in capitals.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if !isLetter(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, text)
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// hit is where a name stands in a text, by its letters.
type hit struct {
	name
	from, to int
	// asWritten says that it stands there with no other blanks, dashes and so
	// on than it has itself.
	asWritten bool
}

// reading is a text as it is searched: its letters, and what is between them.
type reading struct {
	letters string // ASCII or not, one byte offset per entry of gaps
	// gap says for each byte of letters, and for its end, whether something
	// else than letters stands before it.
	gap []bool
}

// read prepares a text for the search.
func read(text string) reading {
	var r reading
	var b strings.Builder
	between := true // a text begins as a word does
	for _, c := range text {
		if !isLetter(c) {
			between = true
			continue
		}
		from := b.Len()
		b.WriteRune(unicode.ToUpper(c))
		for range b.Len() - from {
			r.gap = append(r.gap, between)
			between = false
		}
	}
	r.gap = append(r.gap, true)
	r.letters = b.String()
	return r
}

// find returns what names an account in the text, whichever case, blanks and
// dashes were used: a whole word must begin with it and end with it. A name
// within a longer one that is named, such as PA-1001 in PA-1001-R000001, is
// not named by itself; and where one stands as it is written, such as PA-1001
// in "PA-1001 2 weeks", it goes before one that only could be read there, such
// as PA-10012.
func (m *matcher) find(text string) []name {
	r := read(text)
	upper := strings.ToUpper(text)
	var hits []hit
	for from := range r.letters {
		for to := from + minNameLetters; r.gap[from] && to <= min(from+m.longest, len(r.letters)); to++ {
			if !r.gap[to] {
				continue
			}
			for _, n := range m.names[r.letters[from:to]] {
				hits = append(hits, hit{n, from, to, strings.Contains(upper, strings.ToUpper(n.text))})
			}
		}
	}
	var found []name
	for _, h := range hits {
		if !slices.ContainsFunc(hits, func(o hit) bool { return beats(&o, &h) }) {
			found = append(found, h.name)
		}
	}
	return found
}

// beats says that the other hit explains the same letters better.
func beats(other, h *hit) bool {
	overlap := other.from < h.to && h.from < other.to
	if !overlap || other.text == h.text {
		return false
	}
	if other.asWritten != h.asWritten {
		return other.asWritten
	}
	return other.to-other.from > h.to-h.from
}
