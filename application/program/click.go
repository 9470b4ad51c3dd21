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

// ClickLog appends clicks to the event log.
type ClickLog interface {
	// AppendClicks stores clicks in one transaction. Its errors are those of UnitOfWork.Do.
	AppendClicks(ctx context.Context, clicks []Click) error
}
