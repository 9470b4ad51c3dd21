package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// WaitingForMoney asks which buyers would take leads that wait if their accounts held more, among the newest MostWaitingSeen pending leads of each
// of the seller's campaigns, at most MostCampaignsSeen of them.
type WaitingForMoney struct{ application.Actor }

// Needs implements application.Message.
func (WaitingForMoney) Needs() application.Scope { return application.Program }

// What WaitingForMoney looks at.
const (
	MostWaitingSeen   = 200
	MostCampaignsSeen = 20
)

// BuyerWaiting is how many leads wait for the money of a buyer, and what it would pay for them, in micro-units of the seller's currency.
type BuyerWaiting struct {
	BuyerID string
	Leads   int64
	Worth   money.Micros
}

// WaitingSeen is what was found. Complete is false when there are more pending leads than were looked at.
type WaitingSeen struct {
	Buyers   []BuyerWaiting // by what they would pay, the most first
	Complete bool
}
