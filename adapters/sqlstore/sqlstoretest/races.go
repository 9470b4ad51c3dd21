package sqlstoretest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
)

// Race runs n units of work at once. Where transactions run side by side, none goes on after look before all have looked.
func Race(t *testing.T, h *Harness, n int, look func(ctx context.Context, tx *sqlstore.Tx, i int) (free bool), act func(ctx context.Context, tx *sqlstore.Tx, i int) error) (winners, losers int) {
	t.Helper()
	var mu sync.Mutex
	var all, barrier sync.WaitGroup
	barrier.Add(n)
	errs := make([]error, n)
	for i := range n {
		all.Go(func() {
			first := true
			won := false
			errs[i] = h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
				won = false
				free := look(ctx, tx, i)
				if first {
					first = false
					barrier.Done()
					if h.Concurrent() {
						barrier.Wait()
					}
				}
				if !free {
					return nil
				}
				won = true
				return act(ctx, tx, i)
			})
			mu.Lock()
			defer mu.Unlock()
			if won {
				winners++
			} else {
				losers++
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return winners, losers
}

// AtOnce runs n units of work at once. Where transactions run side by side, none goes on before all have begun.
func AtOnce(t *testing.T, h *Harness, n int, fn func(ctx context.Context, tx *sqlstore.Tx, i int) error) []error {
	t.Helper()
	var all, barrier sync.WaitGroup
	barrier.Add(n)
	errs := make([]error, n)
	for i := range n {
		all.Go(func() {
			first := true
			errs[i] = h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
				if first {
					first = false
					barrier.Done()
					if h.Concurrent() {
						barrier.Wait()
					}
				}
				return fn(ctx, tx, i)
			})
		})
	}
	all.Wait()
	return errs
}

// RequireOneWinner asserts that one of them succeeded and all others were told the same.
func RequireOneWinner(t *testing.T, told error, errs []error) {
	t.Helper()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
			continue
		}
		require.Equal(t, told, err)
	}
	require.Equal(t, 1, winners)
}
