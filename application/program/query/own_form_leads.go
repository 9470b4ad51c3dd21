package query

import "github.com/leadmill/leadmill/application"

// OwnFormLeads asks for the form leads of the partner whose session has the token, newest first: program.ErrTokenUnknown. A page looks at no
// more than MostReviewed leads of the seller: it may hold fewer items than its limit, or none, and still have a next one.
type OwnFormLeads struct {
	Token string
	Page  application.Page
}

// Needs implements application.Message.
func (OwnFormLeads) Needs() application.Scope { return application.Visitor }
