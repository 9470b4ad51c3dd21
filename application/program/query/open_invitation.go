package query

import (
	"github.com/leadmill/leadmill/application"
)

// OpenInvitation asks for whom the invitation with a token is: program.ErrTokenUnknown.
type OpenInvitation struct{ Token string }

// Needs implements application.Message.
func (OpenInvitation) Needs() application.Scope { return application.Visitor }

// InvitationView is what an invited partner is shown.
// SignedUp: the partner came by the sign-up page, where it accepted the
// terms.
type InvitationView struct {
	Program, SellerCode, Name string
	SignedUp                  bool
}
