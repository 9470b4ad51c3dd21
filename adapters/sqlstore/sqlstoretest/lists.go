package sqlstoretest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

// Walk reads a whole list by its cursors and wants each page to be full but the last.
func Walk[T any](t *testing.T, limit int, ascending bool, list func(p application.Page) (application.List[T], error), name func(T) string) []string {
	t.Helper()
	var names []string
	for p := (application.Page{Limit: limit, Number: 1, Ascending: ascending}); ; p.Number++ {
		page, err := list(p)
		require.NoError(t, err)
		for _, item := range page.Items {
			names = append(names, name(item))
		}
		if page.Next == "" {
			return names
		}
		require.Len(t, page.Items, limit)
		p.After = page.Next
	}
}

// EveryWay walks a list with several limits in both directions; want is the names of its items, newest first.
func EveryWay[T any](t *testing.T, want []string, list func(p application.Page) (application.List[T], error), name func(T) string) {
	t.Helper()
	backwards := slices.Clone(want)
	slices.Reverse(backwards)
	for _, limit := range []int{1, 2, 3, 250} {
		assert.Equal(t, want, Walk(t, limit, false, list, name), "limit %d", limit)
		assert.Equal(t, backwards, Walk(t, limit, true, list, name), "ascending, limit %d", limit)
	}
}
