package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// RevealLead asks for what a lead holds of a person, for somebody to look at. It changes nothing, but is a command, so that who looked is
// known as of every command.
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
	// Lead answers marketquery.MarketplaceLeadByID.
	Lead func(context.Context, marketquery.MarketplaceLeadByID) (marketquery.MarketplaceLead, error)
}

// Handle implements bus.Handler. Errors: lead.ErrNotFound.
func (h RevealLeadHandler) Handle(ctx context.Context, c RevealLead) (marketquery.MarketplaceLead, error) {
	return h.Lead(ctx, marketquery.MarketplaceLeadByID{Actor: c.Actor, ID: c.ID})
}
