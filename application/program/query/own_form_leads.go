package query

import "github.com/leadmill/leadmill/application"

// OwnFormLeads asks for the form leads of the partner whose session has the token, newest first: program.ErrTokenUnknown. A page looks at no
// more than MostOwnReviewed leads of the seller: it may hold fewer items than its limit, or none, and still have a next one.
type OwnFormLeads struct {
	Token string
	Page  application.Page
}

// MostOwnReviewed is how many form leads a page of OwnFormLeads looks at: whose each is stands in its lead alone, which is looked up.
const MostOwnReviewed = 10_000

// Needs implements application.Message.
func (OwnFormLeads) Needs() application.Scope { return application.Visitor }
