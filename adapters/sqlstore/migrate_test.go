package sqlstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func open(t *testing.T, url string) *dialect.DB {
	t.Helper()
	db, err := dialect.Open(url, dialect.Options{MaxConnections: 8})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func perEngine(t *testing.T, test func(t *testing.T, engine dbtest.Engine)) {
	t.Helper()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// migrations are those of the engine's directory and the two that are written in Go, none of them applied.
func migrations(t *testing.T, engine dbtest.Engine) []sqlstore.MigrationStatus {
	t.Helper()
	dir := "migrations/mysql"
	if engine == dbtest.SQLite {
		dir = "migrations/sqlite"
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	all := []sqlstore.MigrationStatus{{Version: 8, Name: "0008_event_segments.go"}, {Version: 9, Name: "0009_lean.go"}}
	for _, f := range files {
		version, err := strconv.ParseInt(f.Name()[:4], 10, 64)
		require.NoError(t, err)
		all = append(all, sqlstore.MigrationStatus{Version: version, Name: f.Name()})
	}
	slices.SortFunc(all, func(a, b sqlstore.MigrationStatus) int { return cmp.Compare(a.Version, b.Version) })
	return all
}

// newest is the version of the newest migration.
func newest(t *testing.T, engine dbtest.Engine) string {
	t.Helper()
	all := migrations(t, engine)
	return strconv.FormatInt(all[len(all)-1].Version, 10)
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db := open(t, dbtest.URL(t, engine))
		require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db), sqlstore.ErrSchemaOlder)
		require.ErrorContains(t, sqlstore.CheckVersion(t.Context(), db), "version 0, this leadmill needs version "+newest(t, engine))
		require.Empty(t, tables(t, db), "looking changes nothing")
		all, err := sqlstore.Status(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, migrations(t, engine), all)
		for range 2 {
			require.NoError(t, sqlstore.Migrate(t.Context(), db))
			require.NoError(t, sqlstore.CheckVersion(t.Context(), db))
			all, err = sqlstore.Status(t.Context(), db)
			require.NoError(t, err)
			for _, m := range all {
				require.True(t, m.Applied, m.Name)
			}
		}
		_, err = db.Writer.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		require.NoError(t, err)
		both := func() []error {
			return []error{sqlstore.CheckVersion(t.Context(), db), sqlstore.Migrate(t.Context(), db)}
		}
		require.NoError(t, errors.Join(both()...), "what only adds is worked beside")
		_, err = db.Writer.ExecContext(t.Context(), "UPDATE installation SET value = ? WHERE name = 'schema_floor'", []byte("99"))
		require.NoError(t, err)
		for _, err := range both() {
			require.ErrorIs(t, err, sqlstore.ErrSchemaNewer)
			require.ErrorContains(t, err, "version 99, newer than version "+newest(t, engine))
		}
		_, err = db.Writer.ExecContext(t.Context(), "DELETE FROM installation WHERE name = 'schema_floor'")
		require.NoError(t, err)
		require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db), sqlstore.ErrSchemaNewer, "what says nothing is not")
		_, err = db.Writer.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 25")
		require.NoError(t, err)
		require.ErrorContains(t, sqlstore.CheckVersion(t.Context(), db), "version 25, this leadmill needs version "+newest(t, engine))
	})
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		url := dbtest.URL(t, engine)
		errs := make([]error, 4)
		var all sync.WaitGroup
		for i := range errs {
			db := open(t, url)
			all.Go(func() { errs[i] = sqlstore.Migrate(t.Context(), db) })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		db := open(t, url)
		var rows []int
		require.NoError(t, db.Reader.SelectContext(t.Context(), &rows, "SELECT version_id FROM goose_db_version ORDER BY id"))
		want := []int{0}
		for _, m := range migrations(t, engine) {
			want = append(want, int(m.Version))
		}
		require.Equal(t, want, rows, "each ran once")
	})
}

// statements returns the statements of a migration going up.
func statements(t *testing.T, engine, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("migrations", engine, name))
	require.NoError(t, err)
	_, up, ok := strings.Cut(string(text), "-- +goose Up\n")
	require.True(t, ok)
	up, _, ok = strings.Cut(up, "-- +goose Down")
	require.True(t, ok)
	var out []string
	for statement := range strings.SplitSeq(up, ";\n") {
		if strings.TrimSpace(statement) != "" {
			out = append(out, statement)
		}
	}
	return out
}

// before returns the statements of all migrations before a version, with the rows that say that they ran.
func before(t *testing.T, engine dbtest.Engine, version int) (out []string) {
	t.Helper()
	folder := "mysql"
	if engine == dbtest.SQLite {
		folder = "sqlite"
	}
	for i, name := range []string{"0001_core.sql", "0002_events.sql", "0003_campaign_report.sql"}[:version-1] {
		out = append(append(out, statements(t, folder, name)...), fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)", i+1))
	}
	return out
}

// run executes statements on one connection.
func run(t *testing.T, db *dialect.DB, all []string) {
	t.Helper()
	conn, err := db.Writer.Connx(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	for _, statement := range all {
		_, err := conn.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// TestMigrateProgram brings a database of before the partner program up to date, with what is in it.
func TestMigrateProgram(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		url := dbtest.URL(t, engine)
		versions := "CREATE TABLE goose_db_version (id serial NOT NULL, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NULL default now(), PRIMARY KEY(id))"
		if engine == dbtest.SQLite {
			versions = "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))"
		}
		db := open(t, url)
		run(t, db, slices.Concat([]string{versions, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true)"}, before(t, engine, 4), []string{
			"INSERT INTO sellers VALUES ('seller_1', 'ABCD1234', 'slug', 'Name 🙂', 'USD', 'UTC', 'https://example.com', 1, 2, 3)",
			"INSERT INTO partners VALUES ('seller_1', 'a', 'A@example.com', 'a@example.com', 'Ann', 'O', 'active', 1, 1, '[\"t\"]', '', 'hash', 4, 5, 6)",
			"INSERT INTO partners VALUES ('seller_1', 'b', 'b@example.com', 'b@example.com', 'Bob', '', 'active', 1, 0, '[]', 'a', '', 7, 8, 9)",
			"INSERT INTO partners VALUES ('seller_2', 'z', 'z@example.com', 'z@example.com', 'Zoe', '', 'active', 1, 0, '[]', '', '', 6, 8, 9)",
			"INSERT INTO partner_keys VALUES ('seller_1', 'k1', 'a', 0), ('seller_1', 'k2', 'b', 0)",
			"INSERT INTO partner_keys VALUES ('seller_2', 'k1', 'z', 0), ('seller_2', 'k2', 'z', 1), ('seller_2', 'k3', 'z', -1)",
			fmt.Sprintf("INSERT INTO leads VALUES ('lead_1', 'seller_1', 'ABCD1234', 'supplier', 'key_1', 'a', 'campaign_1', 'Solar', X'%x', '', 0, 'pending', '', '', 0, 0, 0, X'%x', 10, X'%064x', 201, X'%[2]x', 11, 12, 13)",
				`{"zip":"02139"}`, "{}", 0),
		}))
		require.ErrorContains(t, sqlstore.CheckVersion(t.Context(), db), "version 3, this leadmill needs version "+newest(t, engine))
		h := sqlstoretest.New(t, url) // which migrates
		fresh := open(t, dbtest.URL(t, engine))
		require.NoError(t, sqlstore.Migrate(t.Context(), fresh))
		require.Equal(t, schema(t, fresh), schema(t, db))
		var links []string
		require.NoError(t, db.Reader.SelectContext(t.Context(), &links, "SELECT CONCAT(referral_key, ' ', seller_id) FROM short_links ORDER BY referral_key"))
		require.Equal(t, []string{"k1 seller_1", "k2 seller_2", "k3 seller_2"}, links, "a key of two is the older partner's")
		require.NoError(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			s, err := tx.Sellers().Lock(ctx, "seller_1")
			require.NoError(t, err)
			require.Equal(t, seller.DefaultProgram(), s.Program())
			require.Equal(t, []any{"Name 🙂", "https://example.com", int64(3)}, []any{s.Snapshot().Name, s.Website(), s.Version()})
			require.NoError(t, s.Configure(seller.Settings{CookieDays: new(7)}, time.UnixMicro(20)))
			require.NoError(t, tx.Sellers().Save(ctx, s))
			a, err := tx.Partners().Lock(ctx, "seller_1", application.PartnerHandle{Key: "k1"})
			require.NoError(t, err)
			at := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
			require.Equal(t, partner.Snapshot{
				SellerID: "seller_1", ID: "a", Email: "A@example.com", EmailKey: "a@example.com", Name: "Ann", Surname: "O",
				Status: partner.StatusActive, Approved: true, TermsAccepted: true, Keys: []string{"k1"}, Tags: []string{"t"}, PasswordHash: "hash",
				CreatedAt: at(4), UpdatedAt: at(5), Version: 6,
			}, a.Snapshot())
			require.NoError(t, a.Delete(at(20)))
			require.NoError(t, tx.Partners().Save(ctx, a))
			chain, err := tx.Partners().Chain(ctx, "seller_1", "b")
			require.NoError(t, err)
			require.Equal(t, []string{"b", "a"}, chain)
			leads, err := tx.Leads().LockPending(ctx, application.Ref{SellerID: "seller_1", ID: "campaign_1"}, "", 10)
			require.NoError(t, err)
			require.Len(t, leads, 1)
			require.Equal(t, []any{"02139", int64(13), lead.OriginSupplier}, []any{leads[0].Snapshot().Fields["zip"].Text, leads[0].Version(), leads[0].Snapshot().Origin})
			require.NoError(t, leads[0].Expire(at(20)))
			return tx.Leads().SaveAll(ctx, leads)
		}))
	})
}

// TestMigrateAfterCrash kills a migration between its statements: on MySQL each has committed itself.
func TestMigrateAfterCrash(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		if engine == dbtest.SQLite {
			crashSQLite(t)
			return
		}
		fresh := open(t, dbtest.URL(t, engine))
		require.NoError(t, sqlstore.Migrate(t.Context(), fresh))
		core, events := statements(t, "mysql", "0001_core.sql"), statements(t, "mysql", "0002_events.sql")
		program := statements(t, "mysql", "0004_partner_program.sql")
		versions := "CREATE TABLE goose_db_version (id serial NOT NULL, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NULL default now(), PRIMARY KEY(id))"
		row := "INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)"
		zero := []string{versions, fmt.Sprintf(row, 0)}
		for name, done := range map[string][]string{
			"the first table":              slices.Concat(zero, core[:1]),
			"half of the core":             slices.Concat(zero, core[:len(core)/2]),
			"all of the core":              slices.Concat(zero, core),
			"half of the events":           slices.Concat(zero, core, []string{fmt.Sprintf(row, 1)}, events[:2]),
			"all of the events":            slices.Concat(zero, core, []string{fmt.Sprintf(row, 1)}, events),
			"a table of versions, no rows": {versions},
			"a column of the program":      slices.Concat(zero, before(t, engine, 4), program[:4]),
			"a prepared key":               slices.Concat(zero, before(t, engine, 4), program[:10]),
			"half of the program":          slices.Concat(zero, before(t, engine, 4), program[:len(program)-3]),
			"all of the program":           slices.Concat(zero, before(t, engine, 4), program),
		} {
			db := open(t, dbtest.URL(t, engine))
			run(t, db, done)
			require.ErrorIs(t, sqlstore.CheckVersion(t.Context(), db), sqlstore.ErrSchemaOlder, name)
			require.NoError(t, sqlstore.Migrate(t.Context(), db), name)
			require.Equal(t, schema(t, fresh), schema(t, db), name)
			var sequences int
			require.NoError(t, db.Reader.GetContext(t.Context(), &sequences, "SELECT COUNT(*) FROM event_sequence"))
			require.Equal(t, 1, sequences, name)
		}
	})
}

// crashSQLite makes the last migration fail: nothing of the ones before it stays.
func crashSQLite(t *testing.T) {
	db := open(t, dbtest.URL(t, dbtest.SQLite))
	_, err := db.Writer.ExecContext(t.Context(), "CREATE TABLE program_days (id INTEGER PRIMARY KEY)")
	require.NoError(t, err)
	require.Error(t, sqlstore.Migrate(t.Context(), db))
	require.Equal(t, []string{"program_days"}, tables(t, db))
	_, err = db.Writer.ExecContext(t.Context(), "DROP TABLE program_days")
	require.NoError(t, err)
	require.NoError(t, sqlstore.Migrate(t.Context(), db))
}

// TestMigrateCancelled ends a migration that waits for another one.
func TestMigrateCancelled(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db := open(t, dbtest.URL(t, engine))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, sqlstore.Migrate(ctx, db))
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
	})
}

func tables(t *testing.T, db *dialect.DB) []string {
	t.Helper()
	query := "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY name"
	if db.Name() == "sqlite" {
		query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
	}
	var names []string
	require.NoError(t, db.Reader.SelectContext(t.Context(), &names, query))
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "goose_") })
}

// schema describes the tables in words that are the same for all engines: a line for each column and each key.
func schema(t *testing.T, db *dialect.DB) []string {
	t.Helper()
	var lines []string
	for _, table := range tables(t, db) {
		if db.Name() == "sqlite" {
			lines = append(lines, sqliteTable(t, db, table)...)
		} else {
			lines = append(lines, mysqlTable(t, db, table)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// columns returns the names of what a table or view has.
func columns(t *testing.T, db *dialect.DB, name string) []string {
	t.Helper()
	rows, err := db.Reader.QueryContext(t.Context(), "SELECT * FROM "+name)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	names, err := rows.Columns()
	require.NoError(t, err)
	return names
}

func mysqlTable(t *testing.T, db *dialect.DB, table string) (lines []string) {
	t.Helper()
	var columns []struct {
		Name string `db:"name"`
		Type string `db:"type"`
		Null string `db:"nullable"`
	}
	require.NoError(t, db.Reader.SelectContext(t.Context(), &columns,
		"SELECT column_name AS name, column_type AS type, is_nullable AS nullable FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?", table))
	for _, c := range columns {
		kind, length, _ := strings.Cut(strings.TrimSuffix(c.Type, ")"), "(")
		switch kind {
		case "bigint", "int", "tinyint":
			kind, length = "INTEGER", ""
		case "varchar":
			kind, length = "TEXT", " <= "+length
		case "longtext", "text":
			kind = "TEXT"
		case "varbinary":
			kind, length = "BLOB", " <= "+length
		case "binary":
			kind, length = "BLOB", " = "+length
		case "longblob":
			kind = "BLOB"
		case "blob":
			kind, length = "BLOB", " <= 65535"
		}
		lines = append(lines, fmt.Sprintf("%s.%s %s%s null=%v", table, c.Name, kind, length, c.Null == "YES"))
	}
	var keys []struct {
		Name    string `db:"name"`
		Common  bool   `db:"non_unique"`
		Columns string `db:"columns"`
	}
	require.NoError(t, db.Reader.SelectContext(t.Context(), &keys,
		"SELECT index_name AS name, MAX(non_unique) AS non_unique, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? GROUP BY index_name", table))
	for _, k := range keys {
		lines = append(lines, fmt.Sprintf("%s key %s unique=%v (%s)", table, k.Name, !k.Common, k.Columns))
	}
	return lines
}

func sqliteTable(t *testing.T, db *dialect.DB, table string) (lines []string) {
	t.Helper()
	var text string
	require.NoError(t, db.Reader.GetContext(t.Context(), &text, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table))
	require.Contains(t, text, "STRICT")
	var columns []struct {
		Name    string `db:"name"`
		Type    string `db:"type"`
		NotNull bool   `db:"notnull"`
		PK      int    `db:"pk"`
	}
	require.NoError(t, db.Reader.SelectContext(t.Context(), &columns, "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)", table))
	primary := make([]string, len(columns))
	for _, c := range columns {
		_, length, _ := strings.Cut(text, "CHECK (length("+c.Name+")")
		length, _, _ = strings.Cut(length, ")")
		lines = append(lines, fmt.Sprintf("%s.%s %s%s null=%v", table, c.Name, c.Type, length, !c.NotNull && c.PK == 0))
		if c.PK > 0 {
			primary[c.PK-1] = c.Name
		}
	}
	primary = slices.DeleteFunc(primary, func(n string) bool { return n == "" })
	lines = append(lines, fmt.Sprintf("%s key PRIMARY unique=true (%s)", table, strings.Join(primary, ",")))
	var keys []struct {
		Name    string `db:"name"`
		Unique  bool   `db:"is_unique"`
		Columns string `db:"columns"`
	}
	require.NoError(t, db.Reader.SelectContext(t.Context(), &keys,
		"SELECT l.name, l.\"unique\" AS is_unique, (SELECT GROUP_CONCAT(i.name, ',' ORDER BY i.seqno) FROM pragma_index_info(l.name) i) AS columns FROM pragma_index_list(?) l WHERE l.origin = 'c'", table))
	for _, k := range keys {
		lines = append(lines, fmt.Sprintf("%s key %s unique=%v (%s)", table, k.Name, k.Unique, k.Columns))
	}
	return lines
}

// TestSameSchema holds the two folders of migrations together: they may differ in how events get their positions only.
func TestSameSchema(t *testing.T) {
	t.Parallel()
	sqlite := open(t, dbtest.URL(t, dbtest.SQLite))
	require.NoError(t, sqlstore.Migrate(t.Context(), sqlite))
	embedded := schema(t, sqlite)
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		if engine == dbtest.SQLite {
			require.Contains(t, embedded, "leads.external_id TEXT <= 255 null=false")
			require.Contains(t, embedded, "claims.claim_key BLOB = 32 null=false")
			require.Contains(t, embedded, "campaigns key campaigns_active unique=true (seller_id,active_key)")
			return
		}
		db := open(t, dbtest.URL(t, engine))
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
		got := schema(t, db)
		for _, only := range []string{
			"event_pending.first_id INTEGER null=false", "event_pending.seller_id TEXT <= 64 null=false", "event_pending.tx INTEGER null=false",
			"event_pending.segments INTEGER null=false", "event_pending key PRIMARY unique=true (first_id)",
		} {
			require.Contains(t, got, only)
			got = slices.DeleteFunc(got, func(l string) bool { return l == only })
		}
		require.Equal(t, embedded, got)
	})
}
