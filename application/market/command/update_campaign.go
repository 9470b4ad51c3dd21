package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// UpdateCampaign changes a campaign's definition.
type UpdateCampaign struct {
	application.Actor

	ID         string
	Definition campaign.Definition
	Once       application.Once[marketquery.Campaign]
}

// Needs implements application.Message.
func (UpdateCampaign) Needs() application.Scope { return application.Program }

// UpdateCampaignHandler handles UpdateCampaign.
type UpdateCampaignHandler struct {
	market.Deps
	Strategies campaign.Strategies
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrArchived, campaign.ErrCategoryTaken,
// fault.ErrValidation.
func (h UpdateCampaignHandler) Handle(ctx context.Context, c UpdateCampaign) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Campaign, error) {
		err := n.Update(c.Definition, h.Strategies, now)
		return marketquery.CampaignOf(n.Snapshot()), err
	})
}
