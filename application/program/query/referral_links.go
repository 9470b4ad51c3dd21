package query

import (
	"github.com/leadmill/leadmill/application"
)

// ReferralLinks asks for referral links by key, of one partner when its handle is given (partner.ErrNotFound), else of the
// seller. Key filters by what it contains.
type ReferralLinks struct {
	application.Actor

	Partner application.PartnerHandle
	Key     string
	Page    application.Page
}

// Needs implements application.Message.
func (ReferralLinks) Needs() application.Scope { return application.Program }

// ReferralLink is one referral key of a partner.
type ReferralLink struct {
	Key, PartnerID string
	Default        bool
}
