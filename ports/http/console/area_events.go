package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// eventPages are the pages of events and webhooks.
func eventPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: eventsPath, Needs: application.Viewer, Nav: "Events", Handle: events},
		{Method: http.MethodGet, Path: eventsPath + "/:position", Needs: application.Viewer, Handle: showEvent},
		{Method: http.MethodGet, Path: webhooksPath, Needs: application.Viewer, Nav: "Webhooks", Handle: webhooks},
		{Method: http.MethodGet, Path: webhooksPath + "/new", Needs: application.Operator, Handle: newWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/new", Needs: application.Operator, Handle: createWebhook},
		{Method: http.MethodGet, Path: webhooksPath + "/:id", Needs: application.Viewer, Handle: showWebhook},
		{Method: http.MethodGet, Path: webhooksPath + "/:id/edit", Needs: application.Operator, Handle: editWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/edit", Needs: application.Operator, Handle: updateWebhook},
		{Method: http.MethodGet, Path: webhooksPath + "/:id/delete", Needs: application.Operator, Handle: askDeleteWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/delete", Needs: application.Operator, Handle: deleteWebhook},
		{Method: http.MethodGet, Path: webhooksPath + "/:id/deliveries/:event", Needs: application.Viewer, Handle: showWebhookDelivery},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/test", Needs: application.Operator, Handle: testWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/replay", Needs: application.Operator, Handle: replayWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/enable", Needs: application.Operator, Handle: enableWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/disable", Needs: application.Operator, Handle: disableWebhook},
		{Method: http.MethodGet, Path: webhooksPath + "/:id/rotate", Needs: application.Operator, Handle: askRotateWebhook},
		{Method: http.MethodPost, Path: webhooksPath + "/:id/rotate", Needs: application.Operator, Handle: rotateWebhook},
	}
}
