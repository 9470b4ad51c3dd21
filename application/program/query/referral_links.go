package query

import (
	"github.com/leadmill/leadmill/application"
)

// ReferralLinks asks for a seller's referral links in the order of their keys. A given Partner selects the links of that
// partner (partner.ErrNotFound). Key selects the links whose key contains it.
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
