package dialect

import (
	"database/sql"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestABusyDatabaseIsCopied counts the bytes of the database's own file: what was committed is there although the writer never copies.
func TestABusyDatabaseIsCopied(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.db")
	open := func() *sql.DB {
		db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(0)")
		require.NoError(t, err)
		db.SetMaxOpenConns(1)
		return db
	}
	writer := open()
	t.Cleanup(func() { assert.NoError(t, writer.Close()) })
	size := func() int64 {
		info, err := os.Stat(file)
		require.NoError(t, err)
		return info.Size()
	}
	_, err := writer.ExecContext(t.Context(), "CREATE TABLE t (b BLOB)")
	require.NoError(t, err)
	before := size()
	_, err = writer.ExecContext(t.Context(), "INSERT INTO t (b) VALUES (zeroblob(1000000))")
	require.NoError(t, err)

	var written atomic.Int64
	stop := startCheckpoints(open(), &written, time.Millisecond)
	written.Store(busyWriter - 1)
	assert.Never(t, func() bool { return size() > before }, 30*time.Millisecond, time.Millisecond, "a database with little to do is left alone")
	written.Store(busyWriter)
	assert.Eventually(t, func() bool { return size() > before+1_000_000 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stop())
}

func TestTheWriterIsCounted(t *testing.T) {
	t.Parallel()
	db := openRows(t)
	var conn *preparing
	raw, err := db.Reader.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, raw.Raw(func(c any) error {
		assert.Nil(t, c.(*preparing).written)
		return nil
	}))
	require.NoError(t, raw.Close())
	w, err := db.Writer.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.Raw(func(c any) error {
		conn = c.(*preparing)
		return nil
	}))
	require.NoError(t, w.Close())
	before := conn.written.Load()
	_, err = db.Writer.ExecContext(t.Context(), db.InsertRows("t", "id, name", 2, 2), 3, "d", 4, "e")
	require.NoError(t, err)
	_, err = db.Writer.ExecContext(t.Context(), "UPDATE t SET name = 'x' WHERE id = ?", 3)
	require.NoError(t, err)
	assert.Equal(t, before+3, conn.written.Load())
}
