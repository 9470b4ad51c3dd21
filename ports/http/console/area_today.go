package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// todayPages are the pages of Today and search.
func todayPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: consolePath, Needs: application.Viewer, Nav: "Today", Handle: today},
		{Method: http.MethodGet, Path: "/console/today/hours", Needs: application.Viewer, Handle: todayHours},
	}
}
