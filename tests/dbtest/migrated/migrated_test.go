package migrated_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// TestACopyIsWhatMigrationsMake holds what all other tests rely on: nothing of a migrated database is lost in a copy, and
// a copy shares nothing with another one.
func TestACopyIsWhatMigrationsMake(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			made := open(t, dbtest.URL(t, e))
			require.NoError(t, sqlstore.Migrate(t.Context(), made))
			want := describe(t, made)
			require.Greater(t, len(want), 20, "every table and more are described")
			first, second := open(t, migrated.URL(t, e)), open(t, migrated.URL(t, e))
			require.NoError(t, sqlstore.CheckVersion(t.Context(), first))
			require.Empty(t, difference(want, describe(t, first)))
			_, err := first.Writer.ExecContext(t.Context(), "DELETE FROM goose_db_version")
			require.NoError(t, err)
			_, err = first.Writer.ExecContext(t.Context(), "CREATE TABLE another (id INT PRIMARY KEY)")
			require.NoError(t, err)
			require.NotEmpty(t, difference(want, describe(t, first)))
			require.Empty(t, difference(want, describe(t, second)))
		})
	}
}

func open(t *testing.T, databaseURL string) *dialect.DB {
	t.Helper()
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 4})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// catalogue is what an engine tells of a database's tables, columns, keys, checks, views and whatever else it can hold.
// It leaves out the database's own name and the times at which things were made.
var catalogue = map[string][]string{
	"sqlite": {
		"SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name",
		"PRAGMA journal_mode", "PRAGMA page_size", "PRAGMA encoding", "PRAGMA auto_vacuum", "PRAGMA user_version", "PRAGMA application_id",
		"SELECT name, seq FROM sqlite_sequence ORDER BY name",
	},
	"mysql": {
		"SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = DATABASE()",
		"SELECT table_name, table_type, engine, row_format, auto_increment, table_collation, create_options, table_comment FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name",
		"SELECT table_name, ordinal_position, column_name, column_default, is_nullable, column_type, character_set_name, collation_name, extra, column_comment, generation_expression FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
		"SELECT table_name, index_name, non_unique, seq_in_index, column_name, collation, sub_part, nullable, index_type FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index",
		"SELECT table_name, constraint_name, constraint_type FROM information_schema.table_constraints WHERE table_schema = DATABASE() ORDER BY table_name, constraint_name",
		"SELECT constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = DATABASE() ORDER BY constraint_name",
		"SELECT constraint_name, table_name, referenced_table_name, update_rule, delete_rule FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() ORDER BY table_name, constraint_name",
		"SELECT table_name, REPLACE(view_definition, CONCAT('`', DATABASE(), '`.'), ''), check_option, is_updatable, definer, security_type FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY table_name",
		"SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY routine_name",
		"SELECT trigger_name, event_manipulation, event_object_table, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY trigger_name",
		"SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY event_name",
	},
}

// logID is the identity of a log, which every migration makes anew.
var logID = regexp.MustCompile(`log_[0-9a-f]{32}`)

// difference returns the lines that only one of two descriptions has.
func difference(a, b []string) (lines []string) {
	for _, line := range a {
		if !slices.Contains(b, line) {
			lines = append(lines, "only migrated:"+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			lines = append(lines, "only copied:"+line)
		}
	}
	return lines
}

// describe returns a line for each thing that the catalogue of a database has, and for each of its rows.
func describe(t *testing.T, db *dialect.DB) (lines []string) {
	t.Helper()
	for _, query := range catalogue[db.Name()] {
		lines = append(lines, rows(t, db, query)...)
	}
	var tables []string
	list := "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
	if db.Name() != "sqlite" {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"
	}
	require.NoError(t, db.Reader.SelectContext(t.Context(), &tables, list))
	require.Contains(t, tables, "leads")
	for _, table := range tables {
		for _, row := range rows(t, db, "SELECT * FROM "+table, "tstamp", "updated_at") {
			lines = append(lines, table+": "+logID.ReplaceAllString(row, "log_…"))
		}
	}
	return lines
}

// rows returns a line for each row of a query. What some columns hold is left out: two databases were not migrated at the
// same moment.
func rows(t *testing.T, db *dialect.DB, query string, without ...string) (lines []string) {
	t.Helper()
	found, err := db.Reader.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, found.Close()) }()
	columns, err := found.Columns()
	require.NoError(t, err)
	for found.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range into {
			into[i] = &values[i]
		}
		require.NoError(t, found.Scan(into...))
		line := ""
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			if slices.Contains(without, columns[i]) {
				v = "…"
			}
			line += fmt.Sprintf(" %s=%v", columns[i], v)
		}
		lines = append(lines, line)
	}
	require.NoError(t, found.Err())
	return lines
}
