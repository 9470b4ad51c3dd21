package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// BoughtLeadBySale asks for a lead that a buyer bought, by the id of the sale: lead.ErrSaleNotFound, also for a sale to another buyer.
type BoughtLeadBySale struct {
	application.Actor

	BuyerID, SaleID string
}

// Needs implements application.Message.
func (BoughtLeadBySale) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q BoughtLeadBySale) OfBuyer() string { return q.BuyerID }

// SaleReturned is the status of a sale that was given back.
const SaleReturned = string(lead.SaleReturned)
