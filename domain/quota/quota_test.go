package quota_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/quota"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	caps := []quota.Cap{{Window: calendar.Day, HasLeads: true, Leads: 1}, {Window: calendar.Total, HasLeads: true, Leads: 9}}
	assert.Empty(t, quota.Spans(nil, at, "UTC"))
	utc := quota.Spans(caps, at, "UTC")
	assert.Equal(t, []string{"day:2026-01-02", "total"}, []string{utc[0].Key, utc[1].Key})
	assert.Equal(t, utc, quota.Spans(caps, at, "nowhere"), "what is no zone counts in UTC")
	assert.True(t, quota.SameSpans(utc, quota.Spans(caps, at.Add(time.Hour), "UTC")))
	assert.False(t, quota.SameSpans(utc, quota.Spans(caps, at, "Asia/Tokyo")), "the same date, at other times")
	assert.False(t, quota.SameSpans(utc, utc[:1]))
	limit, ok := quota.Of(caps, calendar.Total)
	assert.Equal(t, []any{int64(9), true}, []any{limit.Leads, ok})
	_, ok = quota.Of(caps, calendar.Hour)
	assert.False(t, ok)
	assert.Equal(t, []calendar.Window{calendar.Day, calendar.Total}, quota.Windows(caps))
}
