package eventlog

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

const (
	// tailBytes bounds the memory of the newest events of the log.
	tailBytes = 4 << 20
	// tailEvents is how far behind the head the tail may begin to read; more is left to the consumers themselves.
	tailEvents = 20_000
)

// tail is the newest events of the log, decoded once for all who read them at the head: stretches without a gap between
// their positions.
type tail struct {
	db   *dialect.DB
	most int // bytes

	mu    sync.Mutex
	ring  []decoded
	next  int64 // the position behind the last stretch; 0 before the first call
	bytes int
	// forgotten is the bytes of stretches before those of ring that are still in its memory: readers may have them.
	forgotten int
}

// read returns the stretches with events above after up to upTo, about limit events, or none when the tail does not reach back to
// after. head is the head of the log, up to which the tail is filled. Errors are those of the database. What it returns must not be
// written to.
func (t *tail) read(ctx context.Context, after, upTo, head int64, limit int) ([]decoded, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == 0 || head-t.next >= tailEvents || after >= t.next { // a new beginning
		t.ring, t.bytes, t.forgotten, t.next = nil, 0, 0, head+1
		if head-after < tailEvents {
			t.next = after + 1
		}
	}
	if after+1 < t.first() {
		return nil, nil
	}
	for t.next <= upTo && t.next <= after+int64(limit) {
		if err := t.fill(ctx, head); err != nil {
			return nil, err
		}
	}
	if after+1 < t.first() { // more than the tail holds
		return nil, nil
	}
	from := sort.Search(len(t.ring), func(i int) bool { return t.ring[i].last() > after })
	to := from
	for to < len(t.ring) && t.ring[to].first <= upTo && (to == from || t.ring[to].last() <= after+int64(limit)) {
		to++
	}
	return t.ring[from:to:to], nil
}

// first is the position of the first event in the tail.
func (t *tail) first() int64 {
	if len(t.ring) > 0 {
		return t.ring[0].first
	}
	return t.next
}

// fill reads the next stretches up to the head, and forgets the oldest ones.
func (t *tail) fill(ctx context.Context, head int64) error {
	all, err := stretches(ctx, t.db, "", t.next-1, head)
	if err != nil {
		return err
	}
	all = all[:together(all, allTypes, math.MaxInt, decodeStep)]
	next := t.next
	for i := range all {
		if all[i].first > next {
			break
		}
		next = all[i].last() + 1
	}
	if len(all) == 0 || next <= all[len(all)-1].last() {
		return fmt.Errorf("position %d below the head has no event", next)
	}
	more, err := decodeEach(ctx, t.db.Reader, all, allTypes)
	if err != nil {
		return err
	}
	for i := range more {
		more[i].encodings = make([]feedquery.Encoding, len(more[i].list))
		t.bytes += more[i].size
	}
	t.ring, t.next = append(t.ring, more...), next
	drop := 0
	for ; t.bytes > t.most && drop < len(t.ring)-1; drop++ {
		t.bytes -= t.ring[drop].size
		t.forgotten += t.ring[drop].size
	}
	t.ring = t.ring[drop:]
	if t.forgotten > t.most/4 { // not each time: a full ring forgets some of it with every step
		t.ring, t.forgotten = slices.Clone(t.ring), 0
	}
	return nil
}
