package engine

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// Source reads rows, inside of a transaction (Tx) or outside (Reader).
type Source interface {
	// Get reads one row into a struct with db tags; found is false when there is none.
	Get(ctx context.Context, into any, query string, args ...any) (found bool, err error)
	// All reads rows into a slice of structs with db tags, or of single values.
	All(ctx context.Context, into any, query string, args ...any) error
}

var (
	_ Source = (*Tx)(nil)
	_ Source = (*Reader)(nil)
)

// Reader reads outside of transactions. Its errors are application.ErrUnavailable where asking again can help.
type Reader struct{ db *dialect.DB }

// NewReader returns a Reader on an open database.
func NewReader(db *dialect.DB) *Reader { return &Reader{db} }

// UseKey is appended to a table's name to read it by one of its keys.
func (r *Reader) UseKey(key string) string { return r.db.UseKey(key) }

// Embedded reports whether the database is SQLite, where a statement needs another form to be answered as fast.
func (r *Reader) Embedded() bool { return r.db.Name() == (dialect.SQLite{}).Name() }

// failed turns an error of the database into one of the application's.
func (r *Reader) failed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || r.db.Classify(err) == dialect.Lost ||
		r.db.Classify(err) == dialect.Retry {
		return application.ErrUnavailable.Because(dialect.Redact(err))
	}
	return dialect.Redact(err)
}

// All implements Source.
func (r *Reader) All(ctx context.Context, into any, query string, args ...any) error {
	ctx, leave, err := r.db.Reads.Enter(ctx)
	if err != nil {
		return r.failed(err)
	}
	err = r.db.Reader.SelectContext(ctx, into, query, args...)
	leave(err)
	if err != nil {
		return r.failed(err)
	}
	return nil
}

// Get implements Source.
func (r *Reader) Get(ctx context.Context, into any, query string, args ...any) (bool, error) {
	err := r.One(ctx, sql.ErrNoRows, into, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// One reads one row into a struct with db tags; missing is the error when there is none.
func (r *Reader) One(ctx context.Context, missing error, into any, query string, args ...any) error {
	ctx, leave, err := r.db.Reads.Enter(ctx)
	if err != nil {
		return r.failed(err)
	}
	err = r.db.Reader.GetContext(ctx, into, query, args...)
	leave(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return missing
	default:
		return r.failed(err)
	}
}

// Filter is a statement that conditions are added to, behind a first condition. Args are its arguments so far.
type Filter struct {
	strings.Builder

	Args []any
}

// And adds a condition with its arguments.
func (f *Filter) And(condition string, args ...any) {
	f.WriteString(" AND ")
	f.WriteString(condition)
	f.Args = append(f.Args, args...)
}

// Contains adds a condition on a column unless part is empty. INSTR compares byte for byte on both engines and knows no
// wildcards; LIKE would not tell A from a on SQLite.
func (f *Filter) Contains(column, part string) {
	if part != "" {
		f.And("INSTR("+column+", ?) > 0", part)
	}
}

// ContainsID is Contains for a column of ids or referral keys: MySQL refuses to look for other texts in them.
func (f *Filter) ContainsID(column, part string) {
	if part != "" && !IsID(part) {
		f.And("1 = 0")
		return
	}
	f.Contains(column, part)
}

// Order is how the rows of a list are sorted: by columns of which the last tells rows with equal others apart, newest first
// unless the page says otherwise. A cursor is the columns' values, a space between them.
type Order struct {
	Columns []string // one or two: ids
	Numbers bool     // whether the first is an integer instead
}

var byID = Order{Columns: []string{"id"}}

// page completes a statement: one row more than the limit is read to know whether there is a next page. A cursor that is
// none of this list is a violation.
func (o Order) page(q string, args []any, p application.Page) (string, []any, error) {
	direction, beyond := " DESC", " <"
	if p.Ascending {
		direction, beyond = " ASC", " >"
	}
	if p.After != "" {
		values, err := o.values(p.After)
		if err != nil {
			return "", nil, err
		}
		if len(values) == 1 {
			q += " AND " + o.Columns[0] + beyond + " ?"
		} else {
			// The first condition is what an index is read from on every engine.
			q += " AND " + o.Columns[0] + beyond + "= ? AND (" + o.Columns[0] + beyond + " ? OR " + o.Columns[1] + beyond + " ?)"
			args = append(args, values[0])
		}
		args = append(args, values...)
	}
	return q + " ORDER BY " + strings.Join(o.Columns, direction+", ") + direction + " LIMIT ? OFFSET ?", append(args, p.Limit+1, p.Offset()), nil
}

// values reads a cursor.
func (o Order) values(cursor string) ([]any, error) {
	texts := strings.SplitN(cursor, " ", len(o.Columns))
	values := Anys(texts)
	for i, text := range texts {
		ok := IsID(text)
		if i == 0 && o.Numbers {
			n, err := strconv.ParseInt(text, 10, 64)
			values[0], ok = n, err == nil
		}
		if !ok || len(texts) < len(o.Columns) {
			return nil, ErrCursor()
		}
	}
	return values, nil
}

// ErrCursor is the violation of a cursor that is none of a list.
func ErrCursor() error {
	var v fault.Violations
	v.Add("cursor", fault.InvalidValue, "is not a cursor of this list")
	return v.Err()
}

// RowsOf reads the rows of a page, and one more where there is one. The statement ends in a condition, which conditions on
// the order's columns are added to. A cursor that is none of this list is a violation.
func RowsOf[R any](ctx context.Context, r *Reader, o Order, p application.Page, query string, args ...any) (rows []R, err error) {
	if query, args, err = o.page(query, args, p); err != nil {
		return nil, err
	}
	err = r.All(ctx, &rows, query, args...)
	return rows, err
}

// List reads a page of rows that are listed by the column id, newest first, and turns each into its answer. key is the id of
// an answer. The statement and the errors are as of RowsOf.
func List[R, T any](ctx context.Context, r *Reader, p application.Page, key func(T) string, of func(R) (T, error), query string, args ...any) (application.List[T], error) {
	return ListBy(ctx, r, byID, p, key, of, query, args...)
}

// ListBy is List for rows in another order. key is the cursor of an answer.
func ListBy[R, T any](ctx context.Context, r *Reader, o Order, p application.Page, key func(T) string, of func(R) (T, error), query string, args ...any) (application.List[T], error) {
	rows, err := RowsOf[R](ctx, r, o, p, query, args...)
	if err != nil {
		return application.List[T]{}, err
	}
	items := make([]T, len(rows))
	for i, row := range rows {
		if items[i], err = of(row); err != nil {
			return application.List[T]{}, err
		}
	}
	return application.ListOf(items, p, key), nil
}
