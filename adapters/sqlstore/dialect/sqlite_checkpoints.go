package dialect

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkpointEvery is how often a busy database is copied.
	checkpointEvery = 250 * time.Millisecond
	// busyWriter is how many statements the writer ran meanwhile in a database that is busy.
	busyWriter = 256
)

// startCheckpoints copies what was committed from SQLite's log to the database, again and again while the writer is busy. The writer goes
// on meanwhile; it finds little left to copy when the log is so long that it begins anew. written counts the writer's statements. The
// function that is returned stops it and closes the pool.
func startCheckpoints(pool *sql.DB, written *atomic.Int64, every time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for seen := int64(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			if now := written.Load(); now-seen >= busyWriter {
				seen = now
				// What fails here is left to the next time, and to the writer, which reports it.
				_, _ = pool.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
			}
		}
	})
	return func() error {
		cancel()
		running.Wait()
		return pool.Close()
	}
}
