package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
)

// AttributionOfCustomer asks why a customer belongs to its partner: customer.ErrNotFound.
type AttributionOfCustomer struct {
	application.Actor

	Handle application.CustomerHandle
}

// Needs implements application.Message.
func (AttributionOfCustomer) Needs() application.Scope { return application.Program }

// CustomerAttribution is a customer with what decided whose it is. Policy is the attribution policy that decided, ReferralKey the key that led to
// the customer, empty when none did. Partner has no name and email when it is deleted. TouchedAt is when the partner's last touch happened.
type CustomerAttribution struct {
	Customer
	Partner             Person
	Policy, ReferralKey string
	Since, TouchedAt    time.Time
	Former              []FormerAttribution
}

// MostFormerAttributions is how many former attributions are told, the latest.
const MostFormerAttributions = 50

// FormerAttribution is whose customer it was before, the latest first, and why: as far as it is kept, which is from version 0054 of the database on.
type FormerAttribution struct {
	Partner                 Person
	Policy, ReferralKey     string
	Since, TouchedAt, Until time.Time
}
