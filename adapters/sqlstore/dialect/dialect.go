// Package dialect holds all that differs between the two database engines: how a database is opened, how a row is locked
// and what an error means. SQL text is the same for both.
//
// Stability: unsupported; it may change at any time.
package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
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
	// Sequenced reports whether events get their positions after the commit, by way of the table event_pending; else they get them in
	// the transaction that writes them.
	Sequenced() bool
	// UseKey is appended to a table's name to read it by one of its keys; empty where the planner needs no help.
	UseKey(key string) string
	// ComparesRows reports whether an index serves (a, b) > (?, ?).
	ComparesRows() bool
	// InsertRows returns the text of a statement that inserts rows into columns of a table. Its arguments are those of all rows, width
	// for each, row by row.
	InsertRows(table, columns string, width, rows int) string
	// MaxParams is how many parameters another statement about many rows should have at most.
	MaxParams() int
	// Micros is an expression for the database's clock in UTC microseconds.
	Micros() string
	// Classify says what an error means. nil is Other.
	Classify(err error) Class
	// DuplicateKey returns the name of the unique key an error of class Duplicate is about, as the migrations name it
	// ("partners_email"); "PRIMARY" for a primary key.
	DuplicateKey(err error, table string) string
}

// insertRows is the text of an INSERT of some rows.
func insertRows(table, columns string, width, rows int) string {
	const start, middle = "INSERT INTO ", ") VALUES "
	tuple := "(" + strings.Repeat("?,", width-1) + "?)"
	var b strings.Builder
	b.Grow(len(start) + len(table) + 2 + len(columns) + len(middle) + rows*(len(tuple)+1))
	b.WriteString(start)
	b.WriteString(table)
	b.WriteString(" (")
	b.WriteString(columns)
	b.WriteString(middle)
	b.WriteString(tuple)
	for range rows - 1 {
		b.WriteByte(',')
		b.WriteString(tuple)
	}
	return b.String()
}

// DB is an open database: a pool for transactions that write and one for reads. On MySQL they are the same pool.
type DB struct {
	Dialect
	Writer, Reader *sqlx.DB
	// Writes and Reads keep requests from waiting for a database that hangs. On MySQL they are the same; reads of SQLite wait for nobody.
	Writes, Reads *Breaker

	stop func() error // ends what works beside the pools; nil when there is nothing
}

// Options size the pools.
type Options struct {
	// MaxConnections bounds the connections of a pool; 64 when zero. SQLite always has one writer.
	MaxConnections int
	// Wrap, when set, wraps the driver's connector: tests count statements or make them fail.
	Wrap func(driver.Connector) driver.Connector
	// Unhurried lets a statement take as long as it takes, as migrations and audits do. Otherwise a server that is silent for 30 seconds is
	// taken for lost.
	Unhurried bool
	// Stalled is told when the database does not answer any more, and when it does again; nil tells nobody.
	Stalled func(stalled bool)
	// Existing refuses an SQLite file that is not there (fs.ErrNotExist); otherwise it is made, with the folders above it. Both are then
	// for their owner alone.
	Existing bool
}

// DeleteByKey returns the start of a DELETE of rows of a table, up to its WHERE, that finds them by one of the table's keys as UseKey
// does: MySQL takes an index only where the table is named twice.
func (db *DB) DeleteByKey(table, key string) string {
	if use := db.UseKey(key); use != "" {
		return "DELETE " + table + " FROM " + table + use
	}
	return "DELETE FROM " + table
}

// Patient returns a SELECT that locks rows as one that waits for them so long at most; on SQLite, which locks no rows, as it is. It is
// by the time that the statement may take, because locks are waited for by whole seconds. To MySQL and TiDB the first part is a
// comment, to MariaDB the second one. A text that is no SELECT stays as it is.
func (db *DB) Patient(query string, d time.Duration) string {
	rest, ok := strings.CutPrefix(query, "SELECT ")
	if !ok || db.ForUpdate() == "" {
		return query
	}
	ms := strconv.FormatInt(max(d.Milliseconds(), 1), 10)
	return "/*M!100100 SET STATEMENT max_statement_time=" + ms + "e-3 FOR */ SELECT /*+ MAX_EXECUTION_TIME(" + ms + ") */ " + rest
}

// Beyond returns a condition, with its arguments, on the columns of a key: that a row is behind a key or, when up is set, that it
// is not. It is written so that the key's index is read from there.
func (db *DB) Beyond(columns []string, key []any, up bool) (string, []any) {
	strict, end := " > ?", " > ?"
	if up {
		strict, end = " < ?", " <= ?"
	}
	if db.ComparesRows() && len(columns) > 1 {
		marks := strings.Repeat(", ?", len(columns))[2:]
		return "(" + strings.Join(columns, ", ") + ")" + strings.TrimSuffix(end, "?") + "(" + marks + ")", key
	}
	last := len(columns) - 1
	condition, args := columns[last]+end, []any{key[last]}
	for i := last - 1; i >= 0; i-- {
		condition = "(" + columns[i] + strict + " OR " + columns[i] + " = ? AND " + condition + ")"
		args = append([]any{key[i], key[i]}, args...)
	}
	return condition, args
}

// Open opens a database by its URL: "sqlite:<file>" or "mysql://user:pass@host:port/name". It does not connect yet.
func Open(databaseURL string, o Options) (*DB, error) {
	if o.MaxConnections == 0 {
		o.MaxConnections = 64
	}
	file, u, err := parseURL(databaseURL)
	switch {
	case err != nil:
		return nil, err
	case u != nil:
		return openMySQL(u, o)
	default:
		return openSQLite(file, o)
	}
}

// CheckURL reports what is wrong with a database URL without opening it. The error repeats nothing of it.
func CheckURL(databaseURL string) error {
	_, _, err := parseURL(databaseURL)
	return err
}

// parseURL returns the file of an SQLite database, or the URL of one of MySQL.
func parseURL(databaseURL string) (file string, u *url.URL, err error) {
	scheme, rest, _ := strings.Cut(databaseURL, ":")
	switch scheme {
	case "sqlite":
		file = strings.TrimPrefix(rest, "//")
		if strings.Contains(file, "?") {
			return "", nil, errors.New("must be sqlite:<file>, without options")
		}
		if file != "" {
			return file, nil, nil
		}
	case "mysql":
		u, err = url.Parse(databaseURL)
		if err == nil && u.Host != "" && strings.Trim(u.Path, "/") != "" && u.Fragment == "" {
			return "", u, checkOptions(u.RawQuery)
		}
	}
	return "", nil, errURL
}

// tlsOptions are the values of the option tls.
var tlsOptions = []string{"true", "false", "preferred", "skip-verify"}

// checkOptions refuses options that mean nothing: one that is mistyped would leave a connection without encryption.
func checkOptions(query string) error {
	options, err := url.ParseQuery(query)
	if err != nil {
		return errURL
	}
	for name, values := range options {
		if name != "tls" {
			return fmt.Errorf("has the option %q, which there is not; there is only tls", name)
		}
		if len(values) != 1 || !slices.Contains(tlsOptions, values[0]) {
			return fmt.Errorf("has an option tls that is none of %s", strings.Join(tlsOptions, ", "))
		}
	}
	return nil
}

// Describe names the database of a URL for people: the engine, its user, address and name, or the whole path of the file. Passwords and
// options are left out, and so is everything of a URL that CheckURL refuses.
func Describe(databaseURL string) string {
	file, u, err := parseURL(databaseURL)
	if err != nil {
		return "unknown"
	}
	if u == nil {
		if whole, err := filepath.Abs(file); err == nil {
			file = whole
		}
		return "sqlite:" + file
	}
	described := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		described.User = url.User(name)
	}
	return described.String()
}

var errURL = errors.New("must be sqlite:<file> or mysql://user:password@host:port/name")

// Close closes the pools.
func (db *DB) Close() error {
	db.Writes.close()
	if db.Reads != db.Writes {
		db.Reads.close()
	}
	var err error
	if db.stop != nil {
		err = db.stop()
	}
	err = errors.Join(err, db.Writer.Close())
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
	return errors.Is(err, ErrStalled) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) || errors.As(err, &netErr) ||
		strings.Contains(err.Error(), "invalid connection") || strings.Contains(err.Error(), "unexpected EOF") ||
		strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset")
}

// FromDriver reports whether an error comes from a driver as it is or wrapped.
func FromDriver(err error) bool {
	var ofMySQL *mysql.MySQLError
	var ofSQLite *sqlite.Error
	return errors.As(err, &ofMySQL) || errors.As(err, &ofSQLite) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn)
}

// Redact returns an error of the same class whose text holds nothing of the values that were sent: a server repeats
// parts of statements, and so of personal data, in its messages.
func Redact(err error) error {
	var e *mysql.MySQLError
	if err == nil || !errors.As(err, &e) {
		return err
	}
	return &redacted{text: fmt.Sprintf("database error %d (%s)%s", e.Number, string(e.SQLState[:]), subject(e.Message)), err: err}
}

type redacted struct {
	text string
	err  error
}

// Error implements error.
func (r *redacted) Error() string { return r.text }

// Unwrap returns the driver's error, for its class.
func (r *redacted) Unwrap() error { return r.err }

var column = regexp.MustCompile(`for column (?:[^ ]*\.)?['` + "`" + `]([a-z_]+)['` + "`" + `]`)

// subject names the key or column that a message is about.
func subject(message string) string {
	if m := dupKey.FindStringSubmatch(message); m != nil {
		return " for key " + m[1]
	}
	if m := column.FindStringSubmatch(message); m != nil {
		return " for column " + m[1]
	}
	return ""
}

// Shorten cuts the text of an error for a column of so many characters; what is left is valid UTF-8.
func Shorten(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
		for len(s) > 0 {
			if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	if !utf8.ValidString(s) {
		return "error text is not UTF-8"
	}
	return s
}
