package markettest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// testStatementCounts counts what one batch of leads costs, whatever its size.
func testStatementCounts(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		for i := range 3 {
			b := sqlstoretest.NewBuyer(t, fmt.Sprint("buyer_", i))
			if _, err := b.Deposit(fmt.Sprint("deposit_", i), 100, "", now); err != nil {
				return err
			}
			c := sqlstoretest.NewCampaign(t, fmt.Sprint("campaign_", i), fmt.Sprint(i))
			sqlstoretest.AddContract(t, c, fmt.Sprint("contract_", i), b.ID())
			if err := errors.Join(tx.Buyers().Add(ctx, b), tx.Campaigns().Add(ctx, c)); err != nil {
				return err
			}
		}
		require.NoError(t, tx.Counters().SaveAll(ctx, []*distribution.Counter{take(counter("k1", calendar.Day), 1, 1), take(counter("k2", calendar.Day), 1, 1)}))
		require.NoError(t, tx.Claims().Take(ctx, []market.Claim{sqlstoretest.NewClaim("old 1", "", now), sqlstoretest.NewClaim("old 2", "", now)}, nil, now))
		require.NoError(t, tx.Claims().Remember(ctx, []market.Request{sqlstoretest.NewRequest("old", "", now)}, nil, now))
		return tx.Leads().AddAll(ctx, []application.StoredLead{sqlstoretest.PendingLead(t, "pending_1", "c"), sqlstoretest.PendingLead(t, "pending_2", "c")})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		expect := func(n int, what string, err error) {
			t.Helper()
			require.NoError(t, err, what)
			require.Len(t, h.Faults.Statements(), n, what)
		}
		h.Faults.Statements()
		_, err := tx.Campaigns().LockAll(ctx, sqlstoretest.Refs("campaign_0", "campaign_1", "campaign_2"), nil)
		expect(3, "Campaigns.LockAll, nothing cached", err)
		buyers, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs("buyer_0", "buyer_1", "buyer_2"))
		expect(1, "Buyers.LockAll", err)
		counters, err := tx.Counters().LockAll(ctx, sqlstoretest.Refs(counter("k1", calendar.Day).Key(), counter("k2", calendar.Day).Key(), counter("k3", calendar.Day).Key()))
		expect(1, "Counters.LockAll", err)
		_, _, err = tx.Claims().Find(ctx, []market.ClaimRef{sqlstoretest.NewClaim("1", "", now).Ref(), sqlstoretest.NewClaim("old 1", "", now).Ref()}, []market.RequestRef{sqlstoretest.NewRequest("1", "", now).Ref()})
		expect(1, "Claims.Find, requests too", err)
		_, err = tx.Leads().Responses(ctx, sqlstoretest.Refs("lead_1", "pending_1"))
		expect(1, "Leads.Answers", err)
		stored, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
		expect(3, "Leads.LockPending", err)
		require.Len(t, stored, 2)
		expect(2, "Leads.AddAll, all sold", tx.Leads().AddAll(ctx, []application.StoredLead{soldLead(t, "lead_1", "campaign_0", "k", 1, now), soldLead(t, "lead_2", "campaign_0", "k", 1, now)}))
		expect(3, "Leads.AddAll, some sold", tx.Leads().AddAll(ctx, []application.StoredLead{soldLead(t, "lead_6", "campaign_0", "k", 1, now), sqlstoretest.PendingLead(t, "lead_3", "c")}))
		expect(2, "Leads.AddAll, none sold", tx.Leads().AddAll(ctx, []application.StoredLead{sqlstoretest.PendingLead(t, "lead_4", "c"), sqlstoretest.PendingLead(t, "lead_5", "c")}))
		for i, l := range stored {
			require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{{ID: fmt.Sprint("sale_", i), Status: lead.SaleCaptured, At: now}}}, now))
		}
		expect(3, "Leads.SaveAll", tx.Leads().SaveAll(ctx, stored))
		var sold []*buyer.Buyer
		for id, b := range buyers {
			_, err := b.Charge("charge_"+id, "sale_"+id, 1, now)
			require.NoError(t, err)
			sold = append(sold, b)
		}
		expect(2, "Buyers.SaveSold", tx.Buyers().SaveSold(ctx, sold))
		changed := []*distribution.Counter{take(counter("k3", calendar.Day), 1, 1), take(counter("k4", calendar.Day), 1, 1)}
		for _, c := range counters {
			changed = append(changed, take(c, 1, 1))
		}
		expect(2, "Counters.SaveAll", tx.Counters().SaveAll(ctx, changed))
		expect(2, "Claims.Take", tx.Claims().Take(ctx, []market.Claim{sqlstoretest.NewClaim("1", "", now), sqlstoretest.NewClaim("2", "", now)}, []market.Claim{sqlstoretest.NewClaim("old 1", "", now), sqlstoretest.NewClaim("old 2", "", now)}, now))
		expect(2, "Claims.Remember", tx.Claims().Remember(ctx, []market.Request{sqlstoretest.NewRequest("1", "", now), sqlstoretest.NewRequest("2", "", now)}, []market.Request{sqlstoretest.NewRequest("old", "", now)}, now))
		expect(0, "nothing to do", errors.Join(tx.Leads().AddAll(ctx, nil), tx.Leads().SaveAll(ctx, nil), tx.Buyers().SaveSold(ctx, nil), tx.Counters().SaveAll(ctx, nil), tx.Claims().Take(ctx, nil, nil, now), tx.Claims().Remember(ctx, nil, nil, now)))
		return nil
	})
}
