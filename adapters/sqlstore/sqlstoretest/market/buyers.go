package markettest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

func testBuyers(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[buyer.Snapshot](0)
	sqlstoretest.RequireFull(t, n)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, buyer.FromSnapshot(n)) })
	load := func() (got []buyer.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			a, err := tx.Buyers().Get(ctx, n.SellerID, n.ID)
			require.NoError(t, err)
			b, err := tx.Buyers().Lock(ctx, n.SellerID, n.ID)
			require.NoError(t, err)
			c, err := tx.Buyers().LockAll(ctx, []application.Ref{{SellerID: n.SellerID, ID: n.ID}, {SellerID: n.SellerID, ID: "absent"}, {SellerID: "another", ID: n.ID}, {SellerID: n.SellerID, ID: n.ID}})
			require.NoError(t, err)
			require.Len(t, c, 1)
			got = []buyer.Snapshot{a.Snapshot(), b.Snapshot(), c[n.ID].Snapshot()}
			return nil
		})
		return got
	}
	require.Equal(t, []buyer.Snapshot{n, n, n}, load())
	changed := sqlstoretest.Filled[buyer.Snapshot](100)
	changed.ID, changed.SellerID, changed.CreatedAt, changed.Version = n.ID, n.SellerID, n.CreatedAt, n.Version
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Save(ctx, buyer.FromSnapshot(changed)) })
	require.Equal(t, []buyer.Snapshot{changed, changed, changed}, load())
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Buyers().Get(ctx, "another", n.ID)
		require.Equal(t, buyer.ErrNotFound, err, "a buyer of another seller is not there")
		_, err = tx.Buyers().Lock(ctx, n.SellerID, n.ID+" ")
		require.Equal(t, buyer.ErrNotFound, err)
		all, err := tx.Buyers().LockAll(ctx, nil)
		require.NoError(t, err)
		require.Empty(t, all)
		return nil
	})

	b := sqlstoretest.NewBuyer(t, "buyer_1")
	first, err := b.Deposit("entry_1", 7_000_000, "first", now)
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, b) })
	var second, third buyer.Entry
	h.Do(t, func(ctx ctx, tx tx) error {
		b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
		require.NoError(t, err)
		second, err = b.Withdraw("entry_2", 2_000_000, "", now.Add(time.Second))
		require.NoError(t, err)
		third, err = b.Charge("entry_3", "sale_3", 1_000_000, now.Add(time.Minute))
		require.NoError(t, err)
		return tx.Buyers().Save(ctx, b)
	})
	require.Equal(t, []buyer.Entry{first, second, third}, entries(t, h, "buyer_1"))
}

func entries(t *testing.T, h *sqlstoretest.Harness, buyerID string) []buyer.Entry {
	t.Helper()
	var rows []struct {
		ID       string `db:"id"`
		SellerID string `db:"seller_id"`
		BuyerID  string `db:"buyer_id"`
		Type     string `db:"type"`
		Amount   int64  `db:"amount"`
		After    int64  `db:"balance_after"`
		SaleID   string `db:"sale_id"`
		Note     string `db:"note"`
		At       int64  `db:"created_at"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows, "SELECT * FROM ledger_entries WHERE buyer_id = ? ORDER BY id", buyerID))
	out := make([]buyer.Entry, len(rows))
	for i, r := range rows {
		out[i] = buyer.Entry{
			ID: r.ID, SellerID: r.SellerID, BuyerID: r.BuyerID, Type: buyer.EntryType(r.Type), Amount: money.Micros(r.Amount),
			BalanceAfter: money.Micros(r.After), SaleID: r.SaleID, Note: r.Note, At: time.UnixMicro(r.At).UTC(),
		}
	}
	return out
}

func testCharges(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"b", "a", "c"} {
			b := sqlstoretest.NewBuyer(t, id)
			if _, err := b.Deposit("deposit_"+id, 10_000_000, "", now); err != nil {
				return err
			}
			if err := tx.Buyers().Add(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	later := now.Add(time.Hour)
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs("c", "b", "a"))
		require.NoError(t, err)
		for i, id := range []string{"b", "a", "b"} {
			_, err := all[id].Charge(fmt.Sprintf("charge_%d", i), fmt.Sprintf("sale_%d", i), money.Micros(i+1)*1_000_000, later)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Buyers().SaveSold(ctx, []*buyer.Buyer{all["c"], all["b"], all["a"]}))
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs("a", "b", "c"))
		require.NoError(t, err)
		require.Equal(t, []money.Micros{8_000_000, 6_000_000, 10_000_000}, []money.Micros{all["a"].Balance(), all["b"].Balance(), all["c"].Balance()})
		require.Equal(t, []time.Time{later, later, now}, []time.Time{all["a"].Snapshot().UpdatedAt, all["b"].Snapshot().UpdatedAt, all["c"].Snapshot().UpdatedAt})
		require.Equal(t, int64(2), all["a"].Version(), "a charge is an event of the lead, not of the buyer")
		return nil
	})
	require.Len(t, entries(t, h, "b"), 3)

	// Whatever was decided in memory, an account is not overdrawn.
	for _, stored := range []string{"UPDATE buyers SET balance = 999999 WHERE id = 'a'", "UPDATE buyers SET balance = 1000000, held = 1 WHERE id = 'a'"} {
		rich := sqlstoretest.NewBuyer(t, "a").Snapshot()
		rich.Balance, rich.Version = 1_000_000, 2
		h.Exec(t, stored)
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			b := buyer.FromSnapshot(rich)
			_, err := b.Charge("over", "sale_over", 1_000_000, later)
			require.NoError(t, err)
			return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{b})
		})
		require.ErrorContains(t, err, "a guard refused")
		require.Len(t, entries(t, h, "a"), 2, "and nothing is booked")
	}
	h.Exec(t, "UPDATE buyers SET balance = 8000000, held = 0 WHERE id = 'a'")
	h.Do(t, func(ctx ctx, tx tx) error { // exactly what is there can be spent
		all, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs("a"))
		require.NoError(t, err)
		_, err = all["a"].Charge("last", "sale_last", 8_000_000, later)
		require.NoError(t, err)
		return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{all["a"]})
	})
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		b, err := tx.Buyers().Lock(ctx, "seller_1", "b")
		require.NoError(t, err)
		_, err = b.Deposit("deposit_more", 1, "", now)
		require.NoError(t, err)
		return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{b})
	})
	require.ErrorContains(t, err, "not only charged", "its event would be lost")

	// A charge below the threshold is an event of the buyer, in the same transaction, and none before or behind it is.
	h.Do(t, func(ctx ctx, tx tx) error {
		b := sqlstoretest.NewBuyer(t, "low")
		_, err := b.Update(buyer.Details{LowBalance: &buyer.Threshold{On: true, At: 5_000_000}}, now)
		require.NoError(t, err)
		_, err = b.Deposit("deposit_low", 8_000_000, "", now)
		require.NoError(t, err)
		return tx.Buyers().Add(ctx, b)
	})
	for i, version := range []int64{3, 4, 4} { // the balance becomes 6, 4 and 2
		h.Do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs("low", "c"))
			require.NoError(t, err)
			require.Equal(t, buyer.Threshold{On: true, At: 5_000_000}, all["low"].Snapshot().LowBalance)
			for _, id := range []string{"low", "c"} {
				_, err = all[id].Charge(fmt.Sprint("charge_", id, i), fmt.Sprint("sale_", id, i), 2_000_000, later)
				require.NoError(t, err)
			}
			return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{all["low"], all["c"]})
		})
		var low []int64
		for _, e := range h.Records(t) {
			if e.Type == "buyer.balance_low.v1" {
				low = append(low, e.AggregateVersion)
			}
		}
		require.Equal(t, []int64{4}[:min(i, 1)], append([]int64{}, low...))
		h.Do(t, func(ctx ctx, tx tx) error {
			b, err := tx.Buyers().Lock(ctx, "seller_1", "low")
			require.NoError(t, err)
			require.Equal(t, version, b.Version())
			require.Equal(t, money.Micros(6-2*i)*1_000_000, b.Balance())
			return nil
		})
	}
}

func testSideBySide(t *testing.T, h *sqlstoretest.Harness) {
	const workers, each = 6, 8
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, sqlstoretest.NewBuyer(t, "buyer_1")) })
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for i := range each {
				errs[w] = errors.Join(errs[w], h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
					b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
					if err != nil {
						return err
					}
					if _, err := b.Deposit(fmt.Sprintf("entry_%d_%d", w, i), 1, "", now); err != nil {
						return err
					}
					return tx.Buyers().Save(ctx, b)
				}))
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	h.Do(t, func(ctx ctx, tx tx) error {
		b, err := tx.Buyers().Get(ctx, "seller_1", "buyer_1")
		require.NoError(t, err)
		require.Equal(t, int64(workers*each), int64(b.Balance()))
		require.Equal(t, int64(workers*each+1), b.Version())
		return nil
	})
	require.Len(t, h.Events(t), workers*each+1)
}
