// Package audit checks the invariants I1 to I4 and the references of I6 on a live database, from the tables alone: it
// uses none of the code that writes them. Every comparison is made inside one snapshot, so that it holds at any moment
// under any load, and the snapshots are short: tables are walked in chunks by their keys.
package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// maxBreaches is how many breaches of one rule a report lists; the rest is counted.
const maxBreaches = 100

// Breach is one row that breaks a rule. It holds ids and figures only, no personal data.
type Breach struct {
	Invariant string // "I1"
	Rule      string // Check.Rule
	Table, ID string // the row; of a claim, its lead and kind
	Want, Got string // what the rule asks for and what is stored; money is in micro-units
}

// Check is what was looked at for one rule.
type Check struct {
	Invariant, Rule, Description string
	Rows                         int64 // rows looked at
	Breaches                     int   // all of them, also those that the report does not list
}

// Report is the outcome of an audit.
type Report struct {
	At       time.Time // when the audit began
	Checks   []Check   // every rule, in the order of the invariants
	Breaches []Breach  // at most 100 of each rule
	Parked   int       // events that wait for an operator in any consumer; they break no rule
}

// OK reports whether no rule is broken.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Breaches > 0 })
}

// Run audits a migrated database; now only dates the report. It only reads, and may run beside any number of instances.
// An error means that the audit could not be finished: application.ErrUnavailable when the database cannot be reached
// or is too busy.
func Run(ctx context.Context, db *dialect.DB, now time.Time) (Report, error) {
	return run(ctx, db, now, 1)
}

// run is Run with chunks that are smaller by a divisor, so that tests cross their bounds.
func run(ctx context.Context, db *dialect.DB, now time.Time, divisor int) (Report, error) {
	a := &auditor{db: db, divisor: divisor, index: map[string]int{}, report: Report{At: now}}
	scans, logRules := scans(), logRules()
	for _, invariant := range []string{"I1", "I2", "I3", "I4", "I6"} {
		for _, s := range scans {
			for _, r := range s.rules {
				a.declare(invariant, r)
			}
		}
		for _, r := range logRules {
			a.declare(invariant, r)
		}
	}
	for _, s := range scans {
		if !slices.ContainsFunc(s.rules, a.applies) { // the engine may not have the table
			continue
		}
		if err := a.scan(ctx, s); err != nil {
			return Report{}, a.failed("audit "+s.table, err)
		}
	}
	for _, r := range logRules {
		if err := r.run(ctx, &chunk{auditor: a, rule: r, table: "events"}); err != nil {
			return Report{}, a.failed("audit "+r.name, err)
		}
	}
	if err := db.Reader.GetContext(ctx, &a.report.Parked, "SELECT COUNT(*) FROM event_parked"); err != nil {
		return Report{}, a.failed("count parked events", err)
	}
	return a.report, nil
}

// rule is one thing that must hold for the rows of a table. Its name is unique; a rule that holds for several tables is
// several rules of one name.
type rule struct {
	invariant, name, description string
	// query selects id, want and got of rows of the scanned table, which it calls t and limits by {range}. {now} is the
	// database's clock in microseconds.
	query string
	// broken is the condition on want and got; they must be equal when it is empty.
	broken string
	// table is where the reported id is from; the scanned table when empty.
	table string
	// run checks a chunk by itself when one query cannot.
	run func(ctx context.Context, c *chunk) error
	// done is called after the last chunk.
	done func(c *chunk)
	// sequenced rules are only for engines whose events get their position after the commit.
	sequenced bool
}

// scan walks one table in the order of its key, size rows in one snapshot, and applies its rules to every chunk.
type scan struct {
	table string
	key   []string
	size  int
	rules []rule
}

// auditor collects the report.
type auditor struct {
	db      *dialect.DB
	divisor int
	report  Report
	index   map[string]int // of a rule in report.Checks
}

// chunk is a part of a table in one snapshot, as one rule sees it.
type chunk struct {
	*auditor

	rule  rule
	table string
	tx    *sqlx.Tx
	where string // limits t to the chunk
	args  []any  // of where
}

func (a *auditor) declare(invariant string, r rule) {
	if _, known := a.index[r.name]; known || r.invariant != invariant || !a.applies(r) {
		return
	}
	a.index[r.name] = len(a.report.Checks)
	a.report.Checks = append(a.report.Checks, Check{Invariant: r.invariant, Rule: r.name, Description: r.description})
}

func (a *auditor) applies(r rule) bool { return !r.sequenced || a.db.Sequenced() }

func (a *auditor) size(n int) int { return max(n/a.divisor, 1) }

// failed describes an error without repeating anything of the rows.
func (a *auditor) failed(what string, err error) error {
	switch a.db.Classify(err) {
	case dialect.Lost, dialect.Retry:
		return fmt.Errorf("%s: %w", what, application.ErrUnavailable.Because(dialect.Redact(err)))
	}
	return fmt.Errorf("%s: %w", what, dialect.Redact(err))
}

// looked counts rows that a rule looked at.
func (c *chunk) looked(rows int) { c.report.Checks[c.index[c.rule.name]].Rows += int64(rows) }

// breach reports a row of the rule's table.
func (c *chunk) breach(id, want, got string) {
	check := &c.report.Checks[c.index[c.rule.name]]
	if check.Breaches++; check.Breaches > maxBreaches {
		return
	}
	table := c.rule.table
	if table == "" {
		table = c.table
	}
	c.report.Breaches = append(c.report.Breaches, Breach{Invariant: c.rule.invariant, Rule: c.rule.name, Table: table, ID: id,
		Want: want, Got: got})
}

// rows runs a query of the chunk and calls each for every row.
func (c *chunk) rows(ctx context.Context, query string, each func(rows *sqlx.Rows) error) (err error) {
	args := make([]any, 0, len(c.args))
	for range strings.Count(query, "{range}") {
		args = append(args, c.args...)
	}
	query = strings.NewReplacer("{range}", c.where, "{now}", c.db.Micros()).Replace(query)
	rows, err := c.tx.QueryxContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() {
		if closed := rows.Close(); err == nil {
			err = closed
		}
	}()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// check applies the rule to the chunk.
func (c *chunk) check(ctx context.Context) error {
	if c.rule.run != nil {
		return c.rule.run(ctx, c)
	}
	broken := c.rule.broken
	if broken == "" {
		broken = "want <> got"
	}
	return c.rows(ctx, "SELECT id, want, got FROM ("+c.rule.query+") checked WHERE "+broken, func(rows *sqlx.Rows) error {
		var id, want, got string
		if err := rows.Scan(&id, &want, &got); err != nil {
			return err
		}
		c.breach(id, want, got)
		return nil
	})
}

// snapshot runs fn in a transaction that sees the database as it is at its first statement.
func (a *auditor) snapshot(ctx context.Context, fn func(tx *sqlx.Tx) error) error {
	tx, err := a.db.Reader.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	return fn(tx)
}

func (a *auditor) scan(ctx context.Context, s scan) error {
	var after []any
	for {
		var n int
		err := a.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
			last, size, err := a.bound(ctx, tx, s, after)
			if n = size; err != nil || size == 0 {
				return err
			}
			upTo, args := s.compare("<", "<=", last)
			where := upTo
			if after != nil {
				from, more := s.compare(">", ">", after)
				where, args = from+" AND "+upTo, append(more, args...)
			}
			after = last
			for _, r := range s.rules {
				if !a.applies(r) {
					continue
				}
				c := &chunk{auditor: a, rule: r, table: s.table, tx: tx, where: where, args: args}
				if c.looked(size); r.run != nil || r.query != "" {
					if err := c.check(ctx); err != nil {
						return fmt.Errorf("%s: %w", r.name, err)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n < a.size(s.size) {
			break
		}
	}
	for _, r := range s.rules {
		if r.done != nil && a.applies(r) {
			r.done(&chunk{auditor: a, rule: r, table: s.table})
		}
	}
	return nil
}

// bound returns the key of the last row of the chunk behind a key, and how many rows the chunk has.
func (a *auditor) bound(ctx context.Context, tx *sqlx.Tx, s scan, after []any) (last []any, n int, err error) {
	columns := strings.Join(s.key, ", ")
	query := "SELECT " + columns + " FROM " + s.table + " t"
	var args []any
	if after != nil {
		var where string
		where, args = s.compare(">", ">", after)
		query += " WHERE " + where
	}
	rows, err := tx.QueryxContext(ctx, query+" ORDER BY "+columns+" LIMIT ?", append(args, a.size(s.size))...)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	for ; rows.Next(); n++ {
		if last, err = rows.SliceScan(); err != nil {
			return nil, 0, err
		}
	}
	for i, v := range last {
		// Texts come as bytes from MySQL; as bytes they would not be compared by the column's collation.
		if b, ok := v.([]byte); ok && s.key[i] != "claim_key" {
			last[i] = string(b)
		}
	}
	return last, n, rows.Err()
}

// compare returns a condition that puts t before or behind a key, written so that the key's index is used.
func (s scan) compare(strict, end string, key []any) (string, []any) {
	if len(key) == 1 {
		return "t." + s.key[0] + " " + end + " ?", []any{key[0]}
	}
	return fmt.Sprintf("(t.%[1]s %[3]s ? OR t.%[1]s = ? AND t.%[2]s %[4]s ?)", s.key[0], s.key[1], strict, end),
		[]any{key[0], key[0], key[1]}
}
