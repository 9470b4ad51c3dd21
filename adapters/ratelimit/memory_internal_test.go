package ratelimit

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

func TestFixedWindow(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(start)
	m := NewMemory(c)
	limit := seller.RateLimit{Requests: 3, Window: time.Minute}
	state := func(remaining int64, reset time.Time, allowed bool) application.RateState {
		return application.RateState{Limit: 3, Remaining: remaining, Window: time.Minute, ResetAt: reset, Allowed: allowed}
	}
	assert.Equal(t, state(3, start.Add(time.Minute), true), m.Peek("a", limit), "looking starts nothing")
	c.Advance(10 * time.Second)
	first := c.Now()
	end := first.Add(time.Minute)
	assert.Equal(t, state(2, end, true), m.Take("a", limit), "from the first request")
	c.Advance(59 * time.Second)
	assert.Equal(t, state(1, end, true), m.Take("a", limit), "fixed, not sliding")
	assert.Equal(t, state(0, end, true), m.Take("a", limit))
	for range 5 {
		assert.Equal(t, state(0, end, false), m.Take("a", limit))
	}
	assert.Equal(t, state(0, end, true), m.Peek("a", limit))
	assert.Equal(t, state(2, c.Now().Add(time.Minute), true), m.Take("b", limit), "another key has its own")

	higher := limit
	higher.Requests = 4
	assert.True(t, m.Take("a", higher).Allowed, "refused requests were not counted")
	assert.False(t, m.Take("a", higher).Allowed)

	c.Advance(time.Second - time.Microsecond)
	assert.False(t, m.Take("a", limit).Allowed)
	c.Advance(time.Microsecond)
	assert.Equal(t, state(2, c.Now().Add(time.Minute), true), m.Take("a", limit), "over exactly at its end")
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	m := NewMemory(clock.NewManual(start))
	for range 1000 {
		assert.Equal(t, application.RateState{Allowed: true}, m.Take("a", seller.RateLimit{}))
	}
	assert.Empty(t, m.windows)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(start)
	m := NewMemory(c)
	m.Take("slow", seller.RateLimit{Requests: 1, Window: time.Hour})
	for range 10 {
		for i := range 100 {
			m.Take(strconv.Itoa(i)+c.Now().String(), seller.DefaultRateLimit)
		}
		c.Advance(time.Minute)
	}
	m.Peek("x", seller.DefaultRateLimit)
	assert.Len(t, m.windows, 1, "what is over is dropped")
	assert.False(t, m.Take("slow", seller.RateLimit{Requests: 1, Window: time.Hour}).Allowed, "what is not over is kept")
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	m := NewMemory(clock.NewManual(start))
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if m.Take("a", seller.RateLimit{Requests: 500, Window: time.Minute}).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(500), allowed.Load())
}
