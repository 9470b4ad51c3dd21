package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// MarketplaceLeads asks for a seller's leads, newest first. Zero times and empty texts select all.
type MarketplaceLeads struct {
	application.Actor

	Status, Category string
	From, To         time.Time // From inclusive, To exclusive, by the time they were created
	Page             application.Page
}

// Needs implements application.Message.
func (MarketplaceLeads) Needs() application.Scope { return application.Program }

// MarketplaceLead is a lead as its seller sees it. Fields, Trace and Sales are filled only by MarketplaceLeadByID. Payout is
// in micro-units of the seller's currency.
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

// Sale is one sale of a lead. Price is in micro-units of the seller's currency.
type Sale struct {
	ID, ContractID, BuyerID, Status string
	Price                           money.Micros
	SoldAt                          time.Time
}

// LeadStatuses returns the statuses that a lead of the marketplace can have and be listed by.
func LeadStatuses() []string {
	var statuses []string
	for _, s := range lead.Statuses() {
		statuses = append(statuses, string(s))
	}
	return statuses
}
