package program

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
)

// Click is a visit through a referral link, or a number of them: Count, of which 0 and 1 are one. At is when the last one was.
type Click struct {
	ID, SellerID, PartnerID, ReferralKey string
	Count                                int64
	At                                   time.Time
	Trail                                application.Trail
}

// ClickLog appends clicks to the event log.
type ClickLog interface {
	// AppendClicks stores clicks in one transaction. Its errors are those of UnitOfWork.Do.
	AppendClicks(ctx context.Context, clicks []Click) error
}
