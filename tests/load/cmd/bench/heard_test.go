package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestWhatComesAgainIsHeardOnce(t *testing.T) {
	t.Parallel()
	e, began := newEar(), time.Now().Add(-time.Second)
	for i := range 100 {
		body := fmt.Appendf(nil, `{"id":"evt_%d","type":%q,"time":%q}`, i%50, soldType, began.Add(time.Duration(i%50)*time.Millisecond).Format(time.RFC3339Nano))
		require.NoError(t, e.structured(body))
	}
	require.NoError(t, e.structured([]byte(`{"id":"evt_x","type":"lead.pending.v1","time":"2026-01-01T00:00:00Z"}`)))
	require.Error(t, e.structured([]byte(`{`)))
	require.Equal(t, int64(50), e.count())
	p50, p99, _ := e.quantiles(0)
	require.Greater(t, p99, p50)
	warm, _, _ := e.quantiles(25 * time.Millisecond)
	require.Less(t, warm, p50, "what happened first took longest, and is left out")
	require.NoError(t, ears{"feed": e}.settle(t.Context(), 50))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, ears{"feed": e}.settle(ctx, 51), "feed heard 50 of 51 events")
}

func TestReadersHaveLimits(t *testing.T) {
	t.Parallel()
	all := []heard{{engine: dbtest.MySQL, lines: []string{"feed: soon"}, limits: []limit{limit{what: "p99", engine: dbtest.MySQL, value: 0.2, unit: " s"}.atMost(mostHeard.Seconds())}}}
	require.Contains(t, heardTable(all), "| mysql | feed: soon |")
	require.False(t, all[0].limits[0].kept())
}
