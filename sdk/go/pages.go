package leadmill

import (
	"fmt"
	"iter"
	"net/url"
)

// each goes through pages: each is asked for when the one before was gone through, so that a loop that ends early asks for no more. It
// ends with the first error.
func each[T any](page func(cursor *string) (items []T, next *string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var cursor *string
		for {
			items, next, err := page(cursor)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == nil {
				return
			}
			link, err := url.Parse(*next)
			if err != nil || link.Query().Get("cursor") == "" {
				yield(none, fmt.Errorf("leadmill: the link to the next page has no cursor: %s", *next))
				return
			}
			cursor = new(link.Query().Get("cursor"))
		}
	}
}
