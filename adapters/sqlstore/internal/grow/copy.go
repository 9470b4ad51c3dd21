package grow

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// copyRows is how many rows of a table are copied in one transaction.
const copyRows = 5000

// column is a column of the key by which a table is walked.
type column struct {
	name  string
	bytes bool // it holds bytes, not a text
}

// copying copies a table by statements of the database alone.
type copying struct {
	table   string   // its rows are in old_<table>, which has the alias o in the statements
	key     []column // its primary key
	inserts []insert
}

// insert is a statement that is given a part of the old rows: {range} stands for which, {now} for the database's clock in
// microseconds.
type insert struct {
	text  string
	every bool // it copies every row: a count that differs is an error
}

// step returns the step that copies.
func (c copying) step() step {
	return step{"copy " + c.table, func(ctx context.Context, r *run, p *progress) (err error) {
		if p.about, err = r.rowsOf(ctx, old(c.table)); err != nil {
			return err
		}
		for {
			more, err := c.next(ctx, r, p)
			if err != nil || !more {
				return err
			}
		}
	}}
}

// next copies the next rows; false when there are none.
func (c copying) next(ctx context.Context, r *run, p *progress) (more bool, err error) {
	after, err := c.keyAt(p.place)
	if err != nil {
		return false, err
	}
	where, args := "", []any(nil)
	if after != nil {
		where, args = c.compare(r, ">", after)
		where = " WHERE " + where
	}
	from := " FROM " + old(c.table) + " o" + where
	rows := int64(copyRows)
	last, err := c.scan(r.pool.QueryRowContext(ctx, "SELECT "+c.names("")+from+" ORDER BY "+c.names("")+" LIMIT 1 OFFSET ?", append(args, rows-1)...))
	if errors.Is(err, sql.ErrNoRows) { // the rest
		if err := r.pool.QueryRowContext(ctx, "SELECT COUNT(*)"+from, args...).Scan(&rows); err != nil || rows == 0 {
			return false, err
		}
		last, err = c.scan(r.pool.QueryRowContext(ctx, "SELECT "+c.names("")+from+" ORDER BY "+c.names(" DESC")+" LIMIT 1", args...))
	}
	if err != nil {
		return false, err
	}
	upTo, lastArgs := c.compare(r, "<=", last)
	if after != nil {
		lower, lowerArgs := c.compare(r, ">", after)
		upTo, lastArgs = lower+" AND "+upTo, append(lowerArgs, lastArgs...)
	}
	return true, r.chunk(ctx, p, c.place(last), rows, func(q querier) error {
		for _, i := range c.inserts {
			result, err := q.ExecContext(ctx, strings.NewReplacer("{range}", upTo, "{now}", r.db.Micros()).Replace(i.text), lastArgs...)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || i.every && n != rows {
				return errors.Join(fmt.Errorf("%d of %d rows were copied", n, rows), err)
			}
		}
		return nil
	})
}

func (c copying) names(behind string) string {
	var all []string
	for _, k := range c.key {
		all = append(all, "o."+k.name+behind)
	}
	return strings.Join(all, ", ")
}

// compare returns the condition that a row's key is before or behind another. SQLite finds a key of two columns by their
// index as a row, MySQL only column by column.
func (c copying) compare(r *run, operator string, key []any) (where string, args []any) {
	switch {
	case len(key) == 1:
		return "o." + c.key[0].name + " " + operator + " ?", key
	case r.sqlite():
		return "(" + c.names("") + ") " + operator + " (?, ?)", key
	default:
		a, b := "o."+c.key[0].name, "o."+c.key[1].name
		return fmt.Sprintf("(%s %s ? OR %s = ? AND %s %s ?)", a, operator[:1], a, b, operator), []any{key[0], key[0], key[1]}
	}
}

func (c copying) scan(row *sql.Row) ([]any, error) {
	values, into := make([][]byte, len(c.key)), make([]any, len(c.key))
	for i := range values {
		into[i] = &values[i]
	}
	if err := row.Scan(into...); err != nil {
		return nil, err
	}
	return c.typed(values), nil
}

// typed returns a key as the columns compare it.
func (c copying) typed(values [][]byte) []any {
	key := make([]any, len(values))
	for i, v := range values {
		if key[i] = any(v); !c.key[i].bytes {
			key[i] = string(v)
		}
	}
	return key
}

// place is a key as it is stored with the progress.
func (c copying) place(key []any) string {
	parts := make([]string, len(key))
	for i, k := range key {
		switch k := k.(type) {
		case string:
			parts[i] = hex.EncodeToString([]byte(k))
		case []byte:
			parts[i] = hex.EncodeToString(k)
		}
	}
	return strings.Join(parts, ".")
}

// keyAt reads a place; nil before the first row.
func (c copying) keyAt(place string) ([]any, error) {
	if place == "" {
		return nil, nil
	}
	parts := strings.Split(place, ".")
	if len(parts) != len(c.key) {
		return nil, fmt.Errorf("the place %q is no key of %s", place, c.table)
	}
	values := make([][]byte, len(parts))
	for i, part := range parts {
		var err error
		if values[i], err = hex.DecodeString(part); err != nil {
			return nil, fmt.Errorf("the place %q is no key of %s: %w", place, c.table, err)
		}
	}
	return c.typed(values), nil
}
