package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rejection is a code and the sentences that come with it.
type rejection struct {
	code     string
	messages []string
}

// rejections reads the codes of package domain, in their order of precedence,
// and the sentences of every place that rejects.
func rejections() ([]rejection, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "domain/rejection.go", nil, 0)
	if err != nil {
		return nil, err
	}
	var all []rejection
	place := map[string]int{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 && isIdent(spec.Type, "Code") {
			place[spec.Names[0].Name] = len(all)
			all = append(all, rejection{code: unquote(spec.Values[0])})
		}
		return true
	})
	if len(all) == 0 {
		return nil, fmt.Errorf("domain/rejection.go has no codes")
	}
	for _, folder := range []string{"domain", "consumers", "cmd"} {
		if err := collectMessages(set, folder, place, all); err != nil {
			return nil, err
		}
	}
	for i := range all {
		slices.Sort(all[i].messages)
		all[i].messages = slices.Compact(all[i].messages)
	}
	return all, nil
}

// collectMessages adds the sentences of all calls of Reject in a folder.
func collectMessages(set *token.FileSet, folder string, place map[string]int, all []rejection) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 || !isIdent(call.Fun, "Reject") {
				return true
			}
			i, known := place[identOf(call.Args[0])]
			if text := unquote(call.Args[1]); known && strings.Trim(text, "%sv.") != "" {
				all[i].messages = append(all[i].messages, verbs().ReplaceAllString(text, "…"))
			}
			return true
		})
		return nil
	})
}

// verbs are the places of a format where values go.
func verbs() *regexp.Regexp { return regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`) }

// isIdent says that an expression is a name, of this package or another.
func isIdent(e ast.Expr, name string) bool { return identOf(e) == name }

func identOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	default:
		return ""
	}
}

// unquote is the text of a literal, joined where it is a sum of several.
func unquote(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return unquote(e.X) + unquote(e.Y)
	default:
		return ""
	}
}

// rejectionsPage lists the codes.
func rejectionsPage(all []rejection) []byte {
	var b bytes.Buffer
	b.WriteString("# Rejections\n\n" + made)
	b.WriteString("A rejection is the rules' no to a command: nothing was changed. Codes are stable.\n")
	b.WriteString("Where several apply, the first in this list is given.\n\n")
	b.WriteString("| code | what is said |\n|---|---|\n")
	for _, r := range all {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.code, cell(strings.Join(r.messages, " · ")))
	}
	b.WriteString("\nBeside them a request over NATS can be answered `invalid_request` (it can't be read), `unknown_command`,\n")
	b.WriteString("`overloaded` (try again after `retry_after_ms`), `conflict` (others wrote at the same time; nothing was done),\n")
	b.WriteString("`unavailable` (nothing was done), `outcome_unknown` (repeat it with the same id, it counts once) and `failed`.\n")
	return b.Bytes()
}
