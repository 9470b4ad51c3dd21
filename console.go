package leadmill

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
)

// consoleRoom is the room of the pages on which people run a seller's business.
var consoleRoom = ownModule("console",
	Share(newConsole),
	AsRoutes(consolehttp.Console.Routes),
)

func newConsole(o *application.Operations, sessions application.Sessions, events *eventsv1.Catalogue, l *eventLog, c Config) consolehttp.Console {
	return consolehttp.Console{Operations: o, Sessions: sessions, Catalogue: events, Head: l.head.Current, Provider: c.OIDCIssuer != ""}
}
