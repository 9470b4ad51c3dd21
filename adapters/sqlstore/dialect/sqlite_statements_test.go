package dialect

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openRows opens a database with a table of three rows.
func openRows(t *testing.T) *DB {
	t.Helper()
	db, err := Open("sqlite:"+filepath.Join(t.TempDir(), "x.db"), Options{MaxConnections: 1})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.Writer.ExecContext(t.Context(), "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
	require.NoError(t, err)
	for i, name := range []string{"a", "b", "c"} {
		_, err = db.Writer.ExecContext(t.Context(), "INSERT INTO t (id, name) VALUES (?, ?)", i, name)
		require.NoError(t, err)
	}
	return db
}

// texts returns the texts that a pool's one connection keeps prepared, the one used last at the end.
func texts(t *testing.T, pool *sqlx.DB) (list []string) {
	t.Helper()
	conn, err := pool.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, conn.Raw(func(c any) error {
		for _, k := range c.(*preparing).kept {
			list = append(list, k.text)
		}
		return nil
	}))
	require.NoError(t, conn.Close())
	return list
}

func TestStatementsStayPrepared(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	const one, all = "SELECT name FROM t WHERE id = ?", "SELECT name FROM t ORDER BY id"
	for range 3 {
		for id, want := range []string{"a", "b", "c"} {
			var got string
			require.NoError(t, db.Reader.GetContext(t.Context(), &got, one, id))
			assert.Equal(t, want, got)
		}
		var list []string
		require.NoError(t, db.Reader.SelectContext(t.Context(), &list, all))
		assert.Equal(t, []string{"a", "b", "c"}, list)
	}
	assert.Equal(t, []string{one, all}, texts(t, db.Reader))
	assert.Equal(t, []string{"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)", "INSERT INTO t (id, name) VALUES (?, ?)"}, texts(t, db.Writer))
}

func TestTheStatementsUsedLastStayPrepared(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	text := func(i int) string { return fmt.Sprintf("SELECT name FROM t WHERE id = %d", i) }
	for i := range keptStatements + 10 {
		var names []string
		require.NoError(t, db.Reader.SelectContext(t.Context(), &names, text(i)))
		require.NoError(t, db.Reader.SelectContext(t.Context(), &names, text(0)))
	}
	kept := texts(t, db.Reader)
	assert.Len(t, kept, keptStatements)
	assert.Equal(t, text(0), kept[keptStatements-1])
	assert.Equal(t, text(12), kept[1])
	assert.NotContains(t, kept, text(1))

	long := "SELECT name FROM t WHERE id = 1 --" + fmt.Sprintf("%*d", keptText, 1)
	var name string
	require.NoError(t, db.Reader.GetContext(t.Context(), &name, long))
	assert.Equal(t, "b", name)
	assert.Equal(t, kept, texts(t, db.Reader))
}

func TestAStatementRunsTwiceAtATime(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	tx, err := db.Reader.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	const text = "SELECT id FROM t WHERE id >= ? ORDER BY id"
	outer, err := tx.QueryContext(t.Context(), text, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, outer.Close()) }() // once more does nothing
	var got [][]int
	for outer.Next() {
		var id int
		require.NoError(t, outer.Scan(&id))
		var inner []int
		require.NoError(t, tx.SelectContext(t.Context(), &inner, text, id))
		got = append(got, inner)
	}
	require.NoError(t, outer.Err())
	require.NoError(t, outer.Close())
	require.NoError(t, tx.Commit())
	assert.Equal(t, [][]int{{0, 1, 2}, {1, 2}, {2}}, got)
}

func TestPreparedStatementsSeeTheSchemaOfNow(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	columns := func() []string {
		rows, err := db.Reader.QueryContext(t.Context(), "SELECT * FROM t WHERE id = 0")
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		names, err := rows.Columns()
		require.NoError(t, err)
		assert.True(t, rows.Next())
		require.NoError(t, rows.Err())
		return names
	}
	assert.Equal(t, []string{"id", "name"}, columns())
	_, err := db.Writer.ExecContext(t.Context(), "ALTER TABLE t ADD COLUMN more TEXT")
	require.NoError(t, err)
	assert.Equal(t, []string{"id", "name", "more"}, columns())
	_, err = db.Writer.ExecContext(t.Context(), "DROP TABLE t")
	require.NoError(t, err, "no statement that is kept holds a lock")
}

func TestAStatementThatFailedRunsAgain(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	insert := func(ctx context.Context, id int, name string) error {
		_, err := db.Writer.ExecContext(ctx, "INSERT INTO t (id, name) VALUES (?, ?)", id, name)
		return err
	}
	assert.Equal(t, Duplicate, db.Classify(insert(t.Context(), 3, "a")))
	require.NoError(t, insert(t.Context(), 3, "d"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, insert(ended, 4, "e"), context.Canceled)
	require.NoError(t, insert(t.Context(), 4, "e"))
}

func TestRowsAreInsertedOneByOne(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	text := db.InsertRows("t", "id, name", 2, 3)
	r, err := db.Writer.ExecContext(t.Context(), text, 3, "d", 4, "e", 5, "f")
	require.NoError(t, err)
	n, err := r.RowsAffected()
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	assert.Equal(t, text, db.InsertRows("t", "id, name", 2, 7), "it is prepared once")
	tx, err := db.Writer.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), text, 6, "g", 7, "a", 8, "h")
	assert.Equal(t, Duplicate, db.Classify(err))
	require.NoError(t, tx.Rollback())
	var names string
	require.NoError(t, db.Reader.GetContext(t.Context(), &names, "SELECT GROUP_CONCAT(name, '') FROM (SELECT name FROM t ORDER BY id)"))
	assert.Equal(t, "abcdef", names)
}
