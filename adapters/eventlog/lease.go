package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// LeaseConfig sets how one of many instances keeps a consumer.
type LeaseConfig = lease.Config

func newLeases(db *dialect.DB) *lease.Keeper { return lease.NewKeeper(db, "event_consumers") }

// errLeaseLost ends the work on a consumer that another instance owns.
var errLeaseLost = lease.ErrLost

// cursor is the ownership of a consumer by one instance. position is the consumer's cursor as this owner last saw it.
type cursor struct {
	*lease.Lease

	db       *dialect.DB
	name     string
	position int64
}

// ensureConsumer adds the consumer's row unless it exists. Several instances may do so at the same time. It fails with an *ArchivedError
// when the events behind its start are no longer in the log.
func ensureConsumer(ctx context.Context, db *dialect.DB, name string, start int64) error {
	var there bool
	if err := db.Reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_consumers WHERE name = ?)", name).Scan(&there); err != nil {
		return fmt.Errorf("find consumer %s: %w", name, err)
	}
	if there {
		return nil
	}
	err := inTransaction(ctx, db, func(tx transaction) error {
		if err := reach(ctx, db, tx, name, start); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO event_consumers (name, position, owner, fence, lease_until) VALUES (?, ?, '', 0, 0)", name, start); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM known_consumers WHERE name = ?", name); err != nil { // the row of a cursor that got lost
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO known_consumers (name) VALUES (?)", name)
		return err
	})
	if err != nil && db.Classify(err) != dialect.Duplicate {
		return fmt.Errorf("add consumer %s: %w", name, err)
	}
	return nil
}

// tryLease takes the lease of a consumer that is free; for any other it returns nil.
func tryLease(ctx context.Context, db *dialect.DB, leases *lease.Keeper, c LeaseConfig, log *slog.Logger, name string) (*cursor, error) {
	held, err := leases.Try(ctx, name, c, log)
	if held == nil {
		return nil, err
	}
	l := &cursor{Lease: held, db: db, name: name}
	if err := l.reload(ctx); err != nil {
		if errors.Is(err, errLeaseLost) {
			return nil, nil
		}
		l.release(ctx)
		return nil, err
	}
	return l, nil
}

// reload reads the stored cursor: errLeaseLost.
func (l *cursor) reload(ctx context.Context) error {
	where, guard := l.Guard()
	err := l.db.Writer.QueryRowContext(ctx, "SELECT position FROM event_consumers"+where, guard...).Scan(&l.position)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errLeaseLost
	case err != nil:
		return fmt.Errorf("read consumer %s: %w", l.name, err)
	}
	return nil
}

// move writes a new cursor if this lease still holds and nothing else moved the cursor; otherwise it returns errLeaseLost.
// Inside a transaction it also locks the consumer's row until the end.
func (l *cursor) move(ctx context.Context, db execer, to int64) error {
	where, guard := l.Guard()
	ok, err := lease.Matched(ctx, db, "UPDATE event_consumers SET position = ?"+where+" AND position = ?",
		append(append([]any{to}, guard...), l.position)...)
	if err != nil {
		return fmt.Errorf("move cursor of %s: %w", l.name, err)
	}
	if !ok {
		return errLeaseLost
	}
	return nil
}

// lock locks the consumer's row until the end of a transaction, if this lease still holds; otherwise it returns errLeaseLost.
func (l *cursor) lock(ctx context.Context, tx execer) error {
	where, guard := l.Guard()
	ok, err := lease.Matched(ctx, tx, "UPDATE event_consumers SET fence = fence"+where, guard...)
	if err == nil && !ok {
		return errLeaseLost
	}
	return err
}

// keep renews the lease until stop is called; see lease.Lease.
func (l *cursor) keep(ctx context.Context, strict bool) (held context.Context, stop func()) {
	return l.Keep(ctx, strict, nil)
}

// release lets another instance take the consumer at once. It works even after ctx has ended.
func (l *cursor) release(ctx context.Context) { l.Release(ctx, lease.Columns{}) }
