package leadmill

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
)

// feedRoom is the room of the events that integrators read.
var feedRoom = ownModule("feed",
	Share(newFeedHandlers),
	AsRoutes(feedhttp.Handlers.Routes),
	AsScope(feedhttp.EventsScope, "Events", "EventStream"),
)

func newFeedHandlers(o *application.Operations, f *eventlog.Feed, streams *eventlog.Streams, c *eventsv1.Catalogue, at *publicAddress) feedhttp.Handlers {
	return feedhttp.Handlers{
		Events: application.Query(o, f.Events), EventStream: application.Query(o, streams.EventStream), Catalogue: c, Base: at.base,
	}
}

func newFeed(l *eventLog, c *eventsv1.Catalogue, logger *slog.Logger) *eventlog.Feed {
	return eventlog.NewFeed(l.reader, c.Types(), logger)
}

// newStreams returns the streams of events of this instance, counted.
func newStreams(f *eventlog.Feed, logger *slog.Logger, registry *prometheus.Registry) (*eventlog.Streams, error) {
	s := eventlog.NewStreams(f, eventlog.StreamsConfig{Logger: logger})
	return s, registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "leadmill_event_streams", Help: "Open streams of events of this instance.",
	}, func() float64 { return float64(s.Open()) }))
}
