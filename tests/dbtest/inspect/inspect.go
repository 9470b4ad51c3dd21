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
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
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
	// What a consumer writes is there before its cursor moves. So events that are counted after the cursors were read hold
	// all that came of what is behind the cursors.
	var head, total int64
	var behind []string
	if err := db.Reader.GetContext(ctx, &head, "SELECT COALESCE(MAX(position), 0) FROM event_positions"); err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	if err := db.Reader.SelectContext(ctx, &behind, "SELECT name FROM event_consumers WHERE position < ? ORDER BY name", head); err != nil {
		return fmt.Errorf("read the consumers of the log: %w", err)
	}
	if err := db.Reader.GetContext(ctx, &total, "SELECT COUNT(*) FROM events"); err != nil {
		return fmt.Errorf("count the events: %w", err)
	}
	if total != head || len(behind) > 0 {
		return fmt.Errorf("%d events, of which %d have a position; behind are the consumers %v", total, head, behind)
	}
	return nil
}

// Doctor runs the audit of the command doctor and returns a line for each breach, and how many events are parked.
func Doctor(ctx context.Context, db *dialect.DB) (breaches []string, parked int, err error) {
	report, err := audit.Run(ctx, db, time.Now(), sqlstore.AuditRules()...)
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
