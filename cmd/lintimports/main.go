// Command lintimports checks the direction of the project's imports: they
// point at domain, and each layer knows only what docs/ARCHITECTURE.md allows
// it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const module = "prepayledger/"

// rule says what packages below a folder may import.
type rule struct {
	// folder is where the rule holds; the first that fits does.
	folder string
	// own are the project's folders that may be imported.
	own []string
	// foreign are modules that may be imported beside the standard library;
	// nil allows all.
	foreign []string
}

// rules are tried in order.
func rules() []rule {
	pure := []string{"github.com/cockroachdb/apd/v3", "github.com/google/uuid"}
	return []rule{
		{"domain", []string{"domain"}, pure},
		{"eventstore/runindex", nil, []string{"golang.org/x/sys"}},
		{"eventstore", []string{"eventstore"}, nil},
		{"projections", []string{"projections", "domain", "eventstore"}, nil},
		{"consumers", []string{"consumers", "projections", "domain", "eventstore"}, nil},
		{"cmd", []string{"cmd", "consumers", "projections", "domain", "eventstore"}, nil},
	}
}

// drivers are wired by cmd alone.
var drivers = []string{"eventstore/embedded", "eventstore/esdb", "eventstore/esdbserver"}

// check returns what is wrong with a package importing others.
func check(pkg string, imports []string) (problems []string) {
	place := strings.TrimPrefix(pkg, module)
	for _, r := range rules() {
		if !within(place, r.folder) {
			continue
		}
		for _, i := range imports {
			if own, ok := strings.CutPrefix(i, module); ok {
				if !anyWithin(own, r.own) || anyWithin(own, drivers) && !within(place, "cmd") && !anyWithin(place, drivers) {
					problems = append(problems, fmt.Sprintf("%s must not import %s", place, own))
				}
			} else if r.foreign != nil && strings.Contains(strings.SplitN(i, "/", 2)[0], ".") && !anyWithin(i, r.foreign) {
				problems = append(problems, fmt.Sprintf("%s must not import %s", place, i))
			}
		}
		return problems
	}
	return []string{fmt.Sprintf("%s lies in no folder of the project: cmd, domain, eventstore, projections, consumers", place)}
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func anyWithin(path string, folders []string) bool {
	for _, f := range folders {
		if within(path, f) {
			return true
		}
	}
	return false
}

func main() {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lintimports: go list:", err)
		os.Exit(2)
	}
	bad := false
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		for _, problem := range check(fields[0], fields[1:]) {
			fmt.Println(problem)
			bad = true
		}
	}
	if bad {
		os.Exit(1)
	}
}
