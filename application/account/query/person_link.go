package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// PersonLink asks for whom a link is, without using it up: operator.ErrLink.
type PersonLink struct {
	Token string
	Kind  string // invitation, sign_in or reset
}

// The kinds of links. Ports must not import aggregates, so they take these from here.
const (
	InvitationLink = string(operator.InvitationLink)
	SignInLink     = string(operator.SignInLink)
	ResetLink      = string(operator.ResetLink)
)

// Needs implements application.Message.
func (PersonLink) Needs() application.Scope { return application.Visitor }

// PersonLinkView is what is shown to who opens a link.
type PersonLinkView struct {
	SellerName    string // empty for a reset
	Name, Email   string
	NeedsPassword bool // a password is chosen
	// NeedsSession says that an invitation is accepted in a session of the person alone.
	NeedsSession bool
	// Replaces says that the password that is chosen takes the place of what was set before by somebody who did not show that the address is theirs.
	Replaces bool
	PersonID string
}
