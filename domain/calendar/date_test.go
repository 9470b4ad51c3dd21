package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/calendar"
)

// Dates begin where their zone's clock first shows them, whatever becomes of their midnight.
func TestStartOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, date, want string }{
		{"UTC", "2026-03-08", "2026-03-08T00:00:00Z"},
		{"America/Chicago", "2026-03-08", "2026-03-08T06:00:00Z"},
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"}, // midnight is skipped
		{"America/Havana", "2026-03-08", "2026-03-08T05:00:00Z"},
		{"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"},
		{"Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"},
		{"America/Asuncion", "2023-10-01", "2023-10-01T04:00:00Z"},
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"}, // midnight comes twice
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},   // the whole date is skipped
	} {
		zone, err := calendar.ParseZone(c.zone)
		require.NoError(t, err)
		date, err := time.Parse(time.DateOnly, c.date)
		require.NoError(t, err)
		start := calendar.StartOf(date, zone)
		assert.Equal(t, c.want, start.Format(time.RFC3339), c)
		assert.Less(t, start.Add(-time.Second).In(zone).Format(time.DateOnly), c.date)
	}
}
