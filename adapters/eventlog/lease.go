package eventlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// LeaseConfig sets how one of many instances keeps a consumer. All use the database's clock.
type LeaseConfig struct {
	TTL   time.Duration // how long a lease holds without being renewed; 10 s when zero
	Renew time.Duration // how often an owner renews its lease; 3 s when zero
	Retry time.Duration // how often other instances try to get the lease; 1 s when zero
}

func (c LeaseConfig) withDefaults() LeaseConfig {
	if c.TTL <= 0 {
		c.TTL = 10 * time.Second
	}
	if c.Renew <= 0 {
		c.Renew = 3 * time.Second
	}
	if c.Retry <= 0 {
		c.Retry = time.Second
	}
	return c
}

// errLeaseLost ends the work on a consumer that another instance owns.
var errLeaseLost = errors.New("the consumer belongs to somebody else now")

// lease is the ownership of a consumer by one instance. fence grows with each new owner, so that a late write by an old
// owner is recognised. position is the consumer's cursor as this owner last saw it.
type lease struct {
	db       *dialect.DB
	config   LeaseConfig
	log      *slog.Logger
	name     string
	owner    string
	fence    int64
	position int64
}

// ensureConsumer adds the consumer's row unless it exists. Several instances may do so at the same time.
func ensureConsumer(ctx context.Context, db *dialect.DB, name string, start int64) error {
	var there bool
	if err := db.Reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_consumers WHERE name = ?)", name).Scan(&there); err != nil {
		return fmt.Errorf("find consumer %s: %w", name, err)
	}
	if there {
		return nil
	}
	_, err := db.Writer.ExecContext(ctx, "INSERT INTO event_consumers (name, position, owner, fence, lease_until) "+
		"VALUES (?, ?, '', 0, 0)", name, start)
	if err != nil && db.Classify(err) != dialect.Duplicate {
		return fmt.Errorf("add consumer %s: %w", name, err)
	}
	return nil
}

// tryLease takes the lease of a consumer that is free; for any other it returns nil.
func tryLease(ctx context.Context, db *dialect.DB, c LeaseConfig, log *slog.Logger, name string) (*lease, error) {
	// Read first, without a lock: an instance that only waits for the lease must not wait for the owner's row lock.
	var free bool
	if err := db.Reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_consumers WHERE name = ? AND lease_until < "+
		db.Micros()+")", name).Scan(&free); err != nil {
		return nil, fmt.Errorf("find lease of %s: %w", name, err)
	}
	if !free {
		return nil, nil
	}
	l := &lease{db: db, config: c, log: log, name: name, owner: rand.Text()}
	ok, err := matched(ctx, db.Writer, "UPDATE event_consumers SET owner = ?, fence = fence + 1, lease_until = "+db.Micros()+
		" + ? WHERE name = ? AND lease_until < "+db.Micros(), l.owner, c.TTL.Microseconds(), name)
	if err != nil {
		return nil, fmt.Errorf("take lease of %s: %w", name, err)
	}
	if !ok {
		return nil, nil
	}
	if err := l.reload(ctx); err != nil {
		if errors.Is(err, errLeaseLost) {
			return nil, nil
		}
		l.release(ctx)
		return nil, err
	}
	return l, nil
}

// reload reads the stored cursor and, for a new lease, the fence: errLeaseLost.
func (l *lease) reload(ctx context.Context) error {
	var owner string
	var fence, position int64
	err := l.db.Writer.QueryRowContext(ctx, "SELECT owner, fence, position FROM event_consumers WHERE name = ?", l.name).
		Scan(&owner, &fence, &position)
	switch {
	case err != nil:
		return fmt.Errorf("read consumer %s: %w", l.name, err)
	case owner != l.owner || l.fence != 0 && l.fence != fence:
		return errLeaseLost
	case l.fence == 0: // a new lease: keep needs the fence later
		l.fence = fence
	}
	l.position = position
	return nil
}

// move writes a new cursor if this lease still holds and nothing else moved the cursor; otherwise it returns errLeaseLost.
// Inside a transaction it also locks the consumer's row until the end.
func (l *lease) move(ctx context.Context, db execer, to int64) error {
	ok, err := matched(ctx, db, "UPDATE event_consumers SET position = ? WHERE name = ? AND owner = ? AND fence = ? AND position = ?",
		to, l.name, l.owner, l.fence, l.position)
	if err != nil {
		return fmt.Errorf("move cursor of %s: %w", l.name, err)
	}
	if !ok {
		return errLeaseLost
	}
	return nil
}

// keep renews the lease until stop is called. The context ends with errLeaseLost when another instance took the lease. With
// strict, for work that no fence protects, it also ends when the lease could not be renewed in time.
func (l *lease) keep(ctx context.Context, strict bool) (held context.Context, stop func()) {
	held, cancel := context.WithCancelCause(ctx)
	var expiry *time.Timer
	if strict {
		expiry = time.AfterFunc(l.config.TTL, func() { cancel(errLeaseLost) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(held, l.config.Renew) == nil {
			ok, err := l.renew(held)
			switch {
			case held.Err() != nil:
				return
			case err != nil:
				l.log.WarnContext(ctx, "event log: lease not renewed", slog.String("consumer", l.name), slog.Any("error", err))
			case !ok:
				cancel(errLeaseLost)
			case strict:
				expiry.Reset(l.config.TTL)
			}
		}
	}()
	return held, func() {
		cancel(context.Canceled)
		if strict {
			expiry.Stop()
		}
		<-done
	}
}

func (l *lease) renew(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, l.config.Renew)
	defer cancel()
	return matched(ctx, l.db.Writer, "UPDATE event_consumers SET lease_until = "+l.db.Micros()+
		" + ? WHERE name = ? AND owner = ? AND fence = ?", l.config.TTL.Microseconds(), l.name, l.owner, l.fence)
}

// release lets another instance take the consumer at once. It works even after ctx has ended.
func (l *lease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for n := 1; ; n++ {
		_, err := l.db.Writer.ExecContext(ctx, "UPDATE event_consumers SET lease_until = 0 WHERE name = ? AND owner = ?", l.name, l.owner)
		if err == nil {
			return
		}
		if !transient(l.db, err) || pause(ctx, Backoff{}.or(50*time.Millisecond, time.Second).delay(n)) != nil {
			l.log.WarnContext(ctx, "event log: lease not released, it will expire", slog.String("consumer", l.name), slog.Any("error", err))
			return
		}
	}
}
