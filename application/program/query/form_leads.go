package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// FormLeads asks for a seller's form leads, newest first. Status selects those that stand so with the seller; a page then looks at no more than
// MostReviewed of them: it may hold fewer items than its limit, or none, and still have a next one.
type FormLeads struct {
	application.Actor

	Status string
	Page   application.Page
}

// MostReviewed is how many form leads a page of FormLeads with a status looks at.
const MostReviewed = 20_000

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
