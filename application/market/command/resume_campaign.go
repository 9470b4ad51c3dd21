package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// ResumeCampaign lets a paused campaign sell again.
type ResumeCampaign struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.Campaign]
}

// Needs implements application.Message.
func (ResumeCampaign) Needs() application.Scope { return application.Program }

// ResumeCampaignHandler handles ResumeCampaign.
type ResumeCampaignHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrNotPaused, campaign.ErrArchived,
// campaign.ErrCategoryTaken.
func (h ResumeCampaignHandler) Handle(ctx context.Context, c ResumeCampaign) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Campaign, error) {
		err := n.Resume(now)
		return marketquery.CampaignOf(n.Snapshot()), err
	})
}
