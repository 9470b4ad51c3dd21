package markettest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// delivers is how a contract delivers, with every member.
func delivers() *campaign.Delivery {
	return &campaign.Delivery{
		URL: "https://buyer.example/leads?a=<b>&c", Format: campaign.DeliveryXML, Timeout: 1500 * time.Millisecond, Since: now,
		Fields: map[string]string{"tel": "lead.phone", "b": "lead.fields." + sqlstoretest.Awkward[0]}, Static: map[string]string{"x": sqlstoretest.Awkward[3]},
		Headers: []campaign.DeliveryHeader{{Name: "X-Key", Sealed: []byte{0, 1, 255}}}, Secret: []byte{1, 0, 2}, OldSecret: []byte{3}, OldSecretUntil: now.Add(time.Hour),
		Confirm: true, PriceFromAnswer: true, Response: campaign.Response{
			Accepted: campaign.Sign{Path: "$['a b'][0]", Equals: sqlstoretest.Awkward[0]}, Rejected: campaign.Sign{Contains: "<no>"}, Duplicate: campaign.Sign{Equals: "known"},
			Price: "$.price", Reference: "$.id",
		},
	}
}

// delivered is a lead that is sold under contracts, of which each tells its buyer.
func delivered(t *testing.T, id string, contracts ...string) application.StoredLead {
	t.Helper()
	l := sqlstoretest.NewLead(id, "campaign_1")
	var o lead.Outcome
	for i, k := range contracts {
		o.Sales = append(o.Sales, lead.Sale{
			ID: fmt.Sprintf("sale_%s_%d", id, i), ContractID: k, BuyerID: "buyer_" + k, Price: 10, Payout: 5, Currency: "USD", Status: lead.SaleCaptured, At: now,
			Delivery: string(delivery.Pending),
		})
		o.Payout += 5
	}
	require.NoError(t, l.Sell(o, now))
	return application.StoredLead{Lead: l}
}

func testDeliveries(t *testing.T, h *sqlstoretest.Harness) {
	how := delivers()
	n := sqlstoretest.NewCampaign(t, "campaign_1", "Auto").Snapshot()
	for _, k := range []string{"k1", "k2", "k3"} {
		c := campaign.ContractSnapshot{ID: k, BuyerID: "buyer_" + k, Status: campaign.StatusActive, Price: money.Micros(10), Priority: 1, Weight: 1, EffectiveZone: "UTC", CreatedAt: now, UpdatedAt: now}
		if k != "k3" {
			c.Delivery = how
		}
		n.Contracts = append(n.Contracts, c)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Campaigns().Add(ctx, campaign.FromSnapshot(n)))
		quiet := delivered(t, "lead_quiet", "k3")
		s := quiet.Lead.Snapshot()
		s.Sales[0].Delivery = ""
		quiet.Lead = lead.FromSnapshot(s)
		return tx.Leads().AddAll(ctx, []application.StoredLead{delivered(t, "lead_a", "k1", "k2"), delivered(t, "lead_b", "k1"), quiet})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Get(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		k, err := c.Contract("k1")
		require.NoError(t, err)
		require.Equal(t, how, k.Delivery())
		l, err := tx.Leads().LockSold(ctx, "seller_1", "lead_b")
		require.NoError(t, err)
		require.Equal(t, "pending", l.Snapshot().Sales[0].Delivery)
		return nil
	})
	require.Equal(t, 3, h.Count(t, "deliveries"), "only of contracts that deliver")
	require.Equal(t, 3, h.Count(t, "delivery_queue"))

	r := marketstore.NewReader(h.DB, nil)
	due := func(at time.Time) []application.Ref {
		refs, err := r.DueEndpoints(t.Context(), at)
		require.NoError(t, err)
		return refs
	}
	require.Empty(t, due(now.Add(-time.Microsecond)))
	require.Equal(t, sqlstoretest.Refs("k1", "k2"), due(now))
	got, all, err := r.DueDeliveries(t.Context(), sqlstoretest.Refs("k1")[0], now, nil, 10)
	require.NoError(t, err)
	require.Equal(t, how, got)
	require.Len(t, all, 2)
	require.Equal(t, "delivery_lead_a_0", all[0].ID)
	require.Equal(t, []any{"sale_lead_a_0", "lead_a", "captured", money.Micros(10), "USD", now, false, int64(0)},
		[]any{all[0].SaleID, all[0].LeadID, all[0].Sale, all[0].Price, all[0].Currency, all[0].SoldAt, all[0].Erased, all[0].Tries})
	require.NotEmpty(t, all[0].Fields, "what is sent is read from the lead")
	require.Equal(t, now, all[0].NextAt)
	var fields []byte
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &fields, "SELECT fields FROM leads WHERE id = 'lead_a'"))
	h.Exec(t, "UPDATE leads SET fields = X'7B22' WHERE id = 'lead_a'")
	_, all, err = r.DueDeliveries(t.Context(), sqlstoretest.Refs("k1")[0], now, nil, 10)
	require.NoError(t, err, "a lead that cannot be read holds up no other")
	require.Error(t, all[0].Unreadable)
	require.NoError(t, all[1].Unreadable)
	h.Exec(t, "UPDATE leads SET fields = ? WHERE id = 'lead_a'", fields)
	_, one, err := r.DueDeliveries(t.Context(), sqlstoretest.Refs("k1")[0], now, nil, 1)
	require.NoError(t, err)
	require.Len(t, one, 1)
	for _, without := range [][]string{{"delivery_lead_a_0"}, {"delivery_none", "delivery_lead_a_0", "delivery_other"}} {
		_, one, err = r.DueDeliveries(t.Context(), sqlstoretest.Refs("k1")[0], now, without, 1)
		require.NoError(t, err)
		require.Len(t, one, 1)
		require.Equal(t, "delivery_lead_b_0", one[0].ID)
	}
	many := make([]string, 20_000) // more than a statement leaves out
	for i := range many {
		many[i] = fmt.Sprintf("delivery_%d", i)
	}
	many[len(many)-1] = "delivery_lead_a_0"
	_, one, err = r.DueDeliveries(t.Context(), sqlstoretest.Refs("k1")[0], now, many, 1)
	require.NoError(t, err)
	require.Len(t, one, 1)
	require.Equal(t, "delivery_lead_b_0", one[0].ID)

	// One is delivered, one waits, one is failed; of each an attempt is kept.
	attempt := func(id, leadID string, number int64) market.DeliveryAttempt {
		return market.DeliveryAttempt{
			SellerID: "seller_1", DeliveryID: id, LeadID: leadID, Number: number, At: now, Took: 1234 * time.Microsecond, Status: 500, Reason: delivery.Refused,
			Request: []byte(sqlstoretest.Awkward[0] + "\x00\xff"), Answer: nil,
		}
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		erased, err := tx.Deliveries().LockErased(ctx, sqlstoretest.Refs("lead_a", "lead_b"))
		require.NoError(t, err)
		require.Empty(t, erased)
		locked, err := tx.Deliveries().LockAll(ctx, sqlstoretest.Refs("delivery_lead_a_0", "delivery_lead_a_1", "delivery_lead_b_0", "delivery_none"))
		require.NoError(t, err)
		require.Len(t, locked, 3)
		require.NoError(t, locked["delivery_lead_a_0"].Attempted(delivery.Outcome{OK: true}, now))
		require.NoError(t, locked["delivery_lead_a_1"].Attempted(delivery.Outcome{Final: true, Reason: delivery.Gone}, now))
		require.NoError(t, locked["delivery_lead_b_0"].Attempted(delivery.Outcome{Reason: delivery.Timeout}, now))
		require.NoError(t, tx.Deliveries().AddAttempts(ctx, []market.DeliveryAttempt{attempt("delivery_lead_a_0", "lead_a", 1), attempt("delivery_lead_b_0", "lead_b", 1)}))
		return tx.Deliveries().SaveAll(ctx, []*delivery.Delivery{locked["delivery_lead_b_0"], locked["delivery_lead_a_0"], locked["delivery_lead_a_1"]})
	})
	require.Equal(t, 1, h.Count(t, "delivery_queue"))
	require.Empty(t, due(now.Add(5*time.Second-time.Microsecond)))
	require.Equal(t, sqlstoretest.Refs("k1"), due(now.Add(5*time.Second)))
	waiting, oldest, err := r.WaitingDeliveries(t.Context(), 10)
	require.NoError(t, err)
	require.EqualValues(t, 1, waiting)
	require.Equal(t, now.Add(5*time.Second), oldest)

	actor := application.Actor{SellerID: "seller_1"}
	list := func(q marketquery.Deliveries) (ids []string) {
		q.Actor, q.Page = actor, application.Page{Limit: 10, Number: 1}
		l, err := r.Deliveries(t.Context(), q)
		require.NoError(t, err)
		for _, d := range l.Items {
			ids = append(ids, d.ID)
		}
		return ids
	}
	require.Equal(t, []string{"delivery_lead_b_0", "delivery_lead_a_1", "delivery_lead_a_0"}, list(marketquery.Deliveries{}))
	require.Equal(t, []string{"delivery_lead_b_0", "delivery_lead_a_0"}, list(marketquery.Deliveries{ContractID: "k1"}))
	require.Equal(t, []string{"delivery_lead_a_1"}, list(marketquery.Deliveries{Status: "failed"}))
	require.Equal(t, []string{"delivery_lead_a_0"}, list(marketquery.Deliveries{ContractID: "k1", Status: "delivered"}))
	require.Empty(t, list(marketquery.Deliveries{ContractID: "größe"}))
	d, err := r.DeliveryByID(t.Context(), marketquery.DeliveryByID{Actor: actor, ID: "delivery_lead_b_0"})
	require.NoError(t, err)
	require.Equal(t, []marketquery.DeliveryAttempt{{Number: 1, At: now, Took: 1234 * time.Microsecond, Status: 500, Reason: "refused", Request: sqlstoretest.Awkward[0] + "\x00\xff"}}, d.Attempts)
	h.Do(t, func(ctx ctx, tx tx) error { // a second one
		locked, err := tx.Deliveries().LockAll(ctx, sqlstoretest.Refs("delivery_lead_b_0"))
		require.NoError(t, err)
		require.NoError(t, locked["delivery_lead_b_0"].Attempted(delivery.Outcome{Try: 1, Reason: delivery.Refused}, now))
		require.NoError(t, tx.Deliveries().AddAttempts(ctx, []market.DeliveryAttempt{attempt("delivery_lead_b_0", "lead_b", 2)}))
		return tx.Deliveries().SaveAll(ctx, []*delivery.Delivery{locked["delivery_lead_b_0"]})
	})
	l, err := r.Deliveries(t.Context(), marketquery.Deliveries{Actor: actor, Page: application.Page{Limit: 10, Number: 1}})
	require.NoError(t, err)
	require.Equal(t, []marketquery.DeliveryAttempt{{Number: 2, At: now, Took: 1234 * time.Microsecond, Status: 500, Reason: "refused"}}, l.Items[0].Attempts, "a list has the last attempt without what was sent")
	_, err = r.DeliveryByID(t.Context(), marketquery.DeliveryByID{Actor: application.Actor{SellerID: "seller_2"}, ID: "delivery_lead_b_0"})
	require.ErrorIs(t, err, delivery.ErrNotFound)
	of, err := r.DeliveriesOfLead(t.Context(), marketquery.DeliveriesOfLead{Actor: actor, LeadID: "lead_a"})
	require.NoError(t, err)
	require.Len(t, of, 2)

	h.Do(t, func(ctx ctx, tx tx) error { // what is sent of a lead is erased with it
		leads, err := tx.LeadErasures().LockToErase(ctx, "seller_1", []string{"lead_a"})
		require.NoError(t, err)
		require.NoError(t, leads[0].Erase(now))
		return tx.LeadErasures().SaveErased(ctx, leads)
	})
	d, err = r.DeliveryByID(t.Context(), marketquery.DeliveryByID{Actor: actor, ID: "delivery_lead_a_0"})
	require.NoError(t, err)
	require.Empty(t, d.Attempts[0].Request)
	h.Do(t, func(ctx ctx, tx tx) error {
		erased, err := tx.Deliveries().LockErased(ctx, sqlstoretest.Refs("lead_a", "lead_b"))
		require.Equal(t, map[string]bool{"lead_a": true}, erased)
		return err
	})
	purged, err := h.Store.PurgeExpired(t.Context(), now.Add(30*24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, 3, purged)
	require.Zero(t, h.Count(t, "delivery_attempts"))
	require.Equal(t, 3, h.Count(t, "deliveries"))

	for sellerID, id := range map[string]string{"seller_1": "delivery_none", "seller_2": "delivery_lead_b_0"} {
		require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			_, err := tx.Deliveries().Lock(ctx, sellerID, id)
			return err
		}), delivery.ErrNotFound)
	}
}

// testDeliveryRace stores the same attempt twice at once: one of them counts.
func testDeliveryRace(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{delivered(t, "lead_a", "k1")})
	})
	const at = 4
	stored := make(chan bool, at)
	for range at {
		go func() {
			ok := false
			err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
				ok = false
				d, err := tx.Deliveries().Lock(ctx, "seller_1", "delivery_lead_a_0")
				if err != nil {
					return err
				}
				if ok = d.Attempted(delivery.Outcome{Reason: delivery.Timeout}, now) == nil; !ok {
					return nil // somebody else wrote it down
				}
				return tx.Deliveries().SaveAll(ctx, []*delivery.Delivery{d})
			})
			stored <- err == nil && ok
		}()
	}
	n := 0
	for range at {
		if <-stored {
			n++
		}
	}
	require.Equal(t, 1, n)
	require.Equal(t, 1, h.Count(t, "delivery_queue"))
}
