package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// ArchivedError says that a consumer needs events that are no longer in the log.
type ArchivedError struct {
	Consumer string
	Needs    int64 // the first position that it needs
	First    int64 // position in the log
}

// Error implements error.
func (e *ArchivedError) Error() string {
	return fmt.Sprintf("%s needs the events from position %d on, but the log begins at %d: the others were archived; put them back with "+
		`"leadmill events restore", then try again`, e.Consumer, e.Needs, e.First)
}

// rowQueryer is a database or a transaction.
type rowQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// transaction is a *sql.Tx that writes.
type transaction interface {
	queryer
	execer
	rowQueryer
}

// beginning is where the log begins.
type beginning struct {
	first int64
	held  int64 // nothing is taken away before, in microseconds
}

// lockBeginning reads where the log begins and keeps it so until the transaction ends.
func lockBeginning(ctx context.Context, d dialect.Dialect, tx rowQueryer) (b beginning, err error) {
	if err := tx.QueryRowContext(ctx, "SELECT first_position, held_until FROM event_archive WHERE id = 1"+d.ForUpdate()).Scan(&b.first, &b.held); err != nil {
		return b, fmt.Errorf("lock the beginning of the log: %w", err)
	}
	return b, nil
}

// reach returns an *ArchivedError when a consumer whose cursor is to be at a position would lack events. Until tx ends none is taken
// away.
func reach(ctx context.Context, d dialect.Dialect, tx rowQueryer, consumer string, position int64) error {
	b, err := lockBeginning(ctx, d, tx)
	if err != nil {
		return err
	}
	if position+1 < b.first {
		return &ArchivedError{Consumer: consumer, Needs: position + 1, First: b.first}
	}
	return nil
}

// inTransaction runs fn in a transaction that writes and commits it, again when the database asks for that, at most 5 times in all.
func inTransaction(ctx context.Context, db *dialect.DB, fn func(tx transaction) error) error {
	return again(ctx, db, Backoff{}.or(20*time.Millisecond, time.Second), func() error {
		tx, err := db.Writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// again runs fn again on deadlocks and lock timeouts, at most 5 times in all.
func again(ctx context.Context, d dialect.Dialect, b Backoff, fn func() error) error {
	for n := 1; ; n++ {
		err := fn()
		if err == nil || n == 5 || d.Classify(err) != dialect.Retry {
			return err
		}
		if err := lease.Pause(ctx, b.delay(n)); err != nil {
			return err
		}
	}
}

// ErrConsumerHeld says that an instance works on the consumer.
var ErrConsumerHeld = errors.New("an instance works on the consumer")

// Forget removes a consumer that no build has any more: its cursor, its parked events and what it was let skip. From then on it keeps no
// event from being archived. It fails with ErrUnknownConsumer, ErrConsumerHeld or application.ErrUnavailable.
func (c *Consumers) Forget(ctx context.Context, name string) error {
	if lease.CheckName("consumer", name) != nil {
		return fmt.Errorf("%w: %s", ErrUnknownConsumer, name)
	}
	err := inTransaction(ctx, c.db, func(tx transaction) error {
		ok, err := lease.Matched(ctx, tx, "DELETE FROM event_consumers WHERE name = ? AND NOT "+lease.Held(c.db, 0), name)
		if err != nil {
			return err
		}
		if !ok {
			var there bool
			if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_consumers WHERE name = ?)", name).Scan(&there); err != nil {
				return err
			}
			if !there {
				return fmt.Errorf("%w: %s", ErrUnknownConsumer, name)
			}
			return fmt.Errorf("%w: %s", ErrConsumerHeld, name)
		}
		for _, statement := range []string{
			"DELETE FROM event_parked WHERE consumer = ?", "DELETE FROM event_skipped WHERE consumer = ?", "DELETE FROM known_consumers WHERE name = ?",
		} {
			if _, err := tx.ExecContext(ctx, statement, name); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrUnknownConsumer) || errors.Is(err, ErrConsumerHeld) {
		return err
	}
	return describeOrNil(c.db, "forget "+name, err)
}
