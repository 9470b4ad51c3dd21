package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/money"
)

// figures adds to the tables of read models in the transaction of a projection.
type figures struct{ db *dialect.DB }

// figureTable is a table of figures that are added to. Names of columns are never from outside.
type figureTable struct {
	name          string
	keys, figures []string
}

// figureKey is the longest key of a table; a shorter one leaves the rest empty.
type figureKey [6]string

// figureValues is the most figures a table has; one with less leaves the rest zero.
type figureValues [6]int64

type figureRow struct {
	key     figureKey
	figures figureValues
}

// figureChunk is how many rows one statement finds: well below SQLite's 1,000 levels of an expression.
const figureChunk = 200

// add reads the rows that are there with a lock and writes them again with what is added: three statements for up to 200
// rows on every engine, where one UPDATE a row would not keep up with the log.
func (r figures) add(ctx context.Context, tx projection.Tx, t figureTable, rows []figureRow) error {
	slices.SortFunc(rows, func(a, b figureRow) int { return slices.Compare(a.key[:], b.key[:]) })
	for chunk := range slices.Chunk(rows, figureChunk) {
		where, args := t.where(chunk)
		found, err := r.read(ctx, tx, t, where, args)
		if err != nil {
			return r.failed("read "+t.name, err)
		}
		if len(found) > 0 {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.name+where, args...); err != nil {
				return r.failed("replace "+t.name, err)
			}
		}
		values := make([]any, 0, len(chunk)*(len(t.keys)+len(t.figures)))
		for _, row := range chunk {
			for i := range t.keys {
				values = append(values, row.key[i])
			}
			stored := found[row.key]
			for i, name := range t.figures {
				sum, err := money.Micros(stored[i]).Add(money.Micros(row.figures[i]))
				if err != nil {
					return fmt.Errorf("%s of %s: %w", name, t.name, err)
				}
				values = append(values, int64(sum))
			}
		}
		if _, err := tx.ExecContext(ctx, t.insert(len(chunk)), values...); err != nil {
			return r.failed("write "+t.name, err)
		}
	}
	return nil
}

func (t figureTable) where(rows []figureRow) (string, []any) {
	one := "(" + strings.Join(t.keys, " = ? AND ") + " = ?)"
	args := make([]any, 0, len(rows)*len(t.keys))
	for _, row := range rows {
		for i := range t.keys {
			args = append(args, row.key[i])
		}
	}
	return " WHERE " + one + strings.Repeat(" OR "+one, len(rows)-1), args
}

func (t figureTable) insert(rows int) string {
	columns := slices.Concat(t.keys, t.figures)
	one := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	return "INSERT INTO " + t.name + " (" + strings.Join(columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}

func (r figures) read(ctx context.Context, tx projection.Tx, t figureTable, where string, args []any,
) (found map[figureKey]figureValues, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(slices.Concat(t.keys, t.figures), ", ")+" FROM "+t.name+where+
		r.db.ForUpdate(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[figureKey]figureValues{}
	for rows.Next() {
		var row figureRow
		into := make([]any, 0, len(t.keys)+len(t.figures))
		for i := range t.keys {
			into = append(into, &row.key[i])
		}
		for i := range t.figures {
			into = append(into, &row.figures[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		found[row.key] = row.figures
	}
	return found, rows.Err()
}

// reset empties tables.
func (r figures) reset(ctx context.Context, tx projection.Tx, tables ...string) error {
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return r.failed("empty "+table, err)
		}
	}
	return nil
}

// failed says what failed. What can succeed when it is tried again is of kind unavailable; a row that somebody else
// inserted meanwhile too.
func (r figures) failed(what string, err error) error {
	err = dialect.Redact(err)
	switch r.db.Classify(err) {
	case dialect.Lost, dialect.Retry, dialect.Duplicate:
		return fmt.Errorf("%s: %w", what, application.ErrUnavailable.Because(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}
