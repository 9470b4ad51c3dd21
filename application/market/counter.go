package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/money"
)

// CounterRepository stores how many leads and how much budget contracts, buyers and campaigns used in spans of time.
type CounterRepository interface {
	// LockAll loads counters by key in one statement, locked in the order of their refs, whose ids are the counters' keys.
	// Unknown ones are left out.
	LockAll(ctx context.Context, counters []application.Ref) (map[string]*distribution.Counter, error)
	// SaveAll adds what was taken: one guarded statement for the stored counters, one for those that are new.
	SaveAll(ctx context.Context, counters []*distribution.Counter) error
	// Release gives back what a sale took at a time, from the counters of all these owners (a contract, its buyer, its campaign) whose
	// span the sale was made in and is not over now. Those that are over keep it.
	Release(ctx context.Context, owners []application.Ref, price money.Micros, soldAt, now time.Time) error
	// Recount drops all counters of an owner except a contract's total, and counts the given spans again from the stored sales. What Release
	// left counted in a span that was over counts.
	Recount(ctx context.Context, of distribution.Owner, owner application.Ref, spans []calendar.Span) error
}
