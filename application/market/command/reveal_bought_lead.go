package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// RevealBoughtLead is RevealLead for who bought a lead.
type RevealBoughtLead struct {
	application.Actor

	BuyerID, SaleID string
	LeadID          string // of the sale, under which the audit trail has it
}

// Needs implements application.Message.
func (RevealBoughtLead) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (c RevealBoughtLead) OfBuyer() string { return c.BuyerID }

// AuditObject implements application.Audited.
func (c RevealBoughtLead) AuditObject() string { return c.LeadID }

// RevealBoughtLeadHandler handles RevealBoughtLead.
type RevealBoughtLeadHandler struct {
	market.Deps
	// Lead answers marketquery.BoughtLeadBySale.
	Lead func(context.Context, marketquery.BoughtLeadBySale) (marketquery.BoughtLead, error)
}

// Handle implements bus.Handler. The transaction has nothing to store but the entry of the audit trail: without it nothing is shown.
// Errors: lead.ErrSaleNotFound.
func (h RevealBoughtLeadHandler) Handle(ctx context.Context, c RevealBoughtLead) (marketquery.BoughtLead, error) {
	found, err := h.Lead(ctx, marketquery.BoughtLeadBySale{Actor: c.Actor, BuyerID: c.BuyerID, SaleID: c.SaleID})
	if err == nil && found.LeadID != c.LeadID {
		err = lead.ErrSaleNotFound
	}
	if err != nil {
		return marketquery.BoughtLead{}, err
	}
	if err := h.Work.Do(ctx, func(context.Context, market.Tx) error { return nil }); err != nil {
		return marketquery.BoughtLead{}, err
	}
	return found, nil
}
