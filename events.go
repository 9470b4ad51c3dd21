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
	return Extension{func(a *assembly, m *Module) {
		e := application.TeamEvent{Go: reflect.TypeFor[E](), Definition: d}
		_, wrong := eventsv1.NewCatalogue(d)
		_, foreign := application.TranslateTeamEvents(nil, e)
		err := errors.Join(wrong, foreign)
		if prefix := "x." + m.name + "."; !strings.HasPrefix(d.Type, prefix) {
			err = fmt.Errorf("the event type %q does not begin with %s", d.Type, prefix)
		}
		if a.declare(m, fmt.Sprintf("AsEvent[%v]", e.Go), "events", d.Type, err) {
			a.events = append(a.events, d)
		}
		grouped(func() application.TeamEvent { return e }, groupTeamEvents, checked(func(application.TeamEvent) error { return nil })).add(a, m)
	}}
}

// AsReaction registers a constructor of an application.Reactor, which does something outside of Leadmill, or sends a command, after
// events of some types. name is that of an application.Reaction and never changes. A reaction that is new on an installation is told
// of what happens from its first start on, unless an option says otherwise.
func AsReaction(name string, types []string, constructor any, options ...ReactionOption) Extension {
	return Extension{func(a *assembly, m *Module) {
		r := application.Reaction{Name: name, Types: types, FromHead: true}
		for _, o := range options {
			if o == nil {
				a.problemf(m, "%s: an option of the reaction %q is nil", nameOf(constructor), name)
				continue
			}
			o(&r)
		}
		if a.declare(m, nameOf(constructor), "reactions", name, lease.CheckName("reaction", name)) {
			a.reactions = append(a.reactions, declaredReaction{m, nameOf(constructor), r})
		}
		grouped(constructor, groupReactions, func(_ *Module, handler application.Reactor) (application.Reaction, error) {
			made := r
			made.Handler = handler
			return made, nil
		}).add(a, m)
	}}
}

// declaredReaction is a reaction without its handler, and who has it.
type declaredReaction struct {
	module *Module
	maker  string
	as     application.Reaction
}

// checkReactions looks at the reactions, which may be told of the events of any module.
func (a *assembly) checkReactions() {
	catalogue, err := eventsv1.NewCatalogue(a.events...)
	if err != nil {
		a.problems = append(a.problems, err)
		return
	}
	for _, r := range a.reactions {
		r.as.Handler = application.ReactorFunc(func(context.Context, application.StoredEvent) error { return nil })
		if err := application.CheckReactions(catalogue, nil, []application.Reaction{r.as}); err != nil {
			a.problemf(r.module, "%s: %v", r.maker, err)
		}
	}
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
	registry *prometheus.Registry, traces *tracing, logger *slog.Logger, reactions []part[application.Reaction], sinks relays,
) ([]events.Subscription, error) {
	for _, r := range reactions {
		if err := application.CheckReactions(catalogue, runner.Names(), []application.Reaction{r.value}); err != nil {
			return nil, fmt.Errorf("%s: %w", r.by.where(), err)
		}
	}
	metrics, err := telemetry.NewReactions(registry, clock)
	if err != nil {
		return nil, err
	}
	if err := registry.Register(eventlog.NewCollector(l.consumers, clock)); err != nil {
		return nil, err
	}
	list := make([]events.Subscription, 0, len(reactions)+len(sinks))
	for _, r := range values(reactions) {
		if r.All {
			r.Types = catalogue.Types()
		}
		config := eventlog.SubscriberConfig{Name: r.Name, Types: r.Types, All: r.All, Lanes: r.AtOnce, FromHead: r.FromHead, Logger: logger}
		if c, ok := r.Handler.(application.Chooser); ok {
			config.Choose = c.Choose
		}
		s, err := eventlog.NewSubscriber(db, l.reader, clock, config)
		if err != nil {
			return nil, fmt.Errorf("reaction %q: %w", r.Name, err)
		}
		list = append(list, events.Subscription{Reaction: metrics.Measure(telemetry.TraceReaction(traces.tracer, r)), Subscriber: s})
	}
	if err := sinks.check(catalogue, runner.Names(), list); err != nil {
		return nil, err
	}
	for _, r := range sinks {
		s, err := eventlog.NewSubscriber(db, l.reader, clock, r.subscriberOf(logger))
		if err != nil {
			return nil, fmt.Errorf("LEADMILL_EVENTS_SINK: %w", err)
		}
		list = append(list, events.Subscription{Reaction: metrics.Measure(r.reaction), Subscriber: s})
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

// skipParked lets a projection or a reaction go on without a parked event, and says what that did.
func (k *core) skipParked(ctx context.Context, name string, position int64, reason string) (done string, err error) {
	_, isReaction := k.reaction(name)
	if !isReaction && !slices.Contains(k.Runner.Names(), name) {
		return "", fmt.Errorf("this build has no projection and no reaction named %q", name)
	}
	if err := k.Log.consumers.SkipParked(ctx, name, position, reason, k.Clock.Now()); err != nil {
		return "", err
	}
	if isReaction {
		return fmt.Sprintf("%s goes on without the event at position %d; those that wait behind it are delivered by the instance that works on it.", name, position), nil
	}
	n, err := k.Runner.RetryBehind(ctx, name, position)
	return fmt.Sprintf("%s goes on without the event at position %d; %d events that waited behind it are applied.", name, position, n), err
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
