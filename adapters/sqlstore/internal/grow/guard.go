package grow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// ErrBeside says that an instance works on the database that is to be migrated.
var ErrBeside = errors.New(`stop all instances of leadmill on this database, then run "leadmill migrate up" again`)

// waiting says how long Quiet waits at most, and how often it looks.
type waiting struct{ patience, look time.Duration }

// Quiet waits until no instance works on the database: an instance that is alive holds leases of consumers and renews them, and
// one that was killed leaves leases that end after 10 seconds. It returns at once when there are none, and nil when migrated
// says that another process was quicker. A lease that is renewed or taken meanwhile, or does not end within 15 seconds, is
// ErrBeside. Only the database's clock is asked.
func Quiet(ctx context.Context, db *dialect.DB, migrated func(context.Context) (bool, error)) error {
	return waiting{patience: 15 * time.Second, look: 200 * time.Millisecond}.quiet(ctx, db, migrated)
}

func (w waiting) quiet(ctx context.Context, db *dialect.DB, migrated func(context.Context) (bool, error)) error {
	var first map[string]int64
	for looks := 0; ; looks++ {
		leases, err := held(ctx, db)
		if err != nil {
			return fmt.Errorf("look for other instances: %w", err)
		}
		if len(leases) == 0 {
			return nil
		}
		if first == nil {
			first = leases
		}
		for name, until := range leases {
			what := ""
			if at, was := first[name]; !was || until > at {
				what = "renewed"
			} else if looks > int(w.patience/w.look) {
				what = "kept"
			}
			if what == "" {
				continue
			}
			if done, err := migrated(ctx); err != nil || done { // then it is the one who migrated
				return err
			}
			return fmt.Errorf("another instance works on this database (it %s the lease of %s): %w", what, name, ErrBeside)
		}
		if err := lease.Pause(ctx, w.look); err != nil {
			return err
		}
	}
}

// held returns when the leases of consumers end that are held.
func held(ctx context.Context, db *dialect.DB) (map[string]int64, error) {
	rows, err := db.Reader.QueryContext(ctx, "SELECT name, lease_until FROM event_consumers WHERE lease_until >= "+db.Micros())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	leases := map[string]int64{}
	for rows.Next() {
		var name string
		var until int64
		if err := rows.Scan(&name, &until); err != nil {
			return nil, err
		}
		leases[name] = until
	}
	return leases, rows.Err()
}
