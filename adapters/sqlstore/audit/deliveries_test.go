package audit_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
)

// deliver sells two leads of the category Told, whose contract delivers. One delivery waits, the other is done.
func (f *fair) deliver(a application.Actor) {
	f.t.Helper()
	deliveryOf := func(phone string) (id, leadID string) {
		leadID, status, err := f.send(f.t.Context(), a, "Told", phone, false)
		require.NoError(f.t, err)
		require.Equal(f.t, "sold", status)
		return f.text("SELECT id FROM deliveries WHERE lead_id = '" + leadID + "'"), leadID
	}
	f.undelivered, _ = deliveryOf("+13125550106")
	told, leadID := deliveryOf("+13125550107")
	f.delivered = told
	done, err := marketcommand.RecordDeliveriesHandler{Deps: f.submit.Deps}.Handle(f.t.Context(), marketcommand.RecordDeliveries{Results: []marketcommand.DeliveryResult{{
		SellerID: "seller_1", DeliveryID: told, LeadID: leadID,
		Posted: market.Posted{Outcome: delivery.Outcome{OK: true}, Status: 200, At: f.clock.Now(), Request: []byte("{}"), Answer: []byte("ok")},
	}}})
	require.NoError(f.t, err)
	require.Equal(f.t, 1, done.Stored)
}

func undelivered(f *fair) string { return f.undelivered }
func delivered(f *fair) string   { return f.delivered }

// onDelivery plants with one statement on a delivery of the fair, which %s stands for.
func onDelivery(rule, table string, id func(f *fair) string, statement string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec(fmt.Sprintf(statement, id(f)))
		return table, id(f)
	}}
}

// ofDeliveries are the violations of the rules about deliveries.
var ofDeliveries = []violation{
	{rule: "sale_has_its_delivery", plant: func(f *fair) (string, string) {
		sale := f.text("SELECT sale_id FROM deliveries WHERE id = '" + f.undelivered + "'")
		f.exec("DELETE FROM deliveries WHERE id = '"+f.undelivered+"'", "DELETE FROM delivery_queue WHERE delivery_id = '"+f.undelivered+"'")
		return "sales", sale
	}},
	onDelivery("delivery_is_of_its_sale", "deliveries", delivered, "UPDATE deliveries SET buyer_id = 'buyer_free' WHERE id = '%s'"),
	onDelivery("pending_delivery_is_queued", "deliveries", undelivered, "DELETE FROM delivery_queue WHERE delivery_id = '%s'"),
	onDelivery("pending_delivery_is_queued", "deliveries", undelivered, "UPDATE delivery_queue SET next_at = next_at + 1 WHERE delivery_id = '%s'").and("queued_delivery_is_pending"),
	onDelivery("delivery_state_is_whole", "deliveries", delivered, "UPDATE deliveries SET reason = 'timeout' WHERE id = '%s'"),
	onDelivery("delivery_state_is_whole", "deliveries", delivered, "UPDATE deliveries SET next_at = 1 WHERE id = '%s'"),
	onDelivery("queued_delivery_is_pending", "delivery_queue", delivered, "INSERT INTO delivery_queue (seller_id, contract_id, next_at, delivery_id) VALUES ('seller_1', 'contract_told', 0, '%s')"),
	onDelivery("queued_delivery_is_pending", "delivery_queue", func(*fair) string { return "delivery_none" }, "INSERT INTO delivery_queue (seller_id, contract_id, next_at, delivery_id) VALUES ('seller_1', 'contract_told', 0, '%s')"),
	onDelivery("status_is_told", "deliveries", delivered, "UPDATE deliveries SET state = 'failed', reason = 'gone' WHERE id = '%s'"),
	onDelivery("version_counts_events", "deliveries", undelivered, "UPDATE deliveries SET version = 1 WHERE id = '%s'"),
	onDelivery("attempt_is_counted", "delivery_attempts", delivered, "UPDATE delivery_attempts SET number = 2 WHERE delivery_id = '%s'"),
	{rule: "erased_lead_has_no_attempts_kept", plant: func(f *fair) (string, string) {
		f.exec("UPDATE leads SET erased_at = 5, fields = X'7B7D' WHERE id = (SELECT lead_id FROM deliveries WHERE id = '" + f.delivered + "')")
		return "delivery_attempts", f.delivered
	}},
	onDelivery("deliveries.sale_id", "deliveries", delivered, "UPDATE deliveries SET sale_id = 'sale_none' WHERE id = '%s'").and("sale_has_its_delivery"),
	onDelivery("deliveries.lead_id", "deliveries", delivered, "UPDATE deliveries SET lead_id = 'lead_none' WHERE id = '%s'").and("sale_has_its_delivery", "delivery_is_of_its_sale"),
	onDelivery("deliveries.contract_id", "deliveries", delivered, "UPDATE deliveries SET contract_id = 'contract_none' WHERE id = '%s'").and("delivery_is_of_its_sale"),
	onDelivery("deliveries.buyer_id", "deliveries", delivered, "UPDATE deliveries SET buyer_id = 'buyer_none' WHERE id = '%s'").and("delivery_is_of_its_sale"),
	onDelivery("delivery_attempts.lead_id", "delivery_attempts", delivered, "UPDATE delivery_attempts SET lead_id = 'lead_none' WHERE delivery_id = '%s'"),
	onDelivery("delivery_attempts.delivery_id", "delivery_attempts", func(*fair) string { return "delivery_none" },
		"UPDATE delivery_attempts SET delivery_id = '%s' WHERE number = 1 AND reason = '' AND lead_id = (SELECT lead_id FROM deliveries WHERE contract_id = 'contract_told' AND state = 'delivered')"),
}
