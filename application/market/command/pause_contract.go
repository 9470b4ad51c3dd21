package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
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

// OfBuyer implements application.ForBuyers: the handler finds nothing of other buyers.
func (c PauseContract) OfBuyer() string { return c.Actor.BuyerID }

// PauseContractHandler handles PauseContract.
type PauseContractHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound,
// campaign.ErrContractAlreadyPaused, and for people of a buyer buyer.ErrNotAllowed.
func (h PauseContractHandler) Handle(ctx context.Context, c PauseContract) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(ctx context.Context, tx market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		if err := allowed(ctx, tx, c.Actor, n, c.ID, func(p buyer.Portal) bool { return p.PauseContracts }); err != nil {
			return marketquery.Contract{}, err
		}
		if err := n.PauseContract(c.ID, now); err != nil {
			return marketquery.Contract{}, err
		}
		return contractOf(n, c.ID)
	})
}
