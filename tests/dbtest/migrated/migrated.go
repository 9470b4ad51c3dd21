// Package migrated gives tests databases with the schema that this binary knows.
//
// Stability: unsupported; it may change at any time.
package migrated

import (
	"context"
	"errors"
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
)

var schema = dbtest.NewTemplate(func(ctx context.Context, databaseURL string) error {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 2})
	if err != nil {
		return err
	}
	return errors.Join(sqlstore.Migrate(ctx, db), db.Close())
})

// URL makes a database of the engine for this test alone, in which all migrations have run, and returns its Leadmill
// database URL. It is [dbtest.URL] but for that: a copy of one that was migrated for real. Tests of the migrations use
// an empty one.
func URL(t testing.TB, e dbtest.Engine) string {
	t.Helper()
	return schema.URL(t, e)
}
