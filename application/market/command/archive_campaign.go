package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// ArchiveCampaign ends a campaign for good; its category is free for another campaign.
type ArchiveCampaign struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.Campaign]
}

// Needs implements application.Message.
func (ArchiveCampaign) Needs() application.Scope { return application.Program }

// ArchiveCampaignHandler handles ArchiveCampaign.
type ArchiveCampaignHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrArchived.
func (h ArchiveCampaignHandler) Handle(ctx context.Context, c ArchiveCampaign) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Campaign, error) {
		err := n.Archive(now)
		return marketquery.CampaignOf(n.Snapshot()), err
	})
}
