package application

import (
	"context"
	"sync"
	"time"
)

// patience is how long a request waits for another request with the same Idempotency-Key.
const patience = 5 * time.Second

// InFlight knows the Idempotency-Keys of the requests that this process is working on. Between processes the database does
// the same by locking.
type InFlight struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// Enter waits until no other request with the key is in work. It returns ErrInProgress after 5 seconds or when ctx ends. The
// caller must call release.
func (f *InFlight) Enter(ctx context.Context, apiKeyID, key string) (release func(), err error) {
	id := apiKeyID + "\x00" + key
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		f.mu.Lock()
		other, taken := f.busy[id]
		if !taken {
			mine := make(chan struct{})
			f.busy[id] = mine
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				delete(f.busy, id)
				f.mu.Unlock()
				close(mine)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-other:
		case <-timer.C:
			return nil, ErrInProgress
		case <-ctx.Done():
			return nil, ErrInProgress.Because(ctx.Err())
		}
	}
}

// NewInFlight returns an empty InFlight.
func NewInFlight() *InFlight { return &InFlight{busy: map[string]chan struct{}{}} }
