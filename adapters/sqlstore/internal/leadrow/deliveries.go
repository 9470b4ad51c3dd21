package leadrow

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

// DeliveryState selects where the delivery of a row of the table sales stands; empty when there is none.
const DeliveryState = "COALESCE((SELECT d.state FROM deliveries d WHERE d.seller_id = sales.seller_id AND d.lead_id = sales.lead_id AND d.sale_id = sales.id), '')"

// DeliveryColumns are the columns of the table deliveries.
const DeliveryColumns = "seller_id, id, sale_id, lead_id, campaign_id, contract_id, buyer_id, state, attempts, tries, next_at, reason, created_at, updated_at, version, confirm, deadline_at, reference"

// QueueColumns are the columns of the table delivery_queue, which are its key.
const QueueColumns = "seller_id, contract_id, next_at, delivery_id"

// DeliveriesDue is the signal that there may be deliveries that are due.
const DeliveriesDue = "deliveries"

// addDeliveries stores that the buyers of sales are to be told of their leads, with one statement, and with another that each is due.
func addDeliveries(ctx context.Context, t *engine.Tx, all []lead.Snapshot) error {
	type row struct {
		of   *lead.Snapshot
		sale *lead.Sale
	}
	var rows []row
	for i := range all {
		for j := range all[i].Sales {
			if all[i].Sales[j].Delivery == string(delivery.Pending) {
				rows = append(rows, row{&all[i], &all[i].Sales[j]})
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := t.InsertRows(ctx, "deliveries", DeliveryColumns, len(rows), func(args []any, i int) ([]any, error) {
		l, s, at := rows[i].of, rows[i].sale, engine.Micros(rows[i].sale.At)
		return append(args, l.SellerID, delivery.IDOf(s.ID), s.ID, l.ID, l.CampaignID, s.ContractID, s.BuyerID, string(delivery.Pending),
			int64(0), int64(0), at, "", at, at, int64(0), int64(0), int64(0), ""), nil
	}); err != nil {
		return err
	}
	_, err := t.InsertRows(ctx, "delivery_queue", QueueColumns, len(rows), func(args []any, i int) ([]any, error) {
		l, s := rows[i].of, rows[i].sale
		return append(args, l.SellerID, s.ContractID, engine.Micros(s.At), delivery.IDOf(s.ID)), nil
	})
	if err == nil {
		t.Signal(DeliveriesDue)
	}
	return err
}

// ForgetAttempts empties what was sent to buyers of leads, what they answered and what they called them.
func ForgetAttempts(ctx context.Context, t *engine.Tx, sellerID string, leads []string) error {
	var ids []string
	if err := t.All(ctx, &ids, "SELECT id FROM deliveries"+t.UseKey("deliveries_lead")+" WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(leads))+")",
		append([]any{sellerID}, engine.Anys(leads)...)...); err != nil || len(ids) == 0 {
		return err
	}
	if _, err := t.Exec(ctx, "UPDATE deliveries"+t.UseKey("PRIMARY")+" SET reference = '' WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+") AND reference <> ''",
		append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return err
	}
	_, err := t.Exec(ctx, "UPDATE delivery_attempts"+t.UseKey("PRIMARY")+" SET request = ?, answer = ? WHERE seller_id = ? AND delivery_id IN ("+engine.Marks(len(ids))+")",
		append([]any{[]byte{}, []byte{}, sellerID}, engine.Anys(ids)...)...)
	return err
}
