package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// ResumeContract lets a paused contract take leads again.
type ResumeContract struct {
	application.Actor

	CampaignID, ID string
	Once           application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (ResumeContract) Needs() application.Scope { return application.Program }

// ResumeContractHandler handles ResumeContract.
type ResumeContractHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound, campaign.ErrContractNotPaused.
func (h ResumeContractHandler) Handle(ctx context.Context, c ResumeContract) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		if err := n.ResumeContract(c.ID, now); err != nil {
			return marketquery.Contract{}, err
		}
		return contractOf(n, c.ID)
	})
}
