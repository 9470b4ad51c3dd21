package fault_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// disk bounds how many pages an SQLite file may have. Beyond them SQLite fails as on a disk that is full.
type disk struct{ pages atomic.Int64 }

func (d *disk) wrap(c driver.Connector) driver.Connector { return &drive{c, d} }

type drive struct {
	driver.Connector

	disk *disk
}

// Connect implements driver.Connector.
func (d *drive) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := d.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &bounded{sqliteConn: c.(sqliteConn), disk: d.disk}, nil
}

// sqliteConn is what a connection to SQLite can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type bounded struct {
	sqliteConn

	disk  *disk
	pages int64
}

// BeginTx implements driver.ConnBeginTx.
func (b *bounded) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if pages := b.disk.pages.Load(); pages != b.pages {
		if _, err := b.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil); err != nil {
			return nil, err
		}
		b.pages = pages
	}
	return b.sqliteConn.BeginTx(ctx, o)
}

// TestADiskThatIsFull answers 503 to what would be written, and goes on by itself when there is room again. What the driver of MySQL says of
// a full disk is in the tests of adapters/sqlstore/dialect.
func TestADiskThatIsFull(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		if !strings.HasPrefix(databaseURL, "sqlite:") {
			return
		}
		var d disk
		d.pages.Store(1 << 30)
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.wrap})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		l := newLoad(s)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var running sync.WaitGroup
		running.Go(func() {
			l.run(ctx, app, 8, func(a apptest.Answer) bool {
				return a.Status == 503 && a.Header.Get("Retry-After") != "" && a.Lead().Code == "service_unavailable"
			})
		})
		defer running.Wait()
		refused := func() int {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.open) + len(l.strange)
		}
		apptest.Eventually(t, func() error { return l.more(0, 50) })
		d.pages.Store(1) // SQLite takes as many as it has
		apptest.Eventually(t, func() error {
			if n := refused(); n < 20 {
				return fmt.Errorf("%d leads were refused on a full disk", n)
			}
			return nil
		})
		if a := s.Program.Do("GET", "/v1/buyers", nil); a.Status != 200 {
			t.Errorf("a read on a full disk: %v", a)
		}
		if a := app.Client(t, "").Do("GET", "/livez", nil); a.Status != 200 {
			t.Errorf("livez on a full disk: %v", a)
		}
		d.pages.Store(1 << 30)
		before := l.count()
		apptest.Eventually(t, func() error { return l.more(before, 50) })
		cancel()
		running.Wait()
		l.retry(app)
		l.check(t, apptest.Open(t, databaseURL))
	})
}
