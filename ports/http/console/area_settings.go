package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// settingsPages are the pages of settings, keys, people and the installation.
func settingsPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: keysPath, Needs: application.Viewer, Nav: "Keys", Handle: keys},
		{Method: http.MethodGet, Path: keysPath + "/new", Needs: application.Owner, Handle: newKey},
		{Method: http.MethodPost, Path: keysPath + "/new", Needs: application.Owner, Handle: createKey},
		{Method: http.MethodGet, Path: keysPath + "/:id", Needs: application.Viewer, Handle: showKeyOf},
		{Method: http.MethodGet, Path: keysPath + "/:id/rotate", Needs: application.Owner, Handle: askRotateKey},
		{Method: http.MethodPost, Path: keysPath + "/:id/rotate", Needs: application.Owner, Handle: rotateKey},
		{Method: http.MethodGet, Path: keysPath + "/:id/revoke", Needs: application.Owner, Handle: askRevokeKey},
		{Method: http.MethodPost, Path: keysPath + "/:id/revoke", Needs: application.Owner, Handle: revokeKey},
		{Method: http.MethodGet, Path: peoplePath, Needs: application.Viewer, Nav: "People", Handle: listPeople},
		{Method: http.MethodGet, Path: peoplePath + "/changes", Needs: application.Operator, Handle: changes},
		{Method: http.MethodGet, Path: peoplePath + "/changes.csv", Needs: application.Operator, Download: true, Handle: changesSheet},
		{Method: http.MethodGet, Path: peoplePath + "/invite", Needs: application.Owner, Handle: askInvitePerson},
		{Method: http.MethodPost, Path: peoplePath + "/invite", Needs: application.Owner, Handle: invitePerson},
		{Method: http.MethodPost, Path: peoplePath + "/:id/role", Needs: application.Owner, Handle: changeRole},
		{Method: http.MethodGet, Path: peoplePath + "/:id/remove", Needs: application.Owner, Handle: askRemovePerson},
		{Method: http.MethodPost, Path: peoplePath + "/:id/remove", Needs: application.Owner, Handle: removePerson},
		{Method: http.MethodGet, Path: settingsPath, Needs: application.Viewer, Nav: "Settings", Handle: settings},
		{Method: http.MethodPost, Path: settingsPath, Needs: application.Owner, Handle: saveSettings},
		{Method: http.MethodGet, Path: brandPath, Needs: application.Viewer, Handle: brand},
		{Method: http.MethodPost, Path: brandPath, Needs: application.Owner, Upload: true, Handle: saveBrand},
		{Method: http.MethodGet, Path: settingsPath + "/form", Needs: application.Viewer, Handle: formSettings},
		{Method: http.MethodPost, Path: settingsPath + "/form", Needs: application.Operator, Handle: saveFormSettings},
		{Method: http.MethodGet, Path: settingsPath + "/tracking", Needs: application.Viewer, Handle: tracking},
		{Method: http.MethodGet, Path: systemPath, Needs: application.Owner, Nav: "System", Handle: system},
		{Method: http.MethodPost, Path: systemPath + "/audit", Needs: application.Owner, Handle: askAudit},
		{Method: http.MethodPost, Path: systemPath + "/retry", Needs: application.Owner, Handle: retryParked},
		{Method: http.MethodPost, Path: systemPath + "/skip", Needs: application.Owner, Handle: skipParked},
	}
}
