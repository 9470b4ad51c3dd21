package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

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
