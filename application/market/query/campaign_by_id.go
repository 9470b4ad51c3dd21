package query

import (
	"github.com/leadmill/leadmill/application"
)

// CampaignByID asks for one campaign: campaign.ErrNotFound.
type CampaignByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (CampaignByID) Needs() application.Scope { return application.Program }
