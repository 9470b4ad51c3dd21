package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// SpecLink asks for a token that opens the posting specification of a campaign to whoever has it: campaign.ErrNotFound.
type SpecLink struct {
	application.Actor

	CampaignID string
}

// Needs implements application.Message.
func (SpecLink) Needs() application.Scope { return application.Program }

// SpecToken is the token of a link, and until when it works.
type SpecToken struct {
	Token     string
	ExpiresAt time.Time
}

// Link answers SpecLink.
func (h PostingSpecHandler) Link(ctx context.Context, q SpecLink) (SpecToken, error) {
	if _, err := h.Reader.CampaignByID(ctx, CampaignByID{Actor: q.Actor, ID: q.CampaignID}); err != nil {
		return SpecToken{}, err
	}
	until := h.Clock.Now().Add(market.SpecLinkLife).Truncate(time.Second)
	return SpecToken{h.Links.New(q.SellerID, q.CampaignID, until), until}, nil
}
