package command

import (
	"github.com/leadmill/leadmill/application"
)

// SettleReservations stores what became of attempts to have buyers confirm sales, and settles what they decide: an accepted sale is captured, a
// rejected one is released and the next candidate is asked, and one whose deadline has passed is released. A result with Ended is of a sale that is not asked about any more.
type SettleReservations struct{ Results []DeliveryResult }

// Needs implements application.Message.
func (SettleReservations) Needs() application.Scope { return application.Internal }

// ReservationsSettled says how many results were stored; the others were of deliveries of which somebody else had stored the same attempt. Final are
// the leads of which nobody is asked any more, Asked how many buyers more are asked now.
type ReservationsSettled struct {
	Stored, Asked int
	Final         []application.Ref
}

// AnswerSupplier returns what a supplier is answered about a lead once the time is up that it waits for buyers, and settles that: what is decided
// later does not change it.
type AnswerSupplier struct{ Lead application.Ref }

// Needs implements application.Message.
func (AnswerSupplier) Needs() application.Scope { return application.Internal }
