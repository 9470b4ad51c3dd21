package command

import "github.com/leadmill/leadmill/domain/seller"

// The types that commands are filled with. A port knows no aggregate, so it has them from here.
type (
	// SellerDetails is what an operator says about a seller. Nil members keep what is there.
	SellerDetails = seller.Details
	// LeadCampaign is the campaign to which leads of the form are offered.
	LeadCampaign = seller.LeadCampaign
)
