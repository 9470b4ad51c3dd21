package markettest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
)

func testReturns(t *testing.T, h *sqlstoretest.Harness) {
	r := sqlstoretest.Filled[lead.Return](0)
	r.SellerID, r.Status, r.Currency, r.Note, r.DecisionNote = "seller_1", lead.ReturnStatusApproved, "USD", sqlstoretest.Awkward[0]+"\nline", sqlstoretest.Awkward[3]
	sqlstoretest.RequireFull(t, r)
	open := sqlstoretest.Filled[lead.Return](500)
	open.SellerID, open.Status, open.Currency, open.DecidedAt, open.DecisionNote, open.Automatic = "seller_1", lead.ReturnStatusPending, "USD", time.Time{}, "", false
	get := func(id string) (got lead.Return) {
		h.Do(t, func(ctx ctx, tx tx) (err error) {
			got, err = tx.Returns().Get(ctx, "seller_1", id)
			return err
		})
		return got
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Returns().Add(ctx, r))
		return tx.Returns().Add(ctx, open)
	})
	require.Equal(t, r, get(r.ID))
	require.Equal(t, open, get(open.ID))

	second := open
	second.ID = "return_second"
	require.Error(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Returns().Add(ctx, second) }), "a sale has one open return")
	decided := open
	decided.Status, decided.DecidedAt, decided.DecisionNote, decided.Automatic = lead.ReturnStatusRejected, now, "no", true
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Returns().Decide(ctx, decided) })
	require.Equal(t, decided, get(open.ID))
	require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Returns().Decide(ctx, decided) }), application.ErrConcurrentChange)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Returns().Add(ctx, second) }) // the first is decided
	for _, id := range []string{"return_none", "größe", ""} {
		require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			_, err := tx.Returns().Get(ctx, "seller_1", id)
			return err
		}), lead.ErrReturnNotFound)
		require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			_, err := tx.Returns().Sale(ctx, "seller_1", id)
			return err
		}), lead.ErrSaleNotFound)
	}
}

// testSoldLeads gives back the sales of a lead that three buyers share, the first sold by an older version.
func testSoldLeads(t *testing.T, h *sqlstoretest.Harness) {
	l := sqlstoretest.NewLead("lead_shared", "campaign_1")
	var sales []lead.Sale
	for i, id := range []string{"sale_a", "sale_b", "sale_c"} {
		sales = append(sales, lead.Sale{
			ID: id, ContractID: "contract_" + id, BuyerID: "buyer_" + id, Price: money.Micros(10 * (i + 1)), Payout: money.Micros(5 * (i + 1)), Currency: "USD",
			Status: lead.SaleCaptured, At: now,
		})
	}
	require.NoError(t, l.Sell(lead.Outcome{Sales: sales, Payout: 30, Shown: 30}, now))
	old := soldLead(t, "lead_old", "campaign_1", "contract_sale_a", 40, now)
	// A sale that moves is a new entry of the index of ids, for which MariaDB locks the next one too: that must be one of the same seller.
	next := soldLead(t, "lead_zz", "campaign_1", "contract_sale_a", 40, now)
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: l}, old, next, sqlstoretest.PendingLead(t, "lead_waits", "campaign_1")})
	})
	h.Exec(t, "UPDATE sales SET payout = NULL WHERE seller_id = 'seller_1' AND lead_id = 'lead_old' AND slot = 1")
	h.Exec(t, "UPDATE leads SET payout = 28 WHERE seller_id = 'seller_1' AND id = 'lead_old'")
	giveBack := func(leadID, saleID string, reject bool) (s lead.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			of, err := tx.Returns().Sale(ctx, "seller_1", saleID)
			require.NoError(t, err)
			require.Equal(t, leadID, of.LeadID)
			campaign, err := tx.Leads().CampaignOf(ctx, "seller_1", leadID)
			require.NoError(t, err)
			require.Equal(t, "campaign_1", campaign)
			l, err := tx.Leads().LockSold(ctx, "seller_1", leadID)
			require.NoError(t, err)
			r, err := l.RequestReturn(lead.ReturnRequest{ID: "return_" + saleID, SaleID: saleID, Reason: returns.Other, Window: time.Hour}, now)
			require.NoError(t, err)
			if reject {
				_, err = l.RejectReturn(r, "", now)
			} else {
				_, err = l.ApproveReturn(r, lead.ReturnDecision{EntryID: "entry"}, now)
			}
			require.NoError(t, err)
			s = l.Snapshot()
			return tx.Leads().SaveSold(ctx, l)
		})
		return s
	}
	slots := func(leadID string) (got []string) {
		require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &got, "SELECT CONCAT(slot, ' ', id, ' ', status, ' ', payout) FROM sales WHERE lead_id = ? ORDER BY slot", leadID))
		return got
	}
	giveBack("lead_shared", "sale_b", true)
	require.Equal(t, []string{"1 sale_a captured 5", "2 sale_b captured 10", "3 sale_c captured 15"}, slots("lead_shared"))
	giveBack("lead_shared", "sale_a", false)
	require.Equal(t, []string{"-1 sale_a returned 5", "1 sale_b captured 10", "2 sale_c captured 15"}, slots("lead_shared"))
	require.Equal(t, []string{"lead_waits pending"}, listedUnsold(t, h))
	giveBack("lead_shared", "sale_c", false)
	require.Equal(t, []string{"-2 sale_c returned 15", "-1 sale_a returned 5", "1 sale_b captured 10"}, slots("lead_shared"))
	s := giveBack("lead_shared", "sale_b", false)
	require.Equal(t, lead.StatusReturned, s.Status)
	require.Equal(t, []string{"-3 sale_b returned 10", "-2 sale_c returned 15", "-1 sale_a returned 5"}, slots("lead_shared"))
	giveBack("lead_old", "sale_lead_old", false)
	require.Equal(t, []string{"-1 sale_lead_old returned 28"}, slots("lead_old"))
	require.Equal(t, []string{"lead_old returned", "lead_shared returned", "lead_waits pending"}, listedUnsold(t, h))

	h.Do(t, func(ctx ctx, tx tx) error {
		gave, err := tx.Returns().GivenBack(ctx, "seller_1", []string{"lead_shared", "lead_waits"})
		require.NoError(t, err)
		require.Len(t, gave, 1)
		require.ElementsMatch(t, []string{"buyer_sale_a", "buyer_sale_b", "buyer_sale_c"}, gave["lead_shared"])
		l, err := tx.Leads().Lock(ctx, "seller_1", "lead_shared")
		require.NoError(t, err)
		require.Empty(t, l.Sales())
		require.NoError(t, l.Redistribute())
		require.NoError(t, l.Sell(lead.Outcome{Payout: 7, Sales: []lead.Sale{{ID: "sale_d", ContractID: "k", BuyerID: "b", Price: 9, Payout: 7, Currency: "USD", Status: lead.SaleCaptured, At: now}}}, now))
		return tx.Leads().SaveAll(ctx, []*lead.Lead{l})
	})
	require.Equal(t, []string{"-3 sale_b returned 10", "-2 sale_c returned 15", "-1 sale_a returned 5", "1 sale_d captured 7"}, slots("lead_shared"))
	require.Equal(t, []string{"lead_old returned", "lead_waits pending"}, listedUnsold(t, h))
	for _, id := range []string{"lead_none", "größe"} {
		require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			_, err := tx.Leads().LockSold(ctx, "seller_1", id)
			return err
		}), lead.ErrNotFound)
		require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			_, err := tx.Leads().CampaignOf(ctx, "seller_1", id)
			return err
		}), lead.ErrNotFound)
	}
}

func listedUnsold(t *testing.T, h *sqlstoretest.Harness) (got []string) {
	t.Helper()
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &got, "SELECT CONCAT(lead_id, ' ', status) FROM unsold_leads ORDER BY lead_id"))
	return got
}

// testRelease gives a place back to the spans that a sale was made in and that are not over.
func testRelease(t *testing.T, h *sqlstoretest.Harness) {
	soldAt := now
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().SaveAll(ctx, []*distribution.Counter{
			take(counter("k", calendar.Total), 3, 30), take(counter("k", calendar.Hour), 2, 20), take(counter("k", calendar.Day), 2, 20),
			take(counter("b", calendar.Day), 2, 20), take(counter("other", calendar.Day), 2, 20),
		})
	})
	owners := sqlstoretest.Refs("k", "b", "c")
	used := func() (got []string) {
		require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &got, "SELECT CONCAT(counter_key, ' ', used, ' ', spent) FROM contract_counters ORDER BY counter_key"))
		return got
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Release(ctx, owners, 10, soldAt, now.Add(2*time.Hour))
	})
	require.Equal(t, []string{"b/day:2026-03-01 1 10", "k/day:2026-03-01 1 10", "k/hour:2026-03-01T12:00Z 2 20", "k/total 2 20", "other/day:2026-03-01 2 20"}, used())
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Release(ctx, owners, 10, soldAt, now.Add(48*time.Hour))
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Release(ctx, owners, 10, soldAt.Add(-24*time.Hour), now)
	})
	require.Equal(t, []string{"b/day:2026-03-01 1 10", "k/day:2026-03-01 1 10", "k/hour:2026-03-01T12:00Z 2 20", "k/total 0 0", "other/day:2026-03-01 2 20"}, used())
	require.ErrorContains(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Counters().Release(ctx, owners, 10, soldAt, now) }), "a guard refused", "nothing is below zero")
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Release(ctx, sqlstoretest.Refs("nobody"), 10, soldAt, now)
	})
}

// testShares counts sales and returns of a buyer.
func testShares(t *testing.T, h *sqlstoretest.Harness) {
	c := sqlstoretest.NewCampaign(t, "campaign_1", "Solar")
	sqlstoretest.AddContract(t, c, "contract_1", "buyer_1")
	sqlstoretest.AddContract(t, c, "contract_2", "buyer_1")
	sqlstoretest.AddContract(t, c, "contract_3", "buyer_2")
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Campaigns().Add(ctx, c))
		other := soldLead(t, "e", "campaign_1", "contract_3", 1, now)
		return tx.Leads().AddAll(ctx, []application.StoredLead{
			soldLead(t, "a", "campaign_1", "contract_1", 1, now), soldLead(t, "b", "campaign_1", "contract_2", 1, now.Add(time.Hour)),
			soldLead(t, "d", "campaign_1", "contract_2", 1, now.Add(-time.Microsecond)), other,
		})
	})
	for i, status := range []lead.ReturnStatus{lead.ReturnStatusApproved, lead.ReturnStatusRejected, lead.ReturnStatusPending, lead.ReturnStatusApproved} {
		r := sqlstoretest.Filled[lead.Return](int64(1000 * i))
		r.SellerID, r.Currency, r.BuyerID, r.Status = "seller_1", "USD", "buyer_1", status
		r.SoldAt, r.DecidedAt = now.Add(-240*time.Hour), now.Add(-time.Duration(i)*time.Second)
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Returns().Add(ctx, r) })
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		for limit, want := range map[int64]int64{0: 0, 1: 1, 2: 2, 9: 2} {
			n, err := tx.Returns().Sold(ctx, "seller_1", "buyer_1", now, limit)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		for since, want := range map[time.Time]int64{now: 1, now.Add(-time.Minute): 2, now.Add(time.Second): 0} {
			n, err := tx.Returns().Returned(ctx, "seller_1", "buyer_1", since)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		return nil
	})
}
