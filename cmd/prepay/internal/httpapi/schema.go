package httpapi

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
)

// qualified returns what finds the names of types, with their packages, in the name of a
// generic type.
func qualified() *regexp.Regexp { return regexp.MustCompile(`[\w./]+/(\w+)\.(\w+)`) }

// ownPackages are packages whose types have names that need no addition: they
// are made for what is answered, or are the ledger's own words.
func ownPackages() []string { return []string{"desk", "httpapi", "domain", "access"} }

// schemaName names a type in the OpenAPI document. A type of a package that is
// not made for it has the package's name before its own: usage.Line is
// UsageLine, recharges.Row is RechargeRow.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := t.Name()
	if name == "" || t.PkgPath() == "" {
		return huma.DefaultSchemaNamer(t, hint)
	}
	own, arguments, generic := strings.Cut(name, "[")
	name = prefixed(path.Base(t.PkgPath()), own)
	if generic {
		for _, argument := range qualified().FindAllStringSubmatch(arguments, -1) {
			name += prefixed(argument[1], argument[2])
		}
	}
	return name
}

// prefixed puts a package's name before a type's.
func prefixed(pkg, name string) string {
	first := []rune(strings.TrimSuffix(pkg, "s"))
	if len(first) == 0 || slices.Contains(ownPackages(), pkg) || strings.HasPrefix(strings.ToLower(name), string(first)) {
		return name
	}
	first[0] = unicode.ToUpper(first[0])
	return string(first) + name
}
