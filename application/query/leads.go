package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// SupplierLead is a lead as its supplier may see it.
type SupplierLead struct {
	ID, Status           string
	Test                 bool
	Price                money.Micros
	HasPrice             bool
	BuyerIDs             []string
	CreatedAt, UpdatedAt time.Time
}

// SupplierLeadByID asks for a lead that the actor's key sent: lead.ErrNotFound, also for a lead of another key.
type SupplierLeadByID struct {
	application.Actor

	ID string
}

// Sale is one sale of a lead.
type Sale struct {
	ID, ContractID, BuyerID, Status string
	Price                           money.Micros
	SoldAt                          time.Time
}

// MarketplaceLead is a lead as its seller sees it. Fields, Trace and Sales are filled when one lead is asked for.
type MarketplaceLead struct {
	ID, Origin, Status           string
	CampaignID, Category         string
	PartnerID, KeyID, ExternalID string
	Test                         bool
	Code, Reason                 string
	Payout                       money.Micros
	Fields                       field.Set
	Trace                        lead.Trace
	Sales                        []Sale
	CreatedAt, UpdatedAt         time.Time
	PendingUntil                 time.Time
}

// MarketplaceLeads asks for a seller's leads, newest first. Zero times and empty texts do not filter.
type MarketplaceLeads struct {
	application.Actor

	Status, Category string
	From, To         time.Time // From inclusive, To exclusive, by the time they were created
	Page             Page
}

// MarketplaceLeadByID asks for one lead with fields, trace and sales: lead.ErrNotFound.
type MarketplaceLeadByID struct {
	application.Actor

	ID string
}

// LeadReader is the read model of leads.
type LeadReader interface {
	SupplierLeadByID(ctx context.Context, q SupplierLeadByID) (SupplierLead, error)
	MarketplaceLeads(ctx context.Context, q MarketplaceLeads) (List[MarketplaceLead], error)
	MarketplaceLeadByID(ctx context.Context, q MarketplaceLeadByID) (MarketplaceLead, error)
}
