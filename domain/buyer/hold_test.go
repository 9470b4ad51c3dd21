package buyer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

func TestHolds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	b := buyer.FromSnapshot(buyer.Snapshot{ID: "b", Balance: 100, CreditLimit: 20, LowBalance: buyer.Threshold{On: true, At: 90}})
	stands := func(balance, held, more money.Micros) {
		t.Helper()
		s := b.Snapshot()
		require.Equal(t, []money.Micros{balance, held, more}, []money.Micros{s.Balance, s.Held, b.HeldMore()})
	}
	require.NoError(t, b.Hold(70, at))
	require.ErrorIs(t, b.Hold(51, at), buyer.ErrInsufficientBalance)
	_, err := b.Withdraw("e", 31, "", at)
	require.ErrorIs(t, err, buyer.ErrInsufficientBalance, "what is held cannot be withdrawn")
	require.NoError(t, b.Hold(50, at))
	stands(100, 120, 120)
	b.Release(50, at)
	stands(100, 70, 70)
	require.Empty(t, b.Entries(), "a hold is no movement of money")
	require.Empty(t, b.Pending())
	e := b.Capture("entry_1", "sale_1", 70, 60, at)
	stands(40, 0, 0)
	require.Equal(t, []any{buyer.SaleEntry, money.Micros(-60), money.Micros(40)}, []any{e.Type, e.Amount, e.BalanceAfter})
	require.Len(t, b.Pending(), 1, "the balance is low")
}
