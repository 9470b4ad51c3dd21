package audit

import (
	"context"
	"fmt"
	"strconv"
)

// logChunk is how many positions of the log are read in one snapshot.
const logChunk = 2000

// logTables are the tables of the event log. Positions and pending are tables of the sequencer; on the other engines an
// event's position is its id.
func logTables(aggregates []Table) []Table {
	joined, ids, sellers, kinds := eventAggregates(aggregates)
	return []Table{
		{Name: "events", Key: []string{"id"}, Size: ManyRows, Rules: []Rule{
			{
				Invariant: "I4", Name: "event_has_aggregate", Description: "The aggregate of every event exists.", Table: "events",
				Query: "SELECT t.event_id AS id, t.aggregate_id AS want, COALESCE(" + ids + ", 'none') AS got" + joined,
			},
			{
				Invariant: "I4", Name: densityRule, Table: "events",
				Description: "The events of an aggregate without a table of ours are numbered from 1 without a gap.",
				Query: `SELECT t.event_id AS id, t.aggregate_version - 1 AS want, COALESCE(b.aggregate_version, 0) AS got
					FROM events t LEFT JOIN events b ON b.seller_id = t.seller_id AND b.aggregate_type = t.aggregate_type
						AND b.aggregate_id = t.aggregate_id AND b.aggregate_version = t.aggregate_version - 1
					WHERE {range} AND t.aggregate_type NOT IN (` + kinds + ")",
			},
			{
				Invariant: "I4", Name: "aggregate_order_is_position_order", Table: "events",
				Description: "An event's position is behind that of the event before it in its aggregate.",
				Query: `SELECT t.event_id AS id, COALESCE(bp.position, 9223372036854775807) AS want, tp.position AS got
					FROM events t JOIN event_positions tp ON tp.id = t.id
					JOIN events b ON b.seller_id = t.seller_id AND b.aggregate_type = t.aggregate_type
						AND b.aggregate_id = t.aggregate_id AND b.aggregate_version = t.aggregate_version - 1
					LEFT JOIN event_positions bp ON bp.id = b.id WHERE {range}`,
				Broken: "got <= want",
			},
			{
				Invariant: "I4", Name: "event_gets_position", Sequenced: true,
				Description: "While an instance runs, an event has its position 60 seconds after it occurred.",
				Query: `SELECT t.event_id AS id, 'a position' AS want, 'none' AS got
					FROM events t LEFT JOIN event_positions p ON p.id = t.id
					WHERE {range} AND p.id IS NULL AND t.occurred_at < {now} - 60000000
						AND EXISTS (SELECT 1 FROM event_consumers c WHERE c.lease_until > {now})`,
			},
			{
				Invariant: "I4", Name: "event_waits_for_position", Sequenced: true,
				Description: "An event without a position is known to the sequencer.",
				Query: `SELECT t.event_id AS id, 'known' AS want, 'unknown' AS got
					FROM events t LEFT JOIN event_positions p ON p.id = t.id
					WHERE {range} AND p.id IS NULL
						AND NOT EXISTS (SELECT 1 FROM event_pending q WHERE q.first_id <= t.id AND q.first_id + q.events > t.id)`,
			},
			{
				Invariant: "I6", Name: "events.aggregate_id", Description: "An event belongs to the seller of its aggregate.", Table: "events",
				Query: "SELECT t.event_id AS id, t.seller_id AS want, COALESCE(" + sellers + ", t.seller_id) AS got" + joined,
			},
		}},
		{Name: "event_positions", Key: []string{"position"}, Size: ManyRows, Rules: []Rule{
			{
				Invariant: "I4", Name: "position_has_event", Description: "Every position is that of an event of the same seller.", Sequenced: true,
				Query: `SELECT t.position AS id, t.seller_id AS want, COALESCE(e.seller_id, 'none') AS got
					FROM event_positions t LEFT JOIN events e ON e.id = t.id WHERE {range}`,
			},
		}},
		{Name: "event_pending", Key: []string{"first_id"}, Size: FewRows, Rules: []Rule{
			{
				Invariant: "I4", Name: "waiting_events_exist", Description: "The events that the sequencer knows of exist and have no positions.", Sequenced: true,
				Query: `SELECT t.first_id AS id, t.events AS want, (SELECT COUNT(*) FROM events e WHERE e.id >= t.first_id AND e.id < t.first_id + t.events
						AND NOT EXISTS (SELECT 1 FROM event_positions p WHERE p.id = e.id)) AS got
					FROM event_pending t WHERE {range}`,
			},
		}},
	}
}

// logRules are about the log as a whole; each takes its own snapshots.
var logRules = []Rule{
	{Invariant: "I4", Name: "positions_are_dense", Description: "The positions of events are 1, 2, 3 and so on without a gap.", Run: positionsAreDense},
	{Invariant: "I4", Name: "last_position_is_known", Description: "The last position that was given is that of the last event.", Run: lastPosition},
}

// positionsAreDense walks the log up to its head as it is now. Below the head nothing changes any more.
func positionsAreDense(ctx context.Context, c *Chunk) error {
	var head, early int64
	err := c.db.Reader.QueryRowxContext(ctx, "SELECT COALESCE((SELECT MAX(position) FROM event_positions), 0), "+
		"(SELECT COUNT(*) FROM event_positions WHERE position < 1)").Scan(&head, &early)
	if err != nil {
		return err
	}
	if early > 0 {
		c.Breach("the first event", "position 1", "a position below 1")
	}
	size := int64(c.Size(logChunk))
	for after := int64(0); after < head; after += size {
		upTo := min(head, after+size)
		var found []int64
		if err := c.db.Reader.SelectContext(ctx, &found, "SELECT position FROM event_positions WHERE position > ? AND position <= ? ORDER BY position",
			after, upTo); err != nil {
			return err
		}
		c.Looked(len(found))
		want := after + 1
		for _, position := range append(found, upTo+1) {
			if position > want {
				c.Breach(strconv.FormatInt(want, 10), "an event", fmt.Sprintf("none up to %d", position-1))
			}
			want = position + 1
		}
	}
	return nil
}

// lastPosition compares, in one statement, with what the sequencer keeps; on SQLite with what the table keeps itself.
func lastPosition(ctx context.Context, c *Chunk) error {
	query := "SELECT COALESCE((SELECT last_position FROM event_sequence WHERE id = 1), -1), COALESCE((SELECT MAX(position) FROM event_positions), 0)"
	if !c.db.Sequenced() {
		query = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), COALESCE((SELECT MAX(id) FROM events), 0)"
	}
	var want, got int64
	if err := c.db.Reader.QueryRowxContext(ctx, query).Scan(&want, &got); err != nil {
		return err
	}
	if c.Looked(1); want != got {
		c.Breach("the last event", strconv.FormatInt(want, 10), strconv.FormatInt(got, 10))
	}
	return nil
}
