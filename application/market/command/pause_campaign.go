package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// PauseCampaign stops a campaign until it is resumed: it takes no leads, and its pending leads wait.
type PauseCampaign struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.Campaign]
}

// Needs implements application.Message.
func (PauseCampaign) Needs() application.Scope { return application.Program }

// PauseCampaignHandler handles PauseCampaign.
type PauseCampaignHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrAlreadyPaused, campaign.ErrArchived.
func (h PauseCampaignHandler) Handle(ctx context.Context, c PauseCampaign) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Campaign, error) {
		err := n.Pause(now)
		return marketquery.CampaignOf(n.Snapshot()), err
	})
}
