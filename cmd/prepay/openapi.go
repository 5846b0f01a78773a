package main

import "prepayledger/cmd/prepay/internal/apidoc"

// openapiCmd writes the description of the HTTP API.
type openapiCmd struct {
	As string `help:"How: OpenAPI 3.1 as YAML or JSON, 3.0 for generators that can't read 3.1, or a page for people." enum:"yaml,json,3.0,markdown" default:"yaml"`
}

// Help implements kong.HelpProvider.
func (*openapiCmd) Help() string {
	return `A running ledger serves the same as /openapi.yaml and /openapi.json.

  prepay openapi > openapi.yaml`
}

// Run runs the command. It needs no ledger.
func (c *openapiCmd) Run(g *globals) error {
	text, err := apidoc.Text(c.As)
	if err != nil {
		return err
	}
	_, err = g.Stdout.Write(text)
	return err
}
