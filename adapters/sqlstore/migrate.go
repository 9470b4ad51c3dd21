package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

//go:embed migrations
var migrations embed.FS

// versionTable is where goose records what was applied.
const versionTable = "goose_db_version"

// MigrationStatus is one migration this binary knows, and whether the database has it. Module is empty for those of leadmill
// itself.
type MigrationStatus struct {
	Module  string
	Version int64
	Name    string
	Applied bool
}

// Errors of CheckVersion.
var (
	ErrSchemaOlder = errors.New(`run "leadmill migrate up"`)
	ErrSchemaNewer = errors.New("use the version of leadmill that made it, or a later one")
)

// floorName is the row of the table installation with the oldest version of the schema whose binaries can work on the database as it
// is. A migration that they could not work beside raises it; one that only adds leaves it alone, so that instances of two versions
// may run side by side.
const floorName = "schema_floor"

// Migrate brings the schema to the version this binary knows, then that of each module, in the order of their names. It is
// safe when several processes do so at once: one works, the others wait until ctx ends. After a crash in the middle it goes on
// where it was. A newer schema is left alone: ErrSchemaNewer, unless it only has more. What modules have made that this binary lacks
// is left alone too.
//
// Where rows have to be moved, no instance may work on the database: Migrate waits for the leases of one that was killed, at most
// 15 seconds, and fails with ErrBeside when they are renewed.
func Migrate(ctx context.Context, db *dialect.DB, modules ...Module) error {
	return MigrateAndTell(ctx, db, slog.New(slog.DiscardHandler), modules...)
}

// MigrateAndTell is Migrate that tells log every few seconds how many rows were moved.
func MigrateAndTell(ctx context.Context, db *dialect.DB, log *slog.Logger, modules ...Module) error {
	if err := CheckMigrations(modules...); err != nil {
		return err
	}
	if err := CheckVersion(ctx, db, modules...); err == nil || errors.Is(err, ErrSchemaNewer) {
		return err
	}
	if err := migrateOwn(ctx, db, log); err != nil {
		return err
	}
	for _, m := range byName(modules) {
		if err := m.migrate(ctx, db); err != nil {
			return fmt.Errorf("migrate: module %q: %w", m.Name, err)
		}
	}
	return CheckVersion(ctx, db, modules...)
}

// migrateOwn runs the migrations of leadmill itself.
func migrateOwn(ctx context.Context, db *dialect.DB, log *slog.Logger) error {
	if err := checkOwn(ctx, db); err == nil || errors.Is(err, ErrSchemaNewer) {
		return err
	}
	if err := quiet(ctx, db); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := withPool(ctx, db, func(pool *sql.DB) error {
		p, err := provider(db, pool, log)
		if err != nil {
			return err
		}
		_, err = p.Up(ctx)
		return err
	}); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return checkOwn(ctx, db)
}

// CheckVersion reports whether this binary and its modules can work on the schema: it is the one that they know, or a later one that
// only has more. ErrSchemaOlder, ErrSchemaNewer, or an error of the database. It only reads.
func CheckVersion(ctx context.Context, db *dialect.DB, modules ...Module) error {
	if err := checkOwn(ctx, db); err != nil {
		return err
	}
	for _, m := range byName(modules) {
		if err := m.checkVersion(ctx, db); err != nil {
			return fmt.Errorf("module %q: %w", m.Name, err)
		}
	}
	return nil
}

// checkOwn is CheckVersion for leadmill itself.
func checkOwn(ctx context.Context, db *dialect.DB) error {
	all, err := Status(ctx, db)
	if err != nil {
		return err
	}
	applied, err := appliedVersions(ctx, db)
	if err != nil {
		return err
	}
	known, current := all[len(all)-1].Version, int64(0)
	for v := range applied {
		current = max(current, v)
	}
	if current > known {
		floor, err := schemaFloor(ctx, db)
		if err != nil {
			return err
		}
		if floor <= known {
			current = known
		}
	}
	if current > known {
		return fmt.Errorf("the database schema is version %d, newer than version %d that this leadmill knows: %w", current, known, ErrSchemaNewer)
	}
	for _, m := range all {
		if !m.Applied {
			return fmt.Errorf("the database schema is version %d, this leadmill needs version %d: %w", current, known, ErrSchemaOlder)
		}
	}
	return nil
}

// schemaFloor reads the oldest version whose binaries can work on the schema: the highest there is where none is stored.
func schemaFloor(ctx context.Context, db *dialect.DB) (int64, error) {
	var text []byte
	switch err := db.Reader.GetContext(ctx, &text, "SELECT value FROM installation WHERE name = ?", floorName); {
	case errors.Is(err, sql.ErrNoRows):
		return math.MaxInt64, nil
	case err != nil:
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	floor, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %s is %q", floorName, text)
	}
	return floor, nil
}

// Status lists the migrations this binary knows, in order: its own, then those of each module in the order of their names. It
// only reads.
func Status(ctx context.Context, db *dialect.DB, modules ...Module) ([]MigrationStatus, error) {
	applied, err := appliedVersions(ctx, db)
	if err != nil {
		return nil, err
	}
	all, err := own(db)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Applied = applied[all[i].Version]
	}
	for _, m := range byName(modules) {
		of, err := m.status(ctx, db)
		if err != nil {
			return nil, fmt.Errorf("module %q: %w", m.Name, err)
		}
		all = append(all, of...)
	}
	return all, nil
}

// appliedVersions returns the versions the database has; none when it has no table of versions.
func appliedVersions(ctx context.Context, db *dialect.DB) (map[int64]bool, error) {
	store, err := newVersions(db)
	if err != nil {
		return nil, err
	}
	exists, err := store.made(ctx, db.Reader.DB)
	if err != nil || !exists {
		return nil, err
	}
	rows, err := store.ListMigrations(ctx, db.Reader.DB)
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	applied := make(map[int64]bool, len(rows))
	for _, r := range rows {
		if _, seen := applied[r.Version]; !seen { // the latest row of a version counts, and it comes first
			applied[r.Version] = r.IsApplied
		}
	}
	for v, ok := range applied {
		if !ok {
			delete(applied, v)
		}
	}
	return applied, nil
}

func provider(db *dialect.DB, pool *sql.DB, log *slog.Logger) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, path.Join("migrations", db.Name()))
	if err != nil {
		return nil, err
	}
	store, err := newVersions(db)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithStore(store), goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(inGo(db, log)...),
	}
	if db.Name() == "sqlite" {
		known, err := own(db)
		if err != nil {
			return nil, err
		}
		// One transaction around all migrations: ours, so goose must begin none of its own.
		options = append(options, goose.WithSessionLocker(exclusive{db: db, store: store, target: known[len(known)-1].Version}), goose.WithIsolateDDL(true))
	} else {
		locker, err := newLocker(db)
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithLocker(locker))
	}
	return goose.NewProvider(goose.DialectCustom, pool, files, options...)
}

// newLocker returns what keeps the migrations of several processes apart on MySQL: a lease that outlives a killed process only
// shortly, and is renewed long before it ends.
func newLocker(db *dialect.DB) (lock.Locker, error) {
	return lock.NewMySQLTableLocker(lock.WithTableLeaseDuration(10*time.Second), lock.WithTableHeartbeatInterval(2*time.Second),
		lock.WithTableLockTimeout(250*time.Millisecond, 1_000_000), lock.WithTableUnlockTimeout(250*time.Millisecond, 40),
		lock.WithTableLogger(slog.New(slog.DiscardHandler)),
		lock.WithTableRetryPolicy(func(err error) bool { return db.Classify(err) != dialect.Lost }))
}

// versions is goose's table of versions, made so that a crash while it is made does no harm: CREATE TABLE commits by
// itself on MySQL, and goose refuses a table without its first row.
type versions struct {
	database.Store

	db *dialect.DB
}

func newVersions(db *dialect.DB) (versions, error) {
	d := database.DialectMySQL
	if db.Name() == "sqlite" {
		d = database.DialectSQLite3
	}
	store, err := database.NewStore(d, versionTable)
	return versions{Store: store, db: db}, err
}

func (v versions) made(ctx context.Context, db database.DBTxConn) (bool, error) {
	return hasTable(ctx, v.db, db, versionTable)
}

// hasTable looks for a table through a connection to db.
func hasTable(ctx context.Context, db *dialect.DB, conn database.DBTxConn, name string) (bool, error) {
	query := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
	if db.Name() == "sqlite" {
		query = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
	}
	var n int
	if err := conn.QueryRowContext(ctx, query, name).Scan(&n); err != nil {
		return false, fmt.Errorf("look for the schema's version: %w", err)
	}
	return n > 0, nil
}

// TableExists implements database.StoreExtender: a table without rows does not count.
func (v versions) TableExists(ctx context.Context, db database.DBTxConn) (bool, error) {
	exists, err := v.made(ctx, db)
	if err != nil || !exists {
		return false, err
	}
	_, err = v.GetLatestVersion(ctx, db)
	if errors.Is(err, database.ErrVersionNotFound) {
		return false, nil
	}
	return err == nil, err
}

// CreateVersionTable implements database.Store. goose calls it before it takes its lock, so several may do so at once.
func (v versions) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	exists, err := v.made(ctx, db)
	if err != nil || exists {
		return err
	}
	if err := v.Store.CreateVersionTable(ctx, db); err != nil {
		if exists, _ := v.made(ctx, db); exists {
			return nil
		}
		return err
	}
	return nil
}

// Insert implements database.Store. The first row, version 0, has an id of its own, so that there is only one.
func (v versions) Insert(ctx context.Context, db database.DBTxConn, r database.InsertRequest) error {
	if r.Version != 0 {
		return v.Store.Insert(ctx, db, r)
	}
	_, err := db.ExecContext(ctx, "INSERT INTO "+versionTable+" (id, version_id, is_applied) VALUES (1, 0, 1)")
	if err != nil && v.db.Classify(err) == dialect.Duplicate {
		return nil
	}
	return err
}

// exclusive runs all migrations of SQLite in one transaction that holds the write lock from its begin.
type exclusive struct {
	db     *dialect.DB
	store  versions
	target int64
}

// SessionLock implements lock.SessionLocker.
func (e exclusive) SessionLock(ctx context.Context, conn *sql.Conn) error {
	return beginExclusive(ctx, e.db, conn)
}

// beginExclusive begins a transaction that holds SQLite's write lock. It waits for other processes until ctx ends.
func beginExclusive(ctx context.Context, db *dialect.DB, conn *sql.Conn) error {
	for {
		_, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
		if err == nil || ctx.Err() != nil || db.Classify(err) != dialect.Retry {
			return err // SQLite has waited 5 s itself before it says that it is busy
		}
	}
}

// SessionUnlock implements lock.SessionLocker: it commits when all migrations are done, else none.
func (e exclusive) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	end := "ROLLBACK"
	if latest, err := e.store.GetLatestVersion(ctx, conn); err == nil && latest >= e.target {
		end = "COMMIT"
	}
	_, err := conn.ExecContext(ctx, end)
	return err
}
