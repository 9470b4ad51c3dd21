package leadmill

import (
	"log/slog"
	"time"

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
	AsRoutes(feedhttp.Handlers.Routes),
)

func newFeedHandlers(o *application.Operations, l *eventLog, c *eventsv1.Catalogue, at *publicAddress, webhooks feedhttp.WebhookHandlers, logger *slog.Logger) feedhttp.Handlers {
	return feedhttp.Handlers{Events: application.Query(o, eventlog.NewFeed(l.reader, c.Types(), logger).Events), Catalogue: c, Base: at.base, WebhookHandlers: webhooks}
}
