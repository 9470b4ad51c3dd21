// Package inspect looks at the database of a running Leadmill from outside of it: whether everybody has seen all events, and
// whether what is stored agrees.
//
// Stability: unsupported; it may change at any time.
package inspect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// fewest is how many consumers every Leadmill has.
const fewest = 2

// Settled returns nil when every event has its position and every consumer of the log has seen it, and otherwise what is
// still missing. The consumers named must be known to the log already: one that has just started may not be.
func Settled(ctx context.Context, db *dialect.DB, consumers ...string) error {
	var names []string
	if err := db.Reader.SelectContext(ctx, &names, "SELECT name FROM event_consumers"); err != nil {
		return fmt.Errorf("read the consumers of the log: %w", err)
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	for _, name := range consumers {
		if !known[name] {
			return fmt.Errorf("the consumer %s has not started", name)
		}
	}
	if len(known) < fewest {
		return fmt.Errorf("%d consumers have started", len(known))
	}
	// What a consumer writes is there before its cursor moves. So if no event has come after the cursors were read, there is all that
	// came of what is behind the cursors.
	var behind []string
	head, err := lastPosition(ctx, db)
	if err != nil {
		return err
	}
	if err := db.Reader.SelectContext(ctx, &behind, "SELECT name FROM event_consumers WHERE position < ? ORDER BY name", head); err != nil {
		return fmt.Errorf("read the consumers of the log: %w", err)
	}
	last, err := lastPosition(ctx, db)
	if err != nil {
		return err
	}
	if last != head || len(behind) > 0 {
		return fmt.Errorf("the log goes to position %d, after %d; behind are the consumers %v", last, head, behind)
	}
	return nil
}

// lastPosition returns the position of the last event, or an error if events wait for theirs.
func lastPosition(ctx context.Context, db *dialect.DB) (last int64, err error) {
	waits := "0"
	if db.Sequenced() {
		waits = "(SELECT COUNT(*) FROM event_pending)"
	}
	var n int64
	if err := db.Reader.QueryRowContext(ctx, "SELECT (SELECT last_position FROM event_sequence), "+waits).Scan(&last, &n); err != nil {
		return 0, fmt.Errorf("read the log's head: %w", err)
	}
	if n > 0 {
		return 0, fmt.Errorf("behind position %d %d inserts of events wait", last, n)
	}
	return last, nil
}

// Events returns the events of these types, or all when none are named: those with positions in their order, and then those that wait
// for one.
func Events(ctx context.Context, db *dialect.DB, types ...string) (events []application.StoredEvent, err error) {
	seen := map[string]bool{} // an event may get its position between the reads
	keep := func(all []application.StoredEvent) error {
		for _, e := range all {
			if len(types) == 0 || slices.Contains(types, e.Type) {
				events = append(events, e)
				seen[e.ID] = true
			}
		}
		return nil
	}
	waiting, err := eventlog.Unnumbered(ctx, db, db.Reader)
	if err != nil {
		return nil, fmt.Errorf("read events that wait for positions: %w", err)
	}
	var head int64
	if err := db.Reader.GetContext(ctx, &head, "SELECT last_position FROM event_sequence"); err != nil {
		return nil, fmt.Errorf("read the log's head: %w", err)
	}
	if err := eventlog.Walk(ctx, db, 0, head, 0, keep, nil); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, keep(slices.DeleteFunc(waiting, func(e application.StoredEvent) bool { return seen[e.ID] }))
}

// Doctor runs the audit of the command doctor and returns a line for each breach, and how many events are parked.
func Doctor(ctx context.Context, db *dialect.DB) (breaches []string, parked int, err error) {
	report, err := audit.Run(ctx, db, audit.Options{Now: time.Now()}, sqlstore.AuditRules()...)
	if err != nil {
		return nil, 0, fmt.Errorf("audit the database: %w", err)
	}
	for _, b := range report.Breaches {
		breaches = append(breaches, fmt.Sprintf("%s %s: %s %s is %s, want %s", b.Invariant, b.Rule, b.Table, b.ID, b.Got, b.Want))
	}
	return breaches, report.Parked, nil
}

// Rows returns the rows of a query with their values as text; NULL is empty.
func Rows(ctx context.Context, db *dialect.DB, query string, args ...any) (list [][]string, err error) {
	rows, err := db.Reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		list = append(list, row)
	}
	return list, rows.Err()
}
