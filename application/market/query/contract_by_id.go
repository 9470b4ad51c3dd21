package query

import (
	"github.com/leadmill/leadmill/application"
)

// ContractByID asks for one contract: campaign.ErrNotFound, campaign.ErrContractNotFound.
type ContractByID struct {
	application.Actor

	CampaignID, ID string
}

// Needs implements application.Message.
func (ContractByID) Needs() application.Scope { return application.Program }
