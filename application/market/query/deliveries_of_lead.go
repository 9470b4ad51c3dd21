package query

import "github.com/leadmill/leadmill/application"

// DeliveriesOfLead asks for the deliveries of a lead's sales, newest first: lead.ErrNotFound.
type DeliveriesOfLead struct {
	application.Actor

	LeadID string
}

// Needs implements application.Message.
func (DeliveriesOfLead) Needs() application.Scope { return application.Program }
