package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// accessKeyCmd are the commands of API keys.
type accessKeyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make a key; its secret is shown once."`
	List   keyListCmd   `cmd:"" help:"List keys."`
	Rotate keyRotateCmd `cmd:"" help:"Give a key a new secret, which is shown once."`
	Revoke keyRevokeCmd `cmd:"" help:"Take a key back, from now on."`
}

// printSecret shows a secret, once.
func (g *globals) printSecret(k *httpapi.KeySecret) error {
	return g.print(k, func(w io.Writer) {
		fmt.Fprintf(w, "The secret of the key %s (%s) is shown once, keep it:\n\n  %s\n\nIt holds until %s.\n",
			k.Key.Name, allowedText(k.Key.Role, k.Key.Partners, k.Key.Scopes), k.Secret, shownTime(k.Key.ExpiresAt, "it is revoked"))
		if k.Key.OldUntil != nil {
			fmt.Fprintf(w, "The old one holds until %s UTC.\n", shownTime(k.Key.OldUntil, ""))
		}
	})
}

type keyCreateCmd struct {
	Name string `arg:"" help:"Name, of a-z, 0-9, dot, hyphen, underscore."`
	role
	Scopes  []string `help:"What it may be used for within its role: read, write, intake, gate, access; default all." placeholder:"SCOPE"`
	Days    int      `help:"For how many days it holds, and each secret after a rotation; default 365." placeholder:"DAYS"`
	Forever bool     `help:"It does not expire."`
}

// Help implements kong.HelpProvider.
func (*keyCreateCmd) Help() string {
	return `  prepay access key create gateway --role service --scopes gate
  prepay access key create erp --role finance --scopes read --days 90`
}

// Run runs the command.
func (c *keyCreateCmd) Run(ctx context.Context, g *globals) error {
	b := httpapi.KeyBody{Name: c.Name, RoleBody: c.body(), Days: c.Days, Forever: c.Forever}
	for _, s := range c.Scopes {
		b.Scopes = append(b.Scopes, access.Scope(s))
	}
	k, err := atAccess(ctx, g, true, posted(ctx, http.MethodPost, "/keys", b), func(s *access.Store) (*httpapi.KeySecret, error) {
		return secretOf(s.CreateKey(ctx, operatorOf(), b.NewKey()))
	})
	if err != nil {
		return err
	}
	return g.printSecret(k)
}

func secretOf(k access.Key, secret string, err error) (*httpapi.KeySecret, error) {
	if err != nil {
		return nil, err
	}
	return &httpapi.KeySecret{Key: k, Secret: secret}, nil
}

type keyListCmd struct{}

// Help implements kong.HelpProvider.
func (*keyListCmd) Help() string { return `  prepay access key list --json` }

// Run runs the command.
func (c *keyListCmd) Run(ctx context.Context, g *globals) error {
	keys, err := allPages(ctx, g, "/keys", func(s *access.Store) ([]access.Key, error) { return s.Keys(), nil })
	if err != nil {
		return err
	}
	return g.print(keys, func(w io.Writer) {
		t := newTable("key", "may", "state", "since (UTC)", "used (UTC)")
		for _, k := range keys {
			state := "until " + shownTime(k.ExpiresAt, "revoked")
			if k.RevokedAt != nil {
				state = "revoked " + shownTime(k.RevokedAt, "")
			}
			since := &k.CreatedAt
			if k.RotatedAt != nil {
				since = k.RotatedAt
			}
			t.AppendRow(table.Row{k.Name, allowedText(k.Role, k.Partners, k.Scopes), state, shownTime(since, ""), shownTime(k.LastUsed, "never")})
		}
		fmt.Fprintln(w, t.Render())
	})
}

// keyArg names a key.
type keyArg struct {
	Key string `arg:"" help:"Name or id."`
}

func (k *keyArg) path(more string) string { return "/keys/" + url.PathEscape(k.Key) + more }

type keyRotateCmd struct {
	keyArg
	Overlap time.Duration `help:"For how long the old secret holds beside the new one, up to 168h." default:"0s"`
}

// Help implements kong.HelpProvider.
func (*keyRotateCmd) Help() string { return `  prepay access key rotate gateway --overlap 24h` }

// Run runs the command.
func (c *keyRotateCmd) Run(ctx context.Context, g *globals) error {
	body := map[string]int64{"overlap_seconds": int64(c.Overlap / time.Second)}
	k, err := atAccess(ctx, g, false, posted(ctx, http.MethodPost, c.path("/rotate"), body), func(s *access.Store) (*httpapi.KeySecret, error) {
		return secretOf(s.RotateKey(ctx, operatorOf(), c.Key, c.Overlap))
	})
	if err != nil {
		return err
	}
	return g.printSecret(k)
}

type keyRevokeCmd struct{ keyArg }

// Run runs the command.
func (c *keyRevokeCmd) Run(ctx context.Context, g *globals) error {
	k, err := atAccess(ctx, g, false, posted(ctx, http.MethodPost, c.path("/revoke"), struct{}{}), func(s *access.Store) (access.Key, error) {
		return s.RevokeKey(ctx, operatorOf(), c.Key)
	})
	if err != nil {
		return err
	}
	return g.print(k, func(w io.Writer) { fmt.Fprintf(w, "The key %s is revoked.\n", k.Name) })
}
