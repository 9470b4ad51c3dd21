package ratelimit

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/domain/seller"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

func TestNoLimitTakesNoMemory(t *testing.T) {
	t.Parallel()
	m := NewMemory(clock.NewManual(start))
	m.Take("a", seller.RateLimit{})
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
