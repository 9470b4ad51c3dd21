package main

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestBytesOfTables(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			databaseURL := dbtest.URL(t, e)
			db, err := dialect.Open(databaseURL, dialect.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			exec := func(statement string, values ...any) {
				t.Helper()
				if _, err := db.Writer.ExecContext(t.Context(), statement, values...); err != nil {
					t.Fatal(err)
				}
			}
			exec("CREATE TABLE wide (id BIGINT PRIMARY KEY, text VARCHAR(1000) NOT NULL)")
			exec("CREATE TABLE indexed (id BIGINT PRIMARY KEY, text VARCHAR(200) NOT NULL)")
			exec("CREATE INDEX indexed_text ON indexed (text)")
			before, err := readStorage(t.Context(), databaseURL)
			if err != nil {
				t.Fatal(err)
			}
			const rows = 2000
			for i := range rows {
				exec("INSERT INTO wide VALUES (?, ?)", i, strings.Repeat("x", 1000))
				exec("INSERT INTO indexed VALUES (?, ?)", i, strings.Repeat("y", 200))
			}
			after, err := readStorage(t.Context(), databaseURL)
			if err != nil {
				t.Fatal(err)
			}
			g := after.since(before, rows)
			// The row itself, what a page has besides, and pages that are not full.
			if n := g.tables["wide"]; n < 1000 || n > 2600 {
				t.Errorf("a row of 1,000 bytes takes %.0f", n)
			}
			// The row and its entry in the index.
			if n := g.tables["indexed"]; n < 400 || n > 1200 {
				t.Errorf("a row of 200 bytes with an index of 200 takes %.0f", n)
			}
			if len(g.tables) != 2 || g.disk() != g.tables["wide"]+g.tables["indexed"] {
				t.Errorf("%v is %.0f together", g.tables, g.disk())
			}
			if logged := e != dbtest.SQLite; logged != (g.binlog > 1200) {
				t.Errorf("the binary log has %.0f bytes of a row", g.binlog)
			}
		})
	}
	if _, err := readStorage(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "none", "x.db")); err != nil {
		t.Errorf("an empty database gives %v", err)
	}
}

func TestGrowthIsOfALead(t *testing.T) {
	t.Parallel()
	before := storage{tables: map[string]int64{"same": 10, "more": 1000, "less": 500}, binlog: 100}
	after := storage{tables: map[string]int64{"same": 10, "more": 3000, "less": 400, "new": 50}, binlog: 1100}
	g := after.since(before, 100)
	if want := map[string]float64{"more": 20, "less": -1, "new": 0.5}; !maps.Equal(g.tables, want) || g.binlog != 10 || g.disk() != 19.5 {
		t.Errorf("it grew by %v, %v, %v", g.tables, g.binlog, g.disk())
	}
	table := growthTable([]string{"bytes a lead", "old", "new"}, []measurement{{growth: g}},
		[]measurement{{growth: growth{tables: map[string]float64{"lean": 30}}}, {growth: growth{tables: map[string]float64{"lean": 33, "more": 4}}}})
	if want := "| bytes a lead | old | new |\n|---|---:|---:|\n| lean | 0 | 32 |\n| more | 20 | 2 |\n| all tables | 20 | 34 |\n| binary log | 10 | 0 |\n"; table != want {
		t.Errorf("the table is\n%s, want\n%s", table, want)
	}
}
