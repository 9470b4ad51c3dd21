package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
)

// UpdateContract changes a contract's terms. Its buyer never changes.
type UpdateContract struct {
	application.Actor

	CampaignID, ID string
	Terms          campaign.Terms
	Seen           time.Time // when what was seen had been changed last; zero: it is changed whatever it is
	Once           application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (UpdateContract) Needs() application.Scope { return application.Program }

// UpdateContractHandler handles UpdateContract.
type UpdateContractHandler struct {
	market.Deps
	Filters distribution.Filters
	Secrets DeliverySecrets
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound, campaign.ErrArchived,
// application.ErrChangedMeanwhile, fault.ErrValidation, application.ErrSecretKeyMissing.
func (h UpdateContractHandler) Handle(ctx context.Context, c UpdateContract) (application.Done, error) {
	delivery, err := h.Secrets.prepare(c.ID, c.Terms.Delivery)
	if err != nil {
		return application.Done{}, err
	}
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(ctx context.Context, tx market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		k, err := n.Contract(c.ID)
		if err != nil {
			return marketquery.Contract{}, err
		}
		if err := application.CheckSeen(c.Seen, k.UpdatedAt()); err != nil {
			return marketquery.Contract{}, err
		}
		zones, _, err := zonesOf(ctx, tx, c.Actor.SellerID, k.BuyerID())
		if err != nil {
			return marketquery.Contract{}, err
		}
		filterErr := checkFilter(h.Filters, n, &c.Terms)
		changed, err := n.UpdateContract(c.ID, c.Terms, zones, now)
		if err := fault.Together("filter", filterErr, fault.Together("delivery.url", delivery.addressErr, fault.Together("bid.url", h.Secrets.bidAddress(c.Terms.Bid), err))); err != nil {
			return marketquery.Contract{}, err
		}
		if changed {
			if err := market.Recount(ctx, tx, n, c.ID, now); err != nil {
				return marketquery.Contract{}, err
			}
		}
		return contractWith(n, c.ID, delivery)
	})
}
