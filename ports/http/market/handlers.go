// Package markethttp is the market room of the HTTP port: the supplier API, and the routes of buyers, campaigns, contracts,
// the leads of the marketplace and reports.
//
// Stability: unsupported; it may change at any time.
package markethttp

import (
	"slices"

	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:generate sh -c "go run ../openapi/cmd/bundle -answers ../openapi.base.yaml openapi*.yaml | go tool -modfile=../../../tools.mod oapi-codegen -config oapi-codegen.yaml /dev/stdin"

// Handlers are the commands and queries that the room's routes call.
type Handlers struct {
	SupplierHandlers
	FormHandlers
	BuyerHandlers
	CampaignHandlers
	ContractHandlers
	LeadHandlers
	ReturnHandlers
	DeliveryHandlers
	ErasureHandlers
	SuppressionHandlers
	ReportHandlers
	PostingSpecHandlers
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("market", h); err != nil {
		return nil, err
	}
	return slices.Concat(h.supplierRoutes(), h.formRoutes(), h.buyerRoutes(), h.campaignRoutes(), h.previewRoutes(), h.contractRoutes(), h.usageRoutes(), h.leadRoutes(), h.returnRoutes(), h.deliveryRoutes(),
		h.erasureRoutes(), h.suppressionRoutes(), h.reportRoutes(), h.postingSpecRoutes()), nil
}
