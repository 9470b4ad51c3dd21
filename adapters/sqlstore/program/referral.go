package program

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/seller"
)

// Referral implements program.ReferralReader. A link without a seller leads to the one that had its key first: also when the key is
// retired, and whoever has the same key later.
func (r *Reader) Referral(ctx context.Context, sellerCode, key string) (program.Referral, error) {
	s, err := r.referring(ctx, sellerCode, key)
	if err != nil {
		return program.Referral{}, err
	}
	out := program.Referral{SellerID: s.ID, Key: key, Website: s.Website, Parameter: s.program.LinkParameter, CookieDays: s.program.CookieDays}
	if !engine.IsID(key) {
		return out, nil
	}
	var row keyOwner
	live, err := r.db.Get(ctx, &row, "SELECT k.seller_id, k.referral_key, k.partner_id FROM partner_keys k "+
		"JOIN partners p ON p.seller_id = k.seller_id AND p.id = k.partner_id "+
		"WHERE k.seller_id = ? AND k.referral_key = ? AND k.ordinal >= 0 AND p.status IN ('pending', 'active')", s.ID, key)
	if err != nil {
		return program.Referral{}, err
	}
	if live && row.Key == key {
		out.Live, out.PartnerID = true, row.PartnerID
	}
	return out, nil
}

// referring returns the seller of a code; without a code, the one that had a key first: program.ErrNoReferral.
func (r *Reader) referring(ctx context.Context, sellerCode, key string) (owner, error) {
	if sellerCode != "" {
		return r.sellerByCode(ctx, sellerCode, program.ErrNoReferral)
	}
	if !engine.IsID(key) {
		return owner{}, program.ErrNoReferral
	}
	var row keyOwner
	if err := r.db.One(ctx, program.ErrNoReferral, &row, "SELECT seller_id, referral_key FROM short_links WHERE referral_key = ?", key); err != nil {
		return owner{}, err
	}
	if row.Key != key { // MySQL's collations ignore trailing spaces
		return owner{}, program.ErrNoReferral
	}
	return r.sellerByID(ctx, row.SellerID, program.ErrNoReferral)
}

// keyOwner is whose a referral key is.
type keyOwner struct {
	SellerID  string `db:"seller_id"`
	Key       string `db:"referral_key"`
	PartnerID string `db:"partner_id"`
}

// ReferralDomains answers programquery.ReferralDomains: seller.ErrNotFound. There is never more than one.
func (r *Reader) ReferralDomains(ctx context.Context, q programquery.ReferralDomains) (application.List[string], error) {
	s, err := r.sellerByID(ctx, q.SellerID, seller.ErrNotFound)
	if err != nil || s.Website == "" || q.Page.Number > 1 || q.Page.After != "" {
		return application.List[string]{}, err
	}
	return application.List[string]{Items: []string{s.Website}}, nil
}
