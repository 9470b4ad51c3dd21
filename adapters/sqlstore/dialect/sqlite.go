package dialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite is the embedded default: one writer connection, many readers.
type SQLite struct{}

// openSQLite uses a DSN of its own for each pool, so that every connection has its pragmas: the writer takes its lock when
// a transaction begins (a deferred one fails with "database is locked" when it turns into a writer).
//
// What was committed is copied from the log to the database beside the writer (see checkpointer). The writer itself does it only when the
// log has 64 MiB, which is where it begins anew.
//
// What is deleted or overwritten is replaced by zeros where that writes no page more (secure_delete), so that erased data do not stay in the
// pages that are written anyway.
//
// The writer's cache is 12 MiB of pages, which take twice as much: the driver's memory comes in powers of two, and a page has a
// header.
func openSQLite(file string, o Options) (*DB, error) {
	if file == "" {
		return nil, errURL
	}
	mode := "rwc"
	if o.Existing {
		mode = "rw"
		if err := thereIs(file); err != nil {
			return nil, err
		}
	} else if err := makeFile(file); err != nil {
		return nil, err
	}
	writer := url.Values{"mode": {mode}, "_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(ON)", "temp_store(MEMORY)", "cache_size(-12288)", "wal_autocheckpoint(16384)", "secure_delete(FAST)",
	}}
	reader := url.Values{"mode": {mode}, "_pragma": {"busy_timeout(5000)", "query_only(ON)", "temp_store(MEMORY)", "cache_size(-1024)"}}
	written := new(atomic.Int64)
	w := sqlitePool(file, writer, written, o)
	w.SetMaxOpenConns(1)
	r := sqlitePool(file, reader, nil, o)
	r.SetMaxOpenConns(min(o.MaxConnections, 8))
	r.SetMaxIdleConns(min(o.MaxConnections, 8))
	copier := sqlitePool(file, url.Values{"mode": {mode}, "_pragma": {"busy_timeout(0)", "synchronous(FULL)"}}, nil, Options{})
	signs := sqlitePool(file, url.Values{"mode": {mode}, "_txlock": {"immediate"}, "_pragma": {"busy_timeout(0)"}}, nil, Options{})
	stop := startCheckpoints(copier, written, checkpointEvery)
	return &DB{
		Dialect: SQLite{}, Writer: sqlx.NewDb(w, "sqlite"), Reader: sqlx.NewDb(r, "sqlite"),
		Writes: newBreaker(SQLite{}.Classify, func(ctx context.Context) error { return lockable(ctx, signs) }, o.Stalled),
		stop:   func() error { return errors.Join(stop(), signs.Close()) },
	}, nil
}

// lockable returns nil when the database's only lock of writers can be had.
func lockable(ctx context.Context, pool *sql.DB) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// thereIs reports what is missing of a database's file.
func thereIs(file string) error {
	dir := filepath.Dir(file)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("the database's folder: %w", err)
	}
	if info, err := os.Stat(file); err != nil {
		return fmt.Errorf("the database's file: %w", err)
	} else if info.IsDir() {
		return fmt.Errorf("the database's file: %s is a folder", file)
	}
	return nil
}

// makeFile makes a database's file and the folders above it, for their owner alone, when they are missing; SQLite gives the files beside it the
// same mode. What is there already keeps its mode. Only a file that was not there is opened and closed, because closing
// one takes away all locks that this process has on it.
func makeFile(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("the database's folder: %w", err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the database's file: %w", err)
	}
	return f.Close()
}

func sqlitePool(file string, q url.Values, written *atomic.Int64, o Options) *sql.DB {
	var connector driver.Connector = sqliteConnector{sqliteDSN(file, q), written}
	if o.Wrap != nil {
		connector = o.Wrap(connector)
	}
	return sql.OpenDB(connector)
}

// sqliteDSN is the name under which the driver opens a file.
func sqliteDSN(file string, q url.Values) string {
	return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + q.Encode()
}

// plainConnector opens connections of the driver as they are.
type plainConnector struct{ dsn string }

// Connect implements driver.Connector.
func (c plainConnector) Connect(context.Context) (driver.Conn, error) {
	return sqliteDriver.Open(c.dsn)
}

// Driver implements driver.Connector.
func (plainConnector) Driver() driver.Driver { return sqliteDriver }

type sqliteConnector struct {
	dsn     string
	written *atomic.Int64 // statements; nil for a pool that only reads
}

// Connect implements driver.Connector.
func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	if c.written != nil { // only now, because opening the file may wait for a lock too
		if _, err := conn.(sqliteConn).ExecContext(ctx, busyStep, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return &preparing{sqliteConn: conn.(sqliteConn), written: c.written}, nil
}

// Driver implements driver.Connector.
func (sqliteConnector) Driver() driver.Driver { return sqliteDriver }

var sqliteDriver = func() driver.Driver {
	sqlx.BindDriver("sqlite", sqlx.QUESTION) // which sqlx does not know by itself
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return &sqlite.Driver{}
	}
	defer func() { _ = db.Close() }()
	return db.Driver()
}()

// Name implements Dialect.
func (SQLite) Name() string { return "sqlite" }

// ForUpdate implements Dialect: the one writer needs no row locks.
func (SQLite) ForUpdate() string { return "" }

// Sequenced implements Dialect: with one writer, ids are given in the order of commits and never skipped over.
func (SQLite) Sequenced() bool { return false }

// UseKey implements Dialect.
func (SQLite) UseKey(string) string { return "" }

// ComparesRows implements Dialect: with OR in its place, all rows would be read and sorted.
func (SQLite) ComparesRows() bool { return true }

// InsertRows implements Dialect. Each row is a statement of its own in SQLite, which is prepared once: a statement of many rows keeps a
// copy of each page that it changes, so that it could be undone alone.
func (SQLite) InsertRows(table, columns string, width, _ int) string {
	return insertRows(table, columns, width, 1) + EachRow
}

// MaxParams implements Dialect. SQLite allows 32,766, but the driver looks through all arguments for each parameter, SQLite compares each
// with those before it, and a CASE is gone through for each row.
func (SQLite) MaxParams() int { return 250 }

// Micros implements Dialect.
func (SQLite) Micros() string { return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)" }

// Damaged reports whether an error says that a file of SQLite is not as SQLite wrote it.
func Damaged(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// Classify implements Dialect.
func (SQLite) Classify(err error) Class {
	if err == nil {
		return Other
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if lostConnection(err) {
			return Lost
		}
		return Other
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return Duplicate
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return Retry
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return Data
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT:
		return Lost
	}
	return Other
}

// uniqueColumns names the unique keys by the columns that SQLite reports.
var uniqueColumns = map[string]string{
	"people.email_key":                            "people_email",
	"people.subject":                              "people_subject",
	"sellers.code":                                "sellers_code",
	"sellers.slug":                                "sellers_slug",
	"partners.seller_id, partners.email_key":      "partners_email",
	"campaigns.seller_id, campaigns.active_key":   "campaigns_active",
	"customers.seller_id, customers.key_hash":     "customers_key",
	"webhooks.seller_id, webhooks.handle":         "webhooks_handle",
	"customers.seller_id, customers.email_hash":   "customers_one_email",
	"lead_reviews.seller_id, lead_reviews.number": "lead_reviews_number",
}

// DuplicateKey implements Dialect.
func (SQLite) DuplicateKey(err error, _ string) string {
	if _, ok := errors.AsType[*sqlite.Error](err); !ok {
		return ""
	}
	if name, ok := uniqueColumns[failedColumns(err)]; ok {
		return name
	}
	return "PRIMARY"
}

// failedColumns is what SQLite says of the unique key that refused a row: "table.column, table.column" or "index 'name'".
func failedColumns(err error) string {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return ""
	}
	_, columns, _ := strings.Cut(e.Error(), "UNIQUE constraint failed: ")
	columns, _, _ = strings.Cut(columns, " (")
	return columns
}

// DuplicateColumns returns the table and columns of the unique key that an error of class Duplicate is about, as SQLite
// reports them, or the name of an index on expressions; all are empty for other engines, which name the key.
func DuplicateColumns(err error) (table string, columns []string, index string) {
	text := failedColumns(err)
	if name, ok := strings.CutPrefix(text, "index '"); ok {
		return "", nil, strings.TrimSuffix(name, "'")
	}
	for qualified := range strings.SplitSeq(text, ", ") {
		of, column, ok := strings.Cut(qualified, ".")
		if !ok {
			return "", nil, ""
		}
		table, columns = of, append(columns, column)
	}
	return table, columns, ""
}
