// Package size says how large the tables of a database are and how quickly they grow.
//
// Stability: unsupported; it may change at any time.
package size

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
)

// Table is one table with its indexes.
type Table struct {
	Name  string `db:"name"`
	Rows  int64  `db:"rows"`  // counted on SQLite, the server's estimate on others
	Bytes int64  `db:"bytes"` // whole pages
	// Yesterday is how many rows came on the last full day of UTC; -1 when the table does not tell.
	Yesterday int64 `db:"-"`
}

// Growth is how many bytes came yesterday: its rows by the bytes of an average row; -1 when the table does not tell.
func (t Table) Growth() int64 {
	if t.Yesterday < 0 {
		return -1
	}
	return int64(float64(t.Yesterday) * float64(t.Bytes) / float64(max(t.Rows, t.Yesterday, 1)))
}

// Sizes is how large a database is.
type Sizes struct {
	Tables []Table // the largest first
	// Free is how many bytes the database's files hold for rows to come.
	Free int64
	// Counted says that rows were counted and not estimated.
	Counted bool
}

// Read looks at all tables of a migrated database; now says which day is the last full one. It only reads: on SQLite the whole file,
// on others the server's own figures and the keys of yesterday's rows. It fails with application.ErrUnavailable when the database
// cannot be reached.
func Read(ctx context.Context, db *dialect.DB, now time.Time) (Sizes, error) {
	s, err := read(ctx, db, now)
	switch {
	case err == nil:
		return s, nil
	case db.Classify(err) == dialect.Lost:
		return Sizes{}, application.ErrUnavailable.Because(dialect.Redact(err))
	default:
		return Sizes{}, fmt.Errorf("read the sizes of the tables: %w", dialect.Redact(err))
	}
}

func read(ctx context.Context, db *dialect.DB, now time.Time) (s Sizes, err error) {
	conn, err := db.Reader.Connx(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if s.Counted = db.Name() == (dialect.SQLite{}).Name(); s.Counted {
		s, err = ofFile(ctx, conn)
	} else {
		s, err = ofServer(ctx, conn)
	}
	if err != nil {
		return s, err
	}
	to := now.UTC().Truncate(24 * time.Hour)
	for i := range s.Tables {
		t := &s.Tables[i]
		if t.Yesterday, err = came(ctx, conn, t.Name, to.Add(-24*time.Hour), to); err != nil {
			return s, err
		}
	}
	slices.SortFunc(s.Tables, func(a, b Table) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
	return s, nil
}

// ofServer takes the figures that the server has.
func ofServer(ctx context.Context, conn *sqlx.Conn) (s Sizes, err error) {
	// MySQL otherwise shows figures that may be a day old. Other servers do not have the setting, and need none.
	_, _ = conn.ExecContext(ctx, "SET SESSION information_schema_stats_expiry = 0")
	rows, err := conn.QueryContext(ctx, "SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length + index_length, 0), COALESCE(data_free, 0) "+
		"FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t Table
		var free int64
		if err := rows.Scan(&t.Name, &t.Rows, &t.Bytes, &free); err != nil {
			return s, err
		}
		s.Free += free
		s.Tables = append(s.Tables, t)
	}
	return s, rows.Err()
}

// ofFile counts pages and rows of an SQLite file.
func ofFile(ctx context.Context, conn *sqlx.Conn) (s Sizes, err error) {
	s.Counted = true
	if err := conn.GetContext(ctx, &s.Free, "SELECT f.freelist_count * p.page_size FROM pragma_freelist_count f, pragma_page_size p"); err != nil {
		return s, err
	}
	var tables []struct {
		Name  string `db:"name"`
		Bytes int64  `db:"bytes"`
	}
	if err := conn.SelectContext(ctx, &tables, "SELECT s.tbl_name AS name, SUM(d.pgsize) AS bytes FROM dbstat d JOIN sqlite_schema s ON s.name = d.name "+
		"WHERE s.tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' GROUP BY s.tbl_name"); err != nil {
		return s, err
	}
	for _, found := range tables {
		t := Table{Name: found.Name, Bytes: found.Bytes}
		if err := conn.GetContext(ctx, &t.Rows, `SELECT COUNT(*) FROM "`+strings.ReplaceAll(t.Name, `"`, `""`)+`"`); err != nil {
			return s, err
		}
		s.Tables = append(s.Tables, t)
	}
	return s, nil
}

// byID counts rows by their ids, which begin with the time at which they were made, seller by seller: the keys of these tables
// begin with the seller.
const byID = "SELECT COUNT(*) FROM sellers s JOIN %[1]s t ON t.seller_id = s.id AND t.%[2]s >= ? AND t.%[2]s < ?"

// byBuyer is byID for a key that goes on with the buyer.
const byBuyer = "SELECT COUNT(*) FROM buyers b JOIN %[1]s t ON t.seller_id = b.seller_id AND t.buyer_id = b.id AND t.%[2]s >= ? AND t.%[2]s < ?"

// timed are the tables whose rows tell when they came, and by which ids.
var timed = map[string]struct{ query, column, prefix string }{
	"leads":          {byID, "id", "lead"},
	"sales":          {byID, "lead_id", "lead"},
	"unsold_leads":   {byID, "lead_id", "lead"},
	"lead_reviews":   {byID, "lead_id", "lead"},
	"customers":      {byID, "id", "customer"},
	"partners":       {byID, "id", "partner"},
	"ledger_entries": {byBuyer, "id", "entry"},
}

// came counts the rows that came between two times; -1 when the table does not tell.
func came(ctx context.Context, conn *sqlx.Conn, table string, from, to time.Time) (n int64, err error) {
	if table == "event_positions" || table == "event_segments" { // the latter has a row for each of the former
		first, err := positionAt(ctx, conn, from)
		if err != nil {
			return 0, err
		}
		last, err := positionAt(ctx, conn, to)
		if err != nil {
			return 0, err
		}
		return n, conn.GetContext(ctx, &n, "SELECT COUNT(*) FROM event_positions WHERE first_position >= ? AND first_position < ?", first, last)
	}
	by, ok := timed[table]
	if !ok {
		return -1, nil
	}
	return n, conn.GetContext(ctx, &n, fmt.Sprintf(by.query, table, by.column), engine.FirstID(by.prefix, from), engine.FirstID(by.prefix, to))
}

// positionAt returns the first position of a time, or the one behind the last. Times ascend with positions but for the differences of
// clocks, so that it is found by halving.
func positionAt(ctx context.Context, conn *sqlx.Conn, at time.Time) (int64, error) {
	var low, high int64
	if err := conn.QueryRowContext(ctx, "SELECT COALESCE(MIN(first_position), 1), COALESCE(MAX(first_position), 0) + 1 FROM event_positions").Scan(&low, &high); err != nil {
		return 0, err
	}
	for low < high {
		middle := low + (high-low)/2
		var first, of int64
		err := conn.QueryRowContext(ctx, "SELECT first_position, at FROM event_positions WHERE first_position >= ? ORDER BY first_position LIMIT 1", middle).Scan(&first, &of)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && of >= at.UnixMicro():
			high = middle
		case err != nil:
			return 0, err
		default:
			low = first + 1
		}
	}
	return low, nil
}
