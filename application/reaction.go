package application

import "context"

// Reaction does something after events of some types, in a room's reaction package. It is told of an event at least once, so
// what it does must be the same when it is done again; StoredEvent.ID is the same each time.
type Reaction interface {
	// Name is unique and never changes: how far the reaction came is kept under it. At most 64 of a-z, 0-9, dot and hyphen.
	Name() string
	// Types returns the types of the events it is told of.
	Types() []string
	// React is told of one event, in order for each aggregate. An error of kind fault.Unavailable is tried again for as long
	// as it takes; with any other one the event is tried again with back-off and then parked with its aggregate.
	React(ctx context.Context, e StoredEvent) error
}
