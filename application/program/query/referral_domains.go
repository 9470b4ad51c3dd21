package query

import "github.com/leadmill/leadmill/application"

// ReferralDomains asks for the addresses that the referral links of the actor's seller can lead to: its website alone, or
// none when it has no website: seller.ErrNotFound.
type ReferralDomains struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (ReferralDomains) Needs() application.Scope { return application.Program }
