package application

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// Reaction does something outside of the transaction in which something happened: it sends a command, a mail or a request.
// Exactly one instance works on it at a time. Each room has a package of its reactions.
type Reaction struct {
	// Name is unique among projections and reactions and never changes: the cursor is stored under it. At most 64 of a-z,
	// 0-9, dot and hyphen.
	Name string
	// Types are the types of the events it gets, such as "lead.sold.v1": at least one, all of them public.
	Types []string
	// All says that it gets all public events, those of modules too; then it has no Types.
	All bool
	// AtOnce is how many events are handled at the same time, 1 to 64; 4 when zero. Those of one aggregate always come one
	// after another, in their order.
	AtOnce int
	// FromHead says that a reaction that is new begins with what happens after the first start that knows it. Otherwise it
	// begins with the first event of the log.
	FromHead bool
	// Handler is told of the events.
	Handler Reactor
}

// MaxAtOnce bounds Reaction.AtOnce.
const MaxAtOnce = 64

// Reactor handles the events of a Reaction.
type Reactor interface {
	// React handles one event. It is told of each event at least once: again after an error, and when an instance ended
	// before it could note that the event is done. StoredEvent.ID is then the same, so hand it on as the idempotency key, or
	// do only what changes nothing the second time.
	//
	// ctx ends after a minute, and earlier when another instance takes over or this one has to end. After an error of kind
	// fault.Unavailable the event is tried again without end, with a pause that grows up to half a minute. After any other
	// error, or a panic, it is tried five times in all and then parked with the later events of its aggregate, until an
	// operator has them delivered again. The text of an error is shown to operators: it must hold no personal data.
	React(ctx context.Context, e StoredEvent) error
}

// Chooser is a Reactor that most events do not concern. Such events cost least when React is not told of them.
type Chooser interface {
	Reactor

	// Choose returns those of some events that React is to be told of, in their order; the others are done. All of them were committed before it
	// is asked. The events must not be changed. After an error it is asked again.
	Choose(ctx context.Context, events []StoredEvent) ([]StoredEvent, error)
}

// ReactorFunc is a function that is a Reactor.
type ReactorFunc func(ctx context.Context, e StoredEvent) error

// React implements Reactor.
func (f ReactorFunc) React(ctx context.Context, e StoredEvent) error { return f(ctx, e) }

// CheckReactions returns what is wrong with reactions, or nil. Each mistake names its reaction: a name that another reaction
// or a projection has, no types or a type that is not in the catalogue, AtOnce out of its bounds, no Handler.
func CheckReactions(c *eventsv1.Catalogue, projections []string, reactions []Reaction) error {
	var errs []error
	for i, r := range reactions {
		wrong := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("reaction %q: "+format, append([]any{r.Name}, args...)...))
		}
		if slices.Contains(projections, r.Name) {
			wrong("a projection has this name")
		}
		if slices.ContainsFunc(reactions[:i], func(other Reaction) bool { return other.Name == r.Name }) {
			wrong("two reactions have this name")
		}
		if len(r.Types) == 0 && !r.All {
			wrong("it names no types of events")
		}
		for _, typ := range r.Types {
			if !c.IsPublic(typ) {
				wrong("there is no public event type %q", typ)
			}
		}
		if r.AtOnce < 0 || r.AtOnce > MaxAtOnce {
			wrong("%d at once; it must be 1 to %d, or 0 for the default", r.AtOnce, MaxAtOnce)
		}
		if r.Handler == nil {
			wrong("it has no handler")
		}
	}
	return errors.Join(errs...)
}
