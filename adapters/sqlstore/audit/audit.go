// Package audit checks on a live database what must hold for its rows, from the tables alone: it uses none of the code that
// writes them. Every comparison is made inside one snapshot, so that it holds at any moment under any load, and the snapshots
// are short: tables are walked in chunks by their keys. The rooms of the store say what must hold for their tables; the event
// log and what all tables have in common are checked here.
//
// Stability: unsupported; it may change at any time.
package audit

import (
	"cmp"
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
	// First is the first position in the log. When it is above 1, the events before it were archived: what only they tell is not
	// checked, and no read model is compared with a replay.
	First int64
	// Since is the first position that was looked at when the audit was not of all there is; else 0.
	Since  int64
	Parked int // events that wait for an operator in any consumer; they break no rule
}

// OK reports whether no rule is broken.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Breaches > 0 })
}

// Options say how an audit is made.
type Options struct {
	Now time.Time // dates the report
	// Since has only what came from a position on looked at: those events, the rows that came with them and after them, and older leads
	// that they are about. What sums up all rows, and what was changed elsewhere, is not found. 0 and 1 are everything.
	Since int64
	// Deep has SQLite compare its indexes with their tables too, which takes several times as long as looking at its pages alone.
	Deep bool

	// PassEvents is for how many events their aggregates and ids are kept in memory at once; the log is read again for each pass. 0 is
	// 2,000,000, which takes some 300 MB.
	PassEvents int64

	divisor int64 // of the sizes of chunks and passes, so that tests cross their bounds
}

// Run audits a migrated database by the rules of all its rooms. It only reads, and may run beside any number of instances. An
// error means that the audit could not be finished: application.ErrUnavailable when the database cannot be reached or is too busy.
func Run(ctx context.Context, db *dialect.DB, o Options, rooms ...Rules) (r Report, err error) {
	o.divisor, o.PassEvents = max(o.divisor, 1), cmp.Or(o.PassEvents, passEvents)
	first, err := beginning(ctx, db)
	for n := 0; err == nil && n < mostRuns && r.First != first; n++ {
		if r, err = once(ctx, db, o, first, rooms...); err == nil {
			first, err = beginning(ctx, db)
		}
	}
	return r, err
}

// mostRuns is how often the audit begins anew at most, because events were archived or restored meanwhile.
const mostRuns = 4

// beginning is the first position in the log; what is below it was archived.
func beginning(ctx context.Context, db *dialect.DB) (first int64, err error) {
	if err := db.Reader.GetContext(ctx, &first, "SELECT first_position FROM event_archive WHERE id = 1"); err != nil {
		return 0, (&auditor{db: db}).failed("read the beginning of the log", err)
	}
	return first, nil
}

// once audits a log that begins at a position.
func once(ctx context.Context, db *dialect.DB, o Options, first int64, rooms ...Rules) (Report, error) {
	a := &auditor{db: db, options: o, index: map[string]int{}, blind: map[string]bool{}, report: Report{At: o.Now, First: first}}
	if err := a.begin(ctx); err != nil {
		return Report{}, err
	}
	tables, whole := all(rooms)
	var rowless []string
	for _, room := range rooms {
		rowless = append(rowless, room.Rowless...)
	}
	for _, invariant := range []string{"I1", "I2", "I3", "I4", "I5", "I6"} {
		for _, t := range tables {
			for _, r := range t.Rules {
				a.declare(invariant, r)
			}
		}
		for _, r := range whole {
			a.declare(invariant, r)
		}
	}
	if sound, err := a.file(ctx); err != nil || !sound { // what a damaged file says of its rows is worth nothing
		return a.report, err
	}
	for _, t := range tables {
		if err := a.scan(ctx, t.rules(func(r Rule) bool { return r.Facts == nil && a.applies(r) })); err != nil {
			return Report{}, a.failed("audit "+t.Name, err)
		}
	}
	for _, r := range whole {
		if r.Run == nil || !a.applies(r) {
			continue
		}
		if err := r.Run(ctx, &Chunk{auditor: a, rule: r, table: logTable}); err != nil {
			return Report{}, a.failed("audit "+r.Name, err)
		}
	}
	if err := a.log(ctx, tables, whole, rowless, o.PassEvents); err != nil {
		return Report{}, a.failed("audit the log", err)
	}
	if err := db.Reader.GetContext(ctx, &a.report.Parked, "SELECT COUNT(*) FROM event_parked"); err != nil {
		return Report{}, a.failed("count parked events", err)
	}
	return a.report, nil
}

// auditor collects the report.
type auditor struct {
	db      *dialect.DB
	options Options
	from    int64     // the first position that is looked at
	since   time.Time // rows are looked at that were made then or later; zero for all
	report  Report
	index   map[string]int  // of a rule in report.Checks
	blind   map[string]bool // sellers some of whose events cannot be read
}

func (a *auditor) declare(invariant string, r Rule) {
	if _, known := a.index[r.Name]; known || r.Invariant != invariant || !a.applies(r) {
		return
	}
	a.index[r.Name] = len(a.report.Checks)
	a.report.Checks = append(a.report.Checks, Check{Invariant: r.Invariant, Rule: r.Name, Description: r.Description})
}

func (a *auditor) applies(r Rule) bool {
	return (!r.Sequenced || a.db.Sequenced()) && (!r.Embedded || !a.db.Sequenced()) && (!r.Full || !a.recent())
}

// looked counts rows that a rule looked at.
func (a *auditor) looked(rule string, rows int) { a.report.Checks[a.index[rule]].Rows += int64(rows) }

// breach reports a row that breaks a rule.
func (a *auditor) breach(rule, table, id, want, got string) {
	check := &a.report.Checks[a.index[rule]]
	if check.Breaches++; check.Breaches > maxBreaches {
		return
	}
	a.report.Breaches = append(a.report.Breaches, Breach{check.Invariant, rule, table, id, want, got})
}

func (a *auditor) size(n int) int { return max(n/int(a.options.divisor), 1) }

// failed describes an error without repeating anything of the rows.
func (a *auditor) failed(what string, err error) error {
	switch a.db.Classify(err) {
	case dialect.Lost, dialect.Retry:
		return fmt.Errorf("%s: %w", what, application.ErrUnavailable.Because(dialect.Redact(err)))
	default:
		return fmt.Errorf("%s: %w", what, dialect.Redact(err))
	}
}

// snapshot runs fn in a transaction that sees the database as it is at its first statement. It is not called read-only, though
// it is: TiDB refuses such a transaction.
func (a *auditor) snapshot(ctx context.Context, fn func(tx *sqlx.Tx) error) error {
	tx, err := a.db.Reader.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	return fn(tx)
}

// scan walks a table in the order of its key and applies its rules to every chunk.
func (a *auditor) scan(ctx context.Context, t Table) error {
	if len(t.Rules) == 0 {
		return nil
	}
	var chunks []*Chunk
	for _, r := range t.Rules {
		c := &Chunk{auditor: a, rule: r, table: t.Name}
		if r.Across != nil {
			c.rule.Run, c.done = r.Across()
		}
		chunks = append(chunks, c)
	}
	parts, err := a.parts(ctx, t)
	if err != nil {
		return err
	}
	for _, of := range parts {
		if err := a.scanPart(ctx, t, of, chunks); err != nil {
			return err
		}
	}
	for _, c := range chunks {
		if c.done != nil {
			c.done(c)
		}
	}
	return nil
}

// scanPart walks a part of a table.
func (a *auditor) scanPart(ctx context.Context, t Table, of part, chunks []*Chunk) error {
	var after []any
	for {
		var n int
		err := a.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
			last, size, err := a.bound(ctx, tx, t, of, after)
			if n = size; err != nil || size == 0 {
				return err
			}
			upTo, args := a.db.Beyond(t.columns(), last, true)
			where := upTo
			if from, more := a.behind(t, of, after); from != "" {
				where, args = from+" AND "+upTo, append(slices.Clone(more), args...)
			}
			after = last
			for _, c := range chunks {
				c.tx, c.where, c.args = tx, where, args
				if c.rule.Facts == nil {
					c.Looked(size)
				}
				if err := c.check(ctx); err != nil {
					return fmt.Errorf("%s: %w", c.rule.Name, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n < a.size(t.Size) {
			return nil
		}
	}
}

// bound returns the key of the last row of the chunk behind a key, in a part, and how many rows the chunk has.
func (a *auditor) bound(ctx context.Context, tx *sqlx.Tx, t Table, of part, after []any) (last []any, n int, err error) {
	columns := strings.Join(t.columns(), ", ")
	query := "SELECT " + columns + " FROM " + t.Name + " t"
	where, args := a.behind(t, of, after)
	if where != "" {
		query += " WHERE " + where
	}
	rows, err := tx.QueryxContext(ctx, query+" ORDER BY "+columns+" LIMIT ?", append(slices.Clone(args), a.size(t.Size))...)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	for ; rows.Next(); n++ {
		key, err := rows.SliceScan()
		if err != nil {
			return nil, 0, err
		}
		if key = t.texts(key); !of.has(key) {
			break
		}
		last = key
	}
	return last, n, rows.Err()
}

// behind is the condition for the rows of a part that are behind a key, nil for all; empty for a whole table.
func (a *auditor) behind(t Table, of part, after []any) (where string, args []any) {
	switch {
	case after != nil:
		return a.db.Beyond(t.columns(), after, false)
	case of.start != nil:
		return a.db.Beyond(t.columns()[:len(of.start)], of.start, false)
	}
	return "", nil
}

// texts returns a key, or its first columns, as the columns compare it: texts come as bytes from MySQL, and as bytes they would not be
// compared by the column's collation.
func (t Table) texts(key []any) []any {
	for i, v := range key {
		if b, ok := v.([]byte); ok && (!t.Bytes || i < len(t.Key)-1) {
			key[i] = string(b)
		}
	}
	return key
}

// columns are those of the key of t.
func (t Table) columns() []string {
	columns := make([]string, len(t.Key))
	for i, c := range t.Key {
		columns[i] = "t." + c
	}
	return columns
}
