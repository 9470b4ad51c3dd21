// Package programhttp is the program room of the HTTP port: the routes of partners, their referral links, customers and form
// leads, and what visitors meet who follow a referral link.
//
// Stability: unsupported; it may change at any time.
package programhttp

import (
	"slices"

	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:generate sh -c "go run ../openapi/cmd/bundle -answers ../openapi.base.yaml openapi*.yaml | go tool -modfile=../../../tools.mod oapi-codegen -config oapi-codegen.yaml /dev/stdin"

// Handlers are the commands and queries that the room's routes call.
type Handlers struct {
	PartnerHandlers
	LinkHandlers
	CustomerHandlers
	LeadHandlers
	OverviewHandlers
	TrackingHandlers
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("program", h); err != nil {
		return nil, err
	}
	return slices.Concat(h.partnerRoutes(), h.linkRoutes(), h.customerRoutes(), h.leadRoutes(), h.overviewRoutes(), h.trackingRoutes(), laterRoutes()), nil
}
