package markettest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

func newPing(id string) *ping.Ping {
	return ping.New("seller_1", id, "k1", "campaign_1", id == "ping_2", ping.Quote{
		Payout: 31_500_000, Total: 45_000_000, Prices: map[string]money.Micros{"contract_1": 45_000_000}, Reserve: 10_000_000,
		Bids: map[string]ping.Bid{"contract_1": {Amount: 45_000_000, Reference: "ref-1"}, "contract_2": {Amount: 12_500_000}},
	}, now)
}

func testPings(t *testing.T, h *sqlstoretest.Harness) {
	find := func(ids ...string) (found map[string]*ping.Ping) {
		h.Do(t, func(ctx ctx, tx tx) (err error) {
			found, err = tx.Pings().Find(ctx, sqlstoretest.Refs(ids...))
			return err
		})
		return found
	}
	ofLeads := func(seller string, ids ...string) (found map[string]*ping.Ping) {
		h.Do(t, func(ctx ctx, tx tx) (err error) {
			found, err = tx.Pings().OfLeads(ctx, seller, ids)
			return err
		})
		return found
	}
	first, second := newPing("ping_1"), newPing("ping_2")
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Pings().Add(ctx, second))
		return tx.Pings().Add(ctx, first)
	})
	found := find("ping_2", "ping_1", "ping_3", "größe", "")
	require.Len(t, found, 2)
	require.Equal(t, first.Snapshot(), found["ping_1"].Snapshot())
	require.Equal(t, second.Snapshot(), found["ping_2"].Snapshot())
	h.Do(t, func(ctx ctx, tx tx) error {
		others, err := tx.Pings().Find(ctx, []application.Ref{{SellerID: "seller_2", ID: "ping_1"}})
		assert.Empty(t, others, "another seller's do not exist")
		return err
	})
	require.Empty(t, ofLeads("seller_1", "lead_1", "lead_2"))

	require.NoError(t, first.Use("k1", "campaign_1", false, "lead_1", now.Add(time.Second)))
	require.NoError(t, second.Use("k1", "campaign_1", true, "lead_2", now.Add(2*time.Second)))
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Pings().Use(ctx, []*ping.Ping{second, first}) })
	sqlstoretest.RequireFull(t, second.Snapshot())
	found = ofLeads("seller_1", "lead_2", "lead_1", "lead_3")
	require.Len(t, found, 2)
	require.Equal(t, first.Snapshot(), found["lead_1"].Snapshot())
	require.Equal(t, second.Snapshot(), found["lead_2"].Snapshot())
	require.Empty(t, ofLeads("seller_2", "lead_1"))

	removed, err := h.Store.PurgeExpired(t.Context(), now.Add(24*time.Hour-time.Microsecond))
	require.NoError(t, err)
	require.Zero(t, removed, "they are kept for a day")
	removed, err = h.Store.PurgeExpired(t.Context(), now.Add(24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, 2, removed)
}

// Of those who use a ping at once one does; the others read it again.
func testPingRace(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Pings().Add(ctx, newPing("ping_1")) })
	used := 0
	for _, err := range sqlstoretest.AtOnce(t, h, 8, func(ctx ctx, tx tx, i int) error {
		all, err := tx.Pings().Find(ctx, sqlstoretest.Refs("ping_1"))
		if err != nil {
			return err
		}
		if err := all["ping_1"].Use("k1", "campaign_1", false, "lead_"+string(rune('a'+i)), now); err != nil {
			return err
		}
		return tx.Pings().Use(ctx, []*ping.Ping{all["ping_1"]})
	}) {
		if err == nil {
			used++
			continue
		}
		require.ErrorIs(t, err, ping.ErrUsed)
	}
	require.Equal(t, 1, used)
}
