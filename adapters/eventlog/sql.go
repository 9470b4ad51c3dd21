package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// Queryer is a database, or a transaction that reads.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type queryer = Queryer

type execer = lease.Execer

var errMissing = errors.New("rows are missing")

func errOrMissing(err error) error {
	if err != nil {
		return err
	}
	return errMissing
}

// marks returns n question marks in brackets.
func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// rowsOf returns the marks of n rows of so many columns, for VALUES.
func rowsOf(n, columns int) string {
	one := marks(columns)
	return one + strings.Repeat(","+one, n-1)
}
