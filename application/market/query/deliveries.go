package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/delivery"
)

// Deliveries asks for deliveries of a seller's sales, newest first, each with its last attempt without Request and Answer. An empty ContractID or Status selects all.
type Deliveries struct {
	application.Actor

	ContractID, Status string
	Page               application.Page
}

// Needs implements application.Message.
func (Deliveries) Needs() application.Scope { return application.Program }

// MostAttempts is how many attempts of a delivery are shown, the newest.
const MostAttempts = 20

// Delivery is a delivery as its seller sees it. NextAt is zero when it is not pending. Attempts are the newest first; they are forgotten after 30 days.
type Delivery struct {
	ID, SaleID, LeadID, CampaignID, ContractID, BuyerID string
	Status, Reason                                      string
	Tried                                               int64 // since it became pending
	NextAt, CreatedAt, UpdatedAt                        time.Time
	// Confirm says that the buyer was asked before the sale was made. Deadline is until when it is, or was; Reference is what it calls the lead.
	Confirm   bool
	Deadline  time.Time
	Reference string
	Attempts  []DeliveryAttempt
}

// DeliveryAttempt is an attempt to deliver. Status is 0 without an answer; Reason is empty when it succeeded. Said is what a buyer answered that was
// asked to confirm; nil in attempts that are stored.
type DeliveryAttempt struct {
	Number          int64
	At              time.Time
	Took            time.Duration
	Status          int
	Reason          string
	Request, Answer string
	Said            *delivery.Answer
}

// DeliveryOf returns a stored delivery without its attempts.
func DeliveryOf(s delivery.Snapshot) Delivery {
	d := Delivery{
		ID: s.ID, SaleID: s.SaleID, LeadID: s.LeadID, CampaignID: s.CampaignID, ContractID: s.ContractID, BuyerID: s.BuyerID, Status: string(s.State),
		Reason: string(s.Reason), Tried: s.Attempts, NextAt: s.NextAt, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		Confirm: s.Confirm, Deadline: s.Deadline, Reference: s.Reference,
	}
	if s.Unknown() {
		d.Status = DeliveryUnknown
	}
	return d
}

// DeliveryUnknown is the status of a pending delivery whose buyer was asked to confirm and did not answer yet.
const DeliveryUnknown = "unknown"

// DeliveryStatuses returns the statuses that a delivery can have and be listed by.
func DeliveryStatuses() []string {
	var statuses []string
	for _, s := range delivery.States() {
		statuses = append(statuses, string(s))
	}
	return append(statuses, DeliveryUnknown)
}
