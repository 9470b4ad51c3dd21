package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"modernc.org/sqlite"
)

// copyPages is how many pages are copied at a time: 4 MiB.
const copyPages = 1024

// backupConn is a connection of the driver that copies its database.
type backupConn interface {
	NewBackup(to string) (*sqlite.Backup, error)
}

// SQLiteFile returns the path of the file of a database's URL; ok is false for other engines.
func SQLiteFile(databaseURL string) (file string, ok bool) {
	if CheckURL(databaseURL) != nil {
		return "", false
	}
	file, ok = strings.CutPrefix(databaseURL, "sqlite:")
	return strings.TrimPrefix(file, "//"), ok
}

// CopySQLite copies the SQLite database of a file, as it is at one moment, into another file, which must be there and be empty. Others may
// write to the database meanwhile: they wait for nothing, but their write-ahead log grows until the copy is done. The copy is one file
// without a log of its own. Damaged tells an error because of a file that is no database.
func CopySQLite(ctx context.Context, from, to string, readOnly bool) (err error) {
	mode := "rw"
	if readOnly {
		mode = "ro"
	}
	source := sqlitePlain(from, mode)
	defer func() { err = errors.Join(err, source.Close()) }()
	conn, err := source.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// As long as this transaction reads, the copy sees what was there when it began; without it the copy would begin anew whenever another
	// process writes.
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	var n int
	if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_schema").Scan(&n); err != nil {
		return err
	}
	if err := conn.Raw(func(c any) error {
		b, ok := c.(backupConn)
		if !ok {
			return fmt.Errorf("the driver's connections copy no databases: %T", c)
		}
		return copyAll(ctx, b, sqliteDSN(to, url.Values{"mode": {"rw"}}))
	}); err != nil {
		return err
	}
	copied := sqlitePlain(to, "rw")
	_, err = copied.ExecContext(ctx, "PRAGMA journal_mode = DELETE") // the copy of a database with a write-ahead log wants one too
	return errors.Join(err, copied.Close())
}

func copyAll(ctx context.Context, conn backupConn, to string) error {
	b, err := conn.NewBackup(to)
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = b.Step(copyPages)
		}
	}
	return errors.Join(err, b.Finish())
}

// CheckSQLite has SQLite check the file of a database, as "leadmill doctor" does. Damaged tells an error because of what it found.
func CheckSQLite(ctx context.Context, file string) (err error) {
	db := sqlitePlain(file, "ro")
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("SQLite finds the file damaged: %s", found)
	}
	return nil
}

// sqlitePlain opens a file by one connection of the driver itself.
func sqlitePlain(file, mode string) *sql.DB {
	db := sql.OpenDB(plainConnector{sqliteDSN(file, url.Values{"mode": {mode}, "_pragma": {"busy_timeout(5000)"}})})
	db.SetMaxOpenConns(1)
	return db
}
