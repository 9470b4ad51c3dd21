package audit

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// Chunk is a part of a table in one snapshot, as one rule sees it. To a rule about a whole table it is no part, and has no
// snapshot but those that the rule takes itself.
type Chunk struct {
	*auditor

	rule  Rule
	done  func(c *Chunk)
	table string
	tx    *sqlx.Tx
	where string // limits t to the chunk
	args  []any  // of where
}

// DB returns the database, for a rule about a whole table that reads it in parts.
func (c *Chunk) DB() *dialect.DB { return c.db }

// Size returns how many rows should be read in one snapshot where a rule would read up to n.
func (c *Chunk) Size(n int) int { return c.size(n) }

// Snapshot runs fn in a transaction that only reads, and sees the database as it is at its first statement.
func (c *Chunk) Snapshot(ctx context.Context, fn func(tx *sqlx.Tx) error) error {
	return c.snapshot(ctx, fn)
}

// Looked counts rows that a rule looked at.
func (c *Chunk) Looked(rows int) { c.looked(c.rule.Name, rows) }

// As returns the chunk as another rule sees it, for a Run that also checks what that rule is about, so that rows are read once. table is
// where the ids that it reports are from. The rule itself has neither a Query nor a Run.
func (c *Chunk) As(rule, table string) *Chunk {
	of := *c
	of.rule.Name, of.rule.Table = rule, table
	return &of
}

// Query runs a query in the chunk's snapshot, which sees all rows, and calls each for every row.
func (c *Chunk) Query(ctx context.Context, query string, args []any, each func(rows *sqlx.Rows) error) error {
	rows, err := c.tx.QueryxContext(ctx, query, args...)
	return everyRow(rows, err, each)
}

// Breach reports a row of the rule's table: its id, what the rule asks for and what is stored, without personal data.
func (c *Chunk) Breach(id, want, got string) {
	c.breach(c.rule.Name, cmp.Or(c.rule.Table, c.table), id, want, got)
}

// Rows runs a query of the chunk, as of Rule.Query but with columns of its own, and calls each for every row.
func (c *Chunk) Rows(ctx context.Context, query string, each func(rows *sqlx.Rows) error) error {
	args := make([]any, 0, len(c.args))
	for range strings.Count(query, "{range}") {
		args = append(args, c.args...)
	}
	query = strings.NewReplacer("{range}", c.where, "{now}", c.db.Micros()).Replace(c.bounded(query))
	rows, err := c.tx.QueryxContext(ctx, query, args...)
	return everyRow(rows, err, each)
}

func everyRow(rows *sqlx.Rows, err error, each func(rows *sqlx.Rows) error) (failed error) {
	if err != nil {
		return err
	}
	defer func() {
		if closed := rows.Close(); failed == nil {
			failed = closed
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
func (c *Chunk) check(ctx context.Context) error {
	if c.rule.Run != nil {
		return c.rule.Run(ctx, c)
	}
	if c.rule.Query == "" { // the Run of another rule
		return nil
	}
	broken := cmp.Or(c.rule.Broken, "want <> got OR got IS NULL")
	return c.Rows(ctx, "SELECT id, want, got FROM ("+c.rule.Query+") checked WHERE "+broken, func(rows *sqlx.Rows) error {
		var id, want string
		var got sql.NullString
		if err := rows.Scan(&id, &want, &got); err != nil {
			return err
		}
		if !got.Valid {
			got.String = "none"
		}
		c.Breach(id, want, got.String)
		return nil
	})
}

// CompareRows reports the rows of a table of a read model that differ between what a replay made of them and what is stored, in
// the order of their ids, those that are only in one of both with them. seller is whose row it is: those of sellers whose events
// cannot all be read are left out. id names a row, figures writes it out; neither may hold personal data.
func CompareRows[K, V comparable](c *Chunk, table string, want, got map[K]V, seller, id func(K) string, figures func(V) string) {
	of := *c
	of.rule.Table = table
	type difference struct{ id, want, got string }
	var found []difference
	for key, w := range want {
		if c.blind[seller(key)] {
			continue
		}
		if g, stored := got[key]; !stored {
			found = append(found, difference{id(key), figures(w), "none"})
		} else if g != w {
			found = append(found, difference{id(key), figures(w), figures(g)})
		}
	}
	for key, g := range got {
		if _, known := want[key]; !known && !c.blind[seller(key)] {
			found = append(found, difference{id(key), "none", figures(g)})
		}
	}
	slices.SortFunc(found, func(a, b difference) int { return cmp.Compare(a.id, b.id) })
	for _, d := range found {
		of.Breach(d.id, d.want, d.got)
	}
}
