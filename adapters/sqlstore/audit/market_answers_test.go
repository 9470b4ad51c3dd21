package audit_test

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/money"
)

// asking is how a contract delivers that asks its buyer.
func asking(t *rapid.T) *campaign.DeliveryTerms {
	mode := rapid.SampledFrom([]string{"", "", "notify", "confirm", "confirm", "confirm"}).Draw(t, "mode")
	if mode == "" {
		return nil
	}
	d := &campaign.DeliveryTerms{Mode: &mode, URL: new("https://buyer.example/leads"), NewSecret: []byte{1}}
	if mode == "confirm" {
		d.PriceFromAnswer = new(rapid.Bool().Draw(t, "price from answer"))
	}
	return d
}

func (m *marketLife) settler() marketcommand.SettleReservationsHandler {
	return marketcommand.SettleReservationsHandler{
		Deps: m.deps, Reader: marketstore.NewReader(m.db, m.hands), Strategies: m.strategies, Plans: marketcommand.NewPlans(nil),
		Render: func(r marketcommand.SubmitLeadResult) application.Response {
			return application.Response{Status: 200, Body: []byte(`{"status":"` + r.Status + `"}`)}
		},
	}
}

// answers draws what buyers answer that are asked, or were asked: now and too late, once and by several instances at once.
func (m *marketLife) answers(t *rapid.T) {
	var asked []struct {
		ID     string `db:"id"`
		LeadID string `db:"lead_id"`
		Tries  int64  `db:"tries"`
	}
	require.NoError(t, m.db.Reader.SelectContext(context.Background(), &asked,
		"SELECT id, lead_id, tries FROM deliveries WHERE seller_id = ? AND confirm = 1 ORDER BY state = 'pending' DESC, id DESC LIMIT 30", m.actor.SellerID))
	if len(asked) == 0 {
		return
	}
	results := make([]marketcommand.DeliveryResult, rapid.IntRange(1, 12).Draw(t, "results"))
	for i := range results {
		d := rapid.SampledFrom(asked).Draw(t, "asked")
		r := marketcommand.DeliveryResult{SellerID: m.actor.SellerID, DeliveryID: d.ID, LeadID: d.LeadID}
		r.Try, r.At, r.Status = d.Tries, m.hands.Now(), 200
		switch rapid.IntRange(0, 5).Draw(t, "answer") {
		case 0, 1:
			r.Said.Verdict, r.OK = delivery.Accepted, true
			if rapid.Bool().Draw(t, "with a price") {
				r.Said.Price, r.Said.HasPrice = money.Micros(rapid.Int64Range(0, 12).Draw(t, "price"))*1_000_000, true
			}
		case 2:
			r.Said.Verdict = delivery.Rejected
		case 3:
			r.Said.Verdict = delivery.Duplicate
		case 4:
			r.Reason, r.Final = delivery.Timeout, rapid.IntRange(0, 3).Draw(t, "final") == 0
		default:
			r.Ended = delivery.NotDelivering
		}
		results[i] = r
	}
	m.settle(t, results)
}

// settle settles results, by several instances at once or one after the other.
func (m *marketLife) settle(t *rapid.T, results []marketcommand.DeliveryResult) {
	m.work.plan = []byte(rapid.StringMatching("[-ab]{0,2}").Draw(t, "cuts"))
	defer func() { m.work.plan = nil }()
	var all sync.WaitGroup
	errs := make([]error, rapid.IntRange(1, 3).Draw(t, "instances"))
	for i := range errs {
		all.Go(func() {
			_, errs[i] = m.settler().Handle(context.Background(), marketcommand.SettleReservations{Results: results})
		})
	}
	all.Wait()
	for _, err := range errs {
		m.do(t, func() error { return err })
	}
}

// sweep ends what is asked for too long, twice.
func (m *marketLife) sweep(t *rapid.T) {
	overdue, err := marketstore.NewReader(m.db, m.hands).OverdueReservations(context.Background(), m.hands.Now(), 1000)
	require.NoError(t, err)
	var results []marketcommand.DeliveryResult
	for _, o := range overdue {
		require.False(t, o.Deadline.After(m.hands.Now()))
		if o.SellerID != m.actor.SellerID {
			continue
		}
		r := marketcommand.DeliveryResult{SellerID: o.SellerID, DeliveryID: o.DeliveryID, LeadID: o.LeadID, Ended: o.Reason}
		r.Try = o.Tries
		results = append(results, r)
	}
	if len(results) > 0 {
		m.settle(t, results)
	}
}

// end has nobody asked any more.
func (m *marketLife) end(t *rapid.T) {
	m.hands.Advance(time.Minute)
	for range 50 {
		if m.count(t, "SELECT COUNT(*) FROM reservations WHERE seller_id = ? AND status = 'reserved'", m.actor.SellerID) == 0 {
			break
		}
		m.sweep(t)
	}
	require.Zero(t, m.count(t, "SELECT COUNT(*) FROM reservations WHERE seller_id = ? AND status <> 'released'", m.actor.SellerID), "something is held for ever")
	require.Zero(t, m.count(t, "SELECT COUNT(*) FROM unsold_leads WHERE seller_id = ? AND deadline_at IS NOT NULL", m.actor.SellerID), "a lead is asked about for ever")
	require.Zero(t, m.count(t, "SELECT COALESCE(SUM(held), 0) FROM buyers WHERE seller_id = ?", m.actor.SellerID), "money is held for ever")
}

// heldRules must hold for what is reserved, by statements that count what breaks them.
var heldRules = map[string]string{
	"what is held is reserved": "SELECT COUNT(*) FROM buyers b WHERE b.seller_id = ? AND b.held <> (SELECT COALESCE(SUM(r.price), 0) FROM reservations r WHERE r.seller_id = b.seller_id AND r.buyer_id = b.id AND r.status <> 'released')",
	"a buyer has a lead once or is asked once": "SELECT COUNT(*) FROM (SELECT x.lead_id FROM (SELECT seller_id, lead_id, buyer_id FROM sales WHERE slot > 0 UNION ALL SELECT seller_id, lead_id, buyer_id FROM reservations WHERE reason <> 'buyer_not_asked') x " +
		"WHERE x.seller_id = ? GROUP BY x.lead_id, x.buyer_id HAVING COUNT(*) > 1) y",
	"a sold lead holds nothing":       "SELECT COUNT(*) FROM leads l JOIN reservations r ON r.seller_id = l.seller_id AND r.lead_id = l.id AND r.status <> 'released' WHERE l.seller_id = ? AND l.status <> 'pending'",
	"nothing accepted is left alone":  "SELECT COUNT(*) FROM (SELECT lead_id FROM reservations WHERE seller_id = ? AND status <> 'released' GROUP BY lead_id HAVING SUM(CASE WHEN status = 'reserved' THEN 1 ELSE 0 END) = 0) x",
	"who accepted bought the lead":    "SELECT COUNT(*) FROM deliveries d WHERE d.seller_id = ? AND d.confirm = 1 AND d.state = 'delivered' AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = d.seller_id AND s.id = d.sale_id) AND NOT EXISTS (SELECT 1 FROM reservations r WHERE r.seller_id = d.seller_id AND r.sale_id = d.sale_id AND r.status = 'accepted')",
	"who did not accept pays nothing": "SELECT COUNT(*) FROM deliveries d JOIN sales s ON s.seller_id = d.seller_id AND s.id = d.sale_id WHERE d.seller_id = ? AND d.confirm = 1 AND d.state <> 'delivered'",
}
