package query

import (
	"github.com/leadmill/leadmill/application"
)

// CampaignUsage asks what a campaign's contracts together used in the windows in which the campaign has caps of its own:
// campaign.ErrNotFound.
type CampaignUsage struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (CampaignUsage) Needs() application.Scope { return application.Program }
