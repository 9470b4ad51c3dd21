package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// RevealLead asks for what a lead holds of a person, for somebody to look at. It changes nothing, but is a command, so that the audit trail
// has who looked.
type RevealLead struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (RevealLead) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c RevealLead) AuditObject() string { return c.ID }

// RevealLeadHandler handles RevealLead.
type RevealLeadHandler struct {
	market.Deps
	// Lead answers marketquery.MarketplaceLeadByID.
	Lead func(context.Context, marketquery.MarketplaceLeadByID) (marketquery.MarketplaceLead, error)
}

// Handle implements bus.Handler. The transaction has nothing to store but the entry of the audit trail: without it nothing is shown.
// Errors: lead.ErrNotFound.
func (h RevealLeadHandler) Handle(ctx context.Context, c RevealLead) (marketquery.MarketplaceLead, error) {
	found, err := h.Lead(ctx, marketquery.MarketplaceLeadByID{Actor: c.Actor, ID: c.ID})
	if err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	if err := h.Work.Do(ctx, func(context.Context, market.Tx) error { return nil }); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	return found, nil
}
