package clock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestSystem(t *testing.T) {
	t.Parallel()
	c := clock.NewSystem()
	before := time.Now().Add(-time.Microsecond)
	now := c.Now()
	assert.False(t, now.Before(before))
	assert.False(t, now.After(time.Now()))

	leadmilltest.TestClock(t, func(*testing.T) application.Clock { return clock.NewSystem() })
}

func TestManual(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	c := clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 1999, zone))
	want := time.Date(2026, 1, 2, 2, 4, 5, 1000, time.UTC)
	require.Equal(t, want, c.Now())
	require.Equal(t, want, c.Now(), "it stands")
	c.Advance(time.Hour)
	require.Equal(t, want.Add(time.Hour), c.Now())
	c.Set(want.Add(2*time.Hour + 999).In(zone))
	require.Equal(t, want.Add(2*time.Hour), c.Now())
	require.Panics(t, func() { c.Set(want) }, "a clock never runs backwards")
	require.Panics(t, func() { c.Advance(-time.Second) }, "a clock never runs backwards")
	require.Equal(t, want.Add(2*time.Hour), c.Now())

	leadmilltest.TestClock(t, func(*testing.T) application.Clock { return clock.NewManual(want) })
}
