package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// FormLeads asks for a seller's form leads, newest first.
type FormLeads struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (FormLeads) Needs() application.Scope { return application.Program }

// FormLead is a form lead as its seller sees it (docs/partner-program.md). Submitter has no name and email when the partner
// is deleted. MarketStatus is empty for a lead that is not offered to buyers.
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
	Erased       bool // nothing is left of the person
}

// Person is a partner by its id or a customer by its key, with name and email.
type Person struct{ ID, Name, Email string }

// IsOpen reports whether the lead can still be rejected, and converted unless it is erased.
func (l FormLead) IsOpen() bool { return l.Status == string(lead.ReviewStatusOpen) }
