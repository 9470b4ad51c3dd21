package application

import "context"

// Reaction does something after events of some types. It may get the same event several times, with the same StoredEvent.ID,
// so doing it again must change nothing. Each room has a package of its reactions.
type Reaction interface {
	// Name is unique and never changes: the reaction's cursor is stored under it. At most 64 of a-z, 0-9, dot and hyphen.
	Name() string
	// Types returns the types of the events it gets.
	Types() []string
	// React handles one event; the events of one aggregate come in order. After an error of kind fault.Unavailable the event
	// is tried again without end. After any other error it is tried again a few times, with back-off, and then parked with
	// the later events of its aggregate.
	React(ctx context.Context, e StoredEvent) error
}
