package dialect

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// MySQL is MySQL and whatever speaks its protocol: MariaDB, Aurora, TiDB, Vitess.
type MySQL struct{}

// openMySQL sets every connection to READ COMMITTED: at REPEATABLE READ the loser of a duplicate insert cannot see the
// winner's row, and locking reads of absent rows deadlock.
func openMySQL(u *url.URL, o Options) (*DB, error) {
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net, c.Addr = "tcp", u.Host
	if u.Port() == "" {
		c.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	c.DBName = strings.Trim(u.Path, "/")
	// Our own tables have no date types; ParseTime is for goose's lock table.
	c.ClientFoundRows, c.InterpolateParams, c.ParseTime, c.Loc = true, true, true, time.UTC
	c.Collation = "utf8mb4_bin"
	c.Timeout = connectPatience
	if !o.Unhurried {
		c.ReadTimeout, c.WriteTimeout = silence, silence
	}
	c.RejectReadOnly = true
	c.Logger = quiet{}
	c.Params = map[string]string{
		"innodb_lock_wait_timeout": "3",
		"time_zone":                "'+00:00'",
		"sql_mode":                 "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	}
	c.TLSConfig = u.Query().Get("tls")
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, errURL
	}
	connector = isolation{connector, c.Addr}
	signs := sql.OpenDB(connector)
	signs.SetMaxOpenConns(1)
	if o.Wrap != nil {
		connector = o.Wrap(connector)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(o.MaxConnections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db := sqlx.NewDb(pool, "mysql")
	breaker := newBreaker(MySQL{}.Classify, func(ctx context.Context) error { return alive(signs.PingContext(ctx)) }, o.Stalled)
	return &DB{Dialect: MySQL{}, Writer: db, Reader: db, Writes: breaker, Reads: breaker, stop: signs.Close}, nil
}

// connectPatience is how long connecting may take, and silence how long a server may take to answer a statement that no context ends
// before.
const (
	connectPatience = 3 * time.Second
	silence         = 30 * time.Second
)

// alive returns an error of asking for a sign of life unless a server gave it that only has no more room for this one.
func alive(err error) error {
	var e *mysql.MySQLError
	if errors.As(err, &e) && (e.Number == erTooManyConns || e.Number == erTooManyOfUser || e.Number == erUserLimit) {
		return nil
	}
	return err
}

// isolation sets the isolation level of every new connection by the statement that MySQL and MariaDB share; the system
// variable has another name in MariaDB before 11.1.
type isolation struct {
	driver.Connector

	addr string
}

// Connect implements driver.Connector. It ends after connectPatience also when a server takes the connection and is silent.
func (c isolation) Connect(ctx context.Context) (driver.Conn, error) {
	within, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	conn, err := c.connect(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil { // which is no end of the caller's context
		return nil, fmt.Errorf("connect to %s: %w", c.addr, os.ErrDeadlineExceeded)
	}
	return conn, err
}

func (c isolation) connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("driver cannot execute statements"), conn.Close())
	}
	if _, err := execer.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// quiet keeps the driver from writing connection errors to standard error: they come back as errors anyway.
type quiet struct{}

// Print implements mysql.Logger.
func (quiet) Print(...any) {}

// Name implements Dialect.
func (MySQL) Name() string { return "mysql" }

// ForUpdate implements Dialect.
func (MySQL) ForUpdate() string { return " FOR UPDATE" }

// Sequenced implements Dialect: a lower id may be committed after a higher one.
func (MySQL) Sequenced() bool { return true }

// UseKey implements Dialect.
func (MySQL) UseKey(key string) string { return " FORCE INDEX (" + key + ")" }

// ComparesRows implements Dialect: such a comparison reads the whole index.
func (MySQL) ComparesRows() bool { return false }

// InsertRows implements Dialect.
func (MySQL) InsertRows(table, columns string, width, rows int) string {
	return insertRows(table, columns, width, rows)
}

// MaxParams implements Dialect; the protocol allows 65,535.
func (MySQL) MaxParams() int { return 30_000 }

// Micros implements Dialect.
func (MySQL) Micros() string { return "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)" }

// Server error numbers; see the MySQL and MariaDB error references.
const (
	erDupEntry       = 1062
	erLockWait       = 1205
	erDeadlock       = 1213
	erCheckRead      = 1020
	erTooManyConns   = 1040
	erOutOfMemory    = 1041
	erNoDBAccess     = 1044
	erAccessDenied   = 1045
	erUnknownCommand = 1047 // also of a node of a Galera cluster that is not ready
	erUnknownDB      = 1049
	erShutdown       = 1053
	erServerShutdown = 1079
	erHostBlocked    = 1129
	erNoThread       = 1135
	erAborting       = 1152
	erNetRead        = 1158
	erNetReadTimeout = 1159
	erNetWrite       = 1160
	erNetWriteLate   = 1161
	erNewAborting    = 1184
	erTooManyOfUser  = 1203
	erLockTableFull  = 1206
	erUserLimit      = 1226
	erReadOnly       = 1290
	erTooManyTrx     = 1637
	erHostRefused    = 1130
	erNoPrivileges   = 1698
	erMustChange     = 1820
	erReadOnlyMode   = 1836
	erExpired        = 1862
	erConnKilled     = 1927 // of MariaDB
	erAccountLocked  = 3118
	erSessionKilled  = 3169
	erIdleTooLong    = 4031
	erReadOnlyTx     = 1792
	erQueryKilled    = 1317
	erBadNull        = 1048
	erOutOfRange     = 1264
	erDataOutOfRange = 1690
	erDataTooLong    = 1406
	erBadValue       = 1366
	erCheck          = 3819
	erCheckMaria     = 4025
	erBadJSONCharset = 3144
	erTruncated      = 1265
	erPacketTooLarge = 1153
	erDiskFull       = 1021
	erTableFull      = 1114
	erTimeOut        = 3024 // the statement took longer than it may: see Patient
	erTimeOutMaria   = 1969
	erUnknown        = 1105 // only its text says what it is
)

// Server error numbers of TiDB; see its reference of error codes.
const (
	tiTxnRetryable     = 8002 // a SELECT … FOR UPDATE that cannot be run again by the server
	tiWriteConflict    = 8005
	tiCommitRetry      = 8022 // the commit failed and can be sent again
	tiSchemaLease      = 8027
	tiSchemaChanged    = 8028
	tiTxnTooLarge      = 8004
	tiEntryTooLarge    = 8025
	tiMemoryExceeded   = 8001
	tiMemoryOfQuery    = 8175
	tiMemoryOfInstance = 8176
	tiPDTimeout        = 9001
	tiStoreTimeout     = 9002
	tiStoreBusy        = 9003
	tiLockTimeout      = 9004
	tiNoRegion         = 9005
	tiWriteConflictTxn = 9007
	tiStoreLimit       = 9010
)

// retryTexts are what an error 1105 says, in lower case, when running the transaction again can succeed: TiDB passes on so
// what its storage says.
var retryTexts = []string{"lock wait timeout", "pessimistic lock retry limit reached"}

// Classify implements Dialect.
func (MySQL) Classify(err error) Class {
	if err == nil {
		return Other
	}
	var e *mysql.MySQLError
	if Refused(err) != nil {
		return Lost // whoever changed a password will tell this instance of it, or take it back
	}
	if !errors.As(err, &e) {
		if lostConnection(err) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, mysql.ErrBusyBuffer) || errors.Is(err, mysql.ErrMalformPkt) {
			return Lost
		}
		if errors.Is(err, mysql.ErrPktTooLarge) {
			return Data
		}
		return Other
	}
	switch e.Number {
	case erDupEntry:
		return Duplicate
	case erDeadlock, erLockWait, erCheckRead, erTimeOut, erTimeOutMaria,
		tiTxnRetryable, tiWriteConflict, tiCommitRetry, tiSchemaLease, tiSchemaChanged, tiLockTimeout, tiWriteConflictTxn:
		return Retry
	case erUnknown:
		text := strings.ToLower(e.Message)
		if slices.ContainsFunc(retryTexts, func(s string) bool { return strings.Contains(text, s) }) {
			return Retry
		}
		return Other
	case erTooManyConns, erTooManyOfUser, erUserLimit, erTooManyTrx, erNoThread, erOutOfMemory, erLockTableFull, erHostBlocked,
		erNetRead, erNetReadTimeout, erNetWrite, erNetWriteLate, erAborting, erNewAborting, erConnKilled, erSessionKilled, erIdleTooLong,
		erUnknownCommand, erServerShutdown, erReadOnlyMode, erShutdown, erReadOnly, erReadOnlyTx, erQueryKilled, erDiskFull, erTableFull,
		tiMemoryExceeded, tiMemoryOfQuery, tiMemoryOfInstance, tiPDTimeout, tiStoreTimeout, tiStoreBusy, tiNoRegion, tiStoreLimit:
		return Lost
	case tiTxnTooLarge, tiEntryTooLarge:
		return Data
	case erBadNull, erOutOfRange, erDataOutOfRange, erDataTooLong, erBadValue, erCheck, erCheckMaria, erBadJSONCharset,
		erTruncated, erPacketTooLarge:
		return Data
	}
	return Other
}

// refusals are what a server says to who may not use it, or not that database.
var refusals = map[uint16]string{
	erAccessDenied:  "its server knows no such user with this password",
	erNoPrivileges:  "its server knows no such user with this password",
	erNoDBAccess:    "the user may not use a database of this name",
	erUnknownDB:     "its server has no database of this name",
	erHostRefused:   "its server takes no connections from this machine",
	erMustChange:    "the password must be changed first",
	erExpired:       "the password has expired",
	erAccountLocked: "the user is locked",
}

// RefusedError says that a server does not let this instance in, and why. Waiting helps only when somebody changes that.
type RefusedError struct {
	Why string
	err error
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Why }

// Unwrap returns the driver's error.
func (e *RefusedError) Unwrap() error { return e.err }

// Refused returns a *RefusedError for an error that says that the database cannot be used as it is named: the user, the password or the
// name is wrong, the two cannot agree on how to sign in or to encrypt, or a file is none of SQLite's or cannot be opened. nil for any other.
func Refused(err error) error {
	var ofMySQL *mysql.MySQLError
	var ofSQLite *sqlite.Error
	switch {
	case errors.As(err, &ofMySQL):
		if why := refusals[ofMySQL.Number]; why != "" {
			return &RefusedError{why, err}
		}
	case errors.As(err, &ofSQLite):
		if code := ofSQLite.Code() & 0xff; code == sqlite3.SQLITE_NOTADB || code == sqlite3.SQLITE_CANTOPEN || code == sqlite3.SQLITE_PERM {
			return &RefusedError{ofSQLite.Error(), err}
		}
	case untrusted(err):
		return &RefusedError{"its server's certificate is not trusted: " + err.Error(), err}
	case slices.ContainsFunc(disagreements, func(d error) bool { return errors.Is(err, d) }):
		return &RefusedError{err.Error(), err}
	}
	return nil
}

// disagreements are what the driver says of a server with which it cannot agree on how to sign in or to encrypt.
var disagreements = []error{
	mysql.ErrNoTLS, mysql.ErrCleartextPassword, mysql.ErrNativePassword, mysql.ErrOldPassword, mysql.ErrUnknownPlugin, mysql.ErrOldProtocol,
}

// untrusted reports whether an error says that a server's certificate was not accepted.
func untrusted(err error) bool {
	_, refused := errors.AsType[*tls.CertificateVerificationError](err)
	return refused
}

// Held reports whether an error says that a lock was not free in time. SQLite has no locks of rows, and no such errors.
func Held(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == erLockWait || e.Number == erTimeOut || e.Number == erTimeOutMaria)
}

var dupKey = regexp.MustCompile(`for key '(?:[^'.]*\.)?([^']*)'$`)

// DuplicateKey implements Dialect.
func (MySQL) DuplicateKey(err error, _ string) string {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return ""
	}
	if m := dupKey.FindStringSubmatch(e.Message); m != nil {
		return m[1]
	}
	return ""
}
