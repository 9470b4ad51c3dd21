package acme

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/projection"
)

// salesByState is a read model in a table of Acme's own: how many leads of each state were sold, and for how much. It is made
// of events alone, which carry the state as a dimension, so it needs none of Leadmill's tables.
type salesByState struct{}

func newSalesByState() salesByState { return salesByState{} }

// Name implements projection.Projection.
func (salesByState) Name() string { return "acme-sales-by-state" }

// Apply implements projection.Projection. It writes in the transaction that moves its cursor, so each event counts once.
func (salesByState) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	for _, e := range events {
		if e.Type != (eventsv1.LeadSold{}).Type() {
			continue
		}
		var sold eventsv1.LeadSold
		if err := json.Unmarshal(e.Payload, &sold); err != nil {
			return fmt.Errorf("read %s: %w", e.Type, err)
		}
		for _, sale := range sold.Sales {
			price, err := sale.Price.Micros()
			if err != nil {
				return err
			}
			if err := count(ctx, tx, e.SellerID, sold.Dimensions.Get("state"), price); err != nil {
				return fmt.Errorf("count a sale: %w", err)
			}
		}
	}
	return nil
}

func count(ctx context.Context, tx projection.Tx, sellerID, state string, price int64) error {
	updated, err := tx.ExecContext(ctx, "UPDATE x_acme_sales SET sales = sales + 1, revenue = revenue + ? WHERE seller_id = ? AND state = ?", price, sellerID, state)
	if err != nil {
		return err
	}
	if n, err := updated.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO x_acme_sales (seller_id, state, sales, revenue) VALUES (?, ?, 1, ?)", sellerID, state, price)
	return err
}

// Reset implements projection.Projection: "leadmill events replay acme-sales-by-state" builds the table again.
func (salesByState) Reset(ctx context.Context, tx projection.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM x_acme_sales")
	return err
}
