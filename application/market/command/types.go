package command

import (
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// The types that commands are filled with. A port knows no aggregate, so it has them from here.
type (
	// BuyerDetails is what an operator says about a buyer. Nil members keep what is there.
	BuyerDetails = buyer.Details
	// CampaignDefinition is what an operator says about a campaign. Nil members keep what is there.
	CampaignDefinition = campaign.Definition
	// DedupeRule says which leads of a campaign are duplicates of earlier ones. The zero rule is none.
	DedupeRule = campaign.Dedupe
	// PayoutRule is what a supplier earns of a sale. The zero rule is none.
	PayoutRule = campaign.Payout
	// ContractTerms is what an operator says about a contract. Nil members keep what is there.
	ContractTerms = campaign.Terms
	// Cap is one limit of a contract.
	Cap = campaign.Cap
)

// The ways to pay a supplier.
const (
	PayoutPercent = campaign.PayoutPercent
	PayoutFixed   = campaign.PayoutFixed
)

// SharedLeads is the mode in which a lead may be sold several times.
const SharedLeads = campaign.Shared

// What can become of a lead that a supplier submitted, as SubmitLeadResult.Status says it.
const (
	LeadSold      = string(lead.StatusSold)
	LeadDuplicate = string(lead.StatusDuplicate)
	LeadRejected  = string(lead.StatusRejected)
)

// Taken reports whether the lead was taken: sold, or kept for a buyer to come.
func (r SubmitLeadResult) Taken() bool { return r.Status != LeadDuplicate && r.Status != LeadRejected }
