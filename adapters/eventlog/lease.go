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

// LeaseConfig sets how one instance among many keeps a consumer. Times are the database's.
type LeaseConfig struct {
	TTL   time.Duration // how long a consumer stays with an owner that is not heard of; 10 s when zero
	Renew time.Duration // how often an owner is heard of; 3 s when zero
	Retry time.Duration // how often somebody else asks whether it is free; 1 s when zero
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

// errLeaseLost ends the work on a consumer that somebody else owns now.
var errLeaseLost = errors.New("the consumer belongs to somebody else now")

// lease is one term of owning a consumer. fence grows with every new owner, so that a late write of an old one is
// recognised. position is the consumer's cursor as this owner last saw it.
type lease struct {
	db       *dialect.DB
	config   LeaseConfig
	log      *slog.Logger
	name     string
	owner    string
	fence    int64
	position int64
}

// ensureConsumer makes the consumer's row when there is none. Who comes second finds it there.
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

// tryLease takes a consumer when it is free, else it returns nil.
func tryLease(ctx context.Context, db *dialect.DB, c LeaseConfig, log *slog.Logger, name string) (*lease, error) {
	// Looking first: a standby must not wait for the row lock of an owner at work.
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

// reload reads the cursor as it is stored, and the fence of a new lease: errLeaseLost.
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
	case l.fence == 0: // the keeper reads it later on
		l.fence = fence
	}
	l.position = position
	return nil
}

// move writes a new cursor, if this lease still holds and nothing else moved it: errLeaseLost. Inside a transaction it
// holds the consumer's row from then on.
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

// keep renews the lease until stop is called. The context ends with errLeaseLost when the lease went to somebody else,
// and, if strict, also when it could not be renewed in time: for work that no fence protects.
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

// release lets somebody else take the consumer at once. It works after ctx has ended.
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
