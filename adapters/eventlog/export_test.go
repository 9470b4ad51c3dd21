package eventlog

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/leadmill/leadmill/adapters/eventlog/archive"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// Exports for tests outside the package.

// Scanning makes a Reader whose pages scan fewer rows.
func Scanning(r *Reader, rows int) *Reader {
	return &Reader{db: r.db, head: r.head, tail: r.tail, scan: rows}
}

// Step is one step of a sequencer: how many events it numbered and whether it left any.
func Step(ctx context.Context, s *Sequencer) (int64, bool, error) { return s.step(ctx) }

// Statements returns into how many segments each statement of Append writes events.
func (w *Writer) Statements(events []application.EventRecord) (segments []int) {
	for all := cut(bySeller(events)); len(all) > 0; {
		n := w.oneStatement(all)
		segments, all = append(segments, n), all[n:]
	}
	return segments
}

// TailBytes bounds the memory of a Reader's newest events.
func TailBytes(r *Reader, most int) { r.tail.most = most }

// All is what a consumer of all types reads.
func All(consumer string) Wanted { return NewWanted(consumer, nil) }

// Shorten cuts an error text for its column.
var Shorten = shorten

// Lease is a lease under test.
type Lease struct{ l *cursor }

// TryLease takes the lease of a consumer, which it adds when it is new. nil means that another owner has it.
func TryLease(ctx context.Context, db *dialect.DB, c LeaseConfig, name string) (*Lease, error) {
	if err := ensureConsumer(ctx, db, name, 0); err != nil {
		return nil, err
	}
	l, err := tryLease(ctx, db, newLeases(db), c.WithDefaults(), slog.New(slog.DiscardHandler), name)
	if l == nil {
		return nil, err
	}
	return &Lease{l}, nil
}

// Move writes the cursor.
func (l *Lease) Move(ctx context.Context, to int64) error {
	err := l.l.move(ctx, l.l.db.Writer, to)
	if err == nil {
		l.l.position = to
	}
	return err
}

// Renew renews the lease, and reports whether it still holds.
func (l *Lease) Renew(ctx context.Context) (bool, error) { return l.l.Renew(ctx, lease.Columns{}) }

// Keep keeps the lease.
func (l *Lease) Keep(ctx context.Context, strict bool) (context.Context, func()) {
	return l.l.keep(ctx, strict)
}

// Release releases the lease.
func (l *Lease) Release(ctx context.Context) { l.l.release(ctx) }

// Fence is the lease's fence.
func (l *Lease) Fence() int64 { return l.l.Lease.Fence() }

// ErrLeaseLost is what the work under a lost lease ends with.
var ErrLeaseLost = errLeaseLost

// The steps of an Archiver, as if it were killed behind one of them.

// NextFile writes the next file and its line in the manifest.
func NextFile(ctx context.Context, a *Archiver) (f archive.File, ok bool, err error) {
	b, last, err := a.beginning(ctx)
	if err != nil {
		return f, false, err
	}
	return a.next(ctx, b.first, last)
}

// Pass lets the log begin at a position.
func Pass(ctx context.Context, a *Archiver, to int64) (bool, error) { return a.pass(ctx, to) }

// EnsureConsumer adds a consumer.
func EnsureConsumer(ctx context.Context, db *dialect.DB, name string, start int64) error {
	return ensureConsumer(ctx, db, name, start)
}

// Reach keeps the log from being archived until tx ends.
func Reach(ctx context.Context, db *dialect.DB, tx *sql.Tx, consumer string, position int64) error {
	return reach(ctx, db, tx, consumer, position)
}

// PageUpTo is a page of a reader who looked before where the log begins and ends.
func PageUpTo(ctx context.Context, r *Reader, after, head int64, f Filter) ([]application.StoredEvent, int64, error) {
	return r.page(ctx, after, head, 100, f)
}

// Feeds is how many feeds of a seller wait for events.
func Feeds(h *Head, sellerID string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.feeds[sellerID])
}
