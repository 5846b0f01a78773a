// Command lintimports checks the direction of the project's imports: they
// point at domain, and each layer knows only what docs/ARCHITECTURE.md allows
// it. It prints one line per import that is wrong and exits with 1, with 2
// where the packages can't be listed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	problems, err := lint(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lintimports:", err)
		os.Exit(2)
	}
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// lint checks every package of the module in the folder. A module without
// packages is an error: there a check would succeed by looking at nothing.
func lint(dir string) (problems []string, err error) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir, list.Stderr = dir, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		packages++
		problems = append(problems, check(fields[0], fields[1:])...)
	}
	if packages == 0 {
		return nil, fmt.Errorf("no packages in %s", dir)
	}
	return problems, nil
}
