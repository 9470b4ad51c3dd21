package market

import (
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// QuarantineOf returns why a lead of a supplier that is not rejected is quarantined, because of a rule or of its campaign; nil when it is
// not.
func QuarantineOf(c *campaign.Campaign, v lead.Verdict, partnerID string) *fault.Error {
	switch {
	case v.Why != nil:
		return v.Why
	case c.Quarantines(partnerID):
		return lead.ErrQuarantined
	default:
		return nil
	}
}
