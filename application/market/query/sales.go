package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Sales asks for a seller's sales, newest first. Zero times and empty texts select all.
type Sales struct {
	application.Actor

	LeadID, BuyerID, ContractID, Status string
	From, To                            time.Time // From inclusive, To exclusive, by the time they were made
	Page                                application.Page
}

// Needs implements application.Message.
func (Sales) Needs() application.Scope { return application.Program }

// SoldLead is a sale with the lead that was sold. Payout is what the supplier earns for it, nothing when it is returned; it is in
// micro-units of the seller's currency.
type SoldLead struct {
	Sale

	LeadID, CampaignID string
	Payout             money.Micros
}

// SaleStatuses returns the statuses that a sale can have and be listed by.
func SaleStatuses() []string {
	return []string{string(lead.SaleCaptured), string(lead.SaleReturnRequested), string(lead.SaleReturned)}
}
