package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/seller"
)

// UpdateSettings changes how the actor's seller runs its partner program.
type UpdateSettings struct {
	application.Actor

	Settings seller.Settings
	Once     Once[query.Settings]
}

// UpdateSettingsHandler handles UpdateSettings.
type UpdateSettingsHandler struct{ Deps }

// Handle implements bus.Handler. Errors: validation.
func (h UpdateSettingsHandler) Handle(ctx context.Context, c UpdateSettings) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Settings, error) {
		s, err := tx.Sellers().Lock(ctx, c.Actor.SellerID)
		if err != nil {
			return query.Settings{}, err
		}
		err = s.Configure(c.Settings, now)
		if named := c.Settings.LeadCampaign; named != nil && named.CampaignID != "" {
			_, missing := tx.Campaigns().Lock(ctx, c.Actor.SellerID, named.CampaignID)
			if errors.Is(missing, campaign.ErrNotFound) {
				missing = fault.New(fault.Invalid, fault.InvalidValue, "is not a campaign of this seller")
			} else if missing != nil {
				return query.Settings{}, missing
			}
			err = together("lead_campaign.campaign_id", missing, err)
		}
		if err != nil {
			return query.Settings{}, err
		}
		if err := tx.Sellers().Save(ctx, s); err != nil {
			return query.Settings{}, err
		}
		return query.SettingsOf(s.Snapshot()), nil
	})
}
