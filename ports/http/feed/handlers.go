// Package feedhttp is the feed room of the HTTP port: the log of public events, and the documents that describe them.
//
// Stability: unsupported; it may change at any time.
package feedhttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Handlers are the queries that the room's routes call, and the types of events that the room shows.
type Handlers struct {
	WebhookHandlers

	Events      bus.Handler[feedquery.Events, feedquery.EventPage]
	EventStream bus.Handler[feedquery.EventStream, feedquery.OpenStream]
	Catalogue   *eventsv1.Catalogue
	// Base is the address in the dataschema of events, the same for all requests, whatever host they name; while it is empty the
	// address of the request is taken.
	Base func() string
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("feed", h); err != nil {
		return nil, err
	}
	return append([]httpport.Route{
		{Method: http.MethodGet, Path: "/v1/events", Needs: application.Program, Also: also, Handle: h.listEvents},
		{Method: http.MethodGet, Path: "/v1/events/stream", Needs: application.Program, Also: also, Handle: h.streamEvents},
		{Method: http.MethodGet, Path: "/asyncapi.yaml", Needs: application.Visitor, Handle: h.asyncAPI},
		{Method: http.MethodGet, Path: "/schemas/:file", Needs: application.Visitor, Handle: h.eventSchema},
	}, h.webhookRoutes()...), nil
}
