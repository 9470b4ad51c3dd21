package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

const (
	// maxParams bounds the parameters of one statement; SQLite allows 32,766, MySQL 65,535.
	maxParams = 30_000
	// maxStatement bounds the bytes of texts and blobs in one statement: MariaDB takes packets of 16 MiB by default, and
	// escaping can double what is sent.
	maxStatement = 4 << 20
)

// exec runs one statement and returns how many rows it matched.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.broken != nil {
		return 0, t.broken
	}
	r, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, t.fail(ctx, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, t.fail(ctx, err)
	}
	return n, nil
}

// insert is update for one new row.
func (t *tx) insert(ctx context.Context, table, query string, args ...any) (taken string, err error) {
	taken, _, err = t.update(ctx, table, query, args...)
	return taken, err
}

// update is exec for a statement that a unique key may refuse: it returns the key's name and the transaction goes on.
func (t *tx) update(ctx context.Context, table, query string, args ...any) (taken string, matched int64, err error) {
	if t.broken != nil {
		return "", 0, t.broken
	}
	r, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		if t.s.db.Classify(err) == dialect.Duplicate && ctx.Err() == nil {
			return t.s.db.DuplicateKey(err, table), 0, nil
		}
		return "", 0, t.fail(ctx, err)
	}
	if matched, err = r.RowsAffected(); err != nil {
		return "", 0, t.fail(ctx, err)
	}
	return "", matched, nil
}

// unexpected is the error for a row that exists already though nobody else can have made it.
func (t *tx) unexpected(table, key string) error {
	return t.refuse(&application.DataError{Err: fmt.Errorf("table %s: key %s exists already", table, key)})
}

// fail marks the transaction as one that must not be committed.
func (t *tx) fail(ctx context.Context, err error) error {
	return t.refuse(t.s.classified(ctx, err))
}

// refuse is fail for an error of ours.
func (t *tx) refuse(err error) error {
	if t.broken == nil {
		t.broken = err
	}
	return err
}

// selectAll reads rows into a slice of structs with db tags.
func (t *tx) selectAll(ctx context.Context, into any, query string, args ...any) error {
	if t.broken != nil {
		return t.broken
	}
	if err := t.q.SelectContext(ctx, into, query, args...); err != nil {
		return t.fail(ctx, err)
	}
	return nil
}

// get reads one row into a struct with db tags; found is false when there is none.
func (t *tx) get(ctx context.Context, into any, query string, args ...any) (found bool, err error) {
	if t.broken != nil {
		return false, t.broken
	}
	switch err := t.q.GetContext(ctx, into, query, args...); {
	case err == nil:
		return true, nil
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	default:
		return false, t.fail(ctx, err)
	}
}

// insertRows inserts n rows with one statement, or a few when they are too many or too large for one. row appends the
// values of row i to args. duplicate reports that a unique key refused a row.
func (t *tx) insertRows(ctx context.Context, table, columns string, n int, row func(args []any, i int) ([]any, error)) (duplicate bool, err error) {
	width := strings.Count(columns, ",") + 1
	tuple := "(" + marks(width) + ")"
	most := t.s.db.MaxParams()
	args := make([]any, 0, min(n*width, most))
	size := 0
	flush := func() (bool, error) {
		if t.broken != nil {
			return false, t.broken
		}
		rows := len(args) / width
		var b strings.Builder
		b.Grow(len(table) + len(columns) + 30 + rows*(len(tuple)+1))
		b.WriteString("INSERT INTO ")
		b.WriteString(table)
		b.WriteString(" (")
		b.WriteString(columns)
		b.WriteString(") VALUES ")
		for i := range rows {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(tuple)
		}
		_, err := t.q.ExecContext(ctx, b.String(), args...)
		args, size = args[:0], 0
		if err != nil {
			return t.s.db.Classify(err) == dialect.Duplicate, t.fail(ctx, err)
		}
		return false, nil
	}
	for i := range n {
		before := len(args)
		if args, err = row(args, i); err != nil {
			return false, t.refuse(err)
		}
		for _, a := range args[before:] {
			switch v := a.(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
		if len(args)+width > most || size > maxStatement || i == n-1 {
			if duplicate, err := flush(); err != nil {
				return duplicate, err
			}
		}
	}
	return false, nil
}

// marks returns n placeholders.
func marks(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat("?,", n-1) + "?"
}

// anys returns values as arguments.
func anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// sorted returns the distinct values in order.
func sorted(values []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}

// byCase builds an UPDATE of many rows that gives each its own values: SET column = CASE key WHEN ? THEN ? … END.
type byCase struct {
	strings.Builder

	key  string
	args []any
}

// choose writes a CASE over n rows; of returns the key and the value of row i.
func (u *byCase) choose(n int, of func(i int) (key, value any)) {
	u.WriteString("CASE ")
	u.WriteString(u.key)
	for i := range n {
		key, value := of(i)
		u.WriteString(" WHEN ? THEN ?")
		u.args = append(u.args, key, value)
	}
	u.WriteString(" END")
}

// where writes WHERE key IN (…) over n rows.
func (u *byCase) where(n int, of func(i int) any) {
	u.WriteString(" WHERE ")
	u.WriteString(u.key)
	u.WriteString(" IN (")
	u.WriteString(marks(n))
	u.WriteByte(')')
	for i := range n {
		u.args = append(u.args, of(i))
	}
}

// micros is a time as it is stored: UTC microseconds, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// timeOf restores a stored time.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// flag is a bool as it is stored.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// blob keeps an empty value from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
