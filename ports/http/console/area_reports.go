package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// reportPages are the pages of reports.
func reportPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: reportsPath, Needs: application.Viewer, Nav: "Reports", Handle: reports},
		{Method: http.MethodGet, Path: reportTablePath, Needs: application.Viewer, Handle: reportTable},
		{Method: http.MethodGet, Path: reportsPath + ".csv", Needs: application.Viewer, Download: true, Handle: reportSheet},
	}
}
