package leadmill

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
)

// feedRoom is the room of the events that integrators read.
var feedRoom = ownModule("feed",
	AsTranslation(func() application.Translation { return feed.Publish }),
	Provide(newFeedDeps),
	Provide(newFeedReader),
	Provide(newWebhookPoster),
	Provide(newWebhookBodies),
	Provide(newWebhookEvents),
	Provide(newWebhookHandlers),
	AsReaction(webhookReaction, nil, newTellWebhooks, AtOnce(webhookEvents), allEvents),
	AsJob("send-webhooks", application.Every(time.Second), newSendWebhooks),
	Share(newFeedHandlers),
	Share(newForgetWebhooks),
	AsRoutes(feedhttp.Handlers.Routes),
	AsScope(feedhttp.EventsScope, "Events", "EventStream"),
)

func newFeedHandlers(o *application.Operations, f *eventlog.Feed, streams *eventlog.Streams, c *eventsv1.Catalogue, at *publicAddress,
	webhooks feedhttp.WebhookHandlers,
) feedhttp.Handlers {
	return feedhttp.Handlers{
		Events: application.Query(o, f.Events), EventStream: application.Query(o, streams.EventStream), Catalogue: c, Base: at.base, WebhookHandlers: webhooks,
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
