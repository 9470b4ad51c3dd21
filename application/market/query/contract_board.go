package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// ContractBoard asks how the contracts of a campaign stand, in the order in which they are asked for a lead: campaign.ErrNotFound. Of a strategy
// that is not built in nobody knows the order before there is a lead; then they are in that of their priorities.
type ContractBoard struct {
	application.Actor

	CampaignID string
}

// Needs implements application.Message.
func (ContractBoard) Needs() application.Scope { return application.Program }

// What ContractBoard looks at.
const (
	// MostOnBoard is how many contracts are told, the first.
	MostOnBoard = 100
	// BoardLeads is how many of the campaign's newest leads acceptance is told of, and BoardScanned among how many of the seller's newest they are
	// looked for.
	BoardLeads   = 200
	BoardScanned = 2_000
)

// Board is how a campaign's contracts stand. Contracts is how many it has, Leads of how many leads acceptance is told. Ranked says that the lines are in
// the order in which contracts are asked.
type Board struct {
	Lines     []BoardLine
	Contracts int64
	Leads     int64
	Ranked    bool
}

// BoardLine is a contract on a board. CanSpend is what its buyer can spend, in micro-units of the seller's currency. Total is what it bought ever. Usage is of the
// windows in which it has caps. Asked is for how many of the board's leads it was looked at, and Took how many of these it took; Mostly is why it did not take most
// of the others, empty when it took all.
type BoardLine struct {
	Contract

	BuyerName, BuyerStatus string
	CanSpend               money.Micros
	Usage                  []Usage
	Total                  Usage
	LastWon                time.Time
	Asked, Took            int64
	Mostly                 string
}
