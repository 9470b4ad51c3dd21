package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
)

// Campaign implements market.PreviewReader.
func (r *Reader) Campaign(ctx context.Context, sellerID, id string) (*campaign.Campaign, error) {
	var row campaignRow
	if err := r.db.One(ctx, campaign.ErrNotFound, &row, "SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ? AND id = ?", sellerID, id); err != nil {
		return nil, err
	}
	if row.ID != id {
		return nil, campaign.ErrNotFound
	}
	return r.withContracts(ctx, row)
}

// BuyersOf implements market.PreviewReader.
func (r *Reader) BuyersOf(ctx context.Context, refs []application.Ref) (map[string]*buyer.Buyer, error) {
	out := make(map[string]*buyer.Buyer, len(refs))
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []buyerRow
		if err := r.db.All(ctx, &rows, "SELECT "+buyerColumns+" FROM buyers WHERE "+keys, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			n, err := row.snapshot()
			if err != nil {
				return nil, err
			}
			out[row.ID] = buyer.FromSnapshot(n)
		}
	}
	return out, nil
}

// CountersOf implements market.PreviewReader.
func (r *Reader) CountersOf(ctx context.Context, refs []application.Ref) (map[string]*distribution.Counter, error) {
	out := make(map[string]*distribution.Counter, len(refs))
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.Among("counter_key", len(piece), func(i int) (string, any) { return piece[i].SellerID, piece[i].ID })
		var rows []counterRow
		if err := r.db.All(ctx, &rows, "SELECT "+counterColumns+" FROM contract_counters WHERE "+keys, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.Key] = row.restore()
		}
	}
	return out, nil
}

// Held implements market.PreviewReader.
func (r *Reader) Held(ctx context.Context, claims []market.ClaimRef, now time.Time) (map[market.ClaimKey]bool, error) {
	held := make(map[market.ClaimKey]bool, len(claims))
	for from, to := range engine.Pieces(len(claims), engine.MaxParams/2, func(i int) string { return claims[i].SellerID }) {
		piece := claims[from:to]
		keys, args := engine.Among("claim_key", len(piece), func(i int) (string, any) { return piece[i].SellerID, piece[i].Key[:] })
		var found [][]byte
		if err := r.db.All(ctx, &found, "SELECT claim_key FROM claims WHERE "+keys+" AND expires_at > ?", append(args, engine.Micros(now))...); err != nil {
			return nil, err
		}
		for _, key := range found {
			held[market.ClaimKey(key)] = true
		}
	}
	return held, nil
}

// PartnersAmong implements market.PartnerReader.
func (r *Reader) PartnersAmong(ctx context.Context, sellerID string, ids []string) (found []string, err error) {
	for from, to := range engine.Pieces(len(ids), engine.MaxParams-1, func(int) string { return sellerID }) {
		keys, args := engine.Among("id", to-from, func(i int) (string, any) { return sellerID, ids[from+i] })
		var some []string
		if err := r.db.All(ctx, &some, "SELECT id FROM partners WHERE "+keys, args...); err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}
