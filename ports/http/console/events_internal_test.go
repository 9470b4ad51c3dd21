package consolehttp

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// A log of 300,001 positions, the first 50,000 of which are archived, has an event of the seller at some of them.
func TestNewestEventsAreLookedForFromTheEnd(t *testing.T) {
	t.Parallel()
	const head, archived = 300_001, 50_000
	var has func(position int64) bool
	looked := int64(head)
	o := application.NewOperations(bus.Chain{})
	application.Query(o, func(_ context.Context, q feedquery.Events) (feedquery.EventPage, error) {
		looked = min(looked, q.After)
		if q.After < archived {
			return feedquery.EventPage{}, &feedquery.ArchivedError{First: archived + 1}
		}
		page := feedquery.EventPage{Next: q.After}
		for page.Next < min(head, q.UpTo) && len(page.Events) < q.Limit && page.Next < q.After+10_000 {
			if page.Next++; has(page.Next) {
				page.Events = append(page.Events, application.StoredEvent{Position: page.Next})
			}
		}
		return page, nil
	})
	c := Console{Operations: o, Sessions: people{"viewer": person(application.Viewer)}, Head: func() int64 { return head }}
	var found []application.StoredEvent
	var from, end int64
	server, err := httpport.New(httpport.Deps{
		Routes: []httpport.Route{{Method: http.MethodGet, Path: "/console/look", Needs: application.Visitor, ErrorPage: errorPage, Handle: c.serve(Page{
			Needs: application.Viewer, Handle: func(v *Visit) {
				var err error
				found, from, err = v.newestEvents(end, nil)
				assert.NoError(t, err)
				v.call.SeeOther("/console")
			},
		})}},
		Authenticator: porttest.Keys{}, Limiter: unlimited{}, Clock: clock.NewManual(porttest.Start), IDs: numbers{},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Ready: func(context.Context) error { return nil },
	})
	require.NoError(t, err)
	look := func(upTo int64) []int64 {
		t.Helper()
		end, looked = upTo, head
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/look", nil)
		r.Header.Set("Cookie", plainCookie+"=viewer")
		out := httptest.NewRecorder()
		server.ServeHTTP(out, r)
		require.Equal(t, http.StatusSeeOther, out.Code, out.Body)
		positions := make([]int64, len(found))
		for i, e := range found {
			positions[i] = e.Position
		}
		require.True(t, slices.IsSortedFunc(positions, func(a, b int64) int { return int(b - a) }))
		return positions
	}
	has = func(int64) bool { return true }
	all := look(head)
	assert.Len(t, all, shownEvents)
	assert.EqualValues(t, head, all[0])
	assert.Zero(t, from)
	assert.EqualValues(t, head-firstLook, looked, "and no further")
	has = func(p int64) bool { return p%500 == 1 }
	all = look(head)
	assert.Len(t, all, shownEvents)
	assert.EqualValues(t, head-24_500, all[shownEvents-1])
	assert.Zero(t, from)
	has = func(p int64) bool { return p == head || p == 100_000 || p == archived+1 }
	assert.Equal(t, []int64{head}, look(head))
	assert.EqualValues(t, head-lookedAt+1, from, "it goes on below it")
	var older []int64
	pages := 0
	for ; from > 0; pages++ {
		require.Less(t, pages, 20)
		older = append(older, look(from-1)...)
	}
	assert.Equal(t, []int64{100_000, archived + 1}, older, "and ends where the log begins")
	assert.Equal(t, 10, pages)
	assert.Equal(t, []int64{}, look(archived))
	assert.Zero(t, from)
}
