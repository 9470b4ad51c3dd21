package leadmilltest

import (
	"os"
	"testing"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// EachEngine runs a test on every engine that the variable LEADMILL_TEST_ENGINES names, a comma list of sqlite, mysql and
// mariadb; without it on SQLite. Each runs as a subtest with the name of the engine, beside the others, with a [Database] of
// its own.
//
// MySQL is the server of LEADMILL_TEST_MYSQL_DSN, a DSN of go-sql-driver/mysql over TCP whose user may create databases; only
// databases made here are touched. Without the variable, a server is started: with Docker, or a mysqld in the PATH. The same
// holds for LEADMILL_TEST_MARIADB_DSN. An engine that cannot be had fails the test; nothing is skipped.
func EachEngine(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	engines := []dbtest.Engine{dbtest.SQLite}
	if _, named := os.LookupEnv("LEADMILL_TEST_ENGINES"); named {
		engines = dbtest.Engines()
	}
	for _, e := range engines {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, Database(t, string(e)))
		})
	}
}

// Database makes a database of an engine (sqlite, mysql or mariadb; see [EachEngine]) for this test alone, which has
// Leadmill's tables and no data, and returns its URL for [Options.DatabaseURL]. The tables are those that the migrations make;
// they are made once for each process and copied from then on. The database is dropped when the test ends.
func Database(t testing.TB, engine string) string {
	t.Helper()
	return migrated.URL(t, dbtest.Engine(engine))
}
