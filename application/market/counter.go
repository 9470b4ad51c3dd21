package market

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
)

// CounterRepository stores how many leads and how much budget contracts used in spans of time.
type CounterRepository interface {
	// LockAll loads counters by key in one statement, locked in the order of their refs, whose ids are the counters' keys.
	// Unknown ones are left out.
	LockAll(ctx context.Context, counters []application.Ref) (map[string]*distribution.Counter, error)
	// SaveAll adds what was taken: one guarded statement for the stored counters, one for those that are new.
	SaveAll(ctx context.Context, counters []*distribution.Counter) error
	// Recount drops all counters of a contract except the total, and counts the given spans again from the stored sales.
	Recount(ctx context.Context, contract application.Ref, spans []calendar.Span) error
}
