package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
)

// CreateCampaign makes a campaign of the actor's seller. Status is active when empty.
type CreateCampaign struct {
	application.Actor

	Status     string
	Definition campaign.Definition
	Once       application.Once[marketquery.Campaign]
}

// Needs implements application.Message.
func (CreateCampaign) Needs() application.Scope { return application.Program }

// CreateCampaignHandler handles CreateCampaign.
type CreateCampaignHandler struct {
	market.Deps
	Strategies campaign.Strategies
	Partners   market.PartnerReader
}

// Handle implements bus.Handler. Errors: campaign.ErrCategoryTaken, fault.ErrValidation.
func (h CreateCampaignHandler) Handle(ctx context.Context, c CreateCampaign) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("campaign")
	unknown, err := unknownSuppliers(ctx, h.Partners, c.Actor.SellerID, c.Definition)
	if err != nil {
		return application.Done{}, err
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.Campaign, error) {
		n, err := campaign.New(id, c.Actor.SellerID, orActive(c.Status), c.Definition, h.Strategies, now)
		if err := fault.Together("", refuseSuppliers(unknown, c.Definition, nil), err); err != nil {
			return marketquery.Campaign{}, err
		}
		if c.Definition.Caps != nil {
			s, err := tx.Sellers().Lock(ctx, c.Actor.SellerID) // so that its zone does not change meanwhile
			if err != nil {
				return marketquery.Campaign{}, err
			}
			n.CountIn(s.TimeZone(), now)
		}
		if err := tx.Campaigns().Add(ctx, n); err != nil {
			return marketquery.Campaign{}, err
		}
		return marketquery.CampaignOf(n.Snapshot()), nil
	})
}

func orActive(status string) campaign.Status {
	if status == "" {
		return campaign.StatusActive
	}
	return campaign.Status(status)
}
