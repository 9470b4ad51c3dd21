package backup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/backup"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// open opens a database, which is made.
func open(t *testing.T, file string) *dialect.DB {
	t.Helper()
	db, err := dialect.Open("sqlite:"+file, dialect.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// filled returns a database with two tables of a few pages, whose sums are the same.
func filled(t *testing.T, file string) *dialect.DB {
	t.Helper()
	db := open(t, file)
	for _, statement := range []string{
		"CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, filler BLOB) STRICT", "CREATE TABLE b (n INTEGER NOT NULL) STRICT",
		"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000) INSERT INTO a SELECT i, 1, zeroblob(500) FROM s",
		"INSERT INTO b VALUES (20000)",
	} {
		_, err := db.Writer.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return db
}

func sums(t *testing.T, db *dialect.DB) (a, b int64) {
	t.Helper()
	require.NoError(t, db.Reader.QueryRowContext(t.Context(), "SELECT (SELECT SUM(n) FROM a), (SELECT SUM(n) FROM b)").Scan(&a, &b))
	return a, b
}

// names are what is in a folder.
func names(t *testing.T, folder string) (found []string) {
	t.Helper()
	all, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range all {
		found = append(found, e.Name())
	}
	return found
}

func prepared(string) error { return nil }

// While a database is written to without a pause, a copy is what it was at one moment: transactions are in it as a whole or not at all.
func TestACopyIsOfOneMoment(t *testing.T) {
	t.Parallel()
	folder, copies := t.TempDir(), t.TempDir()
	db := filled(t, filepath.Join(folder, "live.db"))
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var written atomic.Int64
	writers.Go(func() {
		for i := int64(0); ctx.Err() == nil; i++ {
			tx, err := db.Writer.BeginTxx(context.WithoutCancel(ctx), nil)
			if !assert.NoError(t, err) {
				return
			}
			_, err1 := tx.Exec("UPDATE a SET n = n + 1 WHERE id % 97 = ?", i%97) // all over the file
			_, err2 := tx.Exec("UPDATE b SET n = (SELECT SUM(n) FROM a)")
			assert.NoError(t, errors.Join(err1, err2, tx.Commit()))
			written.Add(1)
		}
	})
	for _, name := range []string{"one.db", "two.db"} {
		before := written.Load()
		require.NoError(t, backup.Write(t.Context(), filepath.Join(folder, "live.db"), filepath.Join(copies, name)))
		assert.Greater(t, written.Load(), before, "the writer waited for the copy")
	}
	stop()
	writers.Wait()
	assert.Equal(t, []string{"one.db", "two.db"}, names(t, copies), "each is one file")

	info, err := os.Stat(filepath.Join(copies, "two.db"))
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
	restored := filepath.Join(t.TempDir(), "a", "b", "restored.db")
	require.NoError(t, backup.Restore(t.Context(), filepath.Join(copies, "two.db"), restored, prepared))
	if runtime.GOOS != "windows" {
		for name, want := range map[string]os.FileMode{restored: 0o600, filepath.Dir(restored): 0o700 | os.ModeDir} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			assert.Equal(t, want, info.Mode(), name)
		}
	}
	a, b := sums(t, open(t, restored))
	assert.Equal(t, b, a)
	assert.GreaterOrEqual(t, a, int64(20000))
}

func TestNothingIsWrittenOver(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, copied := filepath.Join(folder, "live.db"), filepath.Join(folder, "copy.db")
	db := filled(t, file)
	require.NoError(t, backup.Write(t.Context(), file, copied))
	want, err := os.ReadFile(copied)
	require.NoError(t, err)
	_, err = db.Writer.ExecContext(t.Context(), "UPDATE b SET n = 0")
	require.NoError(t, err)

	require.ErrorIs(t, backup.Write(t.Context(), file, copied), backup.ErrExists)
	got, err := os.ReadFile(copied)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	require.ErrorIs(t, backup.Write(t.Context(), file, file), backup.ErrExists)
	require.ErrorIs(t, backup.Write(t.Context(), file, folder), backup.ErrExists)

	require.ErrorIs(t, backup.Restore(t.Context(), copied, file, prepared), backup.ErrExists)
	_, b := sums(t, db)
	assert.Zero(t, b)
	for _, end := range []string{"-wal", "-shm", "-journal"} { // which SQLite would take for those of the restored one
		target := filepath.Join(t.TempDir(), "leadmill.db")
		require.NoError(t, os.WriteFile(target+end, []byte("of another"), 0o600))
		require.ErrorIs(t, backup.Restore(t.Context(), copied, target, prepared), backup.ErrExists)
		assert.Equal(t, []string{"leadmill.db" + end}, names(t, filepath.Dir(target)))
	}
	empty := filepath.Join(t.TempDir(), "leadmill.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	require.NoError(t, backup.Restore(t.Context(), copied, empty, prepared))
	assert.Equal(t, []string{"leadmill.db"}, names(t, filepath.Dir(empty)))
}

func TestWhatFailsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, copied, damaged := filepath.Join(folder, "live.db"), filepath.Join(folder, "copy.db"), filepath.Join(folder, "damaged.db")
	db := filled(t, file)
	_, err := db.Writer.ExecContext(t.Context(), "CREATE INDEX a_n ON a (n)")
	require.NoError(t, err)
	require.NoError(t, backup.Write(t.Context(), file, copied))
	body, err := os.ReadFile(copied)
	require.NoError(t, err)
	for i := len(body) / 2; i < len(body)/2+3*4096; i++ {
		body[i] = 0xff
	}
	require.NoError(t, os.WriteFile(damaged, body, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "text"), []byte("a text that is no database, and rather long, so that it is not taken for an empty one"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "nothing"), nil, 0o600))

	for name, from := range map[string]string{"damaged": damaged, "a text": filepath.Join(folder, "text"), "empty": filepath.Join(folder, "nothing"), "missing": filepath.Join(folder, "missing"), "a folder": folder} {
		target := filepath.Join(t.TempDir(), "leadmill.db")
		require.Error(t, backup.Restore(t.Context(), from, target, prepared), name)
		assert.Empty(t, names(t, filepath.Dir(target)), name)
	}
	target := filepath.Join(t.TempDir(), "leadmill.db")
	refused := errors.New("refused")
	require.ErrorIs(t, backup.Restore(t.Context(), copied, target, func(file string) error {
		assert.Equal(t, filepath.Dir(target), filepath.Dir(file))
		return refused
	}), refused)
	assert.Empty(t, names(t, filepath.Dir(target)))

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	to := t.TempDir()
	require.ErrorIs(t, backup.Write(cancelled, file, filepath.Join(to, "copy.db")), context.Canceled)
	require.Error(t, backup.Write(t.Context(), damaged, filepath.Join(to, "copy.db")), "a damaged database is no backup")
	assert.Empty(t, names(t, to))
	require.ErrorIs(t, backup.Write(t.Context(), file, filepath.Join(to, "missing", "copy.db")), os.ErrNotExist)
}
