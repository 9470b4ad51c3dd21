// Package receiver is what those who send requests to receivers outside know of them: how many each gets at a time, when one is dead, and what
// its answers mean.
//
// Stability: unsupported; it may change at any time.
package receiver

import (
	"time"

	"github.com/leadmill/leadmill/domain/attempt"
)

// The bounds of what a receiver gets.
const (
	// OpenAfter is after how many failures in a row a receiver is only probed.
	OpenAfter = 5
	// FirstProbe and LongestProbe bound the pause before a probe, which doubles with each that fails, unless a Health says otherwise.
	FirstProbe   = 5 * time.Second
	LongestProbe = 5 * time.Minute
	// FirstWindow is how many requests a receiver gets at once before it answered well.
	FirstWindow = 2
	// HostRest is how long a receiver is left alone whose host has as many requests as it gets.
	HostRest = time.Second
)

// Standing says of which share of the requests at once those to a receiver are.
type Standing int

// The standings. An Unknown one never answered, nor failed.
const (
	Unknown Standing = iota
	Failing
	Well
)

// Health is what is known of a receiver: how many requests it gets at once, and whether it is only probed. It is not safe for concurrent use. All
// times are of application.Elapsed.
type Health struct {
	// OpenAfter is after how many failures in a row the receiver is only probed.
	OpenAfter int
	// FirstPause and LongestPause bound the pause before a probe.
	FirstPause, LongestPause time.Duration
	// Gently has each failure take one request of those at once, not half of them.
	Gently bool
	// Steady has the receiver get as many at once as it may, however it answers, until it is only probed.
	Steady bool

	known        bool // it answered
	failedBefore bool // when others sent
	window       int  // how many requests it gets at once, which grows with success
	fails        int  // in a row
	reason       attempt.Reason
	pause        time.Duration
	resume       time.Duration // it gets nothing before
}

// NewHealth is what is known of a receiver that nothing was sent to.
func NewHealth() Health {
	return Health{OpenAfter: OpenAfter, FirstPause: FirstProbe, LongestPause: LongestProbe, window: FirstWindow}
}

// Standing returns the receiver's standing.
func (h *Health) Standing() Standing {
	switch {
	case h.fails > 0 || h.failedBefore:
		return Failing
	case h.known:
		return Well
	}
	return Unknown
}

// TriedBefore notes that something was sent that often by others and did not arrive.
func (h *Health) TriedBefore(attempts int64) {
	h.failedBefore = h.failedBefore || !h.known && attempts > 0
}

// Open reports whether the receiver is only probed.
func (h *Health) Open() bool { return h.fails >= h.OpenAfter }

// Pause is how long is waited before the next probe of a receiver that is only probed.
func (h *Health) Pause() time.Duration { return h.pause }

// Reason is why the receiver failed last.
func (h *Health) Reason() attempt.Reason { return h.reason }

// Room is how many requests the receiver may get at a time, most at most; 0 while it is left alone.
func (h *Health) Room(now time.Duration, most int) int {
	switch {
	case now < h.resume:
		return 0
	case h.Open():
		return 1
	case h.Steady:
		return most
	}
	return min(h.window, most)
}

// RestsUntil is until when the receiver gets nothing; it may be over.
func (h *Health) RestsUntil() time.Duration { return h.resume }

// Answered notes an answer that says that the receiver is there.
func (h *Health) Answered() {
	h.known, h.failedBefore, h.fails, h.pause, h.resume = true, false, 0, 0, 0
}

// Succeeded notes an answer as it should be.
func (h *Health) Succeeded(most int) {
	h.Answered()
	h.window = min(2*h.window, most)
}

// Failed notes a failure, and reports whether the receiver is left alone for longer than before. Those that were under way when it was found to be
// dead do not make the pause longer.
func (h *Health) Failed(now time.Duration, probe bool, why attempt.Reason) (rests bool) {
	if h.Open() && !probe {
		return false
	}
	h.fails++
	h.reason = why
	h.narrow()
	if !h.Open() {
		return false
	}
	h.pause = min(max(2*h.pause, h.FirstPause), h.LongestPause)
	return h.Rest(now, h.pause)
}

// narrow gives a receiver that failed fewer requests at once.
func (h *Health) narrow() {
	if h.Gently {
		h.window = max(1, h.window-1)
		return
	}
	h.window = max(1, h.window/2)
}

// Rest leaves the receiver alone for a while, and reports whether that is longer than before.
func (h *Health) Rest(now, d time.Duration) bool {
	until := now + d
	if d <= 0 || until <= h.resume {
		return false
	}
	h.resume = until
	return true
}
