package query

import (
	"github.com/leadmill/leadmill/application"
)

// OpenSignIn asks for whom the sign-in link with a token is, without using it up: program.ErrTokenUnknown, also when the partner is not
// active.
type OpenSignIn struct{ Token string }

// Needs implements application.Message.
func (OpenSignIn) Needs() application.Scope { return application.Visitor }

// SignInView is what a partner is shown that opens a sign-in link.
type SignInView struct{ Program, SellerCode, Name string }
