package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// FormLead is a lead of the form as its seller sees it (seeds/create-lead.txt). Submitter is without name and email once
// the partner is deleted. MarketStatus is empty for a lead that is not offered to buyers.
type FormLead struct {
	Number       int64
	LeadID       string
	Status       string
	Name, Email  string
	Answers      []lead.Answer
	Submitter    Person
	ConvertedTo  *Person
	MarketStatus string
	CreatedAt    time.Time
}

// Person is a partner by its id or a customer by its key, with name and email.
type Person struct{ ID, Name, Email string }

// FormLeadByNumber asks for one form lead: lead.ErrNotFound.
type FormLeadByNumber struct {
	application.Actor

	Number int64
}

// FormLeads asks for a seller's form leads, newest first.
type FormLeads struct {
	application.Actor

	Page Page
}

// LeadForm is a seller's lead form.
type LeadForm struct{ lead.FormSnapshot }

// LeadFormOfSeller asks for the form of the actor's seller; one that has set none gets the empty form.
type LeadFormOfSeller struct{ application.Actor }

// FormLeadReader is the read model of form leads.
type FormLeadReader interface {
	FormLeadByNumber(ctx context.Context, q FormLeadByNumber) (FormLead, error)
	FormLeads(ctx context.Context, q FormLeads) (List[FormLead], error)
	LeadFormOfSeller(ctx context.Context, q LeadFormOfSeller) (LeadForm, error)
}
