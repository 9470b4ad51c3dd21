package grow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/application"
)

// eventSegments brings the log from a row an event to a row a segment. Events keep their positions, and all else that they have.
func eventSegments(r *run) ([]step, error) {
	tables, indexes, err := r.schema("0008_event_segments.sql")
	if err != nil {
		return nil, err
	}
	steps := []step{{"drop views", dropViews}}
	if r.sqlite() {
		steps = append(steps, setAside("events"), tables)
	} else {
		steps = append(steps, setAside("events", "event_pending", "event_positions"),
			step{"number pending events", numberPending}, step{"number stray events", numberStray}, tables)
	}
	steps = append(steps, step{"copy events", copyEvents})
	if r.sqlite() {
		return append(steps, step{"keep the last position", keepLast}, drop("events"), indexes), nil
	}
	return append(steps, drop("event_positions"), drop("event_pending"), drop("events"), indexes), nil
}

func dropViews(ctx context.Context, r *run, _ *progress) error {
	views := []string{"event_log"}
	if r.sqlite() {
		views = append(views, "event_positions")
	}
	for _, view := range views {
		if err := r.change(ctx, "DROP VIEW IF EXISTS "+view); err != nil {
			return err
		}
	}
	return nil
}

// numbered is how many events get their positions in one transaction, more when a single INSERT wrote more.
const numbered = 5000

// numberPending gives the events that wait for positions theirs, as the sequencer of the earlier release does.
func numberPending(ctx context.Context, r *run, p *progress) error {
	for {
		inserts, err := pending(ctx, r.pool)
		if err != nil || len(inserts) == 0 {
			return err
		}
		last, n := inserts[len(inserts)-1], int64(0)
		for _, s := range inserts {
			n += s.last - s.first + 1
		}
		if err := r.chunk(ctx, p, strconv.FormatInt(last.last, 10), n, func(q querier) error {
			if err := number(ctx, q, inserts); err != nil {
				return err
			}
			_, err := q.ExecContext(ctx, "DELETE FROM old_event_pending WHERE first_id <= ?", last.first)
			return err
		}); err != nil {
			return err
		}
	}
}

// span is a span of ids of events, all of them there.
type span struct{ first, last int64 }

func pending(ctx context.Context, q querier) (inserts []span, err error) {
	rows, err := q.QueryContext(ctx, "SELECT first_id, events FROM old_event_pending ORDER BY first_id LIMIT ?", numbered)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for n := int64(0); n < numbered && rows.Next(); {
		var first, events int64
		if err := rows.Scan(&first, &events); err != nil {
			return nil, err
		}
		n += events
		inserts = append(inserts, span{first, first + events - 1})
	}
	return inserts, rows.Err()
}

// number gives spans of events the next positions.
func number(ctx context.Context, q querier, spans []span) error {
	var last int64
	if err := q.QueryRowContext(ctx, "SELECT last_position FROM event_sequence WHERE id = 1 FOR UPDATE").Scan(&last); err != nil {
		return err
	}
	var joined []span
	for _, s := range spans {
		if k := len(joined) - 1; k >= 0 && joined[k].last+1 == s.first {
			joined[k].last = s.last
		} else {
			joined = append(joined, s)
		}
	}
	for _, s := range joined {
		result, err := q.ExecContext(ctx, "INSERT INTO old_event_positions (position, id, seller_id) SELECT id + ?, id, seller_id FROM old_events WHERE id BETWEEN ? AND ?",
			last+1-s.first, s.first, s.last)
		if err != nil {
			return err
		}
		want := s.last - s.first + 1
		if got, err := result.RowsAffected(); err != nil || got != want {
			return errors.Join(fmt.Errorf("of the events %d to %d, which wait for positions, only %d are there", s.first, s.last, got), err)
		}
		last += want
	}
	_, err := q.ExecContext(ctx, "UPDATE event_sequence SET last_position = ? WHERE id = 1", last)
	return err
}

// numberStray gives events that have no position, although nothing waits for one, theirs. There are none unless somebody changed
// the tables by hand; they would get lost.
func numberStray(ctx context.Context, r *run, p *progress) error {
	const ids = 20_000
	var head int64
	if err := r.pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM old_events").Scan(&head); err != nil {
		return err
	}
	after, err := position(p)
	if err != nil {
		return err
	}
	for after < head {
		upTo := min(head, after+ids)
		stray, err := strays(ctx, r.pool, after, upTo)
		if err != nil {
			return err
		}
		if err := r.chunk(ctx, p, strconv.FormatInt(upTo, 10), 0, func(q querier) error {
			if len(stray) == 0 {
				return nil
			}
			return number(ctx, q, stray)
		}); err != nil {
			return err
		}
		after = upTo
	}
	return nil
}

func strays(ctx context.Context, q querier, after, upTo int64) (found []span, err error) {
	rows, err := q.QueryContext(ctx, "SELECT e.id FROM old_events e LEFT JOIN old_event_positions p ON p.id = e.id "+
		"WHERE e.id > ? AND e.id <= ? AND p.id IS NULL ORDER BY e.id", after, upTo)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		found = append(found, span{id, id})
	}
	return found, rows.Err()
}

// position reads a place that is a number; 0 before the first.
func position(p *progress) (int64, error) {
	if p.place == "" {
		return 0, nil
	}
	return strconv.ParseInt(p.place, 10, 64)
}

const (
	copyEventsAtOnce = 5000
	// bodies bounds what the segments of one INSERT hold, unless one of them is larger; MariaDB takes packets of 16 MiB.
	bodies = 4 << 20
	// segmentRows bounds the rows of one INSERT, for SQLite, which is slow with many parameters.
	segmentRows = 100
)

// kinds are the aggregates of this release whose rows keep their versions.
var kinds = []string{"seller", "buyer", "campaign", "lead", "partner", "customer", "click"}

// copyEvents writes the segments in the order of positions. Consecutive events of one seller become one, so far as they were
// read together. A position without an event, which there is none of unless somebody removed it, stays without.
func copyEvents(ctx context.Context, r *run, p *progress) error {
	head, query := "SELECT last_position FROM event_sequence WHERE id = 1", "SELECT p.position, e.event_id, e.seller_id, e.aggregate_type, e.aggregate_id, "+
		"e.aggregate_version, e.type, e.payload, e.metadata, e.occurred_at FROM old_event_positions p JOIN old_events e ON e.id = p.id "+
		"WHERE p.position > ? AND p.position <= ? ORDER BY p.position"
	if r.sqlite() {
		head, query = "SELECT COALESCE(MAX(id), 0) FROM old_events", "SELECT id, event_id, seller_id, aggregate_type, aggregate_id, "+
			"aggregate_version, type, payload, metadata, occurred_at FROM old_events WHERE id > ? AND id <= ? ORDER BY id"
	}
	if err := r.pool.QueryRowContext(ctx, head).Scan(&p.about); err != nil {
		return err
	}
	last, err := position(p)
	if err != nil {
		return err
	}
	for last < p.about {
		upTo := min(p.about, last+copyEventsAtOnce)
		events, err := read(ctx, r.pool, query, last, upTo)
		if err != nil {
			return err
		}
		segments, versions := cut(events), teamVersions(events)
		if err := r.chunk(ctx, p, strconv.FormatInt(upTo, 10), int64(len(events)), func(q querier) error {
			if err := writeSegments(ctx, q, segments); err != nil {
				return err
			}
			return writeVersions(ctx, q, versions)
		}); err != nil {
			return err
		}
		last = upTo
	}
	return nil
}

func read(ctx context.Context, q querier, query string, after, upTo int64) (events []application.StoredEvent, err error) {
	rows, err := q.QueryContext(ctx, query, after, upTo)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	events = make([]application.StoredEvent, 0, upTo-after)
	var metadata, lastMetadata []byte
	var trail application.Trail
	for rows.Next() {
		var e application.StoredEvent
		var at int64
		if err := rows.Scan(&e.Position, &e.ID, &e.SellerID, &e.AggregateType, &e.AggregateID, &e.AggregateVersion, &e.Type, &e.Payload,
			&metadata, &at); err != nil {
			return nil, err
		}
		if string(metadata) != string(lastMetadata) {
			var of struct {
				Correlation string `json:"correlation_id"`
				Causation   string `json:"causation_id"`
				Traceparent string `json:"traceparent"`
			}
			if err := json.Unmarshal(metadata, &of); err != nil {
				return nil, fmt.Errorf("metadata of event %s at position %d: %w", e.ID, e.Position, err)
			}
			lastMetadata, trail = append(lastMetadata[:0], metadata...), application.Trail{CorrelationID: of.Correlation, CausationID: of.Causation, Traceparent: of.Traceparent}
		}
		e.Trail, e.OccurredAt = trail, time.UnixMicro(at).UTC()
		events = append(events, e)
	}
	return events, rows.Err()
}

// row is a segment and where it is in the log.
type row struct {
	first  int64
	seller string
	events int
	at     int64
	types  int64
	body   []byte
}

// cut makes segments of events whose positions ascend.
func cut(events []application.StoredEvent) (rows []row) {
	records := make([]application.EventRecord, len(events))
	for i := range events {
		records[i] = events[i].EventRecord
	}
	for i := 0; i < len(events); {
		n := segment.Fits(records[i:])
		for k := 1; k < n; k++ {
			if events[i+k].Position != events[i].Position+int64(k) {
				n = k
			}
		}
		of := records[i : i+n]
		rows = append(rows, row{
			first: events[i].Position, seller: of[0].SellerID, events: n, at: of[0].OccurredAt.UnixMicro(),
			types: int64(segment.Types(of)), body: segment.Encode(of),
		})
		i += n
	}
	return rows
}

// writeSegments writes segments with their positions. The ids are given here: nobody else writes.
func writeSegments(ctx context.Context, q querier, all []row) error {
	var id int64
	if err := q.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM event_segments").Scan(&id); err != nil {
		return err
	}
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && n < segmentRows && (n == 0 || size+len(all[n].body) <= bodies) {
			size += len(all[n].body)
			n++
		}
		var segments, positions []any
		for _, s := range all[:n] {
			id++
			segments = append(segments, id, s.seller, 0, s.events, s.at, s.types, s.body)
			positions = append(positions, s.first, s.seller, id, s.events, s.at, s.types)
		}
		if _, err := q.ExecContext(ctx, "INSERT INTO event_segments (id, seller_id, tx, events, at, types, body) VALUES "+marks(n, 7), segments...); err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, "INSERT INTO event_positions (first_position, seller_id, segment_id, events, at, types) VALUES "+marks(n, 6), positions...); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// marks returns the question marks of n rows.
func marks(n, columns int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
}

// aggregate is one aggregate of a team's module.
type aggregate struct{ seller, kind, id string }

// teamVersions returns the highest version that the events have of each aggregate without a table of Leadmill's.
func teamVersions(events []application.StoredEvent) map[aggregate]int64 {
	versions := map[aggregate]int64{}
	for i := range events {
		e := &events[i]
		if !slices.Contains(kinds, e.AggregateType) {
			a := aggregate{e.SellerID, e.AggregateType, e.AggregateID}
			versions[a] = max(versions[a], e.AggregateVersion)
		}
	}
	return versions
}

func writeVersions(ctx context.Context, q querier, versions map[aggregate]int64) error {
	for a, version := range versions {
		result, err := q.ExecContext(ctx, "UPDATE event_versions SET version = CASE WHEN version < ? THEN ? ELSE version END "+
			"WHERE seller_id = ? AND aggregate_type = ? AND aggregate_id = ?", version, version, a.seller, a.kind, a.id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			if err != nil {
				return err
			}
			continue
		}
		if _, err := q.ExecContext(ctx, "INSERT INTO event_versions (seller_id, aggregate_type, aggregate_id, version) VALUES (?,?,?,?)",
			a.seller, a.kind, a.id, version); err != nil {
			return err
		}
	}
	return nil
}

// keepLast writes the last position that SQLite gave: so far it was the last id.
func keepLast(ctx context.Context, r *run, _ *progress) error {
	_, err := r.pool.ExecContext(ctx, "INSERT INTO event_sequence (id, last_position) SELECT 1, COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'old_events'")
	return err
}
