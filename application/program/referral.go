package program

import (
	"context"

	"github.com/leadmill/leadmill/domain/fault"
)

// Referral is where a referral link leads. Live says whether the visit counts: the key belongs to a partner that is neither
// archived, rejected nor deleted.
type Referral struct {
	SellerID, PartnerID, Key string
	Website, Parameter       string
	CookieDays               int
	Live                     bool
}

// ErrNoReferral says that no seller, or more than one, can be meant by a referral link.
var ErrNoReferral = fault.New(fault.NotFound, "not_found", "Not found")

// ReferralReader finds where a referral link leads.
type ReferralReader interface {
	// Referral returns the target of a key at the seller of a code; without a code, at the one seller that owns the key. A key
	// that a named seller does not have is answered too, not Live. ErrNoReferral.
	Referral(ctx context.Context, sellerCode, key string) (Referral, error)
}
