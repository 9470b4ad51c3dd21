package application

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// KeyUse is what an API key was used for: when last, and how many leads came with it.
type KeyUse struct {
	KeyID, SellerID string
	At              time.Time
	Leads           int64
}

// KeyUsage remembers in memory what API keys are used for, until it is stored. Requests write to it without a lock. It holds an entry for
// each key that was used since the start.
type KeyUsage struct {
	keys   sync.Map // *keyCount by the key's id
	mu     sync.Mutex
	stored map[string]int64 // by the key's id: the time of its last use that was stored, in microseconds
}

// keyCount is what a key was used for. A key is used often at a time, so the time is written only when it is off by more than keyUseStep.
type keyCount struct {
	sellerID string
	at       atomic.Int64 // in microseconds
	leads    atomic.Int64 // not stored yet
}

// keyUseStep is how exact the time of the last use is.
const keyUseStep = 10 * time.Second

// NewKeyUsage returns a KeyUsage of no key.
func NewKeyUsage() *KeyUsage { return &KeyUsage{stored: map[string]int64{}} }

func (u *KeyUsage) of(keyID, sellerID string) *keyCount {
	if found, ok := u.keys.Load(keyID); ok {
		return found.(*keyCount) //nolint:forcetypeassert // nothing else is stored
	}
	made, _ := u.keys.LoadOrStore(keyID, &keyCount{sellerID: sellerID})
	return made.(*keyCount) //nolint:forcetypeassert // nothing else is stored
}

func (c *keyCount) usedAt(now time.Time) {
	if at := now.UnixMicro(); at-c.at.Load() >= keyUseStep.Microseconds() {
		c.at.Store(at)
	}
}

// LeadCame counts a lead that came with a key and was stored. Only keys that were used in this process are counted.
func (u *KeyUsage) LeadCame(keyID string) {
	if found, ok := u.keys.Load(keyID); ok {
		found.(*keyCount).leads.Add(1) //nolint:forcetypeassert // nothing else is stored
	}
}

// keyUsesAtOnce bounds how many keys one call of store is about.
const keyUsesAtOnce = 100

// Store has store called with what is new, a number of keys at a time. What it fails with is tried again by the next Store, unless it may be
// stored already: leads are rather counted not at all than twice.
func (u *KeyUsage) Store(ctx context.Context, store func(ctx context.Context, used []KeyUse) error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	var fresh []KeyUse
	put := func() error {
		if len(fresh) == 0 {
			return nil
		}
		if err := store(ctx, fresh); err != nil && !errors.Is(err, ErrOutcomeUnknown) {
			return err
		}
		for _, use := range fresh {
			u.stored[use.KeyID] = use.At.UnixMicro()
			u.of(use.KeyID, use.SellerID).leads.Add(-use.Leads) // and keeps those that came meanwhile
		}
		return nil
	}
	var failed []error
	u.keys.Range(func(id, value any) bool {
		keyID, c := id.(string), value.(*keyCount) //nolint:forcetypeassert // nothing else is stored
		at, leads := c.at.Load(), c.leads.Load()
		if at == u.stored[keyID] && leads == 0 {
			return true
		}
		fresh = append(fresh, KeyUse{KeyID: keyID, SellerID: c.sellerID, At: time.UnixMicro(at).UTC(), Leads: leads})
		if len(fresh) == keyUsesAtOnce {
			failed = append(failed, put())
			fresh = nil
		}
		return true
	})
	return errors.Join(append(failed, put())...)
}
