// Package accounthttp is the account room of the HTTP port: the routes of sellers, their API keys and their settings.
package accounthttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:generate sh -c "go run ../openapi/cmd/bundle -answers ../openapi.base.yaml openapi*.yaml | go tool -modfile=../../../tools.mod oapi-codegen -config oapi-codegen.yaml /dev/stdin"

// Handlers are the commands and queries that the room's routes call.
type Handlers struct {
	CreateSeller bus.Handler[accountcommand.CreateSeller, application.Done]
	UpdateSeller bus.Handler[accountcommand.UpdateSeller, application.Done]
	Sellers      bus.Handler[accountquery.Sellers, application.List[accountquery.Seller]]
	SellerByCode bus.Handler[accountquery.SellerByCode, accountquery.Seller]

	CreateAPIKey bus.Handler[accountcommand.CreateAPIKey, application.Done]
	RevokeAPIKey bus.Handler[accountcommand.RevokeAPIKey, application.Done]
	APIKeys      bus.Handler[accountquery.APIKeys, application.List[accountquery.APIKey]]

	UpdateSettings   bus.Handler[accountcommand.UpdateSettings, application.Done]
	SettingsOfSeller bus.Handler[accountquery.SettingsOfSeller, accountquery.Settings]
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("account", h); err != nil {
		return nil, err
	}
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/sellers", Needs: application.Admin, Handle: h.listSellers},
		{Method: http.MethodPost, Path: "/v1/sellers", Needs: application.Admin, Handle: h.createSeller},
		{Method: http.MethodGet, Path: "/v1/sellers/:code", Needs: application.Admin, Handle: h.getSeller},
		{Method: http.MethodPut, Path: "/v1/sellers/:code", Needs: application.Admin, Handle: h.updateSeller},

		{Method: http.MethodGet, Path: "/v1/api-keys", Needs: application.Program, Handle: h.listAPIKeys},
		{Method: http.MethodPost, Path: "/v1/api-keys", Needs: application.Program, Handle: h.createAPIKey},
		{Method: http.MethodDelete, Path: "/v1/api-keys/:id", Needs: application.Program, Handle: h.revokeAPIKey},

		{Method: http.MethodGet, Path: "/v1/settings", Needs: application.Program, Handle: h.getSettings},
		{Method: http.MethodPut, Path: "/v1/settings", Needs: application.Program, Handle: h.updateSettings},
		{Method: http.MethodGet, Path: "/v1/test", Needs: application.Program, Handle: h.testKey},
	}, nil
}
