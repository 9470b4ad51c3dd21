package program

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
)

// Click is one visit through a referral link.
type Click struct {
	ID, SellerID, PartnerID, ReferralKey string
	At                                   time.Time
	Trail                                application.Trail
}

// ClickLog appends clicks to the event log, many in one transaction: errors as of UnitOfWork.
type ClickLog interface {
	AppendClicks(ctx context.Context, clicks []Click) error
}
