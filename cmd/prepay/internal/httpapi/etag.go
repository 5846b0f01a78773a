package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

// tagged is an answer with the hash of its content: who edits it gives the hash
// back, and overwrites nothing unseen.
type tagged[T any] struct {
	Status int
	Position
	ETag         string `header:"ETag" doc:"Hash of the content: give it as If-Match with a change, and the change is done only if nobody else changed it."`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// revalidated says that an answer may be kept by who asked, and is to be asked
// for again with If-None-Match.
const revalidated = "private, no-cache"

// taggedOf is the answer that has the content.
func taggedOf[T any](content T, at Position) (*tagged[T], error) {
	etag, err := etagOf(content)
	return &tagged[T]{Status: http.StatusOK, Position: at, ETag: etag, CacheControl: revalidated, Body: content}, err
}

// etagOf is a strong entity tag: the hash of the content's JSON.
func etagOf(content any) (string, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:16]) + `"`, nil
}

// names reports whether a list of entity tags, as If-Match and If-None-Match
// have it, names the tag. Weak ones count only where that is said.
func names(list, etag string, weak bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if weak {
			one = strings.TrimPrefix(one, "W/")
		}
		if one == etag {
			return true
		}
	}
	return false
}

// part is a part of an account that people edit: what it shows of the state,
// and the command that changes it.
type part[T any] struct {
	// name ends the path; what names it in a sentence.
	name, what string
	of         func(*domain.Account) T
	// op is the operation of the change, without a path.
	op      huma.Operation
	command string
	change  access.Rule
}

type partInput struct {
	AccountInput
	AtLeast
	IfNoneMatch string `header:"If-None-Match" doc:"ETags of what the caller has: if nothing changed it is answered with 304, without content."`
}

type partChange struct {
	CommandInput
	IfMatch string `header:"If-Match" doc:"ETag of what the change was made to: if it changed meanwhile it is answered with 412, and nothing is done."`
}

// editable registers how a part of an account is read and changed.
func editable[T any](a *API, p *part[T]) {
	path := "/accounts/{partner_id}/" + p.name
	op := get(path, "get_"+p.name, "Show "+p.what+".", "Accounts")
	op.Responses = map[string]*huma.Response{"304": {Description: "It is what the caller has."}}
	register(a, op, access.ReadsAccount(), func(ctx context.Context, in *partInput) (*tagged[T], error) {
		found, err := a.live(ctx, in.PartnerID, in.AtLeast)
		if err != nil {
			return nil, err
		}
		answer, err := taggedOf(p.of(found.State), Position{})
		if err == nil && in.IfNoneMatch != "" && names(in.IfNoneMatch, answer.ETag, true) {
			answer.Status = http.StatusNotModified
		}
		return answer, err
	})
	op = commandOperation(p.op, p.command, commandjson.Schema(p.command))
	op.Path, op.Tags = path, []string{"Accounts"}
	register(a, op, p.change, func(ctx context.Context, in *partChange) (*tagged[T], error) {
		cmd, err := commandjson.Decode(p.command, in.PartnerID, in.RawBody)
		if err != nil {
			return nil, err
		}
		at, err := a.do(ctx, in.PartnerID, &in.IdempotencyKey, cmd, p.unchanged(in.IfMatch))
		if err != nil {
			return nil, err
		}
		found, err := a.desk.Live(in.PartnerID)
		if err != nil {
			return nil, err
		}
		return taggedOf(p.of(found.State), at)
	})
}

// unchanged is the condition of a change: that the part is one of those that
// the list names. nil is none.
func (p *part[T]) unchanged(list string) func(*domain.Account) error {
	if list == "" {
		return nil
	}
	return func(s *domain.Account) error {
		etag, err := etagOf(p.of(s))
		if err != nil || names(list, etag, false) {
			return err
		}
		changed := newProblem(http.StatusPreconditionFailed, CodePreconditionFailed,
			"Somebody else changed "+p.what+" meanwhile, nothing was done: read it again, and make the change to that.")
		changed.etag = etag
		return changed
	}
}
