package markettest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

func testLeads(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[lead.Snapshot](0)
	n.SellerCode, n.Status = "ABCD1234", lead.StatusPending
	n.Fields = field.Set{
		"text": field.TextValue("a \"quote\" \\ \n\t\u0001 é 漢 🙂 </script>"), "empty": field.TextValue(""), "null": {}, "yes": {Kind: field.Bool, Text: "true"},
		"no": {Kind: field.Bool, Text: "false"}, "number": {Kind: field.Number, Text: "-1.50e+3"}, "long": {Kind: field.Number, Text: "123456789012345678901234567890"},
		"other": {Kind: field.Other, Text: `{"b":[1, 2.0],"a":"\u00e9"}`}, "list": {Kind: field.Other, Text: "[]"}, "ключ \"x\"": field.TextValue("v"),
	}
	n.Sales[1].Status = lead.SaleCaptured
	sqlstoretest.RequireFull(t, n)
	n.Sales[0].Delivery, n.Sales[1].Delivery = "", "" // see testDeliveries
	n.Review, n.ErasedAt = nil, time.Time{}           // of a form lead, which FormLeads stores; no new lead is erased
	n.AskingPrice = 0                                 // which SavePrice stores
	n.Deadline, n.Reservations = time.Time{}, nil     // see testReservations
	variant := sqlstoretest.Filled[lead.Snapshot](300)
	variant.SellerID, variant.SellerCode, variant.Status, variant.CampaignID = n.SellerID, n.SellerCode, lead.StatusPending, n.CampaignID
	variant.Fields, variant.Trace, variant.Sales, variant.Test, variant.Review = field.Set{}, lead.Trace{}, nil, false, nil
	variant.ErasedAt, variant.AskingPrice, variant.Deadline, variant.Reservations = time.Time{}, 0, time.Time{}, nil
	variant.Dimensions = nil
	fingerprint := sqlstoretest.Filled[[sha256.Size]byte](9)
	answer := application.Response{Status: 201, Body: []byte("{\"a\":1}\n\x00'\\")}
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: lead.FromSnapshot(n), Fingerprint: fingerprint, Response: answer}, {Lead: lead.FromSnapshot(variant)}})
	})
	load := func() (got []lead.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			got = nil
			for _, id := range []string{n.ID, variant.ID} {
				all, err := tx.Leads().LockPendingByID(ctx, application.Ref{SellerID: n.SellerID, ID: n.CampaignID}, id)
				require.NoError(t, err)
				for _, l := range all {
					got = append(got, l.Snapshot())
				}
			}
			return nil
		})
		return got
	}
	sales := n.Sales
	n.Sales = nil // pending leads have none, so none are loaded
	require.Equal(t, []lead.Snapshot{n, variant}, load())
	require.Equal(t, sales, salesOf(t, h, n.ID))
	var slots []int64
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &slots, "SELECT slot FROM sales WHERE lead_id = ? ORDER BY sold_at", n.ID))
	require.Equal(t, []int64{-1, 1}, slots, "live sales are numbered up from 1, others down from -1")
	require.Equal(t, []string{variant.ID + " pending " + string(variant.Code)}, unsold(t, h), "a lead with a live sale is not there")
	h.Do(t, func(ctx ctx, tx tx) error {
		stored, err := tx.Leads().Responses(ctx, []application.Ref{{SellerID: n.SellerID, ID: "absent"}, {SellerID: n.SellerID, ID: n.ID}, {SellerID: n.SellerID, ID: variant.ID}, {SellerID: "another", ID: n.ID}})
		require.NoError(t, err)
		require.Equal(t, map[string]application.StoredResponse{n.ID: {Fingerprint: fingerprint, Response: answer, LeadID: n.ID}, variant.ID: {Response: application.Response{Body: []byte{}}, LeadID: variant.ID}}, stored)
		return nil
	})

	changed := sqlstoretest.Filled[lead.Snapshot](600)
	changed.ID, changed.SellerID, changed.SellerCode, changed.Origin, changed.KeyID, changed.PartnerID = n.ID, n.SellerID, n.SellerCode, n.Origin, n.KeyID, n.PartnerID
	changed.CampaignID, changed.Category, changed.Fields, changed.ExternalID, changed.Test = n.CampaignID, n.Category, n.Fields, n.ExternalID, n.Test
	changed.Dimensions = n.Dimensions
	changed.CreatedAt, changed.Version, changed.Status, changed.Review = n.CreatedAt, n.Version, lead.StatusPending, nil
	changed.ErasedAt, changed.AskingPrice, changed.Deadline, changed.Reservations = time.Time{}, 0, time.Time{}, nil
	changed.Sales[0].Currency, changed.Sales[1].Currency = "EUR", "KWD"
	changed.Sales[0].Delivery, changed.Sales[1].Delivery = "", ""
	changed.Sales[0].Status, changed.Sales[1].Status, changed.ShownHidden = "released", lead.SaleCaptured, false
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Leads().SaveAll(ctx, []*lead.Lead{lead.FromSnapshot(changed)})
	})
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError, "slot 1 of the lead is taken")
	h.Exec(t, "DELETE FROM sales WHERE seller_id = ? AND lead_id = ?", n.SellerID, n.ID)
	h.Exec(t, "INSERT INTO unsold_leads SELECT seller_id, id, campaign_id, 'pending', 0, '', '', NULL, NULL, NULL FROM leads WHERE id = ?", n.ID)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Leads().SaveAll(ctx, []*lead.Lead{lead.FromSnapshot(changed)}) })
	sales, changed.Sales = changed.Sales, nil
	require.Equal(t, []lead.Snapshot{changed, variant}, load())
	require.Equal(t, sales, salesOf(t, h, n.ID))
}

// unsold returns the rows of the narrow table by their leads: id, status and reason.
func unsold(t *testing.T, h *sqlstoretest.Harness) []string {
	t.Helper()
	var rows []struct {
		ID     string `db:"lead_id"`
		Status string `db:"status"`
		Reason string `db:"reason"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows, "SELECT u.lead_id, u.status, u.reason FROM unsold_leads u JOIN leads l ON l.seller_id = u.seller_id "+
		"AND l.id = u.lead_id AND l.campaign_id = u.campaign_id AND l.test = u.test AND l.status = u.status WHERE u.contract_id = '' ORDER BY u.lead_id"))
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.ID + " " + r.Status + " " + r.Reason
	}
	return out
}

func salesOf(t *testing.T, h *sqlstoretest.Harness, leadID string) []lead.Sale {
	t.Helper()
	var rows []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Price      int64  `db:"price"`
		Payout     int64  `db:"payout"`
		Currency   string `db:"currency"`
		Status     string `db:"status"`
		At         int64  `db:"sold_at"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows,
		"SELECT s.id, s.contract_id, s.buyer_id, s.price, s.payout, s.currency, s.status, s.sold_at FROM sales s JOIN leads l ON l.id = s.lead_id AND l.seller_id = s.seller_id AND l.campaign_id = s.campaign_id WHERE l.id = ? ORDER BY s.sold_at", leadID))
	out := make([]lead.Sale, len(rows))
	for i, r := range rows {
		out[i] = lead.Sale{
			ID: r.ID, ContractID: r.ContractID, BuyerID: r.BuyerID, Price: money.Micros(r.Price), Payout: money.Micros(r.Payout), Currency: r.Currency,
			Status: lead.SaleStatus(r.Status), At: time.UnixMicro(r.At).UTC(),
		}
	}
	return out
}

func testPending(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{
			sqlstoretest.PendingLead(t, "lead_3", "c"), sqlstoretest.PendingLead(t, "lead_1", "c"), sqlstoretest.PendingLead(t, "lead_4", "c"),
			sqlstoretest.PendingLead(t, "lead_2", "other"), soldLead(t, "lead_0", "c", "k", 1, now),
		})
	})
	ids := func(after string, limit int) (got []string) {
		h.Do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], after, limit)
			require.NoError(t, err)
			got = nil
			for _, l := range all {
				got = append(got, l.ID())
				require.True(t, h.Locked(t, "leads", l.ID()))
			}
			return nil
		})
		return got
	}
	require.Equal(t, []string{"lead_1", "lead_3", "lead_4"}, ids("", 10))
	require.Equal(t, []string{"lead_1", "lead_3"}, ids("", 2))
	require.Equal(t, []string{"lead_4"}, ids("lead_3", 2))
	require.Empty(t, ids("lead_4", 2))
	require.Equal(t, []string{"lead_1 pending ", "lead_2 pending ", "lead_3 pending ", "lead_4 pending "}, unsold(t, h))
	byID := func(campaignID, id string) (got []string) {
		h.Do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Leads().LockPendingByID(ctx, sqlstoretest.Refs(campaignID)[0], id)
			require.NoError(t, err)
			got = nil
			for _, l := range all {
				got = append(got, l.ID())
				require.True(t, h.Locked(t, "leads", l.ID()))
			}
			return nil
		})
		return got
	}
	require.Equal(t, []string{"lead_3"}, byID("c", "lead_3"))
	require.Empty(t, byID("c", "absent"))
	require.Empty(t, byID("another", "lead_3"))
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
		require.NoError(t, err)
		require.NoError(t, all[0].Expire(now))
		require.NoError(t, all[2].Sell(lead.Outcome{Sales: []lead.Sale{{ID: "sale_1", ContractID: "k", BuyerID: "b", Price: 3, Currency: "USD", Status: lead.SaleCaptured, At: now}}, Payout: 2, Shown: 1}, now))
		return tx.Leads().SaveAll(ctx, []*lead.Lead{all[2], all[0]})
	})
	require.Equal(t, []string{"lead_3"}, ids("", 10))
	require.Empty(t, byID("c", "lead_4"), "sold")
	require.Equal(t, []string{"lead_1 unsold ", "lead_2 pending ", "lead_3 pending "}, unsold(t, h))
	require.Len(t, salesOf(t, h, "lead_4"), 1)

	// A lead that is not as it was loaded stops all of them.
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
		require.NoError(t, err)
		stale := all[0].Snapshot()
		stale.Version--
		return tx.Leads().SaveAll(ctx, []*lead.Lead{lead.FromSnapshot(stale)})
	})
	require.ErrorContains(t, err, "a guard refused")
}

// testPrices keeps the price of a lead with its place among those that are not sold.
func testPrices(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{
			sqlstoretest.PendingLead(t, "lead_1", "c"), sqlstoretest.PendingLead(t, "lead_2", "c"), soldLead(t, "lead_3", "c", "k", 1, now),
		})
	})
	change := func(id string, price, was money.Micros) {
		h.Do(t, func(ctx ctx, tx tx) error {
			l, err := tx.Leads().Lock(ctx, "seller_1", id)
			require.NoError(t, err)
			require.Equal(t, was, l.AskingPrice())
			require.NoError(t, l.ChangePrice(price, was, "USD", now.Add(time.Hour)))
			return tx.LeadPrices().SavePrice(ctx, l)
		})
	}
	prices := func() (got []money.Micros) {
		h.Do(t, func(ctx ctx, tx tx) error {
			got = nil
			all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
			for _, l := range all {
				got = append(got, l.AskingPrice())
			}
			return err
		})
		return got
	}
	change("lead_1", 7_500_000, 0)
	change("lead_2", 1, 0)
	change("lead_2", 1_000_000_000_000, 1)
	require.Equal(t, []money.Micros{7_500_000, 1_000_000_000_000}, prices())
	change("lead_2", 0, 1_000_000_000_000)
	require.Equal(t, []money.Micros{7_500_000, 0}, prices())
	require.Equal(t, 1, h.Count(t, "unsold_leads WHERE asking_price IS NOT NULL"))

	var version, updated int64
	require.NoError(t, h.DB.Reader.QueryRowxContext(t.Context(), "SELECT version, updated_at FROM leads WHERE id = 'lead_2'").Scan(&version, &updated))
	require.Equal(t, []int64{5, now.Add(time.Hour).UnixMicro()}, []int64{version, updated}, "with two events more than at first, and three of the price")

	// What else becomes of a lead keeps its price, until it is sold.
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPendingByID(ctx, sqlstoretest.Refs("c")[0], "lead_1")
		require.NoError(t, err)
		require.NoError(t, all[0].Expire(now))
		return tx.Leads().SaveAll(ctx, all)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		l, err := tx.Leads().Lock(ctx, "seller_1", "lead_1")
		require.NoError(t, err)
		require.Equal(t, money.Micros(7_500_000), l.AskingPrice())
		require.NoError(t, l.Redistribute())
		require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{{ID: "sale_1", ContractID: "k", BuyerID: "b", Price: 7_500_000, Currency: "USD", Status: lead.SaleCaptured, At: now}}}, now))
		require.Zero(t, l.AskingPrice())
		return tx.Leads().SaveAll(ctx, []*lead.Lead{l})
	})
	for _, c := range []struct {
		what   string
		change func(s *lead.Snapshot)
	}{{"a lead that is not as it was loaded", func(s *lead.Snapshot) { s.Version-- }}, {"a lead that is sold meanwhile", func(s *lead.Snapshot) { s.ID, s.Version = "lead_3", 2 }}} {
		require.ErrorContains(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			l, err := tx.Leads().Lock(ctx, "seller_1", "lead_2")
			require.NoError(t, err)
			s := l.Snapshot()
			c.change(&s)
			return tx.LeadPrices().SavePrice(ctx, lead.FromSnapshot(s))
		}), "a guard refused", c.what)
	}
}

func testLargeBatch(t *testing.T, h *sqlstoretest.Harness) {
	const n = 1_500 // more than 30,000 parameters
	all := make([]application.StoredLead, n)
	for i := range all {
		all[i] = sqlstoretest.PendingLead(t, fmt.Sprintf("lead_%05d", i), "c")
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		h.Faults.Statements()
		err := tx.Leads().AddAll(ctx, all)
		want := 0
		for _, columns := range []int{26, 7} { // of leads and unsold_leads
			rows := engine.MaxParams / columns
			want += (n + rows - 1) / rows
		}
		require.Len(t, h.Faults.Statements(), want)
		return err
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		stored, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", n+1)
		require.NoError(t, err)
		require.Len(t, stored, n)
		for _, l := range stored {
			require.NoError(t, l.Expire(now))
		}
		return tx.Leads().SaveAll(ctx, stored)
	})
	require.Len(t, h.Events(t), 3*n)

	// And more than fits into one packet: each of these is 60 KiB twice.
	big := make([]application.StoredLead, 256)
	for i := range big {
		l := sqlstoretest.NewLead(fmt.Sprintf("big_%05d", i), "d")
		s := l.Snapshot()
		s.Status, s.Fields = lead.StatusPending, field.Set{"text": field.TextValue(string(slices.Repeat([]byte{'"'}, 60<<10)))}
		big[i] = application.StoredLead{Lead: lead.FromSnapshot(s), Response: application.Response{Status: 200, Body: slices.Repeat([]byte{'\''}, 60<<10)}}
	}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Leads().AddAll(ctx, big) })
	require.Equal(t, n+256, h.Count(t, "leads"))
}

func testRefusedValues(t *testing.T, h *sqlstoretest.Harness) {
	for name, spoil := range map[string]func(s *lead.Snapshot){
		"too long":           func(s *lead.Snapshot) { s.ExternalID = string(slices.Repeat([]byte{'x'}, 256)) },
		"not UTF-8":          func(s *lead.Snapshot) { s.Fields = field.Set{"secret": field.TextValue("\xff")} },
		"name not UTF-8":     func(s *lead.Snapshot) { s.Fields = field.Set{"\xff": field.TextValue("secret")} },
		"not a number":       func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Number, Text: "1,\"x\":secret"}} },
		"number with spaces": func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Number, Text: " 1"}} },
		"not a bool":         func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Bool, Text: "1"}} },
		"not JSON":           func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Other, Text: "{secret"}} },
		"exists":             func(s *lead.Snapshot) { s.ID = "lead_0" },
	} {
		h.Exec(t, h.DB.DeleteByKey("leads", "PRIMARY")+" WHERE seller_id = 'seller_1'")
		good, other := sqlstoretest.NewLead("lead_0", "c").Snapshot(), sqlstoretest.NewLead("lead_1", "c").Snapshot()
		good.Status, other.Status, other.Version = lead.StatusPending, lead.StatusPending, 0
		spoil(&other)
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: lead.FromSnapshot(good)}, {Lead: lead.FromSnapshot(other)}})
		})
		var dataError *application.DataError
		require.ErrorAs(t, err, &dataError, name)
		require.NotContains(t, err.Error(), "secret", name)
		require.NotContains(t, err.Error(), "xxx", name)
		require.Zero(t, h.Count(t, "leads"), name)
	}
	sum := sqlstoretest.NewBuyer(t, "buyer_1").Snapshot()
	sum.Balance = 1<<62 + 1<<61
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, buyer.FromSnapshot(sum)) })
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		sum.Balance = 1 << 62
		b := buyer.FromSnapshot(sum)
		_, err := b.Charge("e", "s", -1<<62, now)
		require.NoError(t, err)
		return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{b})
	})
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError, "a sum that does not fit")
}

// soldLead returns a lead that is sold once, to be stored.
func soldLead(t *testing.T, id, campaignID, contractID string, price money.Micros, at time.Time) application.StoredLead {
	t.Helper()
	l := sqlstoretest.NewLead(id, campaignID)
	require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{{
		ID: "sale_" + id, ContractID: contractID, BuyerID: "buyer_1", Price: price,
		Currency: "USD", Status: lead.SaleCaptured, At: at,
	}}}, at))
	return application.StoredLead{Lead: l}
}
