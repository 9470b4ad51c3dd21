package command

import "github.com/leadmill/leadmill/domain/seller"

// The types of commands' members. Ports must not import aggregates, so they take these types from here.
type (
	// SellerDetails is what an operator says about a seller. A nil member keeps the stored value.
	SellerDetails = seller.Details
	// LeadCampaign is the campaign in which form leads are offered to buyers.
	LeadCampaign = seller.LeadCampaign
)
