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
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
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
	return Extension{func(module string) fx.Option {
		if prefix := "x." + module + "."; !strings.HasPrefix(d.Type, prefix) {
			return fx.Error(fmt.Errorf("module %q: the event type %q does not begin with %s", module, d.Type, prefix))
		}
		return fx.Supply(fx.Annotate(application.TeamEvent{Go: reflect.TypeFor[E](), Definition: d}, fx.ResultTags(groupTeamEvents)))
	}}
}

// AsReaction registers a constructor of an application.Reaction, which gets the events of its types. For the constructor's
// parameters see Provide.
func AsReaction(constructor any) Extension {
	return grouped[application.Reaction](constructor, groupReactions)
}

// newCatalogue returns all types of public events of this build.
func newCatalogue(registered []application.TeamEvent) (*eventsv1.Catalogue, error) {
	definitions := make([]eventsv1.Definition, len(registered))
	for i, r := range registered {
		definitions[i] = r.Definition
	}
	return eventsv1.NewCatalogue(definitions...)
}

func newTeamTranslation(clock application.Clock, registered []application.TeamEvent) (application.Translation, error) {
	return application.TranslateTeamEvents(clock, registered...)
}

type subscriptionsIn struct {
	fx.In

	DB        *dialect.DB
	Log       *eventLog
	Runner    *eventlog.Runner
	Clock     application.Clock
	Catalogue *eventsv1.Catalogue
	Registry  *prometheus.Registry
	Logger    *slog.Logger
	Reactions []application.Reaction `group:"reactions"`
}

// newSubscriptions gives each reaction its own subscriber of the log, and measures it.
func newSubscriptions(in subscriptionsIn) ([]events.Subscription, error) {
	if err := application.CheckReactions(in.Catalogue, in.Runner.Names(), in.Reactions); err != nil {
		return nil, err
	}
	metrics, err := telemetry.NewReactions(in.Registry, in.Clock)
	if err != nil {
		return nil, err
	}
	if err := in.Registry.Register(eventlog.NewCollector(in.Log.consumers)); err != nil {
		return nil, err
	}
	list := make([]events.Subscription, len(in.Reactions))
	for i, r := range in.Reactions {
		s, err := eventlog.NewSubscriber(in.DB, in.Log.reader, in.Clock, eventlog.SubscriberConfig{
			Name: r.Name, Types: r.Types, Lanes: r.AtOnce, FromHead: r.FromHead, Logger: in.Logger,
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
