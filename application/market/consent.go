package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// LeadConsent is the fact that a lead came with a proof of consent: the names of its consent fields, without what they say, which is erased
// with the person. It never changes.
type LeadConsent struct {
	SellerID, LeadID string
	Given            []string
	At               time.Time
}

// ConsentOf returns the fact for a new lead of a campaign that asks for consent.
func ConsentOf(l lead.Snapshot) LeadConsent {
	return LeadConsent{SellerID: l.SellerID, LeadID: l.ID, Given: campaign.ConsentIn(l.Fields), At: l.CreatedAt}
}

// ConsentRepository stores what was given with leads to prove consent.
type ConsentRepository interface {
	// Add stores it of new leads, with one statement, and with none when there are none.
	Add(ctx context.Context, all []LeadConsent) error
}
