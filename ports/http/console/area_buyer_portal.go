package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// The paths of pages about one thing of a buyer.
const (
	boughtPath  = buyerPath + "/leads/:id"
	ownContract = buyerPath + "/contracts/:id"
)

// buyerPortalPages are the pages of people of buyers.
func buyerPortalPages() []Page {
	all := []Page{
		{Method: http.MethodGet, Path: buyerPath, Handle: ofBuyer(boughtLeads)},
		{Method: http.MethodPost, Path: buyerPath + "/leads.csv", Download: true, Handle: ofBuyer(boughtLeadsSheet)},
		{Method: http.MethodGet, Path: boughtPath, Handle: ofBuyer(boughtLead)},
		{Method: http.MethodPost, Path: boughtPath + "/fields", Handle: ofBuyer(revealBoughtLead)},
		{Method: http.MethodGet, Path: boughtPath + "/return", Handle: ofBuyer(askReturnBought)},
		{Method: http.MethodPost, Path: boughtPath + "/return", Handle: ofBuyer(returnBought)},
		{Method: http.MethodGet, Path: buyerPath + "/account", Handle: ofBuyer(ownAccount)},
		{Method: http.MethodGet, Path: buyerPath + "/statement", Download: true, Handle: ofBuyer(ownStatement)},
		{Method: http.MethodGet, Path: buyerPath + "/statement.csv", Download: true, Handle: buyerStatementSheet},
		{Method: http.MethodGet, Path: buyerPath + "/contracts", Handle: ofBuyer(ownContracts)},
		{Method: http.MethodGet, Path: ownContract, Handle: ofBuyer(showOwnContract)},
		{Method: http.MethodPost, Path: ownContract + "/pause", Handle: ofBuyer(pauseOwnContract)},
		{Method: http.MethodPost, Path: ownContract + "/resume", Handle: ofBuyer(resumeOwnContract)},
		{Method: http.MethodGet, Path: ownContract + "/caps", Handle: ofBuyer(askOwnCaps)},
		{Method: http.MethodPost, Path: ownContract + "/caps", Handle: ofBuyer(changeOwnCaps)},
		{Method: http.MethodPost, Path: ownContract + "/test", Handle: ofBuyer(testOwnDelivery)},
		{Method: http.MethodGet, Path: buyerPath + "/returns", Handle: ofBuyer(ownReturns)},
	}
	for i := range all {
		all[i].Needs = application.Buyer
	}
	return all
}
