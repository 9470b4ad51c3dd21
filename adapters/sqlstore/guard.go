package sqlstore

import (
	"context"
	"database/sql"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/script"
	"github.com/leadmill/leadmill/application/projection"
)

// GuardTx returns what a module's projection is given of a transaction: it changes rows of modules' tables only, one statement at
// a time, and cannot end the transaction.
func GuardTx(d dialect.Dialect, tx projection.Tx) projection.Tx {
	return guardedTx{GuardReader(d, tx), d, tx}
}

// GuardReader returns what a module's query is given of the database: it only reads.
func GuardReader(d dialect.Dialect, r projection.Reader) projection.Reader {
	return guardedReader{d, r}
}

type guardedTx struct {
	projection.Reader

	dialect dialect.Dialect
	tx      projection.Tx
}

// ExecContext implements projection.Tx.
func (g guardedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := script.Single(g.dialect.Name(), query); err != nil {
		return nil, err
	}
	return g.tx.ExecContext(ctx, query, args...)
}

type guardedReader struct {
	dialect dialect.Dialect
	reader  projection.Reader
}

// QueryContext implements projection.Reader.
func (g guardedReader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := script.Query(g.dialect.Name(), query); err != nil {
		return nil, err
	}
	return g.reader.QueryContext(ctx, query, args...)
}
