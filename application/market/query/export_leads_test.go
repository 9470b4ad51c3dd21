package query_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// All pages are told, also those after one in which nothing matched, and More is called between them.
func TestAnExportTellsAllPages(t *testing.T) {
	t.Parallel()
	pages := map[string]application.List[marketquery.MarketplaceLead]{
		"":  {Items: []marketquery.MarketplaceLead{{ID: "1"}, {ID: "2"}}, Next: "b"},
		"b": {Next: "c"},
		"c": {Items: []marketquery.MarketplaceLead{{ID: "3"}}},
	}
	export := marketquery.ExportLeadsHandler{Leads: func(_ context.Context, q marketquery.MarketplaceLeads) (application.List[marketquery.MarketplaceLead], error) {
		return pages[q.Page.After], nil
	}}
	var said []string
	tell := func(l marketquery.MarketplaceLead) error { said = append(said, l.ID); return nil }
	more := func() error { said = append(said, "more"); return nil }
	told, err := export.Handle(t.Context(), marketquery.ExportLeads{Tell: tell, More: more})
	require.NoError(t, err)
	require.EqualValues(t, 3, told)
	require.Equal(t, []string{"1", "2", "more", "more", "3"}, said)

	said = nil
	told, err = export.Handle(t.Context(), marketquery.ExportLeads{Tell: tell})
	require.NoError(t, err)
	require.EqualValues(t, 3, told)

	gone := errors.New("gone")
	told, err = export.Handle(t.Context(), marketquery.ExportLeads{Tell: tell, More: func() error { return gone }})
	require.ErrorIs(t, err, gone)
	require.EqualValues(t, 2, told)
}
