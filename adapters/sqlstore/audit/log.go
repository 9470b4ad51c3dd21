package audit

import (
	"context"
	"strconv"
)

// Where breaches of the log's own rules are.
const (
	logTable     = "event_positions"
	segmentTable = "event_segments"
	eventTable   = "events" // in segments, by their ids
)

// Rules of the log that are checked while it is walked.
const (
	denseRule     = "positions_are_dense"
	segmentRule   = "position_has_segment"
	readableRule  = "segment_can_be_read"
	positionRule  = "segment_has_one_position"
	inTimeRule    = "event_gets_position"
	waitingRule   = "waiting_segments_exist"
	uniqueRule    = "event_id_is_unique"
	typeRule      = "event_type_is_known"
	densityRule   = "event_versions_are_dense"
	aggregateRule = "event_has_aggregate"
	sellerRule    = "events.aggregate_id"
)

// logRules are about the log as a whole.
var logRules = []Rule{
	{Invariant: "I4", Name: "last_position_is_known", Description: "The last position that was given is that of the last event.", Run: lastPosition},
	{Invariant: "I4", Name: denseRule, Description: "The positions of events follow one another without a gap, from 1 or the first that was not archived."},
	{Invariant: "I4", Name: segmentRule, Description: "A row of positions has its segment, and says of it what is in it."},
	{Invariant: "I4", Name: readableRule, Description: "Every segment can be read."},
	{Invariant: "I4", Name: positionRule, Description: "Every segment has one row of positions, or waits for it."},
	{Invariant: "I4", Name: inTimeRule, Description: "While an instance runs, a segment has its position 60 seconds after its first event occurred.", Sequenced: true},
	{Invariant: "I4", Name: waitingRule, Description: "The segments that the sequencer knows of exist and have no positions.", Sequenced: true},
	{Invariant: "I4", Name: uniqueRule, Description: "No two events have one id."},
	{Invariant: "I4", Name: typeRule, Description: "Every event is of a type of Leadmill or of a module."},
	{Invariant: "I4", Name: densityRule, Description: "The events of an aggregate are numbered one after another in the order of their positions, from 1 or the first that was not archived."},
	{Invariant: "I4", Name: aggregateRule, Description: "The aggregate of every event exists."},
	{Invariant: "I5", Name: fileRule, Description: "SQLite finds its file in order.", Embedded: true},
	{Invariant: "I6", Name: sellerRule, Description: "An event belongs to the seller of its aggregate."},
}

// versionsTable has the versions of the aggregates that have no table of ours.
var versionsTable = Table{
	Name: "event_versions", Key: []string{"seller_id", "aggregate_type", "aggregate_id"}, Size: ManyRows,
	Rules: []Rule{versionRule("SELECT t.seller_id AS seller, t.aggregate_type AS kind, t.aggregate_id AS aggregate, t.version AS value " +
		"FROM event_versions t WHERE {range}")},
}

// consumerTables are about who reads the log, and about jobs, which are leased as consumers are.
var consumerTables = []Table{
	{
		Name: "event_consumers", Key: []string{"name"}, Size: ManyRows, ID: "name", Rules: []Rule{leaseRule("event_consumers"), {
			Invariant: "I4", Name: "cursor_is_in_log", Description: "No consumer has read further than the log goes.", Broken: "got > want OR got < 0",
			Query: "SELECT t.name AS id, IFNULL((SELECT q.last_position FROM event_sequence q WHERE q.id = 1), 0) AS want, t.position AS got FROM event_consumers t WHERE {range}",
		}},
	},
	{Name: "jobs", Key: []string{"name"}, Size: ManyRows, ID: "name", Rules: []Rule{leaseRule("jobs")}},
	{
		Name: "event_parked", Key: []string{"consumer", "position"}, Size: ManyRows, ID: "consumer", Rules: []Rule{{
			Invariant: "I4", Name: "parked_event_is_in_log", Description: "A parked event is one of the log, and its consumer is there.", Broken: "got IS NULL OR got > want OR got < 1",
			Query: "SELECT t.consumer AS id, IFNULL((SELECT q.last_position FROM event_sequence q WHERE q.id = 1), 0) AS want, " +
				"(SELECT t.position FROM event_consumers c WHERE c.name = t.consumer) AS got FROM event_parked t WHERE {range}",
		}},
	},
	{
		Name: "known_consumers", Key: []string{"name"}, Size: ManyRows, ID: "name", Rules: []Rule{{
			Invariant: "I4", Name: "consumer_has_cursor", Description: "Every consumer that was added and not forgotten has its cursor.",
			Query: "SELECT t.name AS id, t.name AS want, c.name AS got FROM known_consumers t LEFT JOIN event_consumers c ON c.name = t.name WHERE {range}",
		}},
	},
}

// leaseRule is the rule that nobody holds a row of a table for longer than a lease lasts. Leases are of seconds, so one of an hour was
// made by a clock that was wrong, or by none.
func leaseRule(table string) Rule {
	return Rule{
		Invariant: "I4", Name: "lease_ends_soon", Description: "No lease holds for an hour from now.", Broken: "got > want",
		Query: "SELECT t.name AS id, {now} + 3600000000 AS want, t.lease_until AS got FROM " + table + " t WHERE {range}",
	}
}

// lastPosition compares, in one statement, with what the sequencer keeps.
func lastPosition(ctx context.Context, c *Chunk) error {
	var want, got int64
	if err := c.db.Reader.QueryRowxContext(ctx, "SELECT IFNULL((SELECT last_position FROM event_sequence WHERE id = 1), -1), "+
		"IFNULL((SELECT first_position + events - 1 FROM event_positions ORDER BY first_position DESC LIMIT 1), "+
		"IFNULL((SELECT first_position - 1 FROM event_archive WHERE id = 1), 0))").Scan(&want, &got); err != nil {
		return err
	}
	if c.Looked(1); want != got {
		c.Breach("the last event", strconv.FormatInt(want, 10), strconv.FormatInt(got, 10))
	}
	return nil
}
