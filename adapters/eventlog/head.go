package eventlog

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// HeadConfig sets how often the log's head is read from the database.
type HeadConfig struct {
	Busy   time.Duration // while the head moves; 250 ms when zero
	Idle   time.Duration // while the head stands still; 1 s when zero
	Logger *slog.Logger
}

// Head knows up to which position the log is numbered, and wakes those who wait for more: consumers, and the feeds of
// sellers that have new events. Its poller is the only one of an instance. It also notices commits of other instances, and
// wakes the sequencer when committed events have no position yet.
type Head struct {
	db        *dialect.DB
	committed *Signal
	config    HeadConfig
	moved     Signal
	joined    Signal // a feed waits

	mu      sync.Mutex
	current int64
	still   time.Duration // for how long it was seen not to move, with nothing that waits for a position
	feeds   map[string]map[*feed]struct{}
}

type feed struct {
	after int64
	wake  chan struct{}
}

// NewHead returns the head of a database's log. committed is notified after every commit that wrote events.
func NewHead(db *dialect.DB, committed *Signal, c HeadConfig) *Head {
	if c.Busy <= 0 {
		c.Busy = 250 * time.Millisecond
	}
	if c.Idle <= 0 {
		c.Idle = time.Second
	}
	c.Logger = loggerOr(c.Logger)
	return &Head{db: db, committed: committed, config: c, feeds: map[string]map[*feed]struct{}{}}
}

// Run polls and wakes until ctx ends, which is no error.
func (h *Head) Run(ctx context.Context) error {
	var feeds sync.WaitGroup
	feeds.Go(func() { h.wakeFeeds(ctx) })
	defer feeds.Wait()
	var seen uint64
	var interval time.Duration
	for failures := 0; ctx.Err() == nil; {
		before := h.Current()
		seenNow := h.committed.Version()
		after, pending, err := h.read(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			h.config.Logger.WarnContext(ctx, "event log: head not read", slog.Any("error", err))
			interval = Backoff{}.or(h.config.Busy, 5*time.Second).delay(failures)
		default:
			failures = 0
			if h.advance(after); after > before || pending {
				interval = h.config.Busy
			} else {
				h.stood(interval)
				interval = h.config.Idle
			}
			if pending {
				h.committed.Notify()
			}
		}
		seen = seenNow
		if after > before || pending || err != nil {
			h.Stir()
		}
		var commit <-chan struct{}
		if !h.db.Sequenced() && failures == 0 {
			commit = h.committed.After(seen) // otherwise the sequencer tells the head
		}
		timer := time.NewTimer(interval)
		select {
		case <-commit:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// Current is the last known head: a position up to which the log is complete. 0 is an empty log.
func (h *Head) Current() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current
}

// Moved tells that there are events.
func (h *Head) Moved() *Signal { return &h.moved }

// quietLog is after how long without an event the log is quiet.
const quietLog = 15 * time.Second

// Quiet reports whether there was no event for a while, as far as Run saw.
func (h *Head) Quiet() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.still >= quietLog
}

// stood notes that the head did not move for so long.
func (h *Head) stood(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.still += d
}

// Stir notes that something happened in this process, other than an event.
func (h *Head) Stir() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.still = 0
}

// Read asks the database for the head: application.ErrUnavailable when it cannot be reached.
func (h *Head) Read(ctx context.Context) (int64, error) {
	head, _, err := h.read(ctx)
	if err != nil {
		return 0, describe(h.db, "read the head of the log", err)
	}
	h.advance(head)
	return head, nil
}

// bounds are a log and the positions that it has. Positions of one log mean nothing in another.
type bounds struct {
	log         string
	first, head int64
}

// bounds asks the database for the log and its bounds: application.ErrUnavailable.
func (h *Head) bounds(ctx context.Context) (b bounds, err error) {
	ctx, leave, err := h.db.Reads.Enter(ctx)
	if err != nil {
		return b, describe(h.db, "read the bounds of the log", err)
	}
	defer func() { leave(err) }()
	if err := h.db.Reader.QueryRowContext(ctx, "SELECT i.value, a.first_position, s.last_position FROM installation i, event_archive a, event_sequence s "+
		"WHERE i.name = ? AND a.id = 1 AND s.id = 1", logIDName).Scan(&b.log, &b.first, &b.head); err != nil {
		return b, describe(h.db, "read the bounds of the log", err)
	}
	h.advance(b.head)
	return b, nil
}

// read returns the head and whether committed events wait for a position.
func (h *Head) read(ctx context.Context) (head int64, pending bool, err error) {
	if !h.db.Sequenced() {
		err = h.db.Reader.QueryRowContext(ctx, "SELECT last_position FROM event_sequence WHERE id = 1").Scan(&head)
		return head, false, err
	}
	err = h.db.Reader.QueryRowContext(ctx, "SELECT last_position, EXISTS (SELECT 1 FROM event_pending) "+
		"FROM event_sequence WHERE id = 1").Scan(&head, &pending)
	return head, pending, err
}

func (h *Head) advance(head int64) {
	h.mu.Lock()
	moved := head > h.current
	h.current = max(h.current, head)
	if moved {
		h.still = 0
	}
	h.mu.Unlock()
	if moved {
		h.moved.Notify()
	}
}

// Wait blocks until the head is above after and returns the head, or until ctx ends and returns its cause. Run must be
// running.
func (h *Head) Wait(ctx context.Context, after int64) (int64, error) {
	for {
		seen := h.moved.Version()
		if head := h.Current(); head > after {
			return head, nil
		}
		if _, err := h.moved.Wait(ctx, seen); err != nil {
			return 0, err
		}
	}
}

// join makes a feed that is woken when the seller has events above after. The caller must call leave afterwards.
func (h *Head) join(sellerID string, after int64) *feed {
	f := &feed{after: after, wake: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[sellerID] == nil {
		h.feeds[sellerID] = map[*feed]struct{}{}
	}
	h.feeds[sellerID][f] = struct{}{}
	h.joined.Notify()
	return f
}

const (
	// gather is how long the sequencer and the consumers let events gather from the first one on, so that a batch of leads
	// costs little more than one commit.
	gather = 25 * time.Millisecond
	// gatherFigures is the same for projections: people read what they count, and a transaction that adds up many events writes the same
	// rows as one of few.
	gatherFigures = 200 * time.Millisecond
	// idle and quiet are how often a consumer stores a cursor that only passes by events it does not want: while events
	// come, and when no more come.
	idle  = 2 * time.Second
	quiet = 100 * time.Millisecond
)

// gather waits so long, or until a feed waits for events, or until ctx ends.
func (h *Head) gather(ctx context.Context, d time.Duration) {
	joined := h.joined.Version()
	h.mu.Lock()
	waiting := len(h.feeds) > 0
	h.mu.Unlock()
	if waiting {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.joined.After(joined):
	case <-ctx.Done():
	}
}

func (h *Head) leave(sellerID string, f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delete(h.feeds[sellerID], f); len(h.feeds[sellerID]) == 0 {
		delete(h.feeds, sellerID)
	}
}

func (h *Head) wakeFeeds(ctx context.Context) {
	var seen uint64
	for failures := 0; ; {
		var err error
		if failures == 0 {
			if seen, err = h.moved.Wait(ctx, seen); err != nil {
				return
			}
		} else if err := lease.Pause(ctx, Backoff{}.or(h.config.Busy, 5*time.Second).delay(failures)); err != nil {
			return
		}
		if err = h.wakeSellers(ctx); err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		failures++
		h.config.Logger.WarnContext(ctx, "event log: feeds not woken", slog.Any("error", err))
	}
}

// wakeSellers reads the last event of each seller with waiting feeds. That costs two index look-ups a seller, however many
// events there are.
func (h *Head) wakeSellers(ctx context.Context) error {
	h.mu.Lock()
	head := h.current
	sellers := make([]string, 0, len(h.feeds))
	for id := range h.feeds {
		sellers = append(sellers, id)
	}
	h.mu.Unlock()
	for chunk := range slices.Chunk(sellers, 100) {
		if err := h.wakeChunk(ctx, chunk, head); err != nil {
			return err
		}
	}
	return nil
}

func (h *Head) wakeChunk(ctx context.Context, sellers []string, head int64) error {
	const one = "SELECT ?, (SELECT first_position + events - 1 FROM event_positions WHERE seller_id = ? AND first_position <= ? " +
		"ORDER BY first_position DESC LIMIT 1)"
	args := make([]any, 0, 3*len(sellers))
	for _, id := range sellers {
		args = append(args, id, id, head)
	}
	rows, err := h.db.Reader.QueryContext(ctx, strings.TrimSuffix(strings.Repeat(one+" UNION ALL ", len(sellers)), " UNION ALL "), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var last *int64
		if err := rows.Scan(&id, &last); err != nil {
			return err
		}
		if last != nil {
			h.wakeFeed(id, *last)
		}
	}
	return rows.Err()
}

func (h *Head) wakeFeed(sellerID string, last int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.feeds[sellerID] {
		if f.after < last {
			close(f.wake)
			delete(h.feeds[sellerID], f)
		}
	}
	if len(h.feeds[sellerID]) == 0 {
		delete(h.feeds, sellerID)
	}
}
