// Package dbtest gives tests and benchmarks real databases: an empty SQLite file, an empty MySQL or MariaDB database,
// or a whole server of their own that they may kill and restart.
//
// Environment:
//
//   - LEADMILL_TEST_ENGINES: the engines to cover, as a comma list of sqlite, mysql, mariadb. Without it: sqlite, and
//     mysql where it can be had. An engine that is named but cannot be had fails the test; nothing is skipped.
//   - LEADMILL_TEST_MYSQL_DSN, LEADMILL_TEST_MARIADB_DSN: a server to use, as a DSN of go-sql-driver/mysql over TCP,
//     whose user may create databases. Only databases made here are touched.
//   - LEADMILL_TEST_MYSQL_URL, LEADMILL_TEST_MARIADB_URL: the same as mysql://user:password@host:port/; the testdb
//     command sets them so that all test binaries of one run share a server.
//
// Without these a test binary starts its own server when it first needs one; the server ends with the binary.
//
// Stability: unsupported; it may change at any time.
package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Engine names a database engine, as in LEADMILL_TEST_ENGINES.
type Engine string

// The engines that Leadmill's store is tested on.
const (
	SQLite  Engine = "sqlite"
	MySQL   Engine = "mysql"
	MariaDB Engine = "mariadb"
)

const (
	enginesVar    = "LEADMILL_TEST_ENGINES"
	readyTimeout  = 2 * time.Minute // the start of a server, with the pull of a container image in it
	adminTimeout  = 2 * time.Minute // one administrative statement, or the first contact with a given server
	databaseStart = "leadmill_test_"
)

// Engines returns the engines that this run covers. It never fails: an unknown or missing engine is in the list, and
// [URL] fails the test that asks for it.
func Engines() []Engine {
	list, named := os.LookupEnv(enginesVar)
	if !named {
		if available(MySQL) {
			return []Engine{SQLite, MySQL}
		}
		return []Engine{SQLite}
	}
	var engines []Engine
	for name := range strings.SplitSeq(list, ",") {
		engines = append(engines, Engine(strings.ToLower(strings.TrimSpace(name))))
	}
	return engines
}

// URL makes an empty database of the engine for this test alone and returns its Leadmill database URL:
// sqlite:<file> or mysql://user:password@host:port/<name>. The database is dropped when the test ends. It has the
// server's default character set. It fails the test when the engine cannot be had.
func URL(t testing.TB, e Engine) string {
	t.Helper()
	if e == SQLite {
		return "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db")
	}
	admin, err := AdminURL(e)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	name := databaseStart + randomName()
	// Not the test's own context: it is cancelled before clean-up functions run.
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	if err := execute(ctx, admin, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("dbtest: create a %s database: %v", e, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
		defer cancel()
		// Without the limit, a transaction that the test left open would hold this statement for a year.
		if err := execute(ctx, admin, "SET SESSION lock_wait_timeout = 60", "DROP DATABASE "+name); err != nil {
			t.Errorf("dbtest: drop %s database %s (is a transaction still open in it?): %v", e, name, err)
		}
	})
	return withDatabase(admin, name)
}

// StartServer starts a server of the test's own, to be killed or restarted as it likes, and removes it when the test
// ends. It fails the test when the engine has no server that can be started here.
func StartServer(t testing.TB, e Engine) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	s, err := Start(ctx, Options{Engine: e})
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dbtest: end of the %s server's log:\n%s", e, s.LogTail())
		}
		if err := s.Stop(); err != nil {
			t.Errorf("dbtest: stop %s: %v", e, err)
		}
	})
	return s
}

// AdminURL returns the mysql:// URL, without a database name, of the server that this process's tests share, and
// starts that server when the environment names none. It fails for SQLite, for an unknown engine, and when the server
// cannot be had or is of another engine.
func AdminURL(e Engine) (string, error) {
	switch e {
	case MySQL:
		return sharedMySQL()
	case MariaDB:
		return sharedMariaDB()
	case SQLite:
		return "", errors.New("sqlite has no server")
	default:
		return "", fmt.Errorf("unknown engine %q in %s: sqlite, mysql or mariadb", string(e), enginesVar)
	}
}

var (
	sharedMySQL   = sync.OnceValues(func() (string, error) { return shared(MySQL) })
	sharedMariaDB = sync.OnceValues(func() (string, error) { return shared(MariaDB) })
)

// forThrowingAway are the options of a server that many tests share and that nobody kills: its data need not outlive it,
// so it never waits for the disk. What is given up is what a crash of the server or of the machine would show; how
// transactions lock, wait, fail and see each other stays, and so does the binary log. A test that kills its server has
// one of its own by [StartServer], with the defaults. Measured on MySQL 9.7, the migrated schema made and dropped took
// 0.15 s in place of 0.56 s.
var forThrowingAway = []string{
	// Many tests at once, each with its pools: the default of 151 connections would be the tests' own limit.
	"--max-connections=1000",
	"--innodb-flush-log-at-trx-commit=0",
	"--sync-binlog=0",
	"--loose-skip-innodb-doublewrite",
	"--loose-innodb-flush-method=nosync",
	// All tables in one file: a file for each is made and removed for every test.
	"--loose-innodb-file-per-table=OFF",
}

func shared(e Engine) (string, error) {
	admin, err := givenURL(e)
	if err != nil {
		return "", err
	}
	if admin != "" {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
		defer cancel()
		if err := checkServer(ctx, e, admin, ""); err != nil {
			return "", fmt.Errorf("the %s server that the environment names: %w", e, err)
		}
		return admin, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	s, err := Start(ctx, Options{Engine: e, Args: forThrowingAway})
	if err != nil {
		return "", err
	}
	return s.URL(""), nil
}

func variable(e Engine, form string) string {
	return "LEADMILL_TEST_" + strings.ToUpper(string(e)) + "_" + form
}

func available(e Engine) bool {
	if os.Getenv(variable(e, "DSN")) != "" || os.Getenv(variable(e, "URL")) != "" {
		return true
	}
	_, err := programOf(e)
	return err == nil
}

// givenURL returns the server that the environment names, or "".
func givenURL(e Engine) (string, error) {
	if dsn := os.Getenv(variable(e, "DSN")); dsn != "" {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			return "", fmt.Errorf("%s: %w", variable(e, "DSN"), err)
		}
		if cfg.Net != "tcp" {
			return "", fmt.Errorf("%s: only a TCP server can be used, not %q", variable(e, "DSN"), cfg.Net)
		}
		u := url.URL{Scheme: "mysql", User: url.UserPassword(cfg.User, cfg.Passwd), Host: cfg.Addr, Path: "/"}
		if cfg.TLSConfig != "" {
			u.RawQuery = url.Values{"tls": {cfg.TLSConfig}}.Encode()
		}
		return u.String(), nil
	}
	given := os.Getenv(variable(e, "URL"))
	if given == "" {
		return "", nil
	}
	if _, err := config(given); err != nil {
		return "", fmt.Errorf("%s: %w", variable(e, "URL"), err)
	}
	return withDatabase(given, ""), nil
}

// config turns a mysql:// URL into the driver's settings. Its errors do not repeat the URL: it holds a password.
func config(databaseURL string) (*mysql.Config, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Scheme != "mysql" || u.Host == "" || u.User == nil {
		return nil, errors.New("not a URL like mysql://user:password@host:port/name")
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr = "tcp", u.Host
	if u.Port() == "" {
		cfg.Addr += ":3306"
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	cfg.TLSConfig = u.Query().Get("tls")
	cfg.Timeout = 30 * time.Second
	cfg.MultiStatements = true      // a template's copy is made in one round trip
	cfg.Logger = &mysql.NopLogger{} // a server that is still starting is no news
	return cfg, nil
}

// open gives a pool of connections with the driver's defaults.
func open(databaseURL string) (*sql.DB, error) {
	cfg, err := config(databaseURL)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// execute runs the statements on one connection and closes it: nothing stays behind for a leak check to find.
func execute(ctx context.Context, databaseURL string, statements ...string) (err error) {
	db, err := open(databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// checkServer tells whether the server answers and is of the engine: MariaDB answers to MySQL's name, and what passes
// on one fails on the other. When place is not "", it must be the server's data directory or host name.
func checkServer(ctx context.Context, e Engine, databaseURL, place string) (err error) {
	db, err := open(databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var version, dir, host string
	if err := db.QueryRowContext(ctx, "SELECT VERSION(), @@datadir, @@hostname").Scan(&version, &dir, &host); err != nil {
		return err
	}
	if isMariaDB(version) != (e == MariaDB) {
		return fmt.Errorf("%w: wanted %s, found version %s", errOtherServer, e, version)
	}
	if place != "" && place != host && filepath.Clean(dir) != place {
		return fmt.Errorf("%w: data in %s on %s", errOtherServer, dir, host)
	}
	return nil
}

var errOtherServer = errors.New("another server")

func isMariaDB(version string) bool { return strings.Contains(strings.ToLower(version), "mariadb") }

func withDatabase(databaseURL, name string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		panic("dbtest: a checked URL does not parse") // givenURL and Server.URL made it
	}
	u.Path = "/" + name
	return u.String()
}

func randomName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b)
}
