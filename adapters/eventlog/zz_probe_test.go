package eventlog_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func cpu() float64 {
	b, _ := os.ReadFile("/tmp/elog-mysql/pid")
	st, err := os.ReadFile("/proc/" + strings.TrimSpace(string(b)) + "/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(st))
	u, _ := strconv.ParseFloat(f[13], 64)
	s, _ := strconv.ParseFloat(f[14], 64)
	return (u + s) / 100
}

func binlog(db *dialect.DB) (total int64) {
	rows, err := db.Writer.Query("SHOW BINARY LOGS")
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		var size int64
		var enc any
		if err := rows.Scan(&n, &size, &enc); err != nil {
			panic(err)
		}
		total += size
	}
	return total
}

var payload = []byte(`{"lead_id":"lead_01J0000000000000000000000","campaign_id":"cmp_01J0000000000000000000000","sales":[]}` + strings.Repeat("x", 400))
var counter atomic.Int64

func batchOf(n int) []application.EventRecord {
	events := make([]application.EventRecord, n)
	for k := range events {
		c := counter.Add(1)
		events[k] = application.EventRecord{ID: fmt.Sprintf("evt_%026d", c), SellerID: fmt.Sprintf("sel_01J00000000000000000000%02d", c%7),
			AggregateType: "lead", AggregateID: fmt.Sprintf("lead_%026d", c), AggregateVersion: 1, Type: "lead.sold.v1",
			Payload: payload, OccurredAt: clock{}.Now(), Trail: application.Trail{CorrelationID: "req_" + strconv.Itoa(int(c))}}
	}
	return events
}

// extra DDL of variant C
var ddl = []string{
	"CREATE TABLE event_pending (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, first_event VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, n INT NOT NULL, first_id BIGINT NOT NULL) ENGINE=InnoDB",
	"CREATE TABLE event_positions (position BIGINT NOT NULL PRIMARY KEY, id BIGINT NOT NULL, seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, KEY (seller_id, position)) ENGINE=InnoDB",
	"ALTER TABLE events DROP KEY events_position, DROP KEY events_seller",
}

func stepC(ctx context.Context, db *dialect.DB, limit int) (int, error) {
	tx, err := db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT last_position FROM event_sequence WHERE id=1 FOR UPDATE").Scan(&last); err != nil {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, first_id, n FROM event_pending ORDER BY first_id LIMIT 10")
	if err != nil {
		return 0, err
	}
	type p struct{ id, first, n int64 }
	var ps []p
	for rows.Next() {
		var x p
		if err := rows.Scan(&x.id, &x.first, &x.n); err != nil {
			return 0, err
		}
		ps = append(ps, x)
	}
	rows.Close()
	total := 0
	for _, x := range ps {
		if _, err := tx.ExecContext(ctx, "INSERT INTO event_positions (position, id, seller_id) SELECT id + ?, id, seller_id FROM events WHERE id BETWEEN ? AND ?", last+1-x.first, x.first, x.first+x.n-1); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM event_pending WHERE id = ?", x.id); err != nil {
			return 0, err
		}
		last += x.n
		total += int(x.n)
	}
	if total == 0 {
		return 0, nil
	}
	if _, err := tx.ExecContext(ctx, "UPDATE event_sequence SET last_position=? WHERE id=1", last); err != nil {
		return 0, err
	}
	return total, tx.Commit()
}

func TestProbe(t *testing.T) {
	for _, variant := range strings.Split(os.Getenv("PROBE"), ",") {
		t.Run(variant, func(t *testing.T) {
			d := database{engine: dbtest.MySQL, url: dbtest.URL(t, dbtest.MySQL)}
			i := d.open(t)
			migrate(t, i.db)
			ctx := context.Background()
			if variant == "minimal" {
				_, err := i.db.Writer.Exec("SET GLOBAL binlog_row_image = 'MINIMAL'")
				require.NoError(t, err)
				defer i.db.Writer.Exec("SET GLOBAL binlog_row_image = 'FULL'")
				i = d.open(t)
			}
			if variant == "table" {
				for _, q := range ddl {
					_, err := i.db.Writer.Exec(q)
					require.NoError(t, err)
				}
			}
			commit := func(n int) error {
				tx, err := i.db.Writer.Begin()
				if err != nil {
					return err
				}
				events := batchOf(n)
				if err := eventlog.NewWriter().Append(ctx, tx, events); err != nil {
					return err
				}
				if variant == "table" {
					if _, err := tx.Exec("INSERT INTO event_pending (first_event, n, first_id) VALUES (?, ?, LAST_INSERT_ID())", events[0].ID, n); err != nil {
						return err
					}
				}
				if err := tx.Commit(); err != nil {
					return err
				}
				i.committed.Notify()
				return nil
			}
			step := func() (int, error) {
				if variant == "table" {
					return stepC(ctx, i.db, 5000)
				}
				return i.sequencer.Step(ctx)
			}
			// 1: a backlog of 150,000 events
			for range 300 {
				require.NoError(t, commit(500))
			}
			c0, b0, t0, total, steps := cpu(), binlog(i.db), time.Now(), 0, 0
			for {
				n, err := step()
				require.NoError(t, err)
				if n == 0 {
					break
				}
				total += n
				steps++
			}
			el := time.Since(t0).Seconds()
			t.Logf("%s backlog: %d events in %d steps, %.2fs, %.0f events/s, server cpu %.1f us/event, binlog %d B/event", variant, total, steps, el,
				float64(total)/el, (cpu()-c0)/float64(total)*1e6, (binlog(i.db)-b0)/int64(total))
			// 2: paced 20,000/s from 2 writers with the sequencer at work
			stop := make(chan struct{})
			var seqd atomic.Int64
			var group sync.WaitGroup
			c0, b0 = cpu(), binlog(i.db)
			group.Go(func() {
				var seen uint64
				for {
					v := i.committed.Version()
					n, err := step()
					if err != nil {
						t.Error(err)
						return
					}
					seqd.Add(int64(n))
					if n >= 5000 {
						continue
					}
					seen = v
					select {
					case <-i.committed.After(seen):
					case <-stop:
						return
					}
				}
			})
			t0 = time.Now()
			tick := time.NewTicker(25 * time.Millisecond)
			var w sync.WaitGroup
			jobs := make(chan struct{}, 1000)
			var lat, maxLat atomic.Int64
			for range 2 {
				w.Go(func() {
					for range jobs {
						s := time.Now()
						if err := commit(500); err != nil {
							t.Error(err)
						}
						l := time.Since(s).Microseconds()
						lat.Add(l)
						if l > maxLat.Load() {
							maxLat.Store(l)
						}
					}
				})
			}
			for range 400 {
				<-tick.C
				jobs <- struct{}{}
			}
			close(jobs)
			w.Wait()
			wel := time.Since(t0).Seconds()
			behind := 200_000 - seqd.Load()
			for seqd.Load() < 200_000 {
				time.Sleep(time.Millisecond)
			}
			sel := time.Since(t0).Seconds()
			close(stop)
			group.Wait()
			t.Logf("%s paced: 200000 events written in %.2fs (mean commit %.1f ms, max %.1f ms), behind at end %d, sequenced in %.2fs, server cpu %.1f us/event, binlog %d B/event", variant,
				wel, float64(lat.Load())/400e3, float64(maxLat.Load())/1e3, behind, sel, (cpu()-c0)/200_000*1e6, (binlog(i.db)-b0)/200_000)
		})
	}
}
