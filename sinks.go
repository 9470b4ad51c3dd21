package leadmill

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/brokers"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/outbound"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/ports/events"
)

// relays are the reactions that send the public events of the log to the sinks of LEADMILL_EVENTS_SINK.
type relays []relay

type relay struct {
	reaction application.Reaction
	kept     bool // a new one begins with the first event that the log still has
}

// checkSinks calls wrong for each part of LEADMILL_EVENTS_SINK that is wrong.
func (c Config) checkSinks(wrong func(name, format string, args ...any)) {
	sinks, err := brokers.Parse(c.EventsSink)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			wrong("LEADMILL_EVENTS_SINK", "%s", line)
		}
		return
	}
	client := outbound.New(everywhere, "")
	for _, s := range sinks {
		if err := s.Check(client.Check); err != nil {
			wrong("LEADMILL_EVENTS_SINK", "the part %s %v", s.Name, err)
		}
	}
}

// everywhere is what sinks by HTTP may reach: the operator names them, and not a seller.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// sinkBackoff is how long an event waits that a sink did not take: it is not to wait for long when the sink is back.
var sinkBackoff = eventlog.Backoff{Base: 200 * time.Millisecond, Max: 5 * time.Second}

// sinkGather is how long events are gathered before they are sent: shorter than for others, because each is sent by itself and no commit is spared by it.
const sinkGather = 5 * time.Millisecond

// newRelays makes the sinks of the settings. Nothing is connected before there is an event to send.
func newRelays(c Config, store *sqlstore.Store, catalogue *eventsv1.Catalogue, at *publicAddress, clock application.Clock,
	logger *slog.Logger, registry *prometheus.Registry, closing *closers,
) (relays, error) {
	sinks, err := brokers.Parse(c.EventsSink)
	if err != nil {
		return nil, fmt.Errorf("LEADMILL_EVENTS_SINK %w", err)
	}
	work := sqlstore.Work(store, func(t *sqlstore.Tx) *sqlstore.Tx { return t })
	code := func(ctx context.Context, sellerID string) (code string, err error) {
		err = work.Do(ctx, func(ctx context.Context, tx *sqlstore.Tx) error {
			s, err := tx.Sellers().Get(ctx, sellerID)
			if err == nil {
				code = s.Code()
			}
			return err
		})
		return code, err
	}
	client := outbound.New(everywhere, Version())
	closing.add("connections to sinks", client.Close)
	list := make(relays, 0, len(sinks))
	made := make([]*brokers.Relay, 0, len(sinks))
	for _, s := range sinks {
		if err := s.Check(client.Check); err != nil {
			return nil, fmt.Errorf("LEADMILL_EVENTS_SINK: the part %s %w", s.Name, err)
		}
		r := brokers.NewRelay(s, brokers.Config{Clock: clock, Logger: logger, Outbound: client, SellerCode: code, BaseURL: at.base})
		closing.add("the sink "+s.Name, r.Close)
		made = append(made, r)
		list = append(list, relay{
			application.Reaction{Name: s.Name, Types: catalogue.Types(), AtOnce: s.AtOnce, FromHead: s.FromHead, Handler: r}, !s.FromHead,
		})
	}
	if len(made) == 0 {
		return nil, nil
	}
	return list, registry.Register(sinkCollector(made))
}

// subscriberOf says how a relay reads the log.
func (r relay) subscriberOf(logger *slog.Logger) eventlog.SubscriberConfig {
	return eventlog.SubscriberConfig{
		Name: r.reaction.Name, Types: r.reaction.Types, All: true, Lanes: r.reaction.AtOnce, FromHead: r.reaction.FromHead, FromKept: r.kept, Logger: logger,
		Backoff: sinkBackoff, Gather: sinkGather, TellsOutages: true,
	}
}

// check refuses a name that a projection or a reaction has.
func (l relays) check(catalogue *eventsv1.Catalogue, names []string, reactions []events.Subscription) error {
	names = slices.Clone(names)
	for _, s := range reactions {
		names = append(names, s.Reaction.Name)
	}
	for _, r := range l {
		if err := application.CheckReactions(catalogue, names, []application.Reaction{r.reaction}); err != nil {
			return fmt.Errorf("LEADMILL_EVENTS_SINK: %w", err)
		}
	}
	return nil
}

// sinkCollector is what an instance knows of its sinks, as metrics.
type sinkCollector []*brokers.Relay

var failingDesc = prometheus.NewDesc("leadmill_sink_failing_events",
	"Events that this instance tries again because a sink of LEADMILL_EVENTS_SINK does not take them, by consumer.", []string{"consumer"}, nil)

// Describe implements prometheus.Collector.
func (sinkCollector) Describe(out chan<- *prometheus.Desc) { out <- failingDesc }

// Collect implements prometheus.Collector.
func (c sinkCollector) Collect(out chan<- prometheus.Metric) {
	for _, r := range c {
		out <- prometheus.MustNewConstMetric(failingDesc, prometheus.GaugeValue, float64(r.Failing()), r.Name())
	}
}
