package markettest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

func testCounters(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[distribution.Counter](0)
	n.Stored, n.Used, n.Spent = false, n.TakenLeads, n.TakenPrice
	n.Limit = campaign.Cap{}
	fresh := []*distribution.Counter{&n, take(counter("k2", calendar.Total), 2, 20), take(counter("k1", calendar.Day), 1, 10), counter("k3", calendar.Day)}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Counters().SaveAll(ctx, fresh) })
	lock := func(ctx ctx, tx tx) map[string]*distribution.Counter {
		all, err := tx.Counters().LockAll(ctx, append(sqlstoretest.Refs(fresh[2].Key(), "absent", fresh[1].Key(), fresh[1].Key(), fresh[3].Key()), application.Ref{SellerID: n.SellerID, ID: n.Key()}))
		require.NoError(t, err)
		return all
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		all := lock(ctx, tx)
		require.Len(t, all, 3, "a counter of which nothing was taken is not stored")
		want := n
		want.Stored, want.TakenLeads, want.TakenPrice, want.Turned = true, 0, 0, false
		require.Equal(t, &want, all[n.Key()])
		require.Equal(t, calendar.Span{Window: calendar.Total, Key: "total"}, all[fresh[1].Key()].Span)
		require.Equal(t, fresh[2].Span, all[fresh[2].Key()].Span)
		for _, c := range all {
			c.Limit = campaign.Cap{HasLeads: true, Leads: c.Used + 1, HasBudget: true, Budget: c.Spent + 5}
			take(c, 1, 5)
		}
		all[fresh[2].Key()].Limit = campaign.Cap{}
		return tx.Counters().SaveAll(ctx, []*distribution.Counter{all[fresh[1].Key()], all[fresh[2].Key()], all[n.Key()], take(counter("k4", calendar.Hour), 1, 1)})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		all := lock(ctx, tx)
		require.Equal(t, []int64{3, 2}, []int64{all[fresh[1].Key()].Used, all[fresh[2].Key()].Used})
		require.Equal(t, []money.Micros{25, 15}, []money.Micros{all[fresh[1].Key()].Spent, all[fresh[2].Key()].Spent})
		require.Equal(t, now.Add(3*time.Microsecond), all[fresh[1].Key()].LastWon)
		return nil
	})
	require.Equal(t, 4, h.Count(t, "contract_counters"))

	// Whatever was decided in memory, no cap and no budget is exceeded.
	for name, limit := range map[string]campaign.Cap{"leads": {HasLeads: true, Leads: 3, HasBudget: true, Budget: 1000}, "budget": {HasBudget: true, Budget: 29}} {
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			all := lock(ctx, tx)
			unlimited := take(all[fresh[2].Key()], 1, 1)
			c := take(all[fresh[1].Key()], 1, 5)
			c.Limit = limit
			return tx.Counters().SaveAll(ctx, []*distribution.Counter{unlimited, c})
		})
		require.ErrorContains(t, err, "a guard refused", name)
		err = h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			c := take(counter("k9", calendar.Day), 4, 30)
			c.Limit = limit
			return tx.Counters().SaveAll(ctx, []*distribution.Counter{c})
		})
		require.ErrorContains(t, err, "a guard refused", name)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, int64(2), lock(ctx, tx)[fresh[2].Key()].Used)
		return nil
	})
}

// A batch may sell for more buyers and contracts than one statement names: each gets its own, and one guard refuses all of them.
func testManySold(t *testing.T, h *sqlstoretest.Harness) {
	const n = 320
	buyers, counters := make([]string, n), make([]string, n)
	h.Do(t, func(ctx ctx, tx tx) error {
		fresh := make([]*distribution.Counter, n)
		for i := range n {
			buyers[i] = fmt.Sprintf("buyer_%03d", i)
			b := sqlstoretest.NewBuyer(t, buyers[i])
			_, err := b.Deposit("deposit_"+buyers[i], 1_000, "", now)
			require.NoError(t, err)
			require.NoError(t, tx.Buyers().Add(ctx, b))
			fresh[i] = take(counter(fmt.Sprintf("k%03d", i), calendar.Day), 1, 1)
			counters[i] = fresh[i].Key()
		}
		return tx.Counters().SaveAll(ctx, fresh)
	})
	// sell charges each buyer and takes from each counter as many as their number, which the last counter's cap may not allow.
	sell := func(most int64) func(ctx ctx, tx tx) error {
		return func(ctx ctx, tx tx) error {
			charged, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs(buyers...))
			require.NoError(t, err)
			taken, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs(counters...))
			require.NoError(t, err)
			for i := range n {
				_, err := charged[buyers[i]].Charge("charge_"+buyers[i], "sale_"+buyers[i], money.Micros(i+1), now)
				require.NoError(t, err)
				c := take(taken[counters[i]], int64(i+1), money.Micros(i+1))
				c.Limit = campaign.Cap{HasLeads: true, Leads: c.Used}
			}
			taken[counters[n-1]].Limit.Leads = most
			if err := tx.Buyers().SaveSold(ctx, slices.Collect(maps.Values(charged))); err != nil {
				return err
			}
			return tx.Counters().SaveAll(ctx, slices.Collect(maps.Values(taken)))
		}
	}
	require.ErrorContains(t, h.Store.Do(t.Context(), sell(n)), "a guard refused")
	h.Do(t, sell(n+1))
	h.Do(t, func(ctx ctx, tx tx) error {
		charged, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs(buyers...))
		require.NoError(t, err)
		taken, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs(counters...))
		for i := range n {
			require.Equal(t, money.Micros(1_000-i-1), charged[buyers[i]].Snapshot().Balance)
			require.Equal(t, int64(i+2), taken[counters[i]].Used)
		}
		return err
	})
}

func testRecount(t *testing.T, h *sqlstoretest.Harness) {
	day, hour := calendar.SpanAt(calendar.Day, now, time.UTC), calendar.SpanAt(calendar.Hour, now, time.UTC)
	released := sqlstoretest.NewLead("released", "c").Snapshot()
	released.Status, released.Sales = lead.StatusSold, []lead.Sale{{ID: "sale_released", ContractID: "k", BuyerID: "b", Price: 9, Currency: "USD", Status: "released", At: now}}
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Counters().SaveAll(ctx, []*distribution.Counter{take(counter("k", calendar.Total), 7, 70), take(counter("k", calendar.Week), 6, 60), take(counter("k2", calendar.Day), 5, 50)}))
		return tx.Leads().AddAll(ctx, []application.StoredLead{
			soldLead(t, "a", "c", "k", 10, day.Start), soldLead(t, "b", "c", "k", 20, day.Start.Add(-time.Microsecond)),
			soldLead(t, "d", "c", "k", 30, hour.End.Add(-time.Microsecond)), soldLead(t, "e", "c", "k", 40, hour.End), soldLead(t, "f", "c", "k", 50, day.End),
			soldLead(t, "g", "c", "k2", 60, now),
			{Lead: lead.FromSnapshot(released)},
		})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Recount(ctx, distribution.OwnerContract, sqlstoretest.Refs("k")[0], []calendar.Span{day, hour, calendar.SpanAt(calendar.Month, now.AddDate(0, 5, 0), time.UTC), calendar.SpanAt(calendar.Total, now, time.UTC)})
	})
	var got []struct {
		Key   string `db:"counter_key"`
		Used  int64  `db:"used"`
		Spent int64  `db:"spent"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &got, "SELECT counter_key, used, spent FROM contract_counters ORDER BY counter_key"))
	var text strings.Builder
	for _, c := range got {
		fmt.Fprintf(&text, "%s %d %d\n", c.Key, c.Used, c.Spent)
	}
	require.Equal(t, "k/day:2026-03-01 3 80\nk/hour:2026-03-01T12:00Z 1 30\nk/month:2026-08 0 0\nk/total 7 70\nk2/day:2026-03-01 5 50\n", text.String())
}

// testRecountBesideDecisions recounts just before and just after midnight, when the decisions that came before it and come behind it have times
// on the other side: none loses what was counted.
func testRecountBesideDecisions(t *testing.T, h *sqlstoretest.Harness) {
	midnight := calendar.SpanAt(calendar.Day, now, time.UTC).End
	before, after := midnight.Add(-100*time.Millisecond), midnight.Add(100*time.Millisecond)
	caps := []quota.Cap{{Window: calendar.Hour, HasLeads: true, Leads: 9}, {Window: calendar.Day, HasLeads: true, Leads: 9}}
	owners := []distribution.Owner{distribution.OwnerContract, distribution.OwnerBuyer, distribution.OwnerCampaign}
	for _, order := range []struct {
		name, k       string
		recount, sold time.Time
	}{
		{"the recount waited for a decision of the next day", "early", before, after},
		{"a decision of the day before waited for the recount", "late", after, before},
	} {
		ids := map[distribution.Owner]string{distribution.OwnerContract: "contract_" + order.k, distribution.OwnerBuyer: "buyer_" + order.k, distribution.OwnerCampaign: "campaign_" + order.k}
		c := sqlstoretest.NewCampaign(t, ids[distribution.OwnerCampaign], order.k)
		sqlstoretest.AddContract(t, c, ids[distribution.OwnerContract], ids[distribution.OwnerBuyer])
		_, err := c.UpdateContract(ids[distribution.OwnerContract], campaign.Terms{Caps: &caps}, campaign.Zones{}, now)
		require.NoError(t, err)
		require.NoError(t, c.Update(campaign.Definition{Caps: &caps}, nil, now))
		c.CountIn("UTC", now)
		b := sqlstoretest.NewBuyer(t, ids[distribution.OwnerBuyer]).Snapshot()
		b.Caps, b.CapZone = caps, "UTC"
		late := sqlstoretest.Filled[lead.Return](0)
		late.ID, late.SellerID, late.Status = "return_"+order.k, c.SellerID(), lead.ReturnStatusApproved
		late.ContractID, late.BuyerID, late.CampaignID = ids[distribution.OwnerContract], b.ID, c.ID()
		late.Price, late.SoldAt, late.DecidedAt = 30, order.sold, calendar.SpanAt(calendar.Day, order.sold, time.UTC).End
		h.Do(t, func(ctx ctx, tx tx) error {
			require.NoError(t, tx.Campaigns().Add(ctx, c))
			require.NoError(t, tx.Returns().Add(ctx, late))
			sale := soldLead(t, "lead_"+order.k, c.ID(), late.ContractID, 10, order.sold)
			require.NoError(t, tx.Leads().AddAll(ctx, []application.StoredLead{sale}))
			require.NoError(t, market.Recount(ctx, tx, c, late.ContractID, order.recount))
			require.NoError(t, market.RecountCampaign(ctx, tx, c, nil, order.recount))
			return market.RecountBuyer(ctx, tx, buyer.FromSnapshot(b), nil, order.recount)
		})
		h.Do(t, func(ctx ctx, tx tx) error {
			for _, owner := range owners {
				for _, w := range []calendar.Window{calendar.Hour, calendar.Day} {
					key := distribution.CounterKey(ids[owner], calendar.SpanAt(w, order.sold, time.UTC))
					all, err := tx.Counters().LockAll(ctx, []application.Ref{{SellerID: c.SellerID(), ID: key}})
					require.NoError(t, err)
					require.Contains(t, all, key, order.name)
					require.Equal(t, []any{int64(2), money.Micros(40), order.sold}, []any{all[key].Used, all[key].Spent, all[key].LastWon}, "%s: %s", order.name, key)
				}
			}
			return nil
		})
	}
}

func counter(contractID string, w calendar.Window) *distribution.Counter {
	return &distribution.Counter{SellerID: "seller_1", Owner: distribution.OwnerContract, OwnerID: contractID, Span: calendar.SpanAt(w, now, time.UTC)}
}

// take takes leads and money from a counter, as deciding does.
func take(c *distribution.Counter, leads int64, price money.Micros) *distribution.Counter {
	c.Used += leads
	c.TakenLeads += leads
	c.Spent += price
	c.TakenPrice += price
	c.LastWon = now.Add(time.Duration(c.Used) * time.Microsecond)
	return c
}
