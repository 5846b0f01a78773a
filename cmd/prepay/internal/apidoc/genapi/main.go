// Command genapi writes the description of the HTTP API to standard output, as
// prepay openapi does. It does without the command line, which is built on what
// is generated from this.
package main

import (
	"fmt"
	"os"

	"prepayledger/cmd/prepay/internal/apidoc"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "genapi:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one of yaml, json, 3.0, markdown")
	}
	text, err := apidoc.Text(args[0])
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
