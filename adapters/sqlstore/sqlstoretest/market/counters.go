package markettest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
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
		want.Stored, want.TakenLeads, want.TakenPrice = true, 0, 0
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
		return tx.Counters().Recount(ctx, sqlstoretest.Refs("k")[0], []calendar.Span{day, hour, calendar.SpanAt(calendar.Month, now.AddDate(0, 5, 0), time.UTC), calendar.SpanAt(calendar.Total, now, time.UTC)})
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

func counter(contractID string, w calendar.Window) *distribution.Counter {
	return &distribution.Counter{SellerID: "seller_1", ContractID: contractID, Span: calendar.SpanAt(w, now, time.UTC)}
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
