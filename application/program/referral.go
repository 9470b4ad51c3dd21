package program

import (
	"context"

	"github.com/leadmill/leadmill/domain/fault"
)

// Referral is where a referral link leads. Live says whether the visit counts: the key belongs to a partner that is not
// archived, rejected or deleted.
type Referral struct {
	SellerID, PartnerID, Key string
	Website, Parameter       string
	CookieDays               int
	Live                     bool
}

// ErrNoReferral says that a referral link leads to no seller.
var ErrNoReferral = fault.New(fault.NotFound, "not_found", "Not found")

// ReferralReader finds where a referral link leads.
type ReferralReader interface {
	// Referral returns the target of a key at the seller with a code or, without a code, at the seller that had the
	// key first, whoever has it too since. A key that the named seller does not have leads to the seller too, but is not Live. Errors: ErrNoReferral.
	Referral(ctx context.Context, sellerCode, key string) (Referral, error)
}
