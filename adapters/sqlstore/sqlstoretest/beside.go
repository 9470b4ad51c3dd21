package sqlstoretest

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// The sellers whose rows are held by Beside: their ids come before and behind those of all others.
var beside = []string{"!", "~"}

// Beside holds, until the test ends, rows of other sellers in every table that has rows of sellers, in a transaction that is not
// committed. Nobody sees them, but whoever locks more than the rows of the own seller waits for them until it is told so. What plan the
// server makes for a table depends on what it believes to be in it, so each statement that locks rows is looked at too: it names one
// row by a unique key, or the key to find its rows by. Nothing is held on SQLite, which has one writer.
func (h *Harness) Beside(t *testing.T) {
	t.Helper()
	if !h.Concurrent() {
		return
	}
	other, err := dialect.Open(h.URL, dialect.Options{MaxConnections: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	tx, err := other.Writer.BeginTxx(context.Background(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tx.Rollback()) })
	var columns []struct {
		Table string `db:"of_table"`
		Name  string `db:"name"`
		Type  string `db:"type"`
		Own   bool   `db:"own"`
	}
	require.NoError(t, tx.SelectContext(t.Context(), &columns, "SELECT c.table_name AS of_table, c.column_name AS name, c.data_type AS type, c.extra LIKE '%auto_increment%' AS own "+
		"FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' "+
		"WHERE c.table_schema = DATABASE() AND c.table_name NOT LIKE 'x\\_%' ORDER BY c.table_name, c.ordinal_position"))
	h.checkKeys(t, tx)
	for len(columns) > 0 {
		n, ofSellers := 0, columns[0].Table == "sellers"
		for n < len(columns) && columns[n].Table == columns[0].Table {
			ofSellers = ofSellers || columns[n].Name == "seller_id"
			n++
		}
		for i, id := range beside {
			if !ofSellers {
				break
			}
			var names []string
			var values []any
			for _, c := range columns[:n] {
				switch {
				case c.Own:
					continue
				case strings.HasSuffix(c.Type, "int"):
					values = append(values, i)
				case strings.HasSuffix(c.Type, "binary"):
					values = append(values, []byte(strings.Repeat(id, 32)))
				default:
					values = append(values, id)
				}
				names = append(names, c.Name)
			}
			_, err := tx.ExecContext(t.Context(), "INSERT INTO "+columns[0].Table+" ("+strings.Join(names, ", ")+") VALUES (?"+strings.Repeat(", ?", len(names)-1)+")", values...)
			require.NoError(t, err, columns[0].Table)
		}
		columns = columns[n:]
	}
}

// checkKeys looks at the statements of all transactions until the test ends.
func (h *Harness) checkKeys(t *testing.T, db sqlx.QueryerContext) {
	t.Helper()
	unique := UniqueKeys(t, db)
	h.Faults.Committing(func(sent []Statement) {
		for _, s := range sent {
			if !LocksByKey(s.Query, unique) {
				t.Errorf("a statement that locks rows leaves it to the server by which key, or whether by any: %.300s", s.Query)
			}
		}
	})
}

// UniqueKeys returns the columns of the unique keys, by table and key, of all tables that have rows of sellers. Not for SQLite.
func UniqueKeys(t testing.TB, db sqlx.QueryerContext) map[string]map[string][]string {
	t.Helper()
	var columns []struct {
		Table string `db:"of_table"`
		Key   string `db:"of_key"`
		Name  string `db:"name"`
	}
	require.NoError(t, sqlx.SelectContext(context.Background(), db, &columns, "SELECT table_name AS of_table, index_name AS of_key, column_name AS name FROM information_schema.statistics "+
		"WHERE table_schema = DATABASE() AND non_unique = 0 AND (table_name = 'sellers' OR table_name IN "+
		"(SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'seller_id'))"))
	unique := map[string]map[string][]string{}
	for _, c := range columns {
		if unique[c.Table] == nil {
			unique[c.Table] = map[string][]string{}
		}
		unique[c.Table][c.Key] = append(unique[c.Table][c.Key], c.Name)
	}
	return unique
}

var locking = regexp.MustCompile(`^(?:UPDATE|DELETE FROM|DELETE [a-z_]+ FROM|.*\bSELECT .* FROM) ([a-z_]+)`)

// LocksByKey reports whether a statement that locks rows finds them by a key that it names, or one row by all columns of a unique key;
// unique is as of UniqueKeys. Other statements, and those on other tables, are none of its business.
func LocksByKey(query string, unique map[string]map[string][]string) bool {
	found := locking.FindStringSubmatch(query)
	if found == nil || strings.Contains(query, "SELECT ") && !strings.HasSuffix(query, " FOR UPDATE") || strings.Contains(query, " FORCE INDEX (") || unique[found[1]] == nil {
		return true
	}
	_, where, _ := strings.Cut(query, " WHERE ")
	for _, key := range unique[found[1]] {
		if !slices.ContainsFunc(key, func(column string) bool {
			return !regexp.MustCompile(`(?:^|AND )` + column + ` = (?:\?|\d+)`).MatchString(where)
		}) {
			return !strings.Contains(where, " OR ")
		}
	}
	return false
}
