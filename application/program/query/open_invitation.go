package query

import (
	"github.com/leadmill/leadmill/application"
)

// OpenInvitation asks whom an invitation is for: program.ErrTokenUnknown.
type OpenInvitation struct{ Token string }

// Needs implements application.Message.
func (OpenInvitation) Needs() application.Scope { return application.Visitor }

// InvitationView is what somebody who was invited is shown.
type InvitationView struct{ Program, Name string }
