package markettest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

// testOwnersCounters counts what buyers and campaigns took by the sales of all their contracts, deleted ones too.
func testOwnersCounters(t *testing.T, h *sqlstoretest.Harness) {
	day, total := calendar.SpanAt(calendar.Day, now, time.UTC), calendar.SpanAt(calendar.Total, now, time.UTC)
	first, second := sqlstoretest.NewCampaign(t, "campaign_1", "a"), sqlstoretest.NewCampaign(t, "campaign_2", "b")
	sqlstoretest.AddContract(t, first, "k1", "b")
	sqlstoretest.AddContract(t, first, "k2", "other")
	sqlstoretest.AddContract(t, second, "k3", "b")
	require.NoError(t, first.DeleteContract("k1", now))
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Campaigns().Add(ctx, first))
		require.NoError(t, tx.Campaigns().Add(ctx, second))
		return tx.Leads().AddAll(ctx, []application.StoredLead{
			soldLead(t, "a", "campaign_1", "k1", 10, day.Start), soldLead(t, "b", "campaign_1", "k2", 20, now), soldLead(t, "c", "campaign_2", "k3", 40, now),
			soldLead(t, "d", "campaign_2", "k3", 80, day.Start.Add(-time.Microsecond)),
		})
	})
	used := func(of distribution.Owner, id string, spans ...calendar.Span) (got [][2]int64) {
		h.Do(t, func(ctx ctx, tx tx) error {
			require.NoError(t, tx.Counters().Recount(ctx, of, sqlstoretest.Refs(id)[0], spans))
			got = nil
			for _, s := range spans {
				all, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs(distribution.CounterKey(id, s)))
				require.NoError(t, err)
				n := all[distribution.CounterKey(id, s)]
				require.Equal(t, []any{of, id, s}, []any{n.Owner, n.OwnerID, n.Span})
				got = append(got, [2]int64{n.Used, int64(n.Spent)})
			}
			return nil
		})
		return got
	}
	require.Equal(t, [][2]int64{{2, 50}, {3, 130}}, used(distribution.OwnerBuyer, "b", day, total))
	require.Equal(t, [][2]int64{{2, 30}, {2, 30}}, used(distribution.OwnerCampaign, "campaign_1", day, total))
	require.Equal(t, 4, h.Count(t, "contract_counters"))
	require.Equal(t, [][2]int64{{3, 130}}, used(distribution.OwnerBuyer, "b", total), "what is capped no more is counted no more")
	require.Equal(t, 3, h.Count(t, "contract_counters"))
	require.Empty(t, used(distribution.OwnerBuyer, "b"))
	require.Equal(t, 2, h.Count(t, "contract_counters"))

	// They are guarded like those of contracts.
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		all, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs("campaign_1/total"))
		require.NoError(t, err)
		n := take(all["campaign_1/total"], 1, 1)
		n.Limit = campaign.Cap{HasLeads: true, Leads: 2}
		return tx.Counters().SaveAll(ctx, []*distribution.Counter{n})
	})
	require.ErrorContains(t, err, "a guard refused")
}

// testTurns goes on with the turns of contracts, whether they took a lead or not, also back to none.
func testTurns(t *testing.T, h *sqlstoretest.Harness) {
	ids := []string{"k1", "k2", "k3"}
	for n, turns := range [][]int64{{0, 1, -2}, {5, -1, -4}, {0, 0, 0}, {3, -3, 7}} {
		h.Do(t, func(ctx ctx, tx tx) error {
			var all []*distribution.Counter
			for i, id := range ids {
				c := counter(id, calendar.Total)
				stored, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs(c.Key()))
				require.NoError(t, err)
				if n > 0 {
					c = stored[c.Key()]
				}
				c.Turn, c.Turned = turns[i], true
				if i == 1 {
					take(c, 1, 1)
				}
				all = append(all, c)
			}
			return tx.Counters().SaveAll(ctx, all)
		})
		var stored []int64
		require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &stored, "SELECT turn FROM contract_counters ORDER BY counter_key"))
		require.Equal(t, turns, stored)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs("k1/total", "k2/total", "k3/total"))
		require.NoError(t, err)
		for i, id := range ids {
			c := all[id+"/total"]
			require.Equal(t, []int64{int64(i % 2 * 4), []int64{3, -3, 7}[i]}, []int64{c.Used, c.Turn})
			require.Equal(t, i != 1, c.LastWon.IsZero(), "who never won has no last win")
			c.Turn = 99
			take(c, 1, 1)
		}
		return tx.Counters().SaveAll(ctx, slices.Collect(maps.Values(all)))
	})
	var kept []int64
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &kept, "SELECT turn FROM contract_counters ORDER BY counter_key"))
	require.Equal(t, []int64{3, -3, 7}, kept, "turns that were not moved")
}

func testRuledBuyers(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"b2", "b1", "plain"} {
			b := sqlstoretest.NewBuyer(t, id).Snapshot()
			if id != "plain" {
				b.Caps = []quota.Cap{{Window: calendar.Day, HasLeads: true, Leads: 3}}
			}
			require.NoError(t, tx.Buyers().Add(ctx, buyer.FromSnapshot(b)))
		}
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Buyers().LockRuled(ctx, "seller_1")
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, []string{"b1", "b2"}, []string{all[0].ID(), all[1].ID()})
		require.Equal(t, []quota.Cap{{Window: calendar.Day, HasLeads: true, Leads: 3}}, all[0].Snapshot().Caps)
		require.True(t, h.Locked(t, "buyers", "b1"))
		none, err := tx.Buyers().LockRuled(ctx, "another")
		require.NoError(t, err)
		require.Empty(t, none)
		return nil
	})
}

// testSharedLead stores the sales of a shared lead; a sale of an older version earns what its lead does.
func testSharedLead(t *testing.T, h *sqlstoretest.Harness) {
	l := sqlstoretest.NewLead("lead_1", "c")
	sale := func(id string, payout money.Micros) lead.Sale {
		return lead.Sale{ID: "sale_" + id, ContractID: "k" + id, BuyerID: "b" + id, Price: 30, Payout: payout, Currency: "USD", Status: lead.SaleCaptured, At: now}
	}
	require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{sale("1", 7), sale("2", 5), sale("3", 0)}, Payout: 12}, now))
	old := soldLead(t, "lead_2", "c", "k1", 10, now)
	s := old.Lead.Snapshot()
	s.Payout = 9
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: l}, {Lead: lead.FromSnapshot(s)}})
	})
	h.Exec(t, "UPDATE sales SET payout = NULL WHERE lead_id = 'lead_2'")
	var got []struct {
		Lead   string `db:"lead_id"`
		Slot   int64  `db:"slot"`
		Payout int64  `db:"payout"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &got, "SELECT lead_id, slot, "+leadrow.SalePayout+" AS payout FROM sales ORDER BY lead_id, slot"))
	require.Len(t, got, 4)
	for i, want := range []int64{7, 5, 0, 9} {
		require.Equal(t, want, got[i].Payout, got[i].Lead)
	}
	require.Equal(t, []int64{1, 2, 3, 1}, []int64{got[0].Slot, got[1].Slot, got[2].Slot, got[3].Slot})
}
