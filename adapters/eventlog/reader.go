package eventlog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// pageScan is how many events of a seller one page looks at, at most (docs/events.md).
const pageScan = 10_000

// Filter says which events a page holds.
type Filter struct {
	SellerID string
	Types    []string // such as "lead.sold.v1"; all when empty
}

// Reader reads the log, never beyond its head: up to the head no event is missing, and none appears there later.
type Reader struct {
	db   *dialect.DB
	head *Head
	scan int
}

// NewReader returns a Reader of a database's log.
func NewReader(db *dialect.DB, head *Head) *Reader {
	return &Reader{db: db, head: head, scan: pageScan}
}

// Head asks the database for the log's head: application.ErrUnavailable when it cannot be reached.
func (r *Reader) Head(ctx context.Context) (int64, error) { return r.head.Read(ctx) }

// Page returns up to limit events of a seller above after, positions ascending, and the last position scanned, from which
// the next page goes on. It scans at most 10,000 of the seller's events: a page without events whose next is above after
// means go on at once; next equal to after means that there are no more events yet. It fails with
// application.ErrUnavailable.
func (r *Reader) Page(ctx context.Context, after int64, limit int, f Filter) (events []application.StoredEvent, next int64, err error) {
	head, err := r.head.Read(ctx)
	if err != nil {
		return nil, after, err
	}
	if head <= after || limit <= 0 {
		return nil, after, nil
	}
	end, scan := head, r.scan
	if len(f.Types) == 0 {
		scan = limit
	}
	// Far from the head, a plan for reading all remaining rows may be bad for reading the first of them.
	if len(f.Types) > 0 || head-after > int64(r.scan) {
		if end, err = r.scanEnd(ctx, f.SellerID, after, head, scan); err != nil {
			return nil, after, describe(r.db, "scan events", err)
		}
		if end <= after {
			return nil, after, nil
		}
	}
	where, args := typed("e.seller_id = ? AND e.position > ? AND e.position <= ?", []any{f.SellerID, after, end}, f.Types)
	events, err = r.query(ctx, where, append(args, limit), limit)
	if err != nil {
		return nil, after, describe(r.db, "read events", err)
	}
	switch {
	case len(events) == limit:
		next = events[limit-1].Position
	case len(f.Types) > 0:
		next = end
	case len(events) > 0:
		next = events[len(events)-1].Position
	default:
		next = after
	}
	return events, next, nil
}

// scanEnd returns the position of the last of the seller's events that a page looks at; after when there is none. Both
// statements need only the index. Without the hint MariaDB would read the index from its beginning for a seller that has
// most of the events.
func (r *Reader) scanEnd(ctx context.Context, sellerID string, after, head int64, scan int) (end int64, err error) {
	err = r.db.Reader.QueryRowContext(ctx, "SELECT position FROM event_positions"+r.db.UseKey("event_positions_seller")+
		" WHERE seller_id = ? AND position > ? AND position <= ? ORDER BY position LIMIT 1 OFFSET ?", sellerID, after, head, scan-1).Scan(&end)
	if err != sql.ErrNoRows {
		return end, err
	}
	err = r.db.Reader.QueryRowContext(ctx, "SELECT COALESCE(MAX(position), 0) FROM event_positions WHERE seller_id = ? AND position <= ?",
		sellerID, head).Scan(&end)
	return max(end, after), err
}

// Wait blocks until the seller has an event of any type above after and returns nil, or until ctx ends and returns its
// cause. The Head must be running. Page then returns the event.
func (r *Reader) Wait(ctx context.Context, sellerID string, after int64) error {
	f := r.head.join(sellerID, after) // join before reading the head, so that no event is missed in between
	defer r.head.leave(sellerID, f)
	head, err := r.head.Read(ctx)
	if err != nil {
		return err
	}
	var last int64
	if err := r.db.Reader.QueryRowContext(ctx, "SELECT COALESCE(MAX(position), 0) FROM event_positions WHERE seller_id = ? AND position <= ?",
		sellerID, head).Scan(&last); err != nil {
		return describe(r.db, "look for events", err)
	}
	if last > after {
		return nil
	}
	select {
	case <-f.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Read returns up to limit events of all sellers above after, in order and without a gap. It returns none only at the head
// of the log. It fails with application.ErrUnavailable.
func (r *Reader) Read(ctx context.Context, after int64, limit int) ([]application.StoredEvent, error) {
	head := r.head.Current()
	if head <= after {
		var err error
		if head, err = r.head.Read(ctx); err != nil {
			return nil, err
		}
	}
	return r.between(ctx, after, min(head, after+int64(limit)), nil)
}

// between returns the events above after up to a position that is not above the head, of some types or of all. Positions
// are dense, so their difference bounds the rows that are looked at.
func (r *Reader) between(ctx context.Context, after, upTo int64, types []string) ([]application.StoredEvent, error) {
	if upTo <= after {
		return nil, nil
	}
	where, args := typed("e.position > ? AND e.position <= ?", []any{after, upTo}, types)
	events, err := r.query(ctx, where, append(args, upTo-after), int(upTo-after))
	if err != nil {
		return nil, describe(r.db, "read events", err)
	}
	return events, nil
}

func typed(where string, args []any, types []string) (string, []any) {
	if len(types) == 0 {
		return where, args
	}
	for _, t := range types {
		args = append(args, t)
	}
	return where + " AND e.type IN " + marks(len(types)), args
}

// eventColumns are what scanEvents reads of event_log, qualified by the alias e.
const eventColumns = "e.position, e.event_id, e.seller_id, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.type, " +
	"e.payload, e.metadata, e.occurred_at"

func (r *Reader) query(ctx context.Context, where string, args []any, limit int) ([]application.StoredEvent, error) {
	rows, err := r.db.Reader.QueryContext(ctx, "SELECT "+eventColumns+" FROM event_log e WHERE "+where+" ORDER BY e.position LIMIT ?", args...)
	if err != nil {
		return nil, err
	}
	return scanEvents(rows, limit)
}

// scanEvents reads and closes rows of eventColumns.
func scanEvents(rows *sql.Rows, limit int) (events []application.StoredEvent, err error) {
	defer func() { _ = rows.Close() }()
	var sellerID, kind, eventType, metadata sql.RawBytes
	var lastMetadata string
	var trail application.Trail
	names := map[string]string{} // a batch repeats few different names
	intern := func(b sql.RawBytes) string {
		s, ok := names[string(b)]
		if !ok {
			s = string(b)
			names[s] = s
		}
		return s
	}
	for rows.Next() {
		if events == nil {
			events = make([]application.StoredEvent, 0, min(limit, 1000))
		}
		events = append(events, application.StoredEvent{})
		e := &events[len(events)-1]
		var at int64
		if err := rows.Scan(&e.Position, &e.ID, &sellerID, &kind, &e.AggregateID, &e.AggregateVersion, &eventType, &e.Payload,
			&metadata, &at); err != nil {
			return nil, err
		}
		e.SellerID, e.AggregateType, e.Type, e.OccurredAt = intern(sellerID), intern(kind), intern(eventType), time.UnixMicro(at).UTC()
		if string(metadata) != lastMetadata {
			lastMetadata = string(metadata)
			var t trailJSON
			if err := json.Unmarshal(metadata, &t); err != nil {
				return nil, fmt.Errorf("metadata of event %s: %w", e.ID, err)
			}
			trail = application.Trail(t)
		}
		e.Trail = trail
	}
	return events, rows.Err()
}
