package markettest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// deadline is until when the buyers of the tests are asked.
var deadline = now.Add(lead.AskFor)

// reserved is a lead of which the buyer of the first contract is asked; the others take it if it is sold.
func reserved(t *testing.T, id string, contracts ...string) application.StoredLead {
	t.Helper()
	l := sqlstoretest.NewLead(id, "campaign_1")
	var all []lead.Reservation
	for i, k := range contracts {
		all = append(all, lead.Reservation{
			SaleID: "sale_" + id + "_" + k, ContractID: k, BuyerID: "buyer_" + k, Price: 10, Currency: "USD", Asked: i == 0, PriceFromAnswer: i == 0,
		})
	}
	require.NoError(t, l.Reserve(all, deadline, now.Add(time.Hour), now))
	return application.StoredLead{Lead: l, AnswerUntil: now.Add(5 * time.Second), Response: application.Response{Status: 200, Body: []byte(`{"status":"pending"}`)}}
}

func lockAsked(t *testing.T, ctx ctx, tx tx, ids ...string) map[string]*lead.Lead {
	t.Helper()
	leads, err := tx.Reservations().LockLeads(ctx, application.Ref{SellerID: "seller_1", ID: "campaign_1"}, ids)
	require.NoError(t, err)
	return leads
}

func testReservations(t *testing.T, h *sqlstoretest.Harness) {
	campaign := application.Ref{SellerID: "seller_1", ID: "campaign_1"}
	a := reserved(t, "lead_a", "k1", "k2")
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{a, reserved(t, "lead_b", "k1"), reserved(t, "lead_c", "k9")})
	})
	require.Equal(t, 4, h.Count(t, "reservations"))
	require.Equal(t, 3, h.Count(t, "deliveries"), "only who is asked is told now")
	require.Equal(t, 3, h.Count(t, "delivery_queue"))
	require.Zero(t, h.Count(t, "sales"))

	r := marketstore.NewReader(h.DB, nil)
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, load := range []func() ([]*lead.Lead, error){
			func() ([]*lead.Lead, error) { return tx.Leads().LockPending(ctx, campaign, "", 10) },
			func() ([]*lead.Lead, error) { return tx.Leads().LockPendingByID(ctx, campaign, "lead_a") },
		} {
			leads, err := load()
			require.NoError(t, err)
			require.Empty(t, leads, "nobody matches a lead of which buyers are asked")
		}
		l, err := tx.Leads().Lock(ctx, "seller_1", "lead_a")
		require.NoError(t, err)
		require.Equal(t, deadline, l.Deadline())
		require.ErrorIs(t, l.Redistribute(), lead.ErrReserved)
		got := lockAsked(t, ctx, tx, "lead_a", "lead_none")
		require.Len(t, got, 1)
		require.Equal(t, a.Lead.Reservations(), got["lead_a"].Reservations())
		require.Equal(t, deadline, got["lead_a"].Deadline())
		require.Empty(t, got["lead_a"].ReservationChanges())
		d, err := tx.Deliveries().Lock(ctx, "seller_1", "delivery_lead_a_k1")
		require.NoError(t, err)
		require.Equal(t, []any{true, deadline, true}, []any{d.Snapshot().Confirm, d.Snapshot().Deadline, d.Snapshot().Asks()})
		return nil
	})
	campaigns, err := r.CampaignsOf(t.Context(), sqlstoretest.Refs("lead_a", "lead_none"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"lead_a": "campaign_1"}, campaigns)

	// What is asked for too long.
	overdue, err := r.OverdueReservations(t.Context(), deadline.Add(-time.Microsecond), 10)
	require.NoError(t, err)
	require.Empty(t, overdue)
	h.Exec(t, "UPDATE reservations SET deadline_at = deadline_at - CASE lead_id WHEN 'lead_b' THEN 2 WHEN 'lead_a' THEN 1 ELSE 0 END")
	overdue, err = r.OverdueReservations(t.Context(), deadline, 2)
	require.NoError(t, err)
	require.Equal(t, []string{"lead_b", "lead_c"}, []string{overdue[0].LeadID, overdue[1].LeadID}, "those that cannot be settled do not hold up all others")
	h.Exec(t, "UPDATE reservations SET deadline_at = ?", deadline.UnixMicro())
	overdue, err = r.OverdueReservations(t.Context(), deadline, 10)
	require.NoError(t, err)
	require.Len(t, overdue, 3)
	require.Equal(t, market.OverdueReservation{SellerID: "seller_1", DeliveryID: "delivery_lead_a_k1", LeadID: "lead_a", Reason: delivery.Timeout, Deadline: deadline}, overdue[0])

	// One buyer rejects and the other one accepts for less: the sale takes the place of its reservation.
	h.Do(t, func(ctx ctx, tx tx) error {
		locked, err := tx.Deliveries().LockAll(ctx, sqlstoretest.Refs("delivery_lead_a_k1", "delivery_lead_b_k1"))
		require.NoError(t, err)
		leads := lockAsked(t, ctx, tx, "lead_a", "lead_b")
		require.NoError(t, locked["delivery_lead_a_k1"].Answered(delivery.Outcome{}, delivery.Answer{Verdict: delivery.Accepted, Reference: sqlstoretest.Awkward[3]}, now))
		require.NoError(t, leads["lead_a"].Accept("sale_lead_a_k1", 7, now))
		require.NoError(t, locked["delivery_lead_b_k1"].Answered(delivery.Outcome{}, delivery.Answer{Verdict: delivery.Rejected}, now))
		require.NoError(t, leads["lead_b"].Release("sale_lead_b_k1", string(delivery.BuyerRejected), now))
		leads["lead_b"].StopAsking(now)
		require.NoError(t, tx.Leads().SaveAll(ctx, []*lead.Lead{leads["lead_a"], leads["lead_b"]}))
		return tx.Deliveries().SaveAll(ctx, []*delivery.Delivery{locked["delivery_lead_a_k1"], locked["delivery_lead_b_k1"]})
	})
	require.Equal(t, 1, h.Count(t, "delivery_queue"))
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Reservations().OfLeads(ctx, "seller_1", []string{"lead_a", "lead_b"})
		require.NoError(t, err)
		require.Equal(t, []any{lead.ReservationAccepted, money.Micros(7)}, []any{all["lead_a"][0].Status, all["lead_a"][0].Price})
		require.Equal(t, []any{lead.ReservationReleased, "buyer_rejected"}, []any{all["lead_b"][0].Status, all["lead_b"][0].Reason})
		d, err := tx.Deliveries().Lock(ctx, "seller_1", "delivery_lead_a_k1")
		require.NoError(t, err)
		require.Equal(t, sqlstoretest.Awkward[3], d.Snapshot().Reference)
		waiting, err := tx.Leads().LockPending(ctx, campaign, "", 10)
		require.NoError(t, err)
		require.Len(t, waiting, 1, "the rejected lead waits as any other")
		l := lockAsked(t, ctx, tx, "lead_a")["lead_a"]
		require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{
			{ID: "sale_lead_a_k1", ContractID: "k1", BuyerID: "buyer_k1", Price: 7, Currency: "USD", Status: lead.SaleCaptured, At: now, Delivery: "delivered"},
			{ID: "sale_lead_a_k2", ContractID: "k2", BuyerID: "buyer_k2", Price: 10, Currency: "USD", Status: lead.SaleCaptured, At: now, Delivery: "pending"},
		}}, now))
		return tx.Leads().SaveAll(ctx, []*lead.Lead{l})
	})
	require.Equal(t, 2, h.Count(t, "sales"))
	require.Equal(t, 2, h.Count(t, "reservations"), "the released one stays")
	require.Equal(t, 4, h.Count(t, "deliveries"), "who was not asked is told now")
	require.Equal(t, 2, h.Count(t, "unsold_leads"))

	// Whoever was asked knows of the person, and so does who bought the lead; who only shares a reserved one does not.
	h.Do(t, func(ctx ctx, tx tx) error {
		l := lockAsked(t, ctx, tx, "lead_c")["lead_c"]
		require.NoError(t, l.Reserve([]lead.Reservation{
			{SaleID: "sale_lead_c_k8", ContractID: "k8", BuyerID: "buyer_k8", Price: 10, Currency: "USD"},
			{SaleID: "sale_lead_c_k7", ContractID: "k7", BuyerID: "buyer_k7", Price: 10, Currency: "USD", Asked: true},
		}, deadline, time.Time{}, now))
		require.NoError(t, l.Release("sale_lead_c_k7", lead.NotAsked, now))
		return tx.Leads().SaveAll(ctx, []*lead.Lead{l})
	})
	told, err := r.SubjectLeads(t.Context(), "seller_1", []string{"lead_a", "lead_b", "lead_c"})
	require.NoError(t, err)
	var knows []string
	for _, l := range told {
		for _, s := range l.Sales {
			require.Equal(t, now, s.SoldAt)
			knows = append(knows, s.BuyerID+" "+s.Status)
		}
	}
	require.Equal(t, []string{"buyer_k1 captured", "buyer_k2 captured", "buyer_k1 released", "buyer_k9 reserved"}, knows)

	h.Do(t, func(ctx ctx, tx tx) error { // with the person goes what is reserved
		leads, err := tx.LeadErasures().LockToErase(ctx, "seller_1", []string{"lead_a", "lead_b"})
		require.NoError(t, err)
		for _, l := range leads {
			require.NoError(t, l.Erase(now))
		}
		return tx.LeadErasures().SaveErased(ctx, leads)
	})
	require.Equal(t, 3, h.Count(t, "reservations"), "those of the other lead")
	h.Do(t, func(ctx ctx, tx tx) error {
		d, err := tx.Deliveries().Lock(ctx, "seller_1", "delivery_lead_a_k1")
		require.NoError(t, err)
		require.Empty(t, d.Snapshot().Reference)
		return nil
	})
}

// testSupplierAnswers replaces what suppliers are answered while they wait.
func testSupplierAnswers(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		final := reserved(t, "lead_c", "k1")
		final.AnswerUntil = time.Time{}
		return tx.Leads().AddAll(ctx, []application.StoredLead{reserved(t, "lead_a", "k1"), reserved(t, "lead_b", "k1"), final})
	})
	r := marketstore.NewReader(h.DB, nil)
	answers, err := r.FinalAnswers(t.Context(), sqlstoretest.Refs("lead_a", "lead_b", "lead_c", "lead_none"))
	require.NoError(t, err)
	require.Equal(t, map[string]application.Response{"lead_c": {Status: 200, Body: []byte(`{"status":"pending"}`)}}, answers)
	h.Do(t, func(ctx ctx, tx tx) error {
		stored, err := tx.Leads().Responses(ctx, sqlstoretest.Refs("lead_a", "lead_c"))
		require.NoError(t, err)
		require.Equal(t, now.Add(5*time.Second), stored["lead_a"].AnswerUntil)
		require.Equal(t, "lead_a", stored["lead_a"].LeadID)
		require.Zero(t, stored["lead_c"].AnswerUntil)
		require.Equal(t, &application.Awaited{Lead: application.Ref{SellerID: "seller_1", ID: "lead_a"}, Until: now.Add(5 * time.Second)}, stored["lead_a"].Replay("seller_1").Awaits)
		require.Nil(t, stored["lead_c"].Replay("seller_1").Awaits, "it is final")
		until, err := tx.Reservations().AnswersUntil(ctx, "seller_1", []string{"lead_a", "lead_b", "lead_c"})
		require.NoError(t, err)
		require.Equal(t, map[string]time.Time{"lead_a": now.Add(5 * time.Second), "lead_b": now.Add(5 * time.Second)}, until)
		return tx.Reservations().Answer(ctx, "seller_1", map[string]application.Response{
			"lead_a": {Status: 200, Body: []byte(`{"status":"sold"}`)}, "lead_b": {},
		})
	})
	answers, err = r.FinalAnswers(t.Context(), sqlstoretest.Refs("lead_a", "lead_b"))
	require.NoError(t, err)
	require.Equal(t, map[string]application.Response{"lead_a": {Status: 200, Body: []byte(`{"status":"sold"}`)}, "lead_b": {Status: 200, Body: []byte(`{"status":"pending"}`)}}, answers)
}

// testHolds holds money and gives it back, also where a credit limit was lowered meanwhile.
func testHolds(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"buyer_1", "buyer_2"} {
			b := sqlstoretest.NewBuyer(t, id)
			_, err := b.Deposit("entry_"+id, 100, "", now)
			require.NoError(t, err)
			if err := tx.Buyers().Add(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	change := func(do func(all map[string]*buyer.Buyer)) error {
		return h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			all, err := tx.Buyers().LockAll(ctx, sqlstoretest.Refs("buyer_1", "buyer_2"))
			require.NoError(t, err)
			do(all)
			return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{all["buyer_1"], all["buyer_2"]})
		})
	}
	stands := func(id string, balance, held money.Micros) {
		t.Helper()
		h.Do(t, func(ctx ctx, tx tx) error {
			b, err := tx.Buyers().Get(ctx, "seller_1", id)
			require.Equal(t, []money.Micros{balance, held}, []money.Micros{b.Balance(), b.Snapshot().Held}, id)
			return err
		})
	}
	require.NoError(t, change(func(all map[string]*buyer.Buyer) {
		require.NoError(t, all["buyer_1"].Hold(60, now))
		require.NoError(t, all["buyer_2"].Hold(100, now))
		require.ErrorIs(t, all["buyer_1"].Hold(41, now), buyer.ErrInsufficientBalance)
	}))
	stands("buyer_1", 100, 60)
	stands("buyer_2", 100, 100)
	h.Exec(t, "UPDATE buyers SET credit_limit = -50 WHERE id = 'buyer_2'") // as one that was lowered below what is used of it
	require.NoError(t, change(func(all map[string]*buyer.Buyer) {
		all["buyer_1"].Release(60, now)
		all["buyer_2"].Capture("entry_3", "sale_1", 30, 20, now)
	}))
	stands("buyer_1", 100, 0)
	stands("buyer_2", 80, 70)
	h.Exec(t, "UPDATE buyers SET held = 90 WHERE id = 'buyer_1'")
	require.Error(t, change(func(all map[string]*buyer.Buyer) {
		all["buyer_1"].Release(91, now)
	}), "nothing is given back that was not held")
	stands("buyer_1", 100, 90)
}

// testUncount gives back what reservations took, to the very spans in which they were made.
func testUncount(t *testing.T, h *sqlstoretest.Harness) {
	hour := func(at time.Time) calendar.Span { return calendar.SpanAt(calendar.Hour, at, time.UTC) }
	counter := func(of distribution.Owner, id string, s calendar.Span) *distribution.Counter {
		return &distribution.Counter{SellerID: "seller_1", Owner: of, OwnerID: id, Span: s, Used: 3, Spent: 30, TakenLeads: 3, TakenPrice: 30}
	}
	later := now.Add(time.Hour)
	total := calendar.SpanAt(calendar.Total, now, time.UTC)
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().SaveAll(ctx, []*distribution.Counter{
			counter(distribution.OwnerContract, "k1", hour(now)), counter(distribution.OwnerContract, "k1", hour(later)), counter(distribution.OwnerContract, "k1", total),
			counter(distribution.OwnerBuyer, "buyer_k1", hour(now)), counter(distribution.OwnerCampaign, "campaign_1", hour(now)), counter(distribution.OwnerContract, "k2", hour(now)),
		})
	})
	freed := market.Uncounted{CampaignID: "campaign_1", ContractID: "k1", BuyerID: "buyer_k1", Price: 10, Whole: true, At: now}
	less := freed
	less.Price, less.Whole, less.At = 4, false, later
	h.Do(t, func(ctx ctx, tx tx) error { // also of an hour that is over
		return tx.Reservations().Uncount(ctx, "seller_1", []market.Uncounted{freed, less})
	})
	for key, want := range map[string][2]int64{
		distribution.CounterKey("k1", hour(now)): {2, 20}, distribution.CounterKey("k1", hour(later)): {3, 26}, distribution.CounterKey("k1", total): {2, 16},
		distribution.CounterKey("buyer_k1", hour(now)): {2, 20}, distribution.CounterKey("campaign_1", hour(now)): {2, 20}, distribution.CounterKey("k2", hour(now)): {3, 30},
	} {
		h.Do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Counters().LockAll(ctx, []application.Ref{{SellerID: "seller_1", ID: key}})
			require.NoError(t, err)
			require.Equal(t, want, [2]int64{all[key].Used, int64(all[key].Spent)}, key)
			return nil
		})
	}
	require.Error(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Reservations().Uncount(ctx, "seller_1", []market.Uncounted{freed, freed, freed})
	}), "nothing is given back that was not taken")

	// A recount finds what is reserved.
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{reserved(t, "lead_a", "k1", "k2")})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Recount(ctx, distribution.OwnerContract, application.Ref{SellerID: "seller_1", ID: "k1"}, []calendar.Span{hour(now), hour(later)})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		key := distribution.CounterKey("k1", hour(now))
		all, err := tx.Counters().LockAll(ctx, []application.Ref{{SellerID: "seller_1", ID: key}})
		require.NoError(t, err)
		require.Equal(t, [2]int64{1, 10}, [2]int64{all[key].Used, int64(all[key].Spent)})
		return nil
	})
}
