package dialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
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
	c.Timeout = 5 * time.Second
	c.ReadTimeout, c.WriteTimeout = 30*time.Second, 30*time.Second
	c.RejectReadOnly = true
	c.Logger = quiet{}
	c.Params = map[string]string{
		"innodb_lock_wait_timeout": "3",
		"time_zone":                "'+00:00'",
		"sql_mode":                 "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	}
	if tls := u.Query().Get("tls"); tls != "" {
		c.TLSConfig = tls
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, errURL
	}
	connector = isolation{connector}
	if o.Wrap != nil {
		connector = o.Wrap(connector)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(o.MaxConnections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db := sqlx.NewDb(pool, "mysql")
	return &DB{Dialect: MySQL{}, Writer: db, Reader: db}, nil
}

// isolation sets the isolation level of every new connection by the statement that MySQL and MariaDB share; the system
// variable has another name in MariaDB before 11.1.
type isolation struct{ driver.Connector }

// Connect implements driver.Connector.
func (c isolation) Connect(ctx context.Context) (driver.Conn, error) {
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
	erShutdown       = 1053
	erReadOnly       = 1290
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
	if !errors.As(err, &e) {
		if lostConnection(err) || errors.Is(err, mysql.ErrInvalidConn) {
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
	case erTooManyConns, erShutdown, erReadOnly, erReadOnlyTx, erQueryKilled, erDiskFull, erTableFull,
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
