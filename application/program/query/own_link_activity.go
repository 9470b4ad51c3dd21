package query

import "github.com/leadmill/leadmill/application"

// OwnLinkActivity is LinkActivity of the partner whose session has the token: program.ErrTokenUnknown.
type OwnLinkActivity struct {
	Token string
	Days  int
}

// Needs implements application.Message.
func (OwnLinkActivity) Needs() application.Scope { return application.Visitor }
