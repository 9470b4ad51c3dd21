package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/grow"
)

// ErrBeside says that another instance works on a database whose rows have to be brought into other tables.
var ErrBeside = grow.ErrBeside

// own lists the migrations of leadmill itself for an engine, in their order: SQL files, and those in Go that move rows.
func own(db *dialect.DB) ([]MigrationStatus, error) {
	files, err := fs.ReadDir(migrations, path.Join("migrations", db.Name()))
	if err != nil {
		return nil, err
	}
	var all []MigrationStatus
	for _, f := range files {
		version, err := goose.NumericComponent(f.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, MigrationStatus{Version: version, Name: f.Name()})
	}
	for _, m := range grow.All() {
		all = append(all, MigrationStatus{Version: m.Version, Name: m.Name})
	}
	slices.SortFunc(all, func(a, b MigrationStatus) int { return cmp.Compare(a.Version, b.Version) })
	return all, nil
}

// inGo returns the migrations in Go for goose, which gives them pool.
func inGo(db *dialect.DB, log *slog.Logger) []*goose.Migration {
	var all []*goose.Migration
	for _, m := range grow.All() {
		all = append(all, goose.NewGoMigration(m.Version, &goose.GoFunc{
			RunDB: func(ctx context.Context, pool *sql.DB) error { return m.Up(ctx, db, pool, log) },
		}, nil))
	}
	return all
}

// quiet waits until nobody works on a database whose rows have to be moved: ErrBeside. A database that never served has none.
func quiet(ctx context.Context, db *dialect.DB) error {
	moved := func(ctx context.Context) (bool, error) {
		applied, err := appliedVersions(ctx, db)
		for _, m := range grow.All() {
			if !applied[m.Version] {
				return false, err
			}
		}
		return true, err
	}
	if done, err := moved(ctx); err != nil || done {
		return err
	}
	if served, err := hasTable(ctx, db, db.Reader.DB, "event_consumers"); err != nil || !served {
		return err
	}
	return grow.Quiet(ctx, db, moved)
}

// withPool calls use with the pool that migrations run on. On SQLite all its connections are the one connection of the writer:
// goose holds one while a migration in Go takes another, and all of them must be in one transaction.
func withPool(ctx context.Context, db *dialect.DB, use func(pool *sql.DB) error) (err error) {
	if db.Name() != "sqlite" {
		return use(db.Writer.DB)
	}
	conn, err := db.Writer.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(inner any) error {
		one, ok := inner.(driver.Conn)
		if !ok {
			return errors.New("sqlstore: the driver has no connection")
		}
		pool := sql.OpenDB(shared{one, db})
		return errors.Join(use(pool), pool.Close())
	})
}

// shared hands out one connection again and again. Those who use it do so one after another.
type shared struct {
	driver.Conn

	db *dialect.DB
}

// Connect implements driver.Connector.
func (s shared) Connect(context.Context) (driver.Conn, error) { return s, nil }

// Driver implements driver.Connector.
func (s shared) Driver() driver.Driver { return s.db.Writer.DB.Driver() }

// Close implements driver.Conn: whoever opened the connection closes it.
func (s shared) Close() error { return nil }

// ExecContext implements driver.ExecerContext.
func (s shared) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if inner, ok := s.Conn.(driver.ExecerContext); ok {
		return inner.ExecContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// QueryContext implements driver.QueryerContext.
func (s shared) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if inner, ok := s.Conn.(driver.QueryerContext); ok {
		return inner.QueryContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// CheckNamedValue implements driver.NamedValueChecker.
func (s shared) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := s.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
