package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// storage is how many bytes a database has on disk: of each table with its indexes, and of its server's binary
// logs.
type storage struct {
	tables map[string]int64
	binlog int64 // 0 on SQLite, which has none
}

// readStorage looks at a database through a connection of its own.
func readStorage(ctx context.Context, databaseURL string) (s storage, err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if db.Name() == (dialect.SQLite{}).Name() {
		// Pages that are still in the write-ahead log are counted as they will be in the file.
		s.tables, err = sizes(ctx, db, "SELECT s.tbl_name, SUM(d.pgsize) FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name GROUP BY s.tbl_name")
		return s, err
	}
	if s.tables, err = serverTables(ctx, db); err != nil {
		return s, err
	}
	s.binlog, err = binlogBytes(ctx, db)
	return s, err
}

const tableSizes = "SELECT table_name, data_length + index_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"

// serverTables has the tables counted first. The sizes are those of the pages that belong to a table and its indexes, with those
// that are kept free for each index, up to some megabytes.
func serverTables(ctx context.Context, db *dialect.DB) (map[string]int64, error) {
	known, err := sizes(ctx, db, tableSizes)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	if err := analyze(ctx, db, slices.Sorted(maps.Keys(known))); err != nil {
		return nil, fmt.Errorf("count the tables' sizes: %w", err)
	}
	return sizes(ctx, db, tableSizes)
}

// analyze has the server count its tables' pages; it keeps those of its last count.
func analyze(ctx context.Context, db *dialect.DB, tables []string) (err error) {
	rows, err := db.Reader.QueryContext(ctx, "ANALYZE NO_WRITE_TO_BINLOG TABLE `"+strings.Join(tables, "`, `")+"`")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() { // a line for each table
		continue
	}
	return rows.Err()
}

func sizes(ctx context.Context, db *dialect.DB, query string) (all map[string]int64, err error) {
	rows, err := db.Reader.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the tables' sizes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all = map[string]int64{}
	for rows.Next() {
		var name string
		var bytes int64
		if err := rows.Scan(&name, &bytes); err != nil {
			return nil, err
		}
		all[name] = bytes
	}
	return all, rows.Err()
}

// binlogBytes is the size of all binary logs of the server. Their second column is the size; MySQL has a third.
func binlogBytes(ctx context.Context, db *dialect.DB) (sum int64, err error) {
	rows, err := db.Reader.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return 0, fmt.Errorf("read the sizes of the binary logs: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		var bytes int64
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(sql.RawBytes)
		}
		into[1] = &bytes
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		sum += bytes
	}
	return sum, rows.Err()
}

// growth is how many bytes a lead brought.
type growth struct {
	tables map[string]float64
	binlog float64
}

// since is what came for each of so many leads.
func (s storage) since(before storage, leads int64) growth {
	each := func(bytes int64) float64 { return float64(bytes) / float64(max(leads, 1)) }
	g := growth{tables: map[string]float64{}, binlog: each(s.binlog - before.binlog)}
	for name, bytes := range s.tables {
		if more := bytes - before.tables[name]; more != 0 {
			g.tables[name] = each(more)
		}
	}
	return g
}

// disk is what all tables took for a lead.
func (g growth) disk() (sum float64) {
	for _, bytes := range g.tables {
		sum += bytes
	}
	return sum
}

// growthTable is a line for each table, the largest first, and one each for all tables and for the binary log. The first of the
// names is that of the lines, the others are those of the builds or engines, of which each has its runs.
func growthTable(names []string, builds ...[]measurement) string {
	averages := func(of func(growth) float64) []float64 {
		out := make([]float64, len(builds))
		for i, runs := range builds {
			for _, m := range runs {
				out[i] += of(m.growth) / float64(len(runs))
			}
		}
		return out
	}
	tables := map[string][]float64{}
	for _, runs := range builds {
		for _, m := range runs {
			for name := range m.growth.tables {
				tables[name] = averages(func(g growth) float64 { return g.tables[name] })
			}
		}
	}
	maps.DeleteFunc(tables, func(_ string, bytes []float64) bool { return slices.Max(bytes) < 1 })
	var b strings.Builder
	line := func(name string, bytes []float64) {
		b.WriteString("| " + name)
		for _, n := range bytes {
			fmt.Fprintf(&b, " | %.0f", n)
		}
		b.WriteString(" |\n")
	}
	fmt.Fprintf(&b, "| %s |\n|---%s|\n", strings.Join(names, " | "), strings.Repeat("|---:", len(names)-1))
	for _, name := range slices.SortedFunc(maps.Keys(tables), func(a, b string) int {
		return cmp.Or(cmp.Compare(slices.Max(tables[b]), slices.Max(tables[a])), cmp.Compare(a, b))
	}) {
		line(name, tables[name])
	}
	line("all tables", averages(growth.disk))
	line("binary log", averages(func(g growth) float64 { return g.binlog }))
	return b.String()
}
