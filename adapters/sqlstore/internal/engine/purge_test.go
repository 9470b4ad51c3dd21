package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// TestPurgeGoesOnWhereItStopped purges a table in parts that are smaller than it.
func TestPurgeGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db, err := dialect.Open(dbtest.URL(t, e), dialect.Options{MaxConnections: 4})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			text := "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin"
			if e == dbtest.SQLite {
				text = "TEXT"
			}
			_, err = db.Writer.ExecContext(ctx, "CREATE TABLE marks (a "+text+" NOT NULL, b "+text+" NOT NULL, c BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (a, b, c))")
			require.NoError(t, err)
			w := NewWork(db, nil, nil, nil, nil)
			w.walk = purgeChunk
			// Every other row of 2,500 is over; those of a and of a with b cross the bounds of the parts.
			const rows = 2_500
			add := func(from, to int) {
				t.Helper()
				args := make([]any, 0, 4*(to-from))
				for i := from; i < to; i++ {
					args = append(args, []string{"x", "y"}[i/1_700], []string{"k", "l", "m"}[i/850], i, 10+i%2)
				}
				for chunk := range 25 {
					n := len(args) / 25
					_, err := db.Writer.ExecContext(ctx, "INSERT INTO marks VALUES (?,?,?,?)"+strings.Repeat(",(?,?,?,?)", n/4-1), args[chunk*n:(chunk+1)*n]...)
					require.NoError(t, err)
				}
			}
			add(0, rows)
			purge := func(now int64) int {
				t.Helper()
				n, err := w.Purge(ctx, time.UnixMicro(now+5), Expiring{Table: "marks", Key: []string{"a", "b", "c"}, Time: "at", Lives: 5 * time.Microsecond})
				require.NoError(t, err)
				return n
			}
			require.Equal(t, 500, purge(10))
			require.Equal(t, 500, purge(10))
			require.Equal(t, 250, purge(10), "it reached the end and looked at the first rows again")
			require.Zero(t, purge(10), "and goes on behind them")
			var left int
			require.NoError(t, db.Reader.GetContext(ctx, &left, "SELECT COUNT(*) FROM marks"))
			require.Equal(t, rows/2, left)
			w.walk = purgeWalk
			require.Equal(t, rows/2, purge(11), "the rest, those before its place too")
		})
	}
}
