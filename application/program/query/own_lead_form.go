package query

import "github.com/leadmill/leadmill/application"

// OwnLeadForm asks for the lead form that the partner whose session has the token fills in: program.ErrTokenUnknown.
type OwnLeadForm struct{ Token string }

// Needs implements application.Message.
func (OwnLeadForm) Needs() application.Scope { return application.Visitor }
