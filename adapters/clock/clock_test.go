package clock_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
)

func TestSystem(t *testing.T) {
	t.Parallel()
	c := clock.NewSystem()
	before := time.Now().Add(-time.Microsecond)
	now := c.Now()
	assert.False(t, now.Before(before))
	assert.False(t, now.After(time.Now()))
	assert.Equal(t, time.UTC, now.Location())
	assert.Zero(t, now.Nanosecond()%1000, "whole microseconds")

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			last := c.Now()
			for range 1000 {
				next := c.Now()
				assert.False(t, next.Before(last), "never backwards")
				last = next
			}
		})
	}
	all.Wait()
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
}
