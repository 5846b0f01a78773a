package apiclient

import (
	"context"
	"iter"
)

// Pages walks through all items of a list, page by page. page reads the page
// at a cursor, nil for the first, and returns its items and the next one's
// cursor, nil after the last. An error ends the walk; it comes with the zero
// item.
func Pages[T any](ctx context.Context, page func(ctx context.Context, cursor *string) (items []T, next *string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var cursor *string
		for {
			items, next, err := page(ctx, cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == nil || *next == "" {
				return
			}
			cursor = next
		}
	}
}
