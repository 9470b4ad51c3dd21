package query

import (
	"github.com/leadmill/leadmill/application"
)

// ReferralLinkByKey asks for one referral link: partner.ErrLinkNotFound.
type ReferralLinkByKey struct {
	application.Actor

	Key string
}

// Needs implements application.Message.
func (ReferralLinkByKey) Needs() application.Scope { return application.Program }
