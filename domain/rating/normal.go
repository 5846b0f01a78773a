package rating

import "strings"

// NormalCategory returns the spelling by which categories (and, in tier
// changes, regions) are compared: lower case, with every run of blanks, line
// breaks, dashes and underscores as one underscore. "Authentication-\n
// International", "authentication-international" and
// "authentication_international" are the same category.
func NormalCategory(s string) string {
	if isNormal(s) {
		return s
	}
	words := strings.FieldsFunc(strings.ToLower(s), isSeparator)
	return strings.Join(words, "_")
}

func isSeparator(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '-', '_', '\u00a0':
		return true
	default:
		return false
	}
}

// isNormal reports whether s is certainly in its normal spelling: letters
// with single underscores between them.
func isNormal(s string) bool {
	separated := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			separated = false
		case c == '_' && !separated:
			separated = true
		default:
			return false
		}
	}
	return !separated || s == ""
}
