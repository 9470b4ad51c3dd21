package sqlstore_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func files(texts ...string) fs.FS {
	all := fstest.MapFS{}
	for i := 0; i < len(texts); i += 2 {
		all[texts[i]] = &fstest.MapFile{Data: []byte(texts[i+1])}
	}
	return all
}

// acme is a module whose migrations change tables in all ways that can be done once only.
var acme = sqlstore.Module{Name: "acme", Files: files(
	"0001_cases.sql", `-- +goose Up
CREATE TABLE x_acme_cases (id VARCHAR(64) NOT NULL PRIMARY KEY, opened BIGINT NOT NULL, note VARCHAR(99) NOT NULL);
CREATE UNIQUE INDEX x_acme_cases_opened ON x_acme_cases (opened);
INSERT INTO x_acme_cases (id, opened, note) VALUES ('case_1', 1, 'a'), ('case_2', 2, 'b;');
-- +goose Down
DROP TABLE x_acme_cases;
`,
	"mysql/0002_closed.sql", `ALTER TABLE x_acme_cases ADD COLUMN closed BIGINT NOT NULL DEFAULT 0, ADD COLUMN late BIGINT NOT NULL DEFAULT 0;
UPDATE x_acme_cases SET closed = closed + opened;
ALTER TABLE x_acme_cases RENAME COLUMN note TO remark;
ALTER TABLE x_acme_cases DROP COLUMN late;
CREATE TABLE x_acme_made (id BIGINT NOT NULL PRIMARY KEY) ENGINE=InnoDB;
RENAME TABLE x_acme_made TO x_acme_notes;
`,
	"sqlite/0002_closed.sql", `ALTER TABLE x_acme_cases ADD COLUMN closed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE x_acme_cases ADD COLUMN late BIGINT NOT NULL DEFAULT 0;
UPDATE x_acme_cases SET closed = closed + opened;
ALTER TABLE x_acme_cases RENAME COLUMN note TO remark;
ALTER TABLE x_acme_cases DROP COLUMN late;
CREATE TABLE x_acme_made (id BIGINT NOT NULL PRIMARY KEY);
ALTER TABLE x_acme_made RENAME TO x_acme_notes;
`,
	"0003_view.sql", "CREATE VIEW x_acme_closed AS SELECT id FROM x_acme_cases WHERE closed > 0",
)}

// requireAcme asserts that all migrations of acme were run once.
func requireAcme(t *testing.T, db *dialect.DB, why string) {
	t.Helper()
	var rows []string
	require.NoError(t, db.Reader.SelectContext(t.Context(), &rows, "SELECT remark FROM x_acme_cases WHERE closed = opened ORDER BY id"), why)
	require.Equal(t, []string{"a", "b;"}, rows, why)
	require.Equal(t, []string{"id", "opened", "remark", "closed"}, columns(t, db, "x_acme_cases"), why)
	require.Equal(t, []string{"id"}, columns(t, db, "x_acme_notes"), why)
	require.Equal(t, []string{"id"}, columns(t, db, "x_acme_closed"), why)
	require.Equal(t, []string{"x_acme_cases", "x_acme_migrations", "x_acme_notes"},
		slices.DeleteFunc(tables(t, db), func(n string) bool { return !strings.HasPrefix(n, "x_acme_") }), why)
	require.NoError(t, sqlstore.CheckVersion(t.Context(), db, acme), why)
}

func TestMigrateModules(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db := open(t, dbtest.URL(t, engine))
		zeta := sqlstore.Module{Name: "zeta", Files: files("1_a.sql", "CREATE TABLE x_zeta_a (id BIGINT NOT NULL PRIMARY KEY)")}
		require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db, zeta, acme), sqlstore.ErrSchemaOlder)
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
		require.EqualError(t, sqlstore.CheckVersion(t.Context(), db, zeta, acme),
			`module "acme": its schema is version 0, this leadmill needs version 3: run "leadmill migrate up"`)
		status := func(applied bool) {
			t.Helper()
			all, err := sqlstore.Status(t.Context(), db, zeta, acme)
			require.NoError(t, err)
			require.Equal(t, []sqlstore.MigrationStatus{
				{Module: "acme", Version: 1, Name: "0001_cases.sql", Applied: applied},
				{Module: "acme", Version: 2, Name: db.Name() + "/0002_closed.sql", Applied: applied},
				{Module: "acme", Version: 3, Name: "0003_view.sql", Applied: applied},
				{Module: "zeta", Version: 1, Name: "1_a.sql", Applied: applied},
			}, slices.DeleteFunc(all, func(m sqlstore.MigrationStatus) bool { return m.Module == "" }))
		}
		status(false)
		require.NotContains(t, tables(t, db), "x_acme_migrations", "looking changes nothing")
		for range 2 {
			require.NoError(t, sqlstore.Migrate(t.Context(), db, zeta, acme))
			require.NoError(t, sqlstore.Migrate(t.Context(), db, acme))
			status(true)
		}
		run(t, db, []string{"DROP TABLE x_zeta_a"})
		requireAcme(t, db, "")

		// A build without the module, one of before and one of later.
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
		require.NoError(t, sqlstore.CheckVersion(t.Context(), db))
		older := sqlstore.Module{Name: "acme", Files: files("0001_cases.sql", "TRUNCATE x_acme_cases")}
		for _, err := range []error{sqlstore.CheckVersion(t.Context(), db, older), sqlstore.Migrate(t.Context(), db, older)} {
			require.ErrorIs(t, err, sqlstore.ErrSchemaNewer)
			require.ErrorContains(t, err, `module "acme": its schema is version 3, newer than version 1`)
		}
		requireAcme(t, db, "")
		for bits, want := range map[int]error{3: nil, 2: nil, 0: sqlstore.ErrSchemaNewer, 1: sqlstore.ErrSchemaNewer} { // begun or done, additive or not
			run(t, db, []string{"UPDATE x_acme_migrations SET applied = " + strconv.Itoa(bits) + " WHERE version > 1"})
			require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db, older), want, "%d", bits)
		}
		later := sqlstore.Module{Name: "acme", Files: files("4_more.sql", "CREATE TABLE x_acme_more (id BIGINT NOT NULL PRIMARY KEY)")}
		require.NoError(t, sqlstore.Migrate(t.Context(), db, later), "files that were applied may go")
		between := sqlstore.Module{Name: "acme", Files: files("5_x.sql", "DROP TABLE x_acme_more", "2_x.sql", "DROP TABLE x_acme_more", "0_x.sql", "")}
		require.ErrorContains(t, sqlstore.Migrate(t.Context(), db, between), "0_x.sql: numbers begin with 1")
		run(t, db, []string{"DELETE FROM x_acme_migrations WHERE version = 2"})
		between.Files = files("5_x.sql", "DROP TABLE x_acme_more", "2_x.sql", "DROP TABLE x_acme_more")
		require.ErrorContains(t, sqlstore.Migrate(t.Context(), db, between), "2_x.sql: the database has version 4 already: give the file a higher number")
	})
}

// A build of before goes on beside a migration that says that it only adds, while it runs and when it is done.
func TestAnAdditiveMigrationOfAModule(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db := open(t, migrated.URL(t, engine))
		first := "CREATE TABLE x_m_a (id BIGINT NOT NULL PRIMARY KEY)"
		before := sqlstore.Module{Name: "m", Files: files("1_a.sql", first)}
		require.NoError(t, sqlstore.Migrate(t.Context(), db, before))
		after := sqlstore.Module{Name: "m", Files: files("1_a.sql", first, "2_b.sql", "-- +leadmill additive\nALTER TABLE x_m_a ADD COLUMN note VARCHAR(20) NULL")}
		require.NoError(t, sqlstore.Migrate(t.Context(), db, after))
		require.NoError(t, sqlstore.CheckVersion(t.Context(), db, before))
		require.NoError(t, sqlstore.Migrate(t.Context(), db, before))
		require.NoError(t, sqlstore.CheckVersion(t.Context(), db, after))
		breaking := sqlstore.Module{Name: "m", Files: files("3_c.sql", "-- additive, it says\nALTER TABLE x_m_a DROP COLUMN note")}
		require.NoError(t, sqlstore.Migrate(t.Context(), db, breaking))
		require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db, before), sqlstore.ErrSchemaNewer)
		require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db, after), sqlstore.ErrSchemaNewer)
	})
}

func TestMigrateModulesAtOnce(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		url := migrated.URL(t, engine)
		errs := make([]error, 4)
		var all sync.WaitGroup
		for i := range errs {
			db := open(t, url)
			all.Go(func() { errs[i] = sqlstore.Migrate(t.Context(), db, acme) })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		requireAcme(t, open(t, url), "")
	})
}

// TestMigrateModulesAfterKill kills the process before each statement it sends, of which the server may have done the one
// before, and starts it again.
func TestMigrateModulesAfterKill(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db, all, err := killedAt(t, engine, 1_000)
		require.NoError(t, err)
		require.Greater(t, all, 10)
		requireAcme(t, db, "not killed")
		for kill := 1; kill <= all; kill++ {
			t.Run(fmt.Sprint(kill), func(t *testing.T) {
				t.Parallel()
				db, _, err := killedAt(t, engine, kill)
				require.Error(t, err)
				if engine != dbtest.SQLite { // the lease of the killed process ends by itself, but later
					if _, err := db.Writer.ExecContext(t.Context(), "UPDATE goose_lock SET locked = 0"); err != nil {
						require.ErrorContains(t, err, "doesn't exist")
					}
				}
				require.NoError(t, sqlstore.Migrate(t.Context(), db, acme))
				requireAcme(t, db, "")
			})
		}
	})
}

// killedAt migrates acme on a new database by a process that is killed before its statement number kill, counted from the first one
// about acme on. It returns how many were sent.
func killedAt(t *testing.T, engine dbtest.Engine, kill int) (db *dialect.DB, sent int, err error) {
	t.Helper()
	url := migrated.URL(t, engine)
	dying := &sqlstoretest.Faults{}
	victim, err := dialect.Open(url, dialect.Options{MaxConnections: 8, Wrap: dying.Wrap})
	require.NoError(t, err)
	var mu sync.Mutex
	dead := func(counts bool) bool {
		mu.Lock()
		defer mu.Unlock()
		if counts && sent < kill {
			sent++
		}
		return sent >= kill
	}
	dying.Before(func(query string) error {
		mu.Lock()
		begun := sent > 0
		mu.Unlock()
		if dead((begun || strings.Contains(query, "x_acme_migrations")) && !strings.Contains(query, "goose_lock")) {
			return driver.ErrBadConn
		}
		return nil
	})
	dying.Commit(func(_ []string, commit, rollback func() error) error {
		if dead(true) {
			return errors.Join(rollback(), driver.ErrBadConn)
		}
		return commit()
	})
	err = sqlstore.Migrate(t.Context(), victim, acme)
	dying.Commit(nil)
	require.NoError(t, victim.Close())
	return open(t, url), sent, err
}

// TestMigrateModulesFails has statements that the database refuses: the file is mended and run on.
func TestMigrateModulesFails(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db := open(t, migrated.URL(t, engine))
		module := func(statements ...string) sqlstore.Module {
			return sqlstore.Module{Name: "m", Files: files("1_a.sql", strings.Join(statements, ";\n"))}
		}
		create := "CREATE TABLE x_m_a (id BIGINT NOT NULL PRIMARY KEY)"
		for range 2 {
			err := sqlstore.Migrate(t.Context(), db, module(create, create))
			require.ErrorContains(t, err, `migrate: module "m": 1_a.sql: "`+create)
			require.ErrorContains(t, err, "already exists", "the second one was never on its way")
			require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db, module(create, create)), sqlstore.ErrSchemaOlder)
		}
		if engine != dbtest.SQLite {
			err := sqlstore.Migrate(t.Context(), db, module(create+" ENGINE=InnoDB", create))
			require.ErrorContains(t, err, "its first 1 statements were run already and are not what they were")
			require.Contains(t, tables(t, db), "x_m_a")
		} else {
			require.NotContains(t, tables(t, db), "x_m_a")
		}
		twice := "INSERT INTO x_m_a (id) VALUES (1), (1)"
		err := sqlstore.Migrate(t.Context(), db, module(create, twice))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "'1'", "values of rows are in no error")
		require.NoError(t, sqlstore.Migrate(t.Context(), db, module(create, "INSERT INTO x_m_a (id) VALUES (1), (2)")))
		var n int
		require.NoError(t, db.Reader.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM x_m_a"))
		require.Equal(t, 2, n)
	})
}

func TestCheckMigrations(t *testing.T) {
	t.Parallel()
	const create = "CREATE TABLE x_m_a (id BIGINT NOT NULL PRIMARY KEY)"
	require.NoError(t, sqlstore.CheckMigrations())
	require.NoError(t, sqlstore.CheckMigrations(acme, sqlstore.Module{Name: "m", Files: files("1_a.sql", create, "mysql/2_b.sql", create, "sqlite/2_c.sql", create)}))
	for name, c := range map[string]struct {
		modules sqlstore.Modules
		says    string
	}{
		"no files":         {sqlstore.Modules{{Name: "m"}}, `module "m": has no files`},
		"empty":            {sqlstore.Modules{{Name: "m", Files: files()}}, `module "m": has no file like 0001_name.sql`},
		"name":             {sqlstore.Modules{{Name: "Acme Corp", Files: files("1_a.sql", create)}}, `module "Acme Corp": a module with migrations has a name of 1 to 20`},
		"long name":        {sqlstore.Modules{{Name: strings.Repeat("a", 21), Files: files("1_a.sql", create)}}, "has a name of 1 to 20"},
		"a folder too far": {sqlstore.Modules{{Name: "m", Files: files("migrations/1_a.sql", create)}}, `module "m": migrations: is no file like 0001_name.sql`},
		"another file":     {sqlstore.Modules{{Name: "m", Files: files("1_a.sql", create, "mysql/readme.md", "")}}, "mysql/readme.md: is no file like"},
		"same number":      {sqlstore.Modules{{Name: "m", Files: files("1_a.sql", create, "001_b.sql", create)}}, "1_a.sql: 001_b.sql has this number already"},
		"root and folder":  {sqlstore.Modules{{Name: "m", Files: files("1_a.sql", create, "mysql/1_b.sql", create, "sqlite/1_b.sql", create)}}, "mysql/1_b.sql: 1_a.sql has this number already, for both engines"},
		"only mysql":       {sqlstore.Modules{{Name: "m", Files: files("mysql/1_b.sql", create)}}, "mysql/1_b.sql: the folder sqlite has no file of this number"},
		"only sqlite":      {sqlstore.Modules{{Name: "m", Files: files("sqlite/1_b.sql", create)}}, "sqlite/1_b.sql: the folder mysql has no file of this number"},
		"twice":            {sqlstore.Modules{{Name: "m", Files: files("1_a.sql", create)}, {Name: "m", Files: files("1_a.sql", create)}}, `modules "m" and "m": tables of one`},
		"overlap":          {sqlstore.Modules{{Name: "m_a", Files: files("1_a.sql", "DROP TABLE x_m_a_a")}, {Name: "m", Files: files("1_a.sql", create)}}, `modules "m_a" and "m": tables of one`},
	} {
		require.ErrorContains(t, sqlstore.CheckMigrations(c.modules...), c.says, name)
	}
	require.EqualError(t, sqlstore.CheckMigrations(sqlstore.Module{Name: "m", Files: files("mysql/1_b.sql", create)}),
		`module "m": mysql/1_b.sql: the folder sqlite has no file of this number`, "one mistake is one line")
	err := sqlstore.CheckMigrations(
		sqlstore.Module{Name: "m", Files: files("1_a.sql", "DROP TABLE sellers; ALTER TABLE leads ADD COLUMN a BIGINT", "mysql/2_b.sql", "DROP VIEW event_log", "sqlite/2_b.sql", "PRAGMA foreign_keys = OFF")},
		sqlstore.Module{Name: "n", Files: files("1_a.sql", "DELETE FROM x_m_a")},
	)
	require.ErrorContains(t, err, "")
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 5, "all problems are told, each once: %v", err)
	for i, begins := range []string{
		`module "m": 1_a.sql: "DROP TABLE sellers": sellers: `, `module "m": 1_a.sql: "ALTER TABLE leads ADD COLUMN a BIGINT": leads: `,
		`module "m": mysql/2_b.sql: "DROP VIEW event_log": event_log: `, `module "m": sqlite/2_b.sql: "PRAGMA foreign_keys = OFF": `,
		`module "n": 1_a.sql: "DELETE FROM x_m_a": x_m_a: `,
	} {
		require.True(t, strings.HasPrefix(lines[i], begins), lines[i])
	}
	require.ErrorContains(t, sqlstore.Migrate(t.Context(), nil, sqlstore.Module{Name: "n", Files: files("1_a.sql", "DELETE FROM x_m_a")}), `module "n"`)
}
