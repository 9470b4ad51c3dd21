// Package dialect holds all that differs between the two database engines: how a database is opened, how a row is locked
// and what an error means. SQL text is the same for both.
package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Class says what an error of the database means.
type Class int

// The classes of errors.
const (
	Other     Class = iota
	Duplicate       // a unique key exists already
	Retry           // deadlock, lock timeout, lost snapshot: running the transaction again can succeed
	Lost            // the server cannot be reached or the connection broke
	Data            // the value is refused; running again fails again
)

// Dialect is one engine.
type Dialect interface {
	// Name is "mysql" or "sqlite", the name of its migrations folder.
	Name() string
	// ForUpdate is appended to a SELECT to lock its rows.
	ForUpdate() string
	// Position is the column of the events table that holds an event's position.
	Position() string
	// Micros is an expression for the database's clock in UTC microseconds.
	Micros() string
	// Classify says what an error means. nil is Other.
	Classify(err error) Class
	// DuplicateKey returns the name of the unique key an error of class Duplicate is about, as the migrations name it
	// ("partners_email"); "PRIMARY" for a primary key.
	DuplicateKey(err error, table string) string
}

// DB is an open database: a pool for transactions that write and one for reads. On MySQL they are the same pool.
type DB struct {
	Dialect
	Writer, Reader *sqlx.DB
}

// Options size the pools.
type Options struct {
	// MaxConnections bounds the connections of a pool; 64 when zero. SQLite always has one writer.
	MaxConnections int
	// Wrap, when set, wraps the driver's connector: tests count statements or make them fail.
	Wrap func(driver.Connector) driver.Connector
}

// Open opens a database by its URL: "sqlite:<file>" or "mysql://user:pass@host:port/name". It does not connect yet.
func Open(databaseURL string, o Options) (*DB, error) {
	if o.MaxConnections == 0 {
		o.MaxConnections = 64
	}
	scheme, rest, ok := strings.Cut(databaseURL, ":")
	switch {
	case ok && scheme == "sqlite" && rest != "":
		return openSQLite(strings.TrimPrefix(rest, "//"), o)
	case ok && scheme == "mysql":
		u, err := url.Parse(databaseURL)
		if err != nil || u.Host == "" || strings.Trim(u.Path, "/") == "" {
			return nil, errURL
		}
		return openMySQL(u, o)
	default:
		return nil, errURL
	}
}

var errURL = errors.New("must be sqlite:<file> or mysql://user:password@host:port/name")

// Close closes the pools.
func (db *DB) Close() error {
	err := db.Writer.Close()
	if db.Reader != db.Writer {
		err = errors.Join(err, db.Reader.Close())
	}
	return err
}

// Ping connects and asks the database for a sign of life.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.Reader.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// lostConnection reports errors that any driver returns when the server went away.
func lostConnection(err error) bool {
	var netErr net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) || errors.As(err, &netErr) ||
		strings.Contains(err.Error(), "invalid connection") || strings.Contains(err.Error(), "unexpected EOF") ||
		strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset")
}
