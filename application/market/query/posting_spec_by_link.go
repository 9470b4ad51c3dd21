package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
)

// PostingSpecByLink asks for the campaign that the token of a link opens: campaign.ErrNotFound.
type PostingSpecByLink struct{ CampaignID, Token string }

// Needs implements application.Message.
func (PostingSpecByLink) Needs() application.Scope { return application.Visitor }

// ByLink answers PostingSpecByLink.
func (h PostingSpecHandler) ByLink(ctx context.Context, q PostingSpecByLink) (PostingSpec, error) {
	sellerID, ok := h.Links.Check(q.Token, q.CampaignID, h.Clock.Now())
	if !ok {
		return PostingSpec{}, campaign.ErrNotFound
	}
	return h.ByID(ctx, PostingSpecByID{Actor: application.Actor{SellerID: sellerID}, ID: q.CampaignID})
}
