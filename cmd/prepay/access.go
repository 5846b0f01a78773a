package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
	"prepayledger/eventstore"
)

// accessCmd are the commands of who has access.
type accessCmd struct {
	User accessUserCmd `cmd:"" help:"People who sign in."`
	Key  accessKeyCmd  `cmd:"" help:"API keys of programs."`
	Log  accessLogCmd  `cmd:"" help:"What was done about access, the newest first."`
}

// atAccess gets an answer about access from the ledger at --server, else from
// the data folder. create says whether a folder without access is made.
func atAccess[T any](ctx context.Context, g *globals, create bool, remote func(*apiclient.ClientWithResponses) (*http.Response, error), local func(*access.Store) (T, error)) (answer T, err error) {
	if g.Server != "" {
		c, err := g.client()
		if err != nil {
			return answer, err
		}
		response, err := remote(c)
		if err != nil {
			return answer, err
		}
		return decoded[T](response)
	}
	if _, err := os.Stat(filepath.Join(g.Data, access.Folder)); !create && errors.Is(err, os.ErrNotExist) {
		return answer, fmt.Errorf("nobody has access to %s yet: invite somebody first, or name another folder with --data", g.Data)
	}
	s, err := access.OpenData(g.Data, access.Options{Clock: g.Now})
	if errors.Is(err, eventstore.ErrLocked) {
		return answer, inUseError(g.Data)
	}
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return local(s)
}

// posted makes a request of the API's with a body.
func posted(ctx context.Context, method, path string, body any) func(*apiclient.ClientWithResponses) (*http.Response, error) {
	return func(c *apiclient.ClientWithResponses) (*http.Response, error) {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		return c.Send(ctx, method, httpapi.Prefix+path, http.Header{"Content-Type": {"application/json"}}, bytes.NewReader(text))
	}
}

// operatorOf is who works on the data folder itself, for the log of access.
func operatorOf() access.By {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return access.By{Actor: "operator:" + name}
}

// allPages gets all of a list, which the API gives page by page.
func allPages[T any](ctx context.Context, g *globals, path string, local func(*access.Store) ([]T, error)) ([]T, error) {
	all := []T{}
	for cursor := ""; ; {
		page, err := atAccess(ctx, g, false,
			func(c *apiclient.ClientWithResponses) (*http.Response, error) {
				q := url.Values{"limit": {strconv.Itoa(httpapi.MaxPage)}, "cursor": {cursor}}
				return c.Send(ctx, http.MethodGet, httpapi.Prefix+path+"?"+q.Encode(), nil, nil)
			},
			func(s *access.Store) (httpapi.Page[T], error) {
				items, err := local(s)
				return httpapi.Page[T]{Items: items}, err
			})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// role is what somebody is to be.
type role struct {
	Role     string   `help:"partner, finance, auditor, service or admin." enum:"partner,finance,auditor,service,admin" required:""`
	Partners []string `help:"The accounts of a partner." placeholder:"PARTNER"`
}

func (r *role) body() httpapi.RoleBody {
	return httpapi.RoleBody{Role: access.Role(r.Role), Partners: r.Partners}
}

// when writes an instant for people; nil is a word.
func shownTime(t *time.Time, never string) string {
	if t == nil {
		return never
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// allowedText is a role with its partners and scopes, for people.
func allowedText(r access.Role, partners []string, scopes []access.Scope) string {
	text := string(r)
	if len(partners) > 0 {
		text += " of " + strings.Join(partners, ", ")
	}
	if len(scopes) > 0 {
		text += fmt.Sprintf(" with %v", scopes)
	}
	return text
}

type accessLogCmd struct {
	Limit int `help:"How many entries are shown." default:"50"`
}

// Help implements kong.HelpProvider.
func (*accessLogCmd) Help() string {
	return `Who invited, disabled, rotated, signed in, failed to, and when. Nothing of it is
ever changed or deleted.

  prepay access log
  prepay access log --limit 500 --json`
}

// Run runs the command.
func (c *accessLogCmd) Run(ctx context.Context, g *globals) error {
	if c.Limit < 1 || c.Limit > access.MaxLogPage {
		return fmt.Errorf("--limit: %d is not between 1 and %d", c.Limit, access.MaxLogPage)
	}
	page, err := atAccess(ctx, g, false,
		func(a *apiclient.ClientWithResponses) (*http.Response, error) {
			return a.Send(ctx, http.MethodGet, httpapi.Prefix+"/access-log?limit="+strconv.Itoa(c.Limit), nil, nil)
		},
		func(s *access.Store) (httpapi.Page[access.LogEntry], error) {
			entries, err := s.Log(0, c.Limit)
			return httpapi.Page[access.LogEntry]{Items: entries}, err
		})
	if err != nil {
		return err
	}
	return g.print(page.Items, func(w io.Writer) {
		t := newTable("when (UTC)", "what", "who", "whom", "from", "detail")
		for _, e := range page.Items {
			detail := e.Detail
			if e.Omitted > 0 {
				detail = strings.TrimSpace(fmt.Sprintf("%s (%d failures before this were not written down)", detail, e.Omitted))
			}
			t.AppendRow(table.Row{e.At.Format(time.DateTime), e.Action, e.Actor, e.Subject, e.Address, detail})
		}
		fmt.Fprintln(w, t.Render())
	})
}
