package market

import (
	"time"

	"github.com/leadmill/leadmill/domain/delivery"
)

// OverdueReservation is one whose buyer is still asked though its deadline is over. Tries is that of its delivery, Reason why its last attempt was
// not answered; delivery.Timeout without one.
type OverdueReservation struct {
	SellerID, DeliveryID, LeadID string
	Tries                        int64
	Reason                       delivery.Reason
	Deadline                     time.Time
}
