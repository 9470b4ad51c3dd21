package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// PauseContract keeps a contract from taking leads until it is resumed.
type PauseContract struct {
	application.Actor

	CampaignID, ID string
	Once           application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (PauseContract) Needs() application.Scope { return application.Program }

// PauseContractHandler handles PauseContract.
type PauseContractHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound,
// campaign.ErrContractAlreadyPaused.
func (h PauseContractHandler) Handle(ctx context.Context, c PauseContract) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		if err := n.PauseContract(c.ID, now); err != nil {
			return marketquery.Contract{}, err
		}
		return contractOf(n, c.ID)
	})
}
