package audit

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
)

// Replay is a projection with its tables in memory. Read returns a comparison of the tables as they are stored with those.
type Replay struct {
	Projection projection.Projection
	Read       func(ctx context.Context, c *Chunk) (compare func(c *Chunk), err error)
}

// ReplayRule is the rule that the tables of a read model are what a replay of the log makes; start returns an empty one.
func ReplayRule(name, description string, start func() Replay) Rule {
	return Rule{Invariant: "I4", Name: name, Description: description, Run: isReplay(start)}
}

// isReplay reads cursor, parked events and tables in one snapshot. The log up to the cursor does not change, so it is read in
// parts afterwards.
func isReplay(start func() Replay) func(ctx context.Context, c *Chunk) error {
	return func(ctx context.Context, c *Chunk) error {
		r := start()
		var cursor int64
		var compare func(c *Chunk)
		parked := map[int64]bool{}
		err := c.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
			err = tx.GetContext(ctx, &cursor, "SELECT position FROM event_consumers WHERE name = ?", r.Projection.Name())
			if err != nil && !errors.Is(err, sql.ErrNoRows) { // none: it never ran
				return err
			}
			var positions []int64
			if err := tx.SelectContext(ctx, &positions, "SELECT position FROM event_parked WHERE consumer = ?", r.Projection.Name()); err != nil {
				return err
			}
			for _, p := range positions {
				parked[p] = true
			}
			tables := *c
			tables.tx = tx
			compare, err = r.Read(ctx, &tables)
			return err
		})
		if err != nil {
			return err
		}
		if err := c.apply(ctx, r.Projection, cursor, parked); err != nil {
			return err
		}
		compare(c)
		return nil
	}
}

// apply gives a projection the events up to a cursor that are not parked.
func (c *Chunk) apply(ctx context.Context, p projection.Projection, cursor int64, parked map[int64]bool) error {
	size := int64(c.Size(logChunk))
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
		c.Looked(len(kept))
		if p.Apply(ctx, nil, kept) == nil {
			continue
		}
		for i := range kept { // nothing of a failed batch was kept
			if p.Apply(ctx, nil, kept[i:i+1]) != nil {
				c.Breach(kept[i].ID, "applied or parked", "cannot be applied")
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
