// Package earlier gives tests databases as the release with schema 0007 left them, which had a row for each event and tables
// whose keys did not begin with their seller; and says what must be in them when they are migrated.
//
// Stability: unsupported; it may change at any time.
package earlier

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
)

//go:embed testdata/0007.sql
var rows string

// Real makes a database of the engine for this test alone, with what the earlier release wrote while it was driven over HTTP,
// and returns its Leadmill database URL.
func Real(t testing.TB, e dbtest.Engine) string {
	t.Helper()
	return Grown(t, e, 0)
}

// Grown is Real with at least so many leads: copies of those of Real with all that belongs to them, the two sellers and their
// events interleaved as they were. Then there are also, besides what copies have: sales that are not live any more, some of
// them two of one lead; events of a team's aggregates; parked events; double clicks of now; and where events are numbered,
// gaps in their ids, positions in another order than ids, and events that wait for positions. The projections have handled the
// events of Real and none of the copies'.
func Grown(t testing.TB, e dbtest.Engine, leads int) string {
	t.Helper()
	databaseURL := dbtest.URL(t, e)
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	conn, err := db.Writer.Connx(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	f := &fixture{t: t, db: db, conn: conn, sqlite: e == dbtest.SQLite}
	f.schema()
	f.exec("BEGIN")
	f.script(rows)
	if !f.sqlite {
		f.exec("INSERT INTO event_positions (position, id, seller_id) SELECT id, id, seller_id FROM events")
		f.exec("UPDATE event_sequence SET last_position = (SELECT COUNT(*) FROM events)")
	}
	if leads > 0 {
		f.grow(leads)
	}
	f.exec("COMMIT")
	if !f.sqlite {
		f.exec("ANALYZE TABLE leads, sales, events, event_positions")
	}
	return databaseURL
}

type fixture struct {
	t      testing.TB
	db     *dialect.DB
	conn   *sqlx.Conn
	sqlite bool
}

func (f *fixture) exec(query string, args ...any) {
	f.t.Helper()
	if _, err := f.conn.ExecContext(context.Background(), query, args...); err != nil {
		f.t.Fatalf("%v in %.300s", err, query)
	}
}

func (f *fixture) number(query string, args ...any) (n int) {
	f.t.Helper()
	if err := f.conn.GetContext(context.Background(), &n, query, args...); err != nil {
		f.t.Fatalf("%v in %s", err, query)
	}
	return n
}

// script executes statements that end with a line.
func (f *fixture) script(text string) {
	f.t.Helper()
	for statement := range strings.SplitSeq(text, ";\n") {
		if strings.TrimSpace(statement) != "" {
			f.exec(statement)
		}
	}
}

// schema makes the tables of the earlier release by the migrations up to its version, which never change.
func (f *fixture) schema() {
	f.t.Helper()
	versions := "CREATE TABLE goose_db_version (id serial NOT NULL, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NULL default now(), PRIMARY KEY(id))"
	if f.sqlite {
		versions = "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))"
	}
	f.exec(versions)
	const applied = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)"
	f.exec(applied, 0)
	for version := 1; version <= 7; version++ {
		files, err := filepath.Glob(filepath.Join(repository(f.t), "adapters/sqlstore/migrations", f.db.Name(), fmt.Sprintf("%04d_*.sql", version)))
		if err != nil || len(files) != 1 {
			f.t.Fatalf("there are %d migrations %04d (%v)", len(files), version, err)
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			f.t.Fatal(err)
		}
		_, up, _ := strings.Cut(string(text), "-- +goose Up\n")
		up, _, _ = strings.Cut(up, "-- +goose Down")
		f.script(up)
		f.exec(applied, version)
	}
}

// repository is the folder of go.mod above the working directory.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test runs outside of the repository")
		}
		dir = filepath.Dir(dir)
	}
}
