package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
)

// CreateContract adds a buyer's standing order to a campaign. Status is active when empty.
type CreateContract struct {
	application.Actor

	CampaignID string
	BuyerID    string
	Status     string
	Terms      campaign.Terms
	Once       application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (CreateContract) Needs() application.Scope { return application.Program }

// CreateContractHandler handles CreateContract.
type CreateContractHandler struct {
	market.Deps
	Filters distribution.Filters
	Secrets DeliverySecrets
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrArchived, campaign.ErrTooManyContracts,
// fault.ErrValidation, application.ErrSecretKeyMissing.
func (h CreateContractHandler) Handle(ctx context.Context, c CreateContract) (application.Done, error) {
	id := h.IDs.New("contract")
	delivery, err := h.Secrets.prepare(id, c.Terms.Delivery)
	if err != nil {
		return application.Done{}, err
	}
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(ctx context.Context, tx market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		zones, buyerErr, err := zonesOf(ctx, tx, c.Actor.SellerID, c.BuyerID)
		if err != nil {
			return marketquery.Contract{}, err
		}
		filterErr := checkFilter(h.Filters, n, &c.Terms)
		err = n.AddContract(id, c.BuyerID, orActive(c.Status), c.Terms, zones, now)
		if err := fault.Together("buyer_id", buyerErr, fault.Together("filter", filterErr, fault.Together("delivery.url", delivery.addressErr, fault.Together("bid.url", h.Secrets.bidAddress(c.Terms.Bid), err)))); err != nil {
			return marketquery.Contract{}, err
		}
		return contractWith(n, id, delivery)
	})
}

// errUnknownBuyer says that the buyer a contract names does not exist at this seller.
var errUnknownBuyer = fault.New(fault.Invalid, fault.InvalidValue, "is not a buyer of yours")

// zonesOf returns the zones a contract of a buyer falls back to. buyerErr is errUnknownBuyer when there is no such buyer.
func zonesOf(ctx context.Context, tx market.Tx, sellerID, buyerID string) (z campaign.Zones, buyerErr, err error) {
	s, err := tx.Sellers().Get(ctx, sellerID)
	if err != nil {
		return z, nil, err
	}
	z.Seller = s.TimeZone()
	if buyerID == "" {
		return z, fault.New(fault.Invalid, fault.Required, "is required"), nil
	}
	b, err := tx.Buyers().Get(ctx, sellerID, buyerID)
	if errors.Is(err, buyer.ErrNotFound) {
		return z, errUnknownBuyer, nil
	}
	if err != nil {
		return z, nil, err
	}
	z.Buyer = b.TimeZone()
	return z, nil, nil
}
