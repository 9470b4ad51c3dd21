package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
)

// CreateContract adds a buyer's standing order to a campaign. Status is active when empty.
type CreateContract struct {
	application.Actor

	CampaignID string
	BuyerID    string
	Status     string
	Terms      campaign.Terms
	Once       Once[query.Contract]
}

// CreateContractHandler handles CreateContract.
type CreateContractHandler struct{ Deps }

// errUnknownBuyer says that the buyer a contract names does not exist at this seller.
var errUnknownBuyer = fault.New(fault.Invalid, fault.InvalidValue, "is not a buyer of yours")

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrArchived, campaign.ErrTooManyContracts, validation.
func (h CreateContractHandler) Handle(ctx context.Context, c CreateContract) (Done, error) {
	id := h.IDs.New("contract")
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(ctx context.Context, tx application.Tx, n *campaign.Campaign, now time.Time) (query.Contract, error) {
		zones, buyerErr, err := zonesOf(ctx, tx, c.Actor.SellerID, c.BuyerID)
		if err != nil {
			return query.Contract{}, err
		}
		err = n.AddContract(id, c.BuyerID, orActive(c.Status), c.Terms, zones, now)
		if err := together("buyer_id", buyerErr, err); err != nil {
			return query.Contract{}, err
		}
		return contractOf(n, id)
	})
}

// zonesOf returns the zones a contract of a buyer falls back to. buyerErr says that there is no such buyer.
func zonesOf(ctx context.Context, tx application.Tx, sellerID, buyerID string) (z campaign.Zones, buyerErr, err error) {
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

func contractOf(c *campaign.Campaign, id string) (query.Contract, error) {
	for _, k := range c.Snapshot().Contracts {
		if k.ID == id {
			return query.ContractOf(c.ID(), k), nil
		}
	}
	return query.Contract{}, campaign.ErrContractNotFound
}

// UpdateContract changes a contract's terms. Its buyer never changes.
type UpdateContract struct {
	application.Actor

	CampaignID, ID string
	Terms          campaign.Terms
	Once           Once[query.Contract]
}

// UpdateContractHandler handles UpdateContract.
type UpdateContractHandler struct{ Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound, campaign.ErrArchived, validation.
func (h UpdateContractHandler) Handle(ctx context.Context, c UpdateContract) (Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(ctx context.Context, tx application.Tx, n *campaign.Campaign, now time.Time) (query.Contract, error) {
		k, err := n.Contract(c.ID)
		if err != nil {
			return query.Contract{}, err
		}
		zones, _, err := zonesOf(ctx, tx, c.Actor.SellerID, k.BuyerID())
		if err != nil {
			return query.Contract{}, err
		}
		changed, err := n.UpdateContract(c.ID, c.Terms, zones, now)
		if err != nil {
			return query.Contract{}, err
		}
		if changed {
			if err := recount(ctx, tx, n, c.ID, now); err != nil {
				return query.Contract{}, err
			}
		}
		return contractOf(n, c.ID)
	})
}

// SteerContract pauses, resumes or deletes a contract.
type SteerContract struct {
	application.Actor

	CampaignID, ID string
	Verb           Verb
	Once           Once[query.Contract]
}

// SteerContractHandler handles SteerContract.
type SteerContractHandler struct{ Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, ErrContractNotFound, ErrContractAlreadyPaused, ErrContractNotPaused.
func (h SteerContractHandler) Handle(ctx context.Context, c SteerContract) (Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(_ context.Context, _ application.Tx, n *campaign.Campaign, now time.Time) (query.Contract, error) {
		var err error
		switch c.Verb {
		case Pause:
			err = n.PauseContract(c.ID, now)
		case Resume:
			err = n.ResumeContract(c.ID, now)
		default:
			err = n.DeleteContract(c.ID, now)
		}
		if err != nil {
			return query.Contract{}, err
		}
		return contractOf(n, c.ID)
	})
}
