// Package markethttp is the market room of the HTTP port: the supplier API, and the routes of buyers, campaigns, contracts,
// the leads of the marketplace and reports.
package markethttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:generate sh -c "go run ../openapi/cmd/bundle -answers ../openapi.base.yaml openapi*.yaml | go tool -modfile=../../../tools.mod oapi-codegen -config oapi-codegen.yaml /dev/stdin"

// Handlers are the commands and queries that the room's routes call.
type Handlers struct {
	SubmitLead       bus.Handler[marketcommand.SubmitLead, application.Done]
	SupplierLeadByID bus.Handler[marketquery.SupplierLeadByID, marketquery.SupplierLead]

	CreateBuyer bus.Handler[marketcommand.CreateBuyer, application.Done]
	UpdateBuyer bus.Handler[marketcommand.UpdateBuyer, application.Done]
	PauseBuyer  bus.Handler[marketcommand.PauseBuyer, application.Done]
	ResumeBuyer bus.Handler[marketcommand.ResumeBuyer, application.Done]
	Deposit     bus.Handler[marketcommand.Deposit, application.Done]
	Withdraw    bus.Handler[marketcommand.Withdraw, application.Done]
	Buyers      bus.Handler[marketquery.Buyers, application.List[marketquery.Buyer]]
	BuyerByID   bus.Handler[marketquery.BuyerByID, marketquery.Buyer]
	Ledger      bus.Handler[marketquery.Ledger, application.List[marketquery.LedgerEntry]]

	CreateCampaign  bus.Handler[marketcommand.CreateCampaign, application.Done]
	UpdateCampaign  bus.Handler[marketcommand.UpdateCampaign, application.Done]
	PauseCampaign   bus.Handler[marketcommand.PauseCampaign, application.Done]
	ResumeCampaign  bus.Handler[marketcommand.ResumeCampaign, application.Done]
	ArchiveCampaign bus.Handler[marketcommand.ArchiveCampaign, application.Done]
	Campaigns       bus.Handler[marketquery.Campaigns, application.List[marketquery.Campaign]]
	CampaignByID    bus.Handler[marketquery.CampaignByID, marketquery.Campaign]

	CreateContract bus.Handler[marketcommand.CreateContract, application.Done]
	UpdateContract bus.Handler[marketcommand.UpdateContract, application.Done]
	PauseContract  bus.Handler[marketcommand.PauseContract, application.Done]
	ResumeContract bus.Handler[marketcommand.ResumeContract, application.Done]
	DeleteContract bus.Handler[marketcommand.DeleteContract, application.Done]
	Contracts      bus.Handler[marketquery.Contracts, application.List[marketquery.Contract]]
	ContractByID   bus.Handler[marketquery.ContractByID, marketquery.Contract]
	ContractUsage  bus.Handler[marketquery.ContractUsage, []marketquery.Usage]

	MarketplaceLeads    bus.Handler[marketquery.MarketplaceLeads, application.List[marketquery.MarketplaceLead]]
	MarketplaceLeadByID bus.Handler[marketquery.MarketplaceLeadByID, marketquery.MarketplaceLead]
	CampaignReport      bus.Handler[marketquery.CampaignReport, []marketquery.CampaignReportRow]
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("market", h); err != nil {
		return nil, err
	}
	return []httpport.Route{
		{Method: http.MethodPost, Path: "/api/leads", Needs: application.Supplier, Handle: h.submitLead},
		{Method: http.MethodGet, Path: "/api/leads/:lead_id", Needs: application.Supplier, Handle: h.getSupplierLead},

		{Method: http.MethodGet, Path: "/v1/buyers", Needs: application.Program, Handle: h.listBuyers},
		{Method: http.MethodPost, Path: "/v1/buyers", Needs: application.Program, Handle: h.createBuyer},
		{Method: http.MethodGet, Path: "/v1/buyers/:id", Needs: application.Program, Handle: h.getBuyer},
		{Method: http.MethodPut, Path: "/v1/buyers/:id", Needs: application.Program, Handle: h.updateBuyer},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/pause", Needs: application.Program, Handle: h.pauseBuyer},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/resume", Needs: application.Program, Handle: h.resumeBuyer},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/deposits", Needs: application.Program, Handle: h.deposit},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/withdrawals", Needs: application.Program, Handle: h.withdraw},
		{Method: http.MethodGet, Path: "/v1/buyers/:id/ledger", Needs: application.Program, Handle: h.listLedger},

		{Method: http.MethodGet, Path: "/v1/campaigns", Needs: application.Program, Handle: h.listCampaigns},
		{Method: http.MethodPost, Path: "/v1/campaigns", Needs: application.Program, Handle: h.createCampaign},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id", Needs: application.Program, Handle: h.getCampaign},
		{Method: http.MethodPut, Path: "/v1/campaigns/:id", Needs: application.Program, Handle: h.updateCampaign},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/pause", Needs: application.Program, Handle: h.pauseCampaign},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/resume", Needs: application.Program, Handle: h.resumeCampaign},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/archive", Needs: application.Program, Handle: h.archiveCampaign},

		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts", Needs: application.Program, Handle: h.listContracts},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts", Needs: application.Program, Handle: h.createContract},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.getContract},
		{Method: http.MethodPut, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.updateContract},
		{Method: http.MethodDelete, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.deleteContract},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/pause", Needs: application.Program, Handle: h.pauseContract},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/resume", Needs: application.Program, Handle: h.resumeContract},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts/:contract_id/usage", Needs: application.Program, Handle: h.contractUsage},

		{Method: http.MethodGet, Path: "/v1/marketplace/leads", Needs: application.Program, Handle: h.listMarketplaceLeads},
		{Method: http.MethodGet, Path: "/v1/marketplace/leads/:lead_id", Needs: application.Program, Handle: h.getMarketplaceLead},
		{Method: http.MethodGet, Path: "/v1/reports/campaigns", Needs: application.Program, Handle: h.reportCampaigns},
	}, nil
}
