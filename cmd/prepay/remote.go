package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

// serverFlags say which running ledger is asked instead of the data folder.
type serverFlags struct {
	Server     string `help:"Ask the ledger that runs at this address instead of opening the data folder." env:"PREPAY_SERVER" placeholder:"URL"`
	APIKeyFile string `name:"api-key-file" help:"File with the API key for --server; the variable PREPAY_API_KEY goes before it." env:"PREPAY_API_KEY_FILE" type:"path" placeholder:"FILE"`
	CA         string `name:"ca" help:"Certificates (PEM) that the server's is checked against." env:"PREPAY_CA" type:"path" placeholder:"FILE"`
	// APIKey is the variable PREPAY_API_KEY. There is no flag: others on the
	// machine can read command lines.
	APIKey string `kong:"-"`
}

// client is the client of the ledger at --server.
func (f *serverFlags) client() (*apiclient.ClientWithResponses, error) {
	key := f.APIKey
	if key == "" && f.APIKeyFile != "" {
		text, err := os.ReadFile(f.APIKeyFile)
		if err != nil {
			return nil, fmt.Errorf("--api-key-file: %w", err)
		}
		key = strings.TrimSpace(string(text))
	}
	if key == "" {
		return nil, errors.New("--server needs an API key: give it with --api-key-file, or in the variable PREPAY_API_KEY")
	}
	opts := []apiclient.Option{apiclient.WithKey(key)}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca: %s has no certificate in PEM", f.CA)
		}
		opts = append(opts, apiclient.WithRootCAs(pool))
	}
	c, err := apiclient.New(f.Server, opts...)
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	return c, nil
}

// inFolder are the commands that need the data folder itself, or none.
func inFolder() []string {
	return []string{"serve", "config", "demo", "simulate", "rebuild", "bench", "eventstore", "nats", "verify", "shadow", "alerts test", "account card-link"}
}

// errNeedsFolder says that a command can't be given to a running ledger.
var errNeedsFolder = errors.New("this command works on the data folder itself: leave --server (or the variable PREPAY_SERVER) out")

// checkServer refuses what can't be with --server.
func (f *serverFlags) checkServer(c *kong.Context) error {
	if f.Server == "" {
		return nil
	}
	for _, name := range inFolder() {
		if c.Command() == name || strings.HasPrefix(c.Command(), name+" ") {
			return errNeedsFolder
		}
	}
	actor := func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == "actor" }
	if slices.ContainsFunc(c.Path, actor) {
		return errors.New("--actor: with --server it is whose API key it is who does this: leave it out")
	}
	return nil
}

// ask gets an answer from the ledger at --server, else from the desk of the
// data folder: what is made of it for people is the same.
func ask[T any](ctx context.Context, g *globals, remote func(*apiclient.ClientWithResponses) (*http.Response, error), local func(*desk.Desk) (T, error)) (answer T, err error) {
	if g.Server == "" {
		err = g.read(ctx, func(a *desk.Desk) error {
			answer, err = local(a)
			return err
		})
		return answer, err
	}
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

// askAll is ask for lists, which the API gives page by page.
func askAll[T any](ctx context.Context, g *globals, remote func(c *apiclient.ClientWithResponses, cursor *string) (*http.Response, error), local func(*desk.Desk) ([]T, error)) ([]T, error) {
	if g.Server == "" {
		return ask(ctx, g, nil, local)
	}
	c, err := g.client()
	if err != nil {
		return nil, err
	}
	page := func(_ context.Context, cursor *string) ([]T, *string, error) {
		response, err := remote(c, cursor)
		if err != nil {
			return nil, nil, err
		}
		p, err := decoded[httpapi.Page[T]](response)
		return p.Items, &p.Next, err
	}
	all := []T{}
	for item, err := range apiclient.Pages(ctx, page) {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// decoded reads an answer.
func decoded[T any](response *http.Response) (answer T, err error) {
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("the server's answer can't be read, is it of another version? %w", err)
	}
	return answer, nil
}

// pageSize is how many items the API is asked for at once (items).
func pageSize() *int64 {
	n := int64(httpapi.MaxPage)
	return &n
}

// send gives a command to the ledger at --server.
func (g *globals) send(ctx context.Context, w *who, partner string, cmd domain.Command) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	payload, err := commandjson.Encode(cmd)
	if err != nil {
		return err
	}
	method, path, body, err := placed(cmd.CommandName(), partner, payload)
	if err != nil {
		return err
	}
	response, err := c.Send(ctx, method, path, http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {w.key()}}, bytes.NewReader(body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// placed finds the operation of a command, and puts those fields of the payload
// into its path that stand there.
func placed(command, partner string, payload []byte) (method, path string, body []byte, err error) {
	method, path, err = operationOf(httpapi.OperationID(command))
	if err != nil {
		return "", "", nil, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(payload, &fields); err != nil {
		return "", "", nil, err
	}
	if fields["partner_id"], err = json.Marshal(partner); err != nil {
		return "", "", nil, err
	}
	for name, value := range fields {
		var text string
		if parameter := "{" + name + "}"; strings.Contains(path, parameter) && json.Unmarshal(value, &text) == nil {
			path = strings.ReplaceAll(path, parameter, url.PathEscape(text))
			delete(fields, name)
		}
	}
	body, err = json.Marshal(fields)
	return method, path, body, err
}

// operationOf finds an operation in the API's own document.
func operationOf(id string) (method, path string, err error) {
	for path, item := range httpapi.Documented().OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete} {
			if op != nil && op.OperationID == id {
				return method, path, nil
			}
		}
	}
	return "", "", fmt.Errorf("%s: %w", id, errNeedsFolder)
}

// explainProblem is explain for what a running ledger answered: what the rules
// refuse is said as if the data folder had been opened.
func explainProblem(p *apiclient.Problem) (code, message string) {
	message = p.Detail
	if p.Errors != nil {
		for _, e := range *p.Errors {
			if !strings.Contains(message, e.Message) {
				message += "; " + fieldOf(&e) + e.Message
			}
		}
	}
	if !slices.Contains(ownCodes(), p.Code) && p.Code != string(domain.InvoiceInvalid) && p.Code != string(domain.RateCardInvalid) {
		message += " (" + p.Code + ")"
	}
	return p.Code, message
}

// fieldOf says what an error of a field is about.
func fieldOf(e *apiclient.FieldError) string {
	switch {
	case e.Line != nil && *e.Line > 0:
		return fmt.Sprintf("line %d: ", *e.Line)
	case e.Field != nil && *e.Field != "":
		return *e.Field + ": "
	}
	return ""
}

// ownCodes are the codes of problems that are no rejections of the rules.
func ownCodes() []string {
	return []string{
		httpapi.CodeUnauthenticated, httpapi.CodeForbidden, httpapi.CodeNotFound, httpapi.CodePreconditionFailed, httpapi.CodeTooLarge, httpapi.CodeRateLimited,
		commandjson.CodeInvalidRequest, commandjson.CodeUnknownCommand, commandjson.CodeOverloaded, commandjson.CodeConflict,
		commandjson.CodeUnavailable, commandjson.CodeOutcomeUnknown, commandjson.CodeFailed, apiclient.CodeUnexpected,
	}
}
