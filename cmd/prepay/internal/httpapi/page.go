package httpapi

import (
	"encoding/base64"
	"strconv"

	"prepayledger/consumers/commandjson"
)

const (
	// DefaultPage and MaxPage are how many items a page has (items).
	DefaultPage = 50
	MaxPage     = 500
)

// PageInput is what a list is asked for.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Items a page."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next of the page before; empty for the first."`
}

// after is the last item of the page before; empty for the first page.
func (p *PageInput) after() (string, error) {
	key, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", errCursor()
	}
	return string(key), nil
}

// afterNumber is after where items are numbered from 1; 0 for the first page.
func (p *PageInput) afterNumber() (int, error) {
	key, err := p.after()
	if err != nil || key == "" {
		return 0, err
	}
	n, err := strconv.Atoi(key)
	if err != nil || n < 1 {
		return 0, &commandjson.FieldError{Field: "cursor", Problem: "give the next of the page before, as it was"}
	}
	return n, nil
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items" nullable:"false"`
	// Next is the cursor of the next page; empty on the last.
	Next string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last."`
}

// cut cuts a list, which may have one item more than the limit, to the page;
// key names an item.
func cut[T any](items []T, limit int, key func(*T) string) Page[T] {
	if len(items) <= limit {
		return Page[T]{Items: items}
	}
	return Page[T]{Items: items[:limit], Next: cursor(key(&items[limit-1]))}
}

// cursor is the cursor of what names an item; empty is none.
func cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// errCursor says that a cursor is none of this list.
func errCursor() error {
	return &commandjson.FieldError{Field: "cursor", Problem: "give the next of the page before, as it was"}
}
