// Package accounthttp is the account room of the HTTP port: the routes of sellers, their API keys and their settings.
//
// Stability: unsupported; it may change at any time.
package accounthttp

import (
	"slices"

	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:generate sh -c "go run ../openapi/cmd/bundle -answers ../openapi.base.yaml openapi*.yaml | go tool -modfile=../../../tools.mod oapi-codegen -config oapi-codegen.yaml /dev/stdin"

// Handlers are the commands and queries that the room's routes call.
type Handlers struct {
	SellerHandlers
	APIKeyHandlers
	SettingsHandlers
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("account", h); err != nil {
		return nil, err
	}
	return slices.Concat(h.sellerRoutes(), h.apiKeyRoutes(), h.settingsRoutes()), nil
}
