package dialect

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite/vtab"
)

// planned counts how often a statement over a table of ten numbers is planned.
type planned struct{ n atomic.Int64 }

func (p *planned) Create(ctx vtab.Context, _ []string) (vtab.Table, error) {
	return p, ctx.Declare("CREATE TABLE x (n)")
}

func (p *planned) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return p.Create(ctx, args)
}

func (p *planned) BestIndex(*vtab.IndexInfo) error {
	p.n.Add(1)
	return nil
}
func (*planned) Open() (vtab.Cursor, error) { return new(numbers), nil }
func (*planned) Disconnect() error          { return nil }
func (*planned) Destroy() error             { return nil }

type numbers struct{ at int64 }

func (c *numbers) Filter(int, string, []vtab.Value) error {
	c.at = 0
	return nil
}

func (c *numbers) Next() error {
	c.at++
	return nil
}
func (c *numbers) Eof() bool                      { return c.at == 10 } //nolint:revive // the driver names it so
func (c *numbers) Column(int) (vtab.Value, error) { return c.at, nil }
func (c *numbers) Rowid() (int64, error)          { return c.at, nil }
func (*numbers) Close() error                     { return nil }

// tenNumbers is registered with the driver before any database is opened, as the driver demands.
var (
	tenNumbers      = &planned{}
	errOfTenNumbers = vtab.RegisterModule(nil, "planned", tenNumbers)
)

func TestALimitKeepsAStatementPrepared(t *testing.T) {
	t.Parallel()
	p := tenNumbers
	require.NoError(t, errOfTenNumbers)
	db, err := Open("sqlite:"+filepath.Join(t.TempDir(), "x.db"), Options{MaxConnections: 1})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.Writer.ExecContext(t.Context(), "CREATE VIRTUAL TABLE some USING planned")
	require.NoError(t, err)
	var before int64
	for i, limit := range []int64{2, 3, 3, 1} {
		var got []int64
		require.NoError(t, db.Reader.SelectContext(t.Context(), &got, "SELECT n FROM some ORDER BY n LIMIT ? OFFSET ?", limit, 4))
		assert.Equal(t, []int64{4, 5, 6}[:limit], got)
		if i == 0 {
			before = p.n.Load()
		}
	}
	assert.Equal(t, before, p.n.Load(), "it was planned anew for another limit")
}
