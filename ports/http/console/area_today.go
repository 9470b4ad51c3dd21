package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// todayPages are the pages of Today, search and a person's own account, which everybody has.
func todayPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: consolePath, Needs: application.Viewer, Nav: "Today", Handle: today},
		{Method: http.MethodGet, Path: "/console/today/now", Needs: application.Viewer, Download: true, Handle: todayNow},
		{Method: http.MethodGet, Path: "/console/today/hours", Needs: application.Viewer, Handle: todayHours},
		{Method: http.MethodGet, Path: searchPath, Needs: application.Viewer, Handle: searchPage},
		{Method: http.MethodPost, Path: searchPath, Needs: application.Viewer, Handle: search},
		{Method: http.MethodGet, Path: profilePath, Needs: application.Anybody, Handle: profile},
		{Method: http.MethodPost, Path: profilePath + "/password", Needs: application.Anybody, Handle: changePassword},
		{Method: http.MethodPost, Path: profilePath + "/sessions", Needs: application.Anybody, Handle: endSession},
		{Method: http.MethodPost, Path: profilePath + "/sessions/others", Needs: application.Anybody, Handle: endOtherSessions},
		{Method: http.MethodGet, Path: secondFactorPath, Needs: application.Anybody, Handle: secondFactor},
		{Method: http.MethodPost, Path: secondFactorPath, Needs: application.Anybody, Handle: beginSecondFactor},
		{Method: http.MethodPost, Path: secondFactorPath + "/confirm", Needs: application.Anybody, Handle: confirmSecondFactor},
		{Method: http.MethodPost, Path: secondFactorPath + "/codes", Needs: application.Anybody, Handle: renewRecoveryCodes},
		{Method: http.MethodPost, Path: secondFactorPath + "/off", Needs: application.Anybody, Handle: disableSecondFactor},
		{Method: http.MethodPost, Path: switchPath, Needs: application.Anybody, Handle: switchSeller},
	}
}
