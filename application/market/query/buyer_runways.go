package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// BuyerRunways asks how quickly some buyers spend now: what was sold to each among its newest RunwayEntries ledger entries of the last RunwaySpan.
// Those of another seller are left out, as are buyers to whom nothing was sold.
type BuyerRunways struct {
	application.Actor

	IDs []string
}

// Needs implements application.Message.
func (BuyerRunways) Needs() application.Scope { return application.Program }

// What BuyerRunways looks at.
const (
	RunwaySpan    = 24 * time.Hour
	RunwayEntries = 500
)

// BuyerRunway is how quickly a buyer spends: Spent, in micro-units of the seller's currency, in the time Over, which is RunwaySpan or, where there
// was more to look at, as far as was looked.
type BuyerRunway struct {
	BuyerID string
	Sales   int64
	Spent   money.Micros
	Over    time.Duration
}

// longestRunway bounds what a runway is told as.
const longestRunway = 365 * 24 * time.Hour

// Lasts returns for how long the buyer can go on with an amount, at most a year; ok is false when it spends nothing.
func (r BuyerRunway) Lasts(amount money.Micros) (d time.Duration, ok bool) {
	if r.Spent <= 0 || r.Over <= 0 {
		return 0, false
	}
	if amount <= 0 {
		return 0, true
	}
	lasts := float64(r.Over) * (float64(amount) / float64(r.Spent))
	return time.Duration(min(lasts, float64(longestRunway))), true
}
