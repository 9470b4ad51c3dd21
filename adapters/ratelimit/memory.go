// Package ratelimit limits how many requests come in a window of time.
//
// Stability: unsupported; it may change at any time.
package ratelimit

import (
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// Memory is a rate limiter in memory: with several instances, each applies the limit by itself. It is written here because
// windows must start with a key's first request and follow a clock that tests set.
type Memory struct {
	clock application.Clock

	mu      sync.Mutex
	windows map[string]window
	sweepAt time.Duration
}

// window is one under way; its end is on the clock's application.Elapsed.
type window struct {
	end  time.Duration
	used int64
}

// sweepEvery is how often expired windows are dropped, so that memory does not grow with each name.
const sweepEvery = time.Minute

// NewMemory returns a limiter that has counted no request yet.
func NewMemory(clock application.Clock) *Memory {
	return &Memory{clock: clock, windows: map[string]window{}}
}

// Take implements application.RateLimiter.
func (m *Memory) Take(name string, limit seller.RateLimit) application.RateState {
	return m.look(name, limit, 1)
}

// TakeMany implements application.ManyRateLimiter.
func (m *Memory) TakeMany(name string, limit seller.RateLimit, n int64) application.RateState {
	return m.look(name, limit, n)
}

// Peek implements application.RateLimiter.
func (m *Memory) Peek(name string, limit seller.RateLimit) application.RateState {
	return m.look(name, limit, 0)
}

func (m *Memory) look(name string, limit seller.RateLimit, take int64) application.RateState {
	if limit.Requests == 0 {
		return application.RateState{Allowed: true}
	}
	now := application.Elapsed(m.clock)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	w, known := m.windows[name]
	if !known || w.end <= now {
		w = window{end: now + limit.Window}
	}
	allowed := w.used+take <= limit.Requests
	if allowed && take > 0 {
		w.used += take
		m.windows[name] = w
	}
	return application.RateState{
		Limit: limit.Requests, Remaining: max(limit.Requests-w.used, 0), Window: limit.Window,
		ResetAt: m.clock.Now().Add(w.end - now).Truncate(time.Microsecond), Allowed: allowed,
	}
}

func (m *Memory) sweep(now time.Duration) {
	if now < m.sweepAt {
		return
	}
	m.sweepAt = now + sweepEvery
	for name, w := range m.windows {
		if w.end <= now {
			delete(m.windows, name)
		}
	}
}
