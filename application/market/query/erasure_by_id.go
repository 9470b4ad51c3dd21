package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// ErasureByID asks for the receipt of an erasure: market.ErrErasureNotFound.
type ErasureByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (ErasureByID) Needs() application.Scope { return application.Program }

// Erasure is the receipt of an erasure. Leads and Customers are the ids of those that were erased, at most MostErased together; Counts
// has all. FinishedAt is zero until it is done.
type Erasure struct {
	ID, Subject, State      string
	RequestedAt, FinishedAt time.Time
	Counts                  market.ErasureCounts
	Leads, Customers        []string
}

// MostErased is how many ids a receipt names.
const MostErased = 10_000
