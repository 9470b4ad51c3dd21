package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// UpdateSettings changes how the actor's seller runs its partner program.
type UpdateSettings struct {
	application.Actor

	Settings seller.Settings
	Seen     time.Time // when what was seen had been changed last; zero: it is changed whatever it is
	Once     application.Once[accountquery.Settings]
}

// Needs implements application.Message.
func (UpdateSettings) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: where links lead to and what the program promises is an owner's.
func (UpdateSettings) NeedsRole() operator.Role { return operator.Owner }

// UpdateSettingsHandler handles UpdateSettings.
type UpdateSettingsHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: application.ErrChangedMeanwhile, fault.ErrValidation.
func (h UpdateSettingsHandler) Handle(ctx context.Context, c UpdateSettings) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (accountquery.Settings, error) {
		s, err := tx.Sellers().Lock(ctx, c.Actor.SellerID)
		if err != nil {
			return accountquery.Settings{}, err
		}
		if err := application.CheckSeen(c.Seen, s.Snapshot().UpdatedAt); err != nil {
			return accountquery.Settings{}, err
		}
		err = s.Configure(c.Settings, now)
		if named := c.Settings.LeadCampaign; named != nil && named.CampaignID != "" {
			_, missing := tx.Campaigns().Lock(ctx, c.Actor.SellerID, named.CampaignID)
			if errors.Is(missing, campaign.ErrNotFound) {
				missing = fault.New(fault.Invalid, fault.InvalidValue, "is not a campaign of this seller")
			} else if missing != nil {
				return accountquery.Settings{}, missing
			}
			err = fault.Together("lead_campaign.campaign_id", missing, err)
		}
		if err != nil {
			return accountquery.Settings{}, err
		}
		if s.Version() != s.StoredVersion() {
			if err := tx.Sellers().Save(ctx, s); err != nil {
				return accountquery.Settings{}, err
			}
		}
		return accountquery.SettingsOf(s.Snapshot()), nil
	})
}
