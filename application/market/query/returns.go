package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Returns asks for the returns of a seller's sales, newest first. An empty Status selects all.
type Returns struct {
	application.Actor

	Status string
	Page   application.Page
}

// Needs implements application.Message.
func (Returns) Needs() application.Scope { return application.Program }

// Return is a return of a sale, as lead.Return tells it.
type Return struct {
	ID, SaleID, LeadID, CampaignID, ContractID, BuyerID string
	Reason, Note, Status, DecisionNote                  string
	Automatic                                           bool
	Price, Payout                                       money.Micros
	SoldAt, RequestedAt, DecidedAt                      time.Time
}

// ReturnOf returns the Return of a stored one.
func ReturnOf(r lead.Return) Return {
	return Return{
		ID: r.ID, SaleID: r.SaleID, LeadID: r.LeadID, CampaignID: r.CampaignID, ContractID: r.ContractID, BuyerID: r.BuyerID, Reason: string(r.Reason),
		Note: r.Note, Status: string(r.Status), DecisionNote: r.DecisionNote, Automatic: r.Automatic, Price: r.Price, Payout: r.Payout,
		SoldAt: r.SoldAt, RequestedAt: r.RequestedAt, DecidedAt: r.DecidedAt,
	}
}

// ReturnStatuses returns the statuses that a return can have and be listed by.
func ReturnStatuses() []string {
	var statuses []string
	for _, s := range lead.ReturnStatuses() {
		statuses = append(statuses, string(s))
	}
	return statuses
}
