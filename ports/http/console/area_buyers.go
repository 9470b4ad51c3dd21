package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// buyerPages are the pages of buyers.
func buyerPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: "/console/buyers", Needs: application.Viewer, Nav: "Buyers", Handle: buyers},
		{Method: http.MethodGet, Path: "/console/buyers/new", Needs: application.Operator, Handle: newBuyer},
		{Method: http.MethodPost, Path: "/console/buyers/new", Needs: application.Operator, Handle: createBuyer},
		{Method: http.MethodGet, Path: "/console/buyers/:id", Needs: application.Viewer, Handle: buyer},
		{Method: http.MethodGet, Path: "/console/buyers/:id/ledger", Needs: application.Viewer, Handle: buyerLedger},
		{Method: http.MethodGet, Path: "/console/buyers/:id/deliveries", Needs: application.Viewer, Handle: buyerDeliveries},
		{Method: http.MethodGet, Path: "/console/buyers/:id/returns", Needs: application.Viewer, Handle: buyerReturns},
		{Method: http.MethodGet, Path: "/console/buyers/:id/statement", Needs: application.Viewer, Download: true, Handle: buyerStatement},
		{Method: http.MethodGet, Path: "/console/buyers/:id/statement.csv", Needs: application.Viewer, Download: true, Handle: buyerStatementSheet},
		{Method: http.MethodGet, Path: buyerPeoplePath, Needs: application.Viewer, Handle: buyerPeople},
		{Method: http.MethodPost, Path: buyerPeoplePath, Needs: application.Operator, Handle: invitePersonOfBuyer},
		{Method: http.MethodGet, Path: buyerPeoplePath + "/:person/remove", Needs: application.Operator, Handle: askRemovePersonOfBuyer},
		{Method: http.MethodPost, Path: buyerPeoplePath + "/:person/remove", Needs: application.Operator, Handle: removePersonOfBuyer},
		{Method: http.MethodGet, Path: "/console/buyers/:id/edit", Needs: application.Operator, Handle: editBuyer},
		{Method: http.MethodPost, Path: "/console/buyers/:id/edit", Needs: application.Operator, Handle: updateBuyer},
		{Method: http.MethodPost, Path: "/console/buyers/:id/deposit", Needs: application.Operator, Handle: topUpBuyer},
		{Method: http.MethodPost, Path: "/console/buyers/:id/pause", Needs: application.Operator, Handle: pauseBuyer},
		{Method: http.MethodPost, Path: "/console/buyers/:id/resume", Needs: application.Operator, Handle: resumeBuyer},
	}
}
