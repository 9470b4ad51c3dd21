package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// reserve asks the buyer of the category Asked about two leads. It does not want one of them.
func (f *fair) reserve(a application.Actor) {
	f.t.Helper()
	sale := func(phone string) (saleID, leadID string) {
		leadID, status, err := f.send(f.t.Context(), a, "Asked", phone, false)
		require.NoError(f.t, err)
		require.Equal(f.t, "pending", status)
		return f.text("SELECT sale_id FROM reservations WHERE lead_id = '" + leadID + "'"), leadID
	}
	f.reserved, f.asked = sale("+13125550108")
	released, leadID := sale("+13125550109")
	f.released = released
	reader := marketstore.NewReader(f.db, f.clock)
	done, err := marketcommand.SettleReservationsHandler{Deps: f.submit.Deps, Reader: reader, Strategies: f.strategies, Plans: marketcommand.NewPlans(nil)}.Handle(f.t.Context(),
		marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{{
			SellerID: "seller_1", DeliveryID: delivery.IDOf(released), LeadID: leadID,
			Posted: market.Posted{Outcome: delivery.Outcome{Final: true}, Said: delivery.Answer{Verdict: delivery.Rejected}, Status: 200, At: f.clock.Now()},
		}}})
	require.NoError(f.t, err)
	require.Equal(f.t, 1, done.Stored)
	require.Len(f.t, done.Final, 1)
}

func reserved(f *fair) string { return f.reserved }
func released(f *fair) string { return f.released }

// ofReservations are the violations of the rules about what is reserved.
var ofReservations = []violation{
	onDelivery("reserved_lead_is_pending", "reservations", reserved, "UPDATE unsold_leads SET deadline_at = deadline_at + 1 WHERE lead_id = (SELECT lead_id FROM reservations WHERE sale_id = '%s')"),
	onDelivery("asked_lead_is_reserved", "unsold_leads", func(f *fair) string { return f.pending }, "UPDATE unsold_leads SET deadline_at = 5 WHERE lead_id = '%s'"),
	onDelivery("asked_lead_is_reserved", "unsold_leads", func(f *fair) string { return f.asked }, "UPDATE unsold_leads SET deadline_at = NULL WHERE lead_id = '%s'").and("reserved_lead_is_pending"),
	{rule: "reservation_is_no_sale", plant: func(f *fair) (string, string) {
		sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.first + "'")
		f.exec("INSERT INTO reservations SELECT seller_id, lead_id, id, campaign_id, contract_id, buyer_id, 1, 'released', 'timeout', 0, 0, price, currency, sold_at, 1, 1 FROM sales WHERE id = '" + sale + "'")
		return "reservations", sale
	}},
	onDelivery("reservation_is_not_overdue", "reservations", reserved, "UPDATE reservations SET deadline_at = 1 WHERE sale_id = '%s'").and("reserved_lead_is_pending", "asked_buyer_has_delivery"),
	onDelivery("asked_buyer_has_delivery", "reservations", reserved, "UPDATE deliveries SET deadline_at = deadline_at + 1 WHERE sale_id = '%s'"),
	onDelivery("reservation_status_is_whole", "reservations", reserved, "UPDATE reservations SET reason = 'timeout' WHERE sale_id = '%s'"),
	onDelivery("reservation_status_is_whole", "reservations", released, "UPDATE reservations SET reason = '' WHERE sale_id = '%s'"),
	{rule: "held_is_open_holds", plant: func(f *fair) (string, string) {
		f.exec("UPDATE reservations SET price = price + 1 WHERE sale_id = '" + f.reserved + "'")
		return "buyers", "buyer_asked"
	}, also: []string{"counter_is_live_sales"}},
	onDelivery("reservations.lead_id", "reservations", released, "UPDATE reservations SET lead_id = 'lead_none' WHERE sale_id = '%s'").and("deliveries.sale_id"),
	onDelivery("reservations.contract_id", "reservations", released, "UPDATE reservations SET contract_id = 'contract_none' WHERE sale_id = '%s'"),
	onDelivery("reservations.buyer_id", "reservations", released, "UPDATE reservations SET buyer_id = 'buyer_none' WHERE sale_id = '%s'"),
	{rule: "deliveries.sale_id", plant: func(f *fair) (string, string) {
		f.exec("DELETE FROM reservations WHERE sale_id = '" + f.released + "'")
		return "deliveries", delivery.IDOf(f.released)
	}},
}

// TestNothingIsOverdueWhileNoInstanceRuns looks at what was stopped, or restored, long after a deadline.
func TestNothingIsOverdueWhileNoInstanceRuns(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := newShop(t, engine)
			a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
			a.hands.Step(-3 * time.Hour)
			a.submit(t)
			breaches := func() (rules []string) {
				s.catchUp()
				r, err := audit.Run(t.Context(), s.db, audit.Options{Now: time.Now()}, sqlstore.AuditRules()...)
				require.NoError(t, err)
				for _, b := range r.Breaches {
					rules = append(rules, b.Rule)
				}
				return rules
			}
			require.Equal(t, []string{"reservation_is_not_overdue"}, breaches(), "something happened since, and nobody settled it")
			s.exec("UPDATE event_positions SET at = (SELECT deadline_at FROM reservations)")
			require.NotContains(t, breaches(), "reservation_is_not_overdue", "the last of all that happened")
		})
	}
}
