package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
)

// logChunk is how many positions of the log are read in one snapshot.
const logChunk = 2000

// logRules are about the log or a table as a whole; each takes its own snapshots.
func logRules() []rule {
	return []rule{
		{invariant: "I4", name: "positions_are_dense", description: "The positions of events are 1, 2, 3 and so on without a gap.", run: positionsAreDense},
		{invariant: "I4", name: "last_position_is_known", description: "The last position that was given is that of the last event.", run: lastPosition},
		{invariant: "I4", name: "report_is_replay", description: "The campaign report is what a replay of the log up to its own cursor makes, without parked events.", run: isReplay(reportReplay)},
		{invariant: "I4", name: "activity_is_replay", description: "The partners' activity is what a replay of the log up to its own cursor makes, without parked events.", run: isReplay(activityReplay)},
		{invariant: "I6", name: "no_referral_circle", description: "No partner is referred by itself, directly or through others.", table: "partners", run: noCircles},
	}
}

// positionsAreDense walks the log up to its head as it is now. Below the head nothing changes any more.
func positionsAreDense(ctx context.Context, c *chunk) error {
	var head, early int64
	err := c.db.Reader.QueryRowxContext(ctx, "SELECT COALESCE((SELECT MAX(position) FROM event_positions), 0), "+
		"(SELECT COUNT(*) FROM event_positions WHERE position < 1)").Scan(&head, &early)
	if err != nil {
		return err
	}
	if early > 0 {
		c.breach("the first event", "position 1", "a position below 1")
	}
	size := int64(c.size(logChunk))
	for after := int64(0); after < head; after += size {
		upTo := min(head, after+size)
		var found []int64
		if err := c.db.Reader.SelectContext(ctx, &found, "SELECT position FROM event_positions WHERE position > ? AND position <= ? ORDER BY position",
			after, upTo); err != nil {
			return err
		}
		c.looked(len(found))
		want := after + 1
		for _, position := range append(found, upTo+1) {
			if position > want {
				c.breach(strconv.FormatInt(want, 10), "an event", fmt.Sprintf("none up to %d", position-1))
			}
			want = position + 1
		}
	}
	return nil
}

// lastPosition compares, in one statement, with what the sequencer keeps; on SQLite with what the table keeps itself.
func lastPosition(ctx context.Context, c *chunk) error {
	query := "SELECT COALESCE((SELECT last_position FROM event_sequence WHERE id = 1), -1), COALESCE((SELECT MAX(position) FROM event_positions), 0)"
	if !c.db.Sequenced() {
		query = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), COALESCE((SELECT MAX(id) FROM events), 0)"
	}
	var want, got int64
	if err := c.db.Reader.QueryRowxContext(ctx, query).Scan(&want, &got); err != nil {
		return err
	}
	if c.looked(1); want != got {
		c.breach("the last event", strconv.FormatInt(want, 10), strconv.FormatInt(got, 10))
	}
	return nil
}

// replay is a projection with its tables in memory. Read returns a comparison of the tables as they are stored with those.
type replay struct {
	projection projection.Projection
	read       func(ctx context.Context, c *chunk) (compare func(c *chunk), err error)
}

// isReplay is a rule that reads cursor, parked events and tables in one snapshot. The log up to the cursor does not change,
// so it is read in parts afterwards.
func isReplay(start func() replay) func(ctx context.Context, c *chunk) error {
	return func(ctx context.Context, c *chunk) error {
		r := start()
		var cursor int64
		var compare func(c *chunk)
		parked := map[int64]bool{}
		err := c.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
			err = tx.GetContext(ctx, &cursor, "SELECT position FROM event_consumers WHERE name = ?", r.projection.Name())
			if err != nil && !errors.Is(err, sql.ErrNoRows) { // none: it never ran
				return err
			}
			var positions []int64
			if err := tx.SelectContext(ctx, &positions, "SELECT position FROM event_parked WHERE consumer = ?", r.projection.Name()); err != nil {
				return err
			}
			for _, p := range positions {
				parked[p] = true
			}
			tables := *c
			tables.tx = tx
			compare, err = r.read(ctx, &tables)
			return err
		})
		if err != nil {
			return err
		}
		if err := c.apply(ctx, r.projection, cursor, parked); err != nil {
			return err
		}
		compare(c)
		return nil
	}
}

// apply gives a projection the events up to a cursor that are not parked.
func (c *chunk) apply(ctx context.Context, p projection.Projection, cursor int64, parked map[int64]bool) error {
	size := int64(c.size(logChunk))
	for after := int64(0); after < cursor; after += size {
		events, err := c.events(ctx, after, min(cursor, after+size))
		if err != nil {
			return err
		}
		kept := events[:0]
		for _, e := range events {
			if !parked[e.Position] {
				kept = append(kept, e)
			}
		}
		c.looked(len(kept))
		if p.Apply(ctx, nil, kept) == nil {
			continue
		}
		for i := range kept { // nothing of a failed batch was kept
			if p.Apply(ctx, nil, kept[i:i+1]) != nil {
				c.breach(kept[i].ID, "applied or parked", "cannot be applied")
			}
		}
	}
	return nil
}

// events returns the events above a position up to another, in order.
func (a *auditor) events(ctx context.Context, after, upTo int64) (events []application.StoredEvent, err error) {
	rows, err := a.db.Reader.QueryxContext(ctx, "SELECT position, event_id, seller_id, aggregate_type, aggregate_id, "+
		"aggregate_version, type, payload, occurred_at FROM event_log WHERE position > ? AND position <= ? ORDER BY position", after, upTo)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e application.StoredEvent
		var at int64
		if err := rows.Scan(&e.Position, &e.ID, &e.SellerID, &e.AggregateType, &e.AggregateID, &e.AggregateVersion, &e.Type, &e.Payload, &at); err != nil {
			return nil, err
		}
		e.OccurredAt = time.UnixMicro(at).UTC()
		events = append(events, e)
	}
	return events, rows.Err()
}
