package leadmill

import (
	"log/slog"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
)

// feedRoom is the room of the events that integrators read.
var feedRoom = ownModule("feed",
	Share(newFeedHandlers),
	AsRoutes(feedhttp.Handlers.Routes),
)

func newFeedHandlers(o *application.Operations, l *eventLog, c *eventsv1.Catalogue, at *publicAddress, logger *slog.Logger) feedhttp.Handlers {
	return feedhttp.Handlers{Events: application.Query(o, eventlog.NewFeed(l.reader, c.Types(), logger).Events), Catalogue: c, Base: at.base}
}
