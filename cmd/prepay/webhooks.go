package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/notices"
	"prepayledger/consumers/webhooks"
)

// readEndpoints reads a file of webhook endpoints; none where it has no name.
func readEndpoints(file string) ([]webhooks.Endpoint, error) {
	if file == "" {
		return nil, nil
	}
	var list struct {
		Endpoint []struct {
			Name      string   `toml:"name"`
			URL       string   `toml:"url"`
			Secrets   []string `toml:"secrets"`
			Kinds     []string `toml:"kinds"`
			Partners  []string `toml:"partners"`
			AllowHTTP bool     `toml:"allow_http"`
		} `toml:"endpoint"`
	}
	meta, err := toml.DecodeFile(file, &list)
	if err != nil {
		return nil, tomlError("--webhooks", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("--webhooks: %s: there is no setting %q of an [[endpoint]]", file, unknown[0].String())
	}
	var endpoints []webhooks.Endpoint
	for _, e := range list.Endpoint {
		endpoint := webhooks.Endpoint{Name: e.Name, URL: e.URL, Secrets: e.Secrets, Partners: e.Partners, AllowHTTP: e.AllowHTTP}
		for _, kind := range e.Kinds {
			endpoint.Kinds = append(endpoint.Kinds, notices.Kind(kind))
		}
		if err := endpoint.Validate(); err != nil {
			return nil, fmt.Errorf("--webhooks: %s: %w", file, err)
		}
		if slices.ContainsFunc(endpoints, func(o webhooks.Endpoint) bool { return o.Name == e.Name }) {
			return nil, fmt.Errorf("--webhooks: %s: there are two endpoints %q", file, e.Name)
		}
		endpoints = append(endpoints, endpoint)
	}
	return endpoints, nil
}

// tomlError names the file and the line of what can't be read.
func tomlError(flag, file string, err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s: %s, line %d: %s", flag, file, syntax.Position.Line, syntax.Message)
	}
	return fmt.Errorf("%s: %s: %w", flag, file, err)
}

// startWebhooks posts notices to the endpoints.
func (s *server) startWebhooks(ctx context.Context) error {
	endpoints, err := readEndpoints(s.settings.Webhooks)
	if err != nil || len(endpoints) == 0 {
		return err
	}
	sender, err := webhooks.New(s.conn, endpoints, webhooks.Options{
		Replicas: s.settings.NATSReplicas, Sent: s.telemetry.webhook, Clock: s.globals.Now, Logger: s.log.Named("webhooks"),
	})
	if err != nil {
		return err
	}
	s.run(ctx, "webhooks", sender.Run)
	return nil
}

// webhooksCmd looks after webhooks.
type webhooksCmd struct {
	Check  webhooksCheckCmd  `cmd:"" help:"Check a file of endpoints."`
	Replay webhooksReplayCmd `cmd:"" help:"Send an endpoint the notices since an instant again."`
}

type webhooksCheckCmd struct {
	File string `arg:"" help:"File of endpoints (TOML)." type:"existingfile"`
}

// Help implements kong.HelpProvider.
func (*webhooksCheckCmd) Help() string {
	return `Reads a file of endpoints as prepay serve would, and says what is wrong.

  prepay webhooks check webhooks.toml`
}

// Run runs the command.
func (c *webhooksCheckCmd) Run(g *globals) error {
	endpoints, err := readEndpoints(c.File)
	if err != nil {
		return err
	}
	names := make([]string, len(endpoints))
	for i, e := range endpoints {
		names[i] = e.Name
	}
	return g.print(map[string][]string{"endpoints": names}, func(w io.Writer) {
		fmt.Fprintf(w, "The file is right: %s (%s).\n", counted(int64(len(names)), "endpoint", "endpoints"), strings.Join(names, ", "))
	})
}

type webhooksReplayCmd struct {
	Name     string  `arg:"" help:"Endpoint."`
	From     instant `required:"" help:"Instant from which on notices are sent again." placeholder:"INSTANT"`
	Webhooks string  `required:"" help:"File of endpoints (TOML)." type:"existingfile" env:"PREPAY_WEBHOOKS" placeholder:"FILE"`
	natsClient
}

// Help implements kong.HelpProvider.
func (*webhooksReplayCmd) Help() string {
	return `Sends an endpoint of a running ledger the notices since an instant again, as far as
NATS still has them. An endpoint that answered 410 Gone goes on by it.

  prepay webhooks replay crm --from 2026-11-20T00:00:00Z --webhooks webhooks.toml`
}

// Run runs the command.
func (c *webhooksReplayCmd) Run(ctx context.Context, g *globals) error {
	endpoints, err := readEndpoints(c.Webhooks)
	if err != nil {
		return err
	}
	nc, err := c.connect(ctx, "prepay webhooks", g.Data, natsbus.RoleAdmin)
	if err != nil {
		return err
	}
	defer nc.Close()
	sender, err := webhooks.New(nc, endpoints, webhooks.Options{Clock: g.Now})
	if err != nil {
		return err
	}
	if err := sender.Replay(ctx, c.Name, c.From.Time); err != nil {
		return err
	}
	return g.print(map[string]string{"endpoint": c.Name, "from": c.From.String()}, func(w io.Writer) {
		fmt.Fprintf(w, "%s gets the notices since %s again.\n", c.Name, c.From.Format("2006-01-02 15:04:05 MST"))
	})
}
