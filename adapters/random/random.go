// Package random makes ids and secrets.
//
// Stability: unsupported; it may change at any time.
package random

import (
	crand "crypto/rand"
	"errors"
	"sync"

	"github.com/oklog/ulid/v2"

	"github.com/leadmill/leadmill/application"
)

// IDs makes prefixed ULIDs that ascend within the process, also within one millisecond.
type IDs struct {
	clock application.Clock

	mu      sync.Mutex
	ms      uint64 // of the last id; never goes back
	last    ulid.ULID
	entropy *ulid.MonotonicEntropy
}

// NewIDs returns an IDs that takes the time from clock.
func NewIDs(clock application.Clock) *IDs {
	return &IDs{clock: clock, entropy: ulid.Monotonic(crand.Reader, 0)}
}

// New implements application.IDs.
func (g *IDs) New(prefix string) string {
	id, err := g.next()
	if err != nil {
		panic("no randomness: " + err.Error())
	}
	b := make([]byte, 0, 64)
	b = append(b, prefix...)
	b = append(b, '_')
	at := len(b)
	b = append(b, make([]byte, ulid.EncodedSize)...)
	if err := id.MarshalTextTo(b[at:]); err != nil {
		panic(err) // it has room
	}
	return string(b)
}

func (g *IDs) next() (ulid.ULID, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ms = max(g.ms, ulid.Timestamp(g.clock.Now()))
	err := g.read()
	if errors.Is(err, ulid.ErrMonotonicOverflow) {
		// The entropy of this millisecond is used up, so take the next millisecond.
		g.ms++
		err = g.read()
	}
	return g.last, err
}

// read makes the last id one of the millisecond; it needs the lock.
func (g *IDs) read() error {
	if err := g.last.SetTime(g.ms); err != nil {
		return err
	}
	return g.entropy.MonotonicRead(g.ms, g.last[6:])
}

// Secrets makes random texts.
type Secrets struct{}

// New implements application.Secrets: 52 characters of A-Z and 2-7, 260 bits.
func (Secrets) New() string { return crand.Text() + crand.Text() }
