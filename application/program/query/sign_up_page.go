package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// SignUpPage asks for what somebody is shown who opens the sign-up page of a seller's program: ErrNoSuchPage.
type SignUpPage struct{ SellerCode string }

// Needs implements application.Message.
func (SignUpPage) Needs() application.Scope { return application.Visitor }

// SignUpView is a program as those see it who may sign up. Open says whether they may; Terms and TermsURL are what they must accept, if anything. Manual
// says that somebody approves who signs up.
type SignUpView struct {
	SellerID, SellerCode, Program string
	Open, Manual                  bool
	Terms, TermsURL               string
}

// ErrNoSuchPage says that there is no program of a code.
var ErrNoSuchPage = fault.New(fault.NotFound, "not_found", "Not found")
