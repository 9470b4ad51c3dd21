package grow

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// TestQuiet tells the clock of leases by hand: SQLite's cannot be set, so leases end far in the future or in the past.
func TestQuiet(t *testing.T) {
	t.Parallel()
	db, err := dialect.Open("sqlite:"+filepath.Join(t.TempDir(), "l.db"), dialect.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	exec := func(query string, args ...any) {
		_, err := db.Writer.ExecContext(context.Background(), query, args...)
		require.NoError(t, err)
	}
	exec("CREATE TABLE event_consumers (name TEXT PRIMARY KEY, lease_until INTEGER)")
	never := func(context.Context) (bool, error) { return false, nil }
	wait := waiting{patience: 5 * time.Millisecond, look: time.Millisecond}
	require.NoError(t, wait.quiet(t.Context(), db, never))
	exec("INSERT INTO event_consumers VALUES ('over', 1), ('free', 0)")
	require.NoError(t, wait.quiet(t.Context(), db, never), "a lease that is over")

	exec("INSERT INTO event_consumers VALUES ('held', ?)", int64(1)<<60)
	err = wait.quiet(t.Context(), db, never)
	require.ErrorIs(t, err, ErrBeside)
	require.ErrorContains(t, err, "it kept the lease of held")
	require.NoError(t, wait.quiet(t.Context(), db, func(context.Context) (bool, error) { return true, nil }), "another process migrated")
	failed := errors.New("no answer")
	require.ErrorIs(t, wait.quiet(t.Context(), db, func(context.Context) (bool, error) { return false, failed }), failed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, wait.quiet(ctx, db, never))
}
