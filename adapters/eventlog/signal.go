package eventlog

import (
	"context"
	"sync"
)

// Signal tells any number of waiters in this process that something happened. Notify never blocks. A waiter names the
// version it has seen, so it does not miss a notification while it is busy. The zero value is ready.
type Signal struct {
	mu      sync.Mutex
	version uint64
	waiting chan struct{} // nil when nobody waits, which makes Notify cheap
}

// NewSignal returns a Signal.
func NewSignal() *Signal { return &Signal{} }

// Notify wakes everybody who waits. It implements application.Wake.
func (s *Signal) Notify() {
	s.mu.Lock()
	s.version++
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
	s.mu.Unlock()
}

// Version counts the notifications so far.
func (s *Signal) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// After returns a channel that is closed when Version is above since.
func (s *Signal) After(since uint64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version > since {
		return closed
	}
	if s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	return s.waiting
}

// Wait blocks until Version is above since and returns it, or until ctx ends and returns its cause.
func (s *Signal) Wait(ctx context.Context, since uint64) (uint64, error) {
	select {
	case <-s.After(since):
		return s.Version(), nil
	case <-ctx.Done():
		return since, context.Cause(ctx)
	}
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
