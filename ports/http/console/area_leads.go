package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// leadPages are the pages of leads and their returns.
func leadPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: "/console/leads", Needs: application.Viewer, Nav: "Leads", Handle: leads},
		{Method: http.MethodGet, Path: "/console/leads.csv", Needs: application.Viewer, Download: true, Handle: leadsSheet},
		{Method: http.MethodGet, Path: "/console/waiting", Needs: application.Viewer, Nav: "Waiting", Handle: waiting},
		{Method: http.MethodGet, Path: returnsPath, Needs: application.Viewer, Nav: "Returns", Handle: listReturns},
		{Method: http.MethodGet, Path: returnsPath + "/:id", Needs: application.Viewer, Handle: showReturn},
		{Method: http.MethodPost, Path: returnsPath + "/:id/approve", Needs: application.Operator, Handle: approveReturn},
		{Method: http.MethodPost, Path: returnsPath + "/:id/reject", Needs: application.Operator, Handle: rejectReturn},
		{Method: http.MethodGet, Path: "/console/leads/:id", Needs: application.Viewer, Handle: lead},
		{Method: http.MethodPost, Path: "/console/leads/:id/fields", Needs: application.Operator, Handle: revealLead},
		{Method: http.MethodPost, Path: "/console/leads/:id/approve", Needs: application.Operator, Handle: approveLead},
		{Method: http.MethodPost, Path: "/console/leads/:id/redistribute", Needs: application.Operator, Handle: redistributeLead},
		{Method: http.MethodPost, Path: "/console/leads/:id/redeliver", Needs: application.Operator, Handle: redeliverLead},
		{Method: http.MethodGet, Path: "/console/leads/:id/cancel", Needs: application.Operator, Handle: askCancelLead},
		{Method: http.MethodPost, Path: "/console/leads/:id/cancel", Needs: application.Operator, Handle: cancelLead},
		{Method: http.MethodGet, Path: "/console/leads/:id/return", Needs: application.Operator, Handle: askReturnLead},
		{Method: http.MethodPost, Path: "/console/leads/:id/return", Needs: application.Operator, Handle: returnLead},
		{Method: http.MethodGet, Path: "/console/leads/:id/erase", Needs: application.Operator, Handle: askEraseLead},
		{Method: http.MethodPost, Path: "/console/leads/:id/erase", Needs: application.Operator, Handle: eraseLead},
	}
}
