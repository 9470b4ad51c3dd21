package eventlog

import "sync"

// tracker knows up to which position all events are done, although they are finished in any order.
type tracker struct {
	mu    sync.Mutex
	low   int64  // everything up to here is done
	done  []bool // by position modulo its length, above low
	moved Signal
}

// newTracker returns a tracker that accepts positions up to window above low, the position up to which all is done.
func newTracker(low int64, window int) *tracker {
	return &tracker{low: low, done: make([]bool, window+1)}
}

func (t *tracker) lowest() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.low
}

// finish marks positions from to upTo as done.
func (t *tracker) finish(from, upTo int64) {
	t.mu.Lock()
	size, before := int64(len(t.done)), t.low
	for p := from; p <= upTo; p++ {
		t.done[p%size] = true
	}
	for t.done[(t.low+1)%size] {
		t.low++
		t.done[t.low%size] = false
	}
	moved := t.low > before
	t.mu.Unlock()
	if moved {
		t.moved.Notify()
	}
}
