package audit

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

const (
	// sinceMargin is how much earlier than the first event that is looked at a row may have got its id.
	sinceMargin = time.Hour
	// swapped is how many stretches before the first that is looked at may have got their positions in another order than their ids.
	swapped = 10_000
)

// Since says how a table is looked at from a position on. Without it the table is looked at as a whole, as it is small.
type Since struct {
	// Column has ids of this Prefix, which begin with the time when they were made; a row is looked at when its id is late enough.
	Column, Prefix string
	// Groups selects the values of the columns of the key before Column.
	Groups string
	// Aggregate is the type of the aggregate that Column names: the rows of older ones are looked at too if an event is about them. It is
	// empty when Column names none.
	Aggregate string
	// Skip says that the table is not looked at.
	Skip bool
}

// PositionAt returns from which position on the events occurred at a time or later: the audit of Options.Since. It is that of the last
// stretch when there are none.
func PositionAt(ctx context.Context, db *dialect.DB, at time.Time) (position int64, err error) {
	err = db.Reader.GetContext(ctx, &position, "SELECT IFNULL((SELECT MIN(first_position) FROM event_positions WHERE at >= ?), "+
		"IFNULL((SELECT MAX(first_position) FROM event_positions), 1))", at.UnixMicro())
	if err != nil {
		return 0, (&auditor{db: db}).failed("find the position of a time", err)
	}
	return position, nil
}

// ProvenName is under which the table installation keeps the position, as decimal digits, up to which an audit found no breach.
const ProvenName = "audit_proven"

// Proven returns the position up to which an audit found no breach; 0 when none is kept.
func Proven(ctx context.Context, db *dialect.DB) (int64, error) {
	var stored []byte
	err := db.Reader.GetContext(ctx, &stored, "SELECT value FROM installation WHERE name = ?", ProvenName)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	position, wrong := strconv.ParseInt(string(stored), 10, 64)
	if err := cmp.Or(err, wrong); err != nil {
		return 0, (&auditor{db: db}).failed("read what is proven", err)
	}
	return position, nil
}

// begin sets from where the audit looks: the beginning of the log, or the stretch of the position that was asked for.
func (a *auditor) begin(ctx context.Context) error {
	a.from = a.report.First
	if a.options.Since <= a.from {
		return nil
	}
	var first, at int64
	err := a.db.Reader.QueryRowxContext(ctx, "SELECT first_position, at FROM event_positions WHERE first_position <= ? ORDER BY first_position DESC LIMIT 1",
		a.options.Since).Scan(&first, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return a.failed("find where to begin", err)
	case first <= a.from:
		return nil
	}
	a.from, a.since = first, time.UnixMicro(at).Add(-sinceMargin)
	a.report.Since = first
	return nil
}

// recent reports whether the audit looks from a position on.
func (a *auditor) recent() bool { return !a.since.IsZero() }

// earliest is the least id with a prefix that is looked at; empty when all are.
func (a *auditor) earliest(prefix string) string {
	var id ulid.ULID
	if !a.recent() || id.SetTime(ulid.Timestamp(a.since)) != nil {
		return ""
	}
	return prefix + "_" + id.String()
}

// Since returns from which time on rows are looked at, in microseconds; 0 when all are.
func (c *Chunk) Since() int64 {
	if !c.recent() {
		return 0
	}
	return c.since.UnixMicro()
}

// Earliest returns the least id with a prefix that is looked at; empty when all are.
func (c *Chunk) Earliest(prefix string) string { return c.earliest(prefix) }

// bounded replaces {since} by Since and {since:prefix} by Earliest.
func (c *Chunk) bounded(query string) string {
	query = strings.ReplaceAll(query, "{since}", strconv.FormatInt(c.Since(), 10))
	for {
		before, rest, found := strings.Cut(query, "{since:")
		if !found {
			return query
		}
		prefix, after, _ := strings.Cut(rest, "}")
		query = before + c.earliest(prefix) + after
	}
}

// part is a stretch of a table by its key: behind a start, which has the first columns of the key, to the last row that agrees with it in
// all of them but the last. An empty one is all of the table. It is no condition of a statement but where a walk begins and ends, so that each
// chunk is found by its key and not by reading the whole stretch.
type part struct{ start []any }

// has reports whether a row of a key is still in the part.
func (p part) has(key []any) bool {
	for i := range max(len(p.start)-1, 0) {
		if p.start[i] != key[i] {
			return false
		}
	}
	return true
}

// parts are what is looked at of a table.
func (a *auditor) parts(ctx context.Context, t Table) ([]part, error) {
	if t.Since == nil || !a.recent() {
		return []part{{}}, nil
	}
	if t.Since.Skip {
		return nil, nil
	}
	rows, err := a.db.Reader.QueryxContext(ctx, t.Since.Groups)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []part
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return nil, err
		}
		all = append(all, part{append(t.texts(values), a.earliest(t.Since.Prefix))})
	}
	return all, rows.Err()
}

// old is an aggregate that was there before what is looked at, and that an event is about.
type old struct{ seller, id string }

// touch notes such aggregates.
func (p *pass) touch(kind, seller, id string) {
	if prefix := p.touchable[kind]; prefix != "" && id < p.earliest(prefix) {
		of := old{seller, id}
		if p.touched[kind] == nil {
			p.touched[kind] = map[old]bool{}
		}
		p.touched[kind][of] = true
	}
}

// touchedRows looks at the rows of old aggregates as at those of new ones.
func (p *pass) touchedRows(ctx context.Context) error {
	for _, t := range p.all {
		if t.Since == nil || len(p.touched[t.Since.Aggregate]) == 0 {
			continue
		}
		var all []old
		for of := range p.touched[t.Since.Aggregate] {
			all = append(all, of)
		}
		one := "t.seller_id = ? AND t." + t.Since.Column + " = ?"
		for some := range slices.Chunk(all, p.size(suspectStep)) {
			var args []any
			for _, of := range some {
				args = append(args, of.seller, of.id)
			}
			where := "(" + one + strings.Repeat(" OR "+one, len(some)-1) + ")"
			if err := p.snapshot(ctx, func(tx *sqlx.Tx) error {
				for _, r := range t.Rules {
					if err := p.touchedRow(ctx, t, &Chunk{auditor: p.auditor, rule: r, table: t.Name, tx: tx, where: where, args: args}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
			if err := p.settleMany(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pass) touchedRow(ctx context.Context, t Table, c *Chunk) error {
	switch {
	case !p.applies(c.rule) || c.rule.Across != nil:
		return nil
	case c.rule.Facts == nil:
		return c.check(ctx)
	}
	return p.compare(ctx, c, t.Aggregate, func(r row, _, _ string) error {
		p.suspect(r.Kind, r.Seller, r.Aggregate)
		return nil
	})
}
