package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// campaignPages are the pages of campaigns and contracts.
func campaignPages() []Page {
	const one = "/console/campaigns/:id"
	const contract = one + "/contracts/:contract"
	return []Page{
		{Method: http.MethodGet, Path: "/console/campaigns", Needs: application.Viewer, Nav: "Campaigns", Handle: campaigns},
		{Method: http.MethodGet, Path: "/console/campaigns/new", Needs: application.Operator, Handle: newCampaign},
		{Method: http.MethodPost, Path: "/console/campaigns/new", Needs: application.Operator, Handle: createCampaign},
		{Method: http.MethodGet, Path: one, Needs: application.Viewer, Handle: campaign},
		{Method: http.MethodGet, Path: one + "/edit", Needs: application.Operator, Handle: editCampaign},
		{Method: http.MethodPost, Path: one + "/edit", Needs: application.Operator, Handle: updateCampaign},
		{Method: http.MethodPost, Path: one + "/pause", Needs: application.Operator, Handle: pauseCampaign},
		{Method: http.MethodPost, Path: one + "/resume", Needs: application.Operator, Handle: resumeCampaign},
		{Method: http.MethodGet, Path: one + "/archive", Needs: application.Operator, Handle: askArchiveCampaign},
		{Method: http.MethodPost, Path: one + "/archive", Needs: application.Operator, Handle: archiveCampaign},
		{Method: http.MethodGet, Path: one + "/dry-run", Needs: application.Operator, Handle: askDryRun},
		{Method: http.MethodPost, Path: one + "/dry-run", Needs: application.Operator, Handle: dryRun},
		{Method: http.MethodPost, Path: one + "/filter", Needs: application.Operator, Handle: checkFilter},
		{Method: http.MethodGet, Path: one + "/new-contract", Needs: application.Operator, Handle: newContract},
		{Method: http.MethodPost, Path: one + "/new-contract", Needs: application.Operator, Handle: createContract},
		{Method: http.MethodGet, Path: contract, Needs: application.Viewer, Handle: contractPage},
		{Method: http.MethodGet, Path: contract + "/edit", Needs: application.Operator, Handle: editContract},
		{Method: http.MethodPost, Path: contract + "/edit", Needs: application.Operator, Handle: updateContract},
		{Method: http.MethodPost, Path: contract + "/pause", Needs: application.Operator, Handle: pauseContract},
		{Method: http.MethodPost, Path: contract + "/resume", Needs: application.Operator, Handle: resumeContract},
		{Method: http.MethodGet, Path: contract + "/archive", Needs: application.Operator, Handle: askEndContract},
		{Method: http.MethodPost, Path: contract + "/archive", Needs: application.Operator, Handle: endContract},
	}
}
