package market

import (
	"context"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/market"
)

type consents struct{ t *engine.Tx }

// Add implements market.ConsentRepository.
func (r consents) Add(ctx context.Context, all []market.LeadConsent) error {
	_, err := r.t.InsertRows(ctx, "lead_consents", "seller_id, lead_id, given, created_at", len(all), func(args []any, i int) ([]any, error) {
		c := &all[i]
		return append(args, c.SellerID, c.LeadID, strings.Join(c.Given, " "), engine.Micros(c.At)), nil
	})
	return err
}

// consentOf returns the names of the consent fields that a lead came with.
func (r *Reader) consentOf(ctx context.Context, sellerID, leadID string) ([]string, error) {
	var given string
	_, err := r.db.Get(ctx, &given, "SELECT given FROM lead_consents WHERE seller_id = ? AND lead_id = ?", sellerID, leadID)
	return strings.Fields(given), err
}
