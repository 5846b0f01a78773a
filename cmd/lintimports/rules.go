package main

import (
	"fmt"
	"strings"
)

// module is the path that every import of the project's own begins with.
const module = "prepayledger/"

// rule says what the packages of a folder may import. Tests are free: they
// wire drivers and use test libraries.
type rule struct {
	// folder is where the rule holds, folders in it included.
	folder string
	// own are the project's folders that may be imported, those in them
	// included.
	own []string
	// foreign are the modules that may be imported beside the standard
	// library; anyModule allows all.
	foreign []string
	// never are packages of the standard library that must not be imported.
	never []string
}

// anyModule stands for every module that is not the project's.
const anyModule = "*"

// rules returns the rules; the first whose folder fits holds. It is the table
// of docs/ARCHITECTURE.md.
func rules() []rule {
	// What reads a clock, a file, the network or a random number, or writes a
	// log, has no place in rules that must replay alike for ever.
	impure := []string{"os", "net", "log", "math/rand", "crypto/rand", "syscall", "runtime", "database/sql"}
	pure := []string{"github.com/cockroachdb/apd/v3", "github.com/google/uuid"}
	id := []string{"github.com/google/uuid"}
	all := []string{anyModule}
	return []rule{
		{"domain/money", []string{"domain/money"}, pure, impure},
		{"domain", []string{"domain"}, pure, impure},
		{"eventstore/runindex", nil, nil, nil},
		{"eventstore/decider", []string{"eventstore"}, id, nil},
		{"eventstore", []string{"eventstore"}, all, nil},
		{"projections", []string{"projections", "domain", "eventstore"}, all, nil},
		{"consumers", []string{"consumers", "projections", "domain", "eventstore"}, all, nil},
		{"cmd", []string{"cmd", "consumers", "projections", "domain", "eventstore"}, all, nil},
	}
}

// drivers are wired by cmd alone; a driver may be built on another.
func drivers() []string {
	return []string{"eventstore/embedded", "eventstore/esdb", "eventstore/esdbserver"}
}

// check returns one sentence for each import that a package must not have.
func check(pkg string, imports []string) (problems []string) {
	place := strings.TrimPrefix(pkg, module)
	if place == "eventstore" {
		return checkRule(rule{folder: place, foreign: []string{"github.com/google/uuid"}}, place, imports)
	}
	for _, r := range rules() {
		if within(place, r.folder) {
			return checkRule(r, place, imports)
		}
	}
	return []string{place + " lies in none of the project's folders: cmd, domain, eventstore, projections, consumers"}
}

func checkRule(r rule, place string, imports []string) (problems []string) {
	for _, name := range imports {
		if !r.allows(place, name) {
			problems = append(problems, fmt.Sprintf("%s must not import %s", place, strings.TrimPrefix(name, module)))
		}
	}
	return problems
}

func (r *rule) allows(place, name string) bool {
	own, ours := strings.CutPrefix(name, module)
	switch {
	case ours && anyWithin(own, drivers()) && !within(place, "cmd") && !anyWithin(place, drivers()):
		return false
	case ours:
		return anyWithin(own, r.own)
	case strings.Contains(strings.SplitN(name, "/", 2)[0], "."):
		return len(r.foreign) > 0 && r.foreign[0] == anyModule || anyWithin(name, r.foreign)
	default:
		return !anyWithin(name, r.never)
	}
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
