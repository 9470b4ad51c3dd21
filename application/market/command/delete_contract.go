package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// DeleteContract ends a contract for good; its sales stay.
type DeleteContract struct {
	application.Actor

	CampaignID, ID string
	Once           application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (DeleteContract) Needs() application.Scope { return application.Program }

// DeleteContractHandler handles DeleteContract.
type DeleteContractHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound.
func (h DeleteContractHandler) Handle(ctx context.Context, c DeleteContract) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		if err := n.DeleteContract(c.ID, now); err != nil {
			return marketquery.Contract{}, err
		}
		return contractOf(n, c.ID)
	})
}
