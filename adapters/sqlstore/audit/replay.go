package audit

import (
	"context"
	"database/sql"
	"errors"

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
	return Rule{Invariant: "I4", Name: name, Description: description, Replay: start}
}

// replaying is a replay that is fed from a walk over the log.
type replaying struct {
	chunk      *Chunk
	projection projection.Projection
	cursor     int64
	parked     map[int64]bool // positions
	skipped    map[int64]bool // segments, and negative positions of events
	compare    func(c *Chunk)
}

// replay reads cursor, parked events and tables in one snapshot. The log up to the cursor does not change, so it is walked
// afterwards.
func (a *auditor) replay(ctx context.Context, rule Rule) (*replaying, error) {
	of := rule.Replay()
	r := &replaying{
		chunk: &Chunk{auditor: a, rule: rule, table: logTable}, projection: of.Projection,
		parked: map[int64]bool{}, skipped: map[int64]bool{},
	}
	return r, a.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
		err = tx.GetContext(ctx, &r.cursor, "SELECT position FROM event_consumers WHERE name = ?", r.projection.Name())
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // none: it never ran
			return err
		}
		for into, query := range map[*map[int64]bool]string{
			&r.parked:  "SELECT position FROM event_parked WHERE consumer = ?",
			&r.skipped: "SELECT segment_id FROM event_skipped WHERE consumer = ?",
		} {
			var list []int64
			if err := tx.SelectContext(ctx, &list, query, r.projection.Name()); err != nil {
				return err
			}
			for _, n := range list {
				(*into)[n] = true
			}
		}
		tables := *r.chunk
		tables.tx = tx
		r.compare, err = of.Read(ctx, &tables)
		return err
	})
}

// apply gives the projection what it has had of stretches.
func (r *replaying) apply(ctx context.Context, all []stretch) {
	var events []application.StoredEvent
	for i := range all {
		s := &all[i]
		if s.first > r.cursor || !s.known() || r.skipped[s.segment] {
			continue
		}
		for j := range s.events {
			if e := &s.events[j]; e.Position <= r.cursor && !r.parked[e.Position] && !r.skipped[-e.Position] {
				events = append(events, *e)
			}
		}
	}
	if r.chunk.Looked(len(events)); len(events) == 0 || r.projection.Apply(ctx, nil, events) == nil {
		return
	}
	for i := range events { // nothing of a failed batch was kept
		if r.projection.Apply(ctx, nil, events[i:i+1]) != nil {
			of := *r.chunk
			of.rule.Table = eventTable
			of.Breach(events[i].ID, "applied or parked", "cannot be applied")
		}
	}
}
