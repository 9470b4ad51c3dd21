package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

var errMissing = errors.New("rows are missing")

func errOrMissing(err error) error {
	if err != nil {
		return err
	}
	return errMissing
}

// matched runs a writing statement and reports whether it matched exactly one row. The connections count matched rows, not
// changed ones (clientFoundRows).
func matched(ctx context.Context, db execer, query string, args ...any) (bool, error) {
	res, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// marks returns n question marks in brackets.
func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }
