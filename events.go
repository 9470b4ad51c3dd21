package leadmill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/ports/events"
)

// groupTeamEvents is the value group of the events of teams.
const groupTeamEvents = `group:"team_events"`

// AsEvent registers a type of events of the module: E is what its code records, d what readers are told of it. The type is
// x.<module>.<name>.v<N> with the module's name, and E's EventType returns it. Such events are in the log, in the feed and in
// the documents as Leadmill's own are. They hold no personal data: that is for the team to see to.
func AsEvent[E event.Event](d eventsv1.Definition) Extension {
	t := reflect.TypeFor[E]()
	return named(fmt.Sprintf("AsEvent[%v]", t), grouped(func() application.TeamEvent { return application.TeamEvent{Go: t, Definition: d} }, groupTeamEvents,
		func(m *Module, e application.TeamEvent) (application.TeamEvent, error) {
			if prefix := "x." + m.name + "."; !strings.HasPrefix(d.Type, prefix) {
				return e, fmt.Errorf("the event type %q does not begin with %s", d.Type, prefix)
			}
			if _, err := eventsv1.NewCatalogue(d); err != nil {
				return e, err
			}
			_, err := application.TranslateTeamEvents(newClock(), e)
			return e, err
		}))
}

// AsReaction registers a constructor of an application.Reactor, which does something outside of Leadmill, or sends a command, after
// events of some types. name is that of an application.Reaction and never changes. A reaction that is new on an installation is told
// of what happens from its first start on, unless an option says otherwise.
func AsReaction(name string, types []string, constructor any, options ...ReactionOption) Extension {
	return grouped(constructor, groupReactions, func(_ *Module, handler application.Reactor) (application.Reaction, error) {
		r := application.Reaction{Name: name, Types: types, FromHead: true, Handler: handler}
		for _, o := range options {
			o(&r)
		}
		return r, lease.CheckName("reaction", name)
	})
}

// ReactionOption says more of a reaction.
type ReactionOption func(*application.Reaction)

// AtOnce lets a reaction handle up to n events at the same time, 1 to 64; those of one aggregate still come one after another. Without
// it they are 4.
func AtOnce(n int) ReactionOption { return func(r *application.Reaction) { r.AtOnce = n } }

// FromFirstEvent lets a reaction that is new on an installation begin with the first event of the log.
func FromFirstEvent() ReactionOption { return func(r *application.Reaction) { r.FromHead = false } }

// newCatalogue returns all types of public events of this build.
func newCatalogue(registered []part[application.TeamEvent]) (*eventsv1.Catalogue, error) {
	definitions := make([]eventsv1.Definition, len(registered))
	for i, r := range values(registered) {
		definitions[i] = r.Definition
	}
	slices.SortFunc(definitions, func(a, b eventsv1.Definition) int { return strings.Compare(a.Type, b.Type) })
	return eventsv1.NewCatalogue(definitions...)
}

// newSubscriptions gives each reaction its own subscriber of the log, and measures it.
func newSubscriptions(db *dialect.DB, l *eventLog, runner *eventlog.Runner, clock application.Clock, catalogue *eventsv1.Catalogue,
	registry *prometheus.Registry, logger *slog.Logger, reactions []part[application.Reaction],
) ([]events.Subscription, error) {
	if err := unique("reactions", reactions, func(r application.Reaction) string { return r.Name }); err != nil {
		return nil, err
	}
	for _, r := range reactions {
		if err := application.CheckReactions(catalogue, runner.Names(), []application.Reaction{r.value}); err != nil {
			return nil, fmt.Errorf("module %q: %w", r.module.name, err)
		}
	}
	metrics, err := telemetry.NewReactions(registry, clock)
	if err != nil {
		return nil, err
	}
	if err := registry.Register(eventlog.NewCollector(l.consumers)); err != nil {
		return nil, err
	}
	list := make([]events.Subscription, len(reactions))
	for i, r := range values(reactions) {
		s, err := eventlog.NewSubscriber(db, l.reader, clock, eventlog.SubscriberConfig{
			Name: r.Name, Types: r.Types, Lanes: r.AtOnce, FromHead: r.FromHead, Logger: logger,
		})
		if err != nil {
			return nil, fmt.Errorf("reaction %q: %w", r.Name, err)
		}
		list[i] = events.Subscription{Reaction: metrics.Measure(r), Subscriber: s}
	}
	return list, nil
}

// reactions returns the names of the reactions.
func (k *core) reactions() []string {
	names := make([]string, len(k.Subscriptions))
	for i, s := range k.Subscriptions {
		names[i] = s.Reaction.Name
	}
	slices.Sort(names)
	return names
}

// reaction returns the subscription of a reaction; ok is false when this build has none of the name.
func (k *core) reaction(name string) (s events.Subscription, ok bool) {
	for _, s := range k.Subscriptions {
		if s.Reaction.Name == name {
			return s, true
		}
	}
	return events.Subscription{}, false
}

// retry has the parked events of a projection or a reaction handled again and says what that did.
func (k *core) retry(ctx context.Context, name string) (done string, err error) {
	if s, ok := k.reaction(name); ok {
		n, err := s.Subscriber.Retry(ctx)
		return fmt.Sprintf("%d events are delivered again, in order, by the instance that works on %s.", n, name), err
	}
	n, err := k.Runner.Retry(ctx, name)
	if errors.Is(err, eventlog.ErrUnknownProjection) {
		err = fmt.Errorf("this build has no projection and no reaction named %q", name)
	}
	return fmt.Sprintf("%d events applied.", n), err
}

// replay builds a projection again and returns when it is built.
func (k *core) replay(ctx context.Context, name string) error {
	if _, ok := k.reaction(name); ok {
		return fmt.Errorf("%s is a reaction: what it did is not done again; only projections are replayed", name)
	}
	if err := k.Log.sequencer.Drain(ctx); err != nil {
		return err
	}
	if err := k.Runner.Replay(ctx, name); err != nil {
		return err
	}
	return k.Runner.CatchUp(ctx)
}
