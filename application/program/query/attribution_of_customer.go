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
}
