package command

import (
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// The types of commands' members. Ports must not import aggregates, so they take these types from here.
type (
	// BuyerDetails is what an operator says about a buyer. A nil member keeps the stored value.
	BuyerDetails = buyer.Details
	// CampaignDefinition is what an operator says about a campaign. A nil member keeps the stored value.
	CampaignDefinition = campaign.Definition
	// DedupeRule says which leads of a campaign are duplicates of earlier ones. The zero rule is none.
	DedupeRule = campaign.Dedupe
	// PayoutRule is the rule for what a supplier earns from a sale. The zero rule is none.
	PayoutRule = campaign.Payout
	// ContractTerms is what an operator says about a contract. A nil member keeps the stored value.
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

// Taken reports whether the lead was accepted: sold, or pending until a buyer takes it.
func (r SubmitLeadResult) Taken() bool { return r.Status != LeadDuplicate && r.Status != LeadRejected }
