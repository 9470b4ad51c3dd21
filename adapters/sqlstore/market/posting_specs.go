package market

import (
	"context"
	"slices"
	"strings"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/seller"
)

var _ marketquery.PostingSpecReader = (*Reader)(nil)

// PostingSpecs implements marketquery.PostingSpecReader.
func (r *Reader) PostingSpecs(ctx context.Context, sellerID string) ([]marketquery.PostingSpec, error) {
	var owner struct {
		Code string `db:"code"`
		Name string `db:"name"`
	}
	if err := r.db.One(ctx, seller.ErrNotFound, &owner, "SELECT code, name FROM sellers WHERE id = ?", sellerID); err != nil {
		return nil, err
	}
	var rows []campaignRow
	if err := r.db.All(ctx, &rows, "SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ? AND active_key IS NOT NULL", sellerID); err != nil {
		return nil, err
	}
	specs := make([]marketquery.PostingSpec, len(rows))
	for i, row := range rows {
		c, err := answerCampaign(row)
		if err != nil {
			return nil, err
		}
		specs[i] = marketquery.PostingSpec{
			ID: c.ID, Name: c.Name, Category: c.Category, SellerCode: owner.Code, SellerName: owner.Name, PriceShown: c.PriceShown,
			Fields: field.RestoreRules(c.Fields).WithConsent(c.Consent).All(), FieldMap: c.FieldMap, DedupeFields: c.DedupeFields, DedupeMatch: c.DedupeMatch, DedupeWindowDays: c.DedupeWindowDays,
		}
	}
	slices.SortFunc(specs, func(a, b marketquery.PostingSpec) int { return strings.Compare(a.Category, b.Category) })
	return specs, nil
}
