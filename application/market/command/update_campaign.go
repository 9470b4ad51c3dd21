package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
)

// UpdateCampaign changes a campaign's definition.
type UpdateCampaign struct {
	application.Actor

	ID         string
	Definition campaign.Definition
	Seen       time.Time // when what was seen had been changed last; zero: it is changed whatever it is
	Once       application.Once[marketquery.Campaign]
}

// Needs implements application.Message.
func (UpdateCampaign) Needs() application.Scope { return application.Program }

// UpdateCampaignHandler handles UpdateCampaign.
type UpdateCampaignHandler struct {
	market.Deps
	Strategies campaign.Strategies
	Plans      *Plans
	Partners   market.PartnerReader
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrArchived, campaign.ErrCategoryTaken,
// application.ErrChangedMeanwhile, fault.ErrValidation.
func (h UpdateCampaignHandler) Handle(ctx context.Context, c UpdateCampaign) (done application.Done, err error) {
	unknown, err := unknownSuppliers(ctx, h.Partners, c.Actor.SellerID, c.Definition)
	if err != nil {
		return application.Done{}, err
	}
	err = h.Plans.ahead(func(look lookup) (err error) {
		done, err = h.update(ctx, c, unknown, look)
		return err
	})
	return done, err
}

func (h UpdateCampaignHandler) update(ctx context.Context, c UpdateCampaign, unknown []int, look lookup) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(ctx context.Context, tx market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Campaign, error) {
		if err := application.CheckSeen(c.Seen, n.Snapshot().UpdatedAt); err != nil {
			return marketquery.Campaign{}, err
		}
		before := n.Spans(now)
		var suppliersErr error
		if len(unknown) > 0 {
			suppliersErr = refuseSuppliers(unknown, c.Definition, n.Snapshot().Quarantine.Suppliers)
		}
		if err := fault.Together("", suppliersErr, n.Update(c.Definition, h.Strategies, now)); err != nil {
			return marketquery.Campaign{}, err
		}
		if err := look.checkFilters(n, c.Definition); err != nil {
			return marketquery.Campaign{}, err
		}
		if c.Definition.Caps != nil {
			s, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
			if err != nil {
				return marketquery.Campaign{}, err
			}
			n.CountIn(s.TimeZone(), now)
			if err := market.RecountCampaign(ctx, tx, n, before, now); err != nil {
				return marketquery.Campaign{}, err
			}
		}
		return marketquery.CampaignOf(n.Snapshot()), nil
	})
}
