package sqlstoretest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/fault"
)

// failing answers the first n statements that start with a word with an error.
func failing(word string, n int, err error) func(query string) error {
	return func(query string) error {
		if n > 0 && strings.HasPrefix(query, word) {
			n--
			return err
		}
		return nil
	}
}

func deposit(ctx context.Context, tx *sqlstore.Tx) error {
	b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
	if err != nil {
		return err
	}
	if _, err := b.Deposit("entry_1", 5, "", Now); err != nil {
		return err
	}
	return tx.Buyers().Save(ctx, b)
}

// deposited reports how many times the deposit is stored, and that its event is exactly as often.
func deposited(t *testing.T, h *Harness) int {
	t.Helper()
	n := h.Count(t, "ledger_entries")
	require.Len(t, h.Events(t), n+1)
	var balance int
	require.NoError(t, h.DB.Reader.GetContext(context.Background(), &balance, "SELECT balance FROM buyers WHERE id = 'buyer_1'"))
	require.Equal(t, 5*n, balance)
	return n
}

func addBuyer(t *testing.T, h *Harness) {
	t.Helper()
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, NewBuyer(t, "buyer_1")) })
	h.Woken.Store(0)
}

func reset(t *testing.T, h *Harness) {
	t.Helper()
	h.Faults.Before(nil)
	h.Faults.Commit(nil)
	h.Exec(t, "DELETE FROM ledger_entries")
	h.Forget(t)
	h.Exec(t, "UPDATE buyers SET balance = 0, version = 1")
	h.Woken.Store(0)
}

func testRetry(t *testing.T, h *Harness) {
	addBuyer(t, h)
	for name, cause := range h.Retryable(t) {
		for _, word := range []string{"SELECT", "UPDATE", "INSERT INTO ledger", "INSERT INTO event_segments"} {
			runs := 0
			h.Faults.Before(failing(word, 4, cause))
			require.NoError(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
				runs++
				return deposit(ctx, tx)
			}), "%s at %s", name, word)
			require.Equal(t, 5, runs)
			h.Faults.Before(nil)
			require.Equal(t, 1, deposited(t, h))
			require.Equal(t, int64(1), h.Woken.Load())
			reset(t, h)
		}
	}
}

func testRetriesRunOut(t *testing.T, h *Harness) {
	addBuyer(t, h)
	for name, cause := range h.Retryable(t) {
		runs := 0
		h.Faults.Before(failing("UPDATE", 1000, cause))
		err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			runs++
			return deposit(ctx, tx)
		})
		require.Equal(t, 5, runs)
		require.ErrorIs(t, err, application.ErrUnavailable, name)
		require.Equal(t, fault.Unavailable, fault.KindOf(err))
		var unknown *application.OutcomeUnknownError
		require.NotErrorAs(t, err, &unknown, "the outcome is known: nothing")
		h.Faults.Before(nil)
		require.Zero(t, deposited(t, h))
		require.Zero(t, h.Woken.Load())
	}
}

// testSwallowed has closures that go on after an error. After a deadlock the server is outside the transaction, so every
// further statement would be committed by itself.
func testSwallowed(t *testing.T, h *Harness) {
	addBuyer(t, h)
	for name, cause := range h.Retryable(t) {
		h.Faults.Before(failing("SELECT", 1000, cause))
		err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
			require.Error(t, err)
			require.Error(t, tx.Buyers().Add(ctx, NewBuyer(t, "buyer_2")))
			return nil
		})
		require.ErrorIs(t, err, application.ErrUnavailable, name)
		h.Faults.Before(nil)
		require.Equal(t, 1, h.Count(t, "buyers"))

		h.Faults.Before(failing("SELECT", 1, cause))
		err = h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			if _, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1"); err != nil {
				return ErrOwn
			}
			return nil
		})
		require.NoError(t, err, "what the closure made of the deadlock does not count")
		h.Faults.Before(nil)
	}
	err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		s := NewBuyer(t, "buyer_3").Snapshot()
		s.Name = strings.Repeat("x", 201)
		require.Error(t, tx.Buyers().Add(ctx, buyer.FromSnapshot(s)))
		require.Error(t, tx.Buyers().Add(ctx, NewBuyer(t, "buyer_2")))
		return nil
	})
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError)
	require.Equal(t, 1, h.Count(t, "buyers"))
}

func testRetryAtCommit(t *testing.T, h *Harness) {
	addBuyer(t, h)
	for name, cause := range h.Retryable(t) {
		left := 2
		h.Faults.Commit(func(_ []string, commit, rollback func() error) error {
			if left > 0 {
				left--
				return errors.Join(rollback(), cause)
			}
			return commit()
		})
		require.NoError(t, h.Store.Do(t.Context(), deposit), name)
		require.Zero(t, left)
		h.Faults.Commit(nil)
		require.Equal(t, 1, deposited(t, h))
		require.Equal(t, int64(1), h.Woken.Load())
		reset(t, h)
	}
}

func testCommitUnknown(t *testing.T, h *Harness) {
	addBuyer(t, h)
	for stored, act := range []func(_ []string, commit, rollback func() error) error{
		func(_ []string, _, rollback func() error) error { return errors.Join(rollback(), h.lost()) },
		func(_ []string, commit, _ func() error) error { return errors.Join(commit(), h.lost()) },
	} {
		runs := 0
		h.Faults.Commit(act)
		var b *buyer.Buyer
		err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) (err error) {
			runs++
			if b, err = tx.Buyers().Lock(ctx, "seller_1", "buyer_1"); err != nil {
				return err
			}
			if _, err := b.Deposit("entry_1", 5, "", Now); err != nil {
				return err
			}
			return tx.Buyers().Save(ctx, b)
		})
		var unknown *application.OutcomeUnknownError
		require.ErrorAs(t, err, &unknown)
		require.Equal(t, fault.Unavailable, fault.KindOf(err))
		require.Equal(t, 1, runs, "it may be stored, so it is not run again")
		require.Len(t, b.Pending(), 1)
		require.Zero(t, h.Woken.Load())
		h.Faults.Commit(nil)
		require.Equal(t, stored, deposited(t, h))
		reset(t, h)
	}
	// An error nobody knows is not a success either.
	h.Faults.Commit(func(_ []string, _, rollback func() error) error { return errors.Join(rollback(), ErrOwn) })
	var unknown *application.OutcomeUnknownError
	require.ErrorAs(t, h.Store.Do(t.Context(), deposit), &unknown)
	h.Faults.Commit(nil)
	require.Zero(t, deposited(t, h))
}

func testConnectionLost(t *testing.T, h *Harness) {
	addBuyer(t, h)
	for _, word := range []string{"SELECT", "UPDATE", "INSERT INTO event_segments"} {
		runs := 0
		h.Faults.Before(failing(word, 1, h.lost()))
		err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			runs++
			return deposit(ctx, tx)
		})
		require.ErrorIs(t, err, application.ErrUnavailable)
		var unknown *application.OutcomeUnknownError
		require.NotErrorAs(t, err, &unknown, "no commit was sent")
		require.Equal(t, 1, runs)
		h.Faults.Before(nil)
		require.Zero(t, deposited(t, h))
	}
	// The statement before the commit went well, but what the commit returns is an error that hides nothing.
	h.Faults.Before(failing("UPDATE", 1, ErrOwn))
	err := h.Store.Do(t.Context(), deposit)
	require.ErrorIs(t, err, ErrOwn)
	require.Equal(t, fault.Internal, fault.KindOf(err))
	require.Zero(t, deposited(t, h))
}

func testCancelled(t *testing.T, h *Harness) {
	addBuyer(t, h)
	run := func(cancelAt string) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if cancelAt == "" {
			cancel()
		}
		h.Faults.Before(func(query string) error {
			if cancelAt != "" && strings.HasPrefix(query, cancelAt) {
				cancel()
			}
			return nil
		})
		defer h.Faults.Before(nil)
		return h.Store.Do(ctx, func(ctx context.Context, tx *sqlstore.Tx) error {
			if err := deposit(ctx, tx); err != nil {
				return err
			}
			if cancelAt == "end" {
				cancel()
			}
			return nil
		})
	}
	for _, at := range []string{"", "SELECT", "UPDATE", "INSERT INTO ledger", "INSERT INTO event_segments", "end"} {
		err := run(at)
		require.ErrorIs(t, err, application.ErrUnavailable, "at %q", at)
		require.ErrorIs(t, err, context.Canceled, "at %q", at)
		var unknown *application.OutcomeUnknownError
		require.NotErrorAs(t, err, &unknown, "at %q", at)
		require.Zero(t, deposited(t, h), "at %q", at)
		require.Zero(t, h.Woken.Load())
	}
	// While it waits for another attempt.
	for _, cause := range h.Retryable(t) {
		ctx, cancel := context.WithCancel(t.Context())
		h.Faults.Before(failing("UPDATE", 1000, cause))
		err := h.Store.Do(ctx, func(ctx context.Context, tx *sqlstore.Tx) error {
			err := deposit(ctx, tx)
			cancel()
			return err
		})
		cancel()
		h.Faults.Before(nil)
		require.ErrorIs(t, err, application.ErrUnavailable)
	}
	require.NoError(t, h.Store.Do(t.Context(), deposit), "and the store goes on")
	require.Equal(t, 1, deposited(t, h))
}

func testPanic(t *testing.T, h *Harness) {
	addBuyer(t, h)
	require.PanicsWithValue(t, "boom", func() {
		_ = h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			require.NoError(t, deposit(ctx, tx))
			panic("boom")
		})
	})
	require.Zero(t, deposited(t, h))
	h.Do(t, deposit)
	require.Equal(t, 1, deposited(t, h))
}

// testPatience locks a row that somebody else holds.
func testPatience(t *testing.T, h *Harness) {
	if !h.Concurrent() {
		t.Skip("one writer, no locks of rows")
	}
	addBuyer(t, h)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, NewBuyer(t, "buyer_2")) })
	other, err := h.Open(t, dialect.Options{MaxConnections: 1}).Writer.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	var held string
	require.NoError(t, other.Get(&held, "SELECT id FROM buyers WHERE seller_id = 'seller_1' AND id = 'buyer_1' FOR UPDATE"))
	impatient, runs := application.WithPatience(t.Context(), 50*time.Millisecond), 0
	lock := func(id string) func(ctx ctx, tx tx) error {
		return func(ctx ctx, tx tx) error {
			runs++
			_, err := tx.Buyers().LockAll(ctx, Refs(id))
			return err
		}
	}
	err = h.Store.Do(impatient, lock("buyer_1"))
	require.True(t, application.IsHeld(err), err)
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.Equal(t, 1, runs, "it is not tried again")
	var told *mysql.MySQLError
	require.ErrorAs(t, err, &told)
	require.NotEqual(t, uint16(1205), told.Number, "it did not wait as long as the server lets it")
	require.NoError(t, h.Store.Do(impatient, lock("buyer_2")), "nobody holds that one")
	require.NoError(t, other.Rollback())
	require.NoError(t, h.Store.Do(impatient, lock("buyer_1")))

	h.Faults.Before(func(query string) error {
		if strings.HasSuffix(query, "FOR UPDATE") {
			return h.Retryable(t)["lock timeout"]
		}
		return nil
	})
	runs = 0
	err = h.Store.Do(t.Context(), lock("buyer_1"))
	require.True(t, application.IsHeld(err), "also after the last of several tries")
	require.Equal(t, 5, runs)
}
