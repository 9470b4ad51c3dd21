// Package figure adds to the tables of read models: sums by a key, which the projections keep up with the event log.
//
// Stability: unsupported; it may change at any time.
package figure

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

// Store adds to tables of figures in the transaction of a projection.
type Store struct{ db *dialect.DB }

// NewStore returns a Store on an open database.
func NewStore(db *dialect.DB) Store { return Store{db} }

// Table is a table of figures that are added to: its name, the columns of its key and those of its figures. Names are never
// from outside.
type Table struct {
	Name          string
	Keys, Figures []string
}

// Key is the longest key of a table; a shorter one leaves the rest empty.
type Key [6]string

// Values is the most figures a table has; one with less leaves the rest zero.
type Values [6]int64

// Row is what is added under a key.
type Row struct {
	Key     Key
	Figures Values
}

// Chunk is how many rows one statement finds: well below SQLite's 1,000 levels of an expression.
const Chunk = 200

// Add reads the rows that are there with a lock and writes them again with what is added: three statements for up to 200
// rows on every engine, where one UPDATE a row would not keep up with the log. Errors are as of Failed; a sum that does not
// fit is one too.
func (s Store) Add(ctx context.Context, tx projection.Tx, t Table, rows []Row) error {
	slices.SortFunc(rows, func(a, b Row) int { return slices.Compare(a.Key[:], b.Key[:]) })
	for chunk := range slices.Chunk(rows, Chunk) {
		where, args := t.where(chunk)
		found, err := s.read(ctx, tx, t, where, args)
		if err != nil {
			return s.Failed("read "+t.Name, err)
		}
		if len(found) > 0 {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.Name+where, args...); err != nil {
				return s.Failed("replace "+t.Name, err)
			}
		}
		values := make([]any, 0, len(chunk)*(len(t.Keys)+len(t.Figures)))
		for _, row := range chunk {
			for i := range t.Keys {
				values = append(values, row.Key[i])
			}
			stored := found[row.Key]
			for i, name := range t.Figures {
				sum, err := money.Micros(stored[i]).Add(money.Micros(row.Figures[i]))
				if err != nil {
					return fmt.Errorf("%s of %s: %w", name, t.Name, err)
				}
				values = append(values, int64(sum))
			}
		}
		if _, err := tx.ExecContext(ctx, t.insert(len(chunk)), values...); err != nil {
			return s.Failed("write "+t.Name, err)
		}
	}
	return nil
}

func (t Table) where(rows []Row) (string, []any) {
	one := "(" + strings.Join(t.Keys, " = ? AND ") + " = ?)"
	args := make([]any, 0, len(rows)*len(t.Keys))
	for _, row := range rows {
		for i := range t.Keys {
			args = append(args, row.Key[i])
		}
	}
	return " WHERE " + one + strings.Repeat(" OR "+one, len(rows)-1), args
}

func (t Table) insert(rows int) string {
	columns := slices.Concat(t.Keys, t.Figures)
	one := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	return "INSERT INTO " + t.Name + " (" + strings.Join(columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}

func (s Store) read(ctx context.Context, tx projection.Tx, t Table, where string, args []any,
) (found map[Key]Values, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(slices.Concat(t.Keys, t.Figures), ", ")+" FROM "+t.Name+where+
		s.db.ForUpdate(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[Key]Values{}
	for rows.Next() {
		var row Row
		into := make([]any, 0, len(t.Keys)+len(t.Figures))
		for i := range t.Keys {
			into = append(into, &row.Key[i])
		}
		for i := range t.Figures {
			into = append(into, &row.Figures[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		found[row.Key] = row.Figures
	}
	return found, rows.Err()
}

// Reset empties tables. Errors are as of Failed.
func (s Store) Reset(ctx context.Context, tx projection.Tx, tables ...string) error {
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return s.Failed("empty "+table, err)
		}
	}
	return nil
}

// Failed says what failed. What can succeed when it is tried again is of kind unavailable; a row that somebody else
// inserted meanwhile too.
func (s Store) Failed(what string, err error) error {
	err = dialect.Redact(err)
	switch s.db.Classify(err) {
	case dialect.Lost, dialect.Retry, dialect.Duplicate:
		return fmt.Errorf("%s: %w", what, application.ErrUnavailable.Because(err))
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}
