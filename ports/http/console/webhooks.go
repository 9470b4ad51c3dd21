package consolehttp

import (
	"time"

	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/application"
)

const webhooksPath = consolePath + "/webhooks"

type webhooksContent struct {
	*Visit

	Webhooks application.List[feedquery.Webhook]
}

func webhooks(v *Visit) {
	content := webhooksContent{Visit: v}
	q := feedquery.Webhooks{Actor: v.Who()}
	var err error
	if q.Page, err = v.Paged(); err == nil {
		content.Webhooks, err = Ask[application.List[feedquery.Webhook]](v, q)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("webhooks", content)
}

type webhookFormContent struct {
	*Visit

	Types []string
}

// Chosen reports whether a type is ticked.
func (c webhookFormContent) Chosen(typ string) bool { return c.Form.Has("events", typ) }

func webhookForm(v *Visit) webhookFormContent {
	return webhookFormContent{v, v.console.Catalogue.Types()}
}

func newWebhook(v *Visit) { v.Show("webhook_form", webhookForm(v)) }

type webhookContent struct {
	*Visit

	Webhook    feedquery.Webhook
	Deliveries application.List[feedquery.WebhookDelivery]
	Statuses   []Option
	Back       string
	Secret     string                    // when it was just made
	Tested     *feedquery.WebhookAttempt // when it was just tested
}

func webhookPath(id string) string { return webhooksPath + "/" + id }

func createWebhook(v *Visit) {
	f := v.Form
	name, url, types := f.Text("name"), f.Text("url"), f.Values("events")
	var made feedquery.Webhook
	if _, err := Do[application.Done](v, feedcommand.CreateWebhook{
		Actor: v.Who(), Terms: feedcommand.WebhookTerms{Name: &name, URL: &url, Events: &types}, Once: Result(v, &made),
	}); err != nil {
		v.ShowAgain("webhook_form", webhookForm(v), err)
		return
	}
	v.showWebhookSecret(made)
}

// showWebhookSecret shows the secret of a webhook that was just made, on the page that answers and nowhere else.
func (v *Visit) showWebhookSecret(made feedquery.Webhook) {
	if made.ID == "" {
		v.Done(webhooksPath, "This form was sent before, and the secret was shown then. Rotate it if it is lost.")
		return
	}
	v.call.Writer().Header().Set("Cache-Control", "no-store")
	content := webhookContent{Visit: v, Webhook: made, Secret: made.Secret, Back: webhookPath(made.ID)}
	if err := content.read(); err != nil {
		v.Fail(err)
		return
	}
	v.Show("webhook", content)
}

// read adds what the page of a webhook shows of its deliveries.
func (c *webhookContent) read() error {
	c.Statuses = []Option{{Label: "All"}}
	for _, s := range feedquery.WebhookDeliveryStatuses() {
		c.Statuses = append(c.Statuses, Option{Value: s, Label: newStatus(s).Word})
	}
	c.Form.Fill("status", c.Query("status"))
	q := feedquery.WebhookDeliveries{Actor: c.Who(), ID: c.Webhook.ID}
	for _, s := range c.Statuses {
		if s.Value == c.Query("status") {
			q.Status = s.Value
		}
	}
	var err error
	if q.Page, err = c.Paged(); err == nil {
		c.Deliveries, err = Ask[application.List[feedquery.WebhookDelivery]](c.Visit, q)
	}
	return err
}

func webhookOf(v *Visit) (webhookContent, error) {
	w, err := Ask[feedquery.Webhook](v, feedquery.WebhookByID{Actor: v.Who(), ID: v.Param("id")})
	content := webhookContent{Visit: v, Webhook: w, Back: webhookPath(w.ID)}
	if err == nil {
		err = content.read()
	}
	return content, err
}

func showWebhook(v *Visit) {
	content, err := webhookOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("webhook", content)
}

// testWebhook sends a made-up event and shows what was answered.
func testWebhook(v *Visit) {
	content, err := webhookOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	tested, err := Do[feedquery.WebhookAttempt](v, feedcommand.TestWebhook{Actor: v.Who(), ID: content.Webhook.ID})
	if err != nil {
		v.ShowAgain("webhook", content, err)
		return
	}
	content.Tested = &tested
	v.Show("webhook", content)
}

// replayWebhook has a webhook told again: of one event, or of all of some hours.
func replayWebhook(v *Visit) {
	content, err := webhookOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c := feedcommand.ReplayWebhook{Actor: v.Who(), ID: content.Webhook.ID, EventID: v.Form.Text("event_id"), Once: Once[feedquery.WebhookReplay](v)}
	if hours, given := v.Form.Number("from", 1, 24*90); given {
		c.From = v.Now().Add(-time.Duration(hours) * time.Hour)
	}
	if _, err := Do[application.Done](v, c); err != nil {
		v.ShowAgain("webhook", content, err)
		return
	}
	v.Done(content.Back, "It will be told again.")
}

func enableWebhook(v *Visit) {
	_, err := Do[application.Done](v, feedcommand.EnableWebhook{Actor: v.Who(), ID: v.Param("id"), Once: Once[feedquery.Webhook](v)})
	v.After(err, webhookPath(v.Param("id")), "The webhook is told of events again, also of those that it missed.")
}

func disableWebhook(v *Visit) {
	active := false
	_, err := Do[application.Done](v, feedcommand.UpdateWebhook{
		Actor: v.Who(), ID: v.Param("id"), Terms: feedcommand.WebhookTerms{Active: &active}, Once: Once[feedquery.Webhook](v),
	})
	v.After(err, webhookPath(v.Param("id")), "The webhook is told of nothing until it is enabled.")
}

func askRotateWebhook(v *Visit) {
	content, err := webhookOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "Make another secret?", Button: "Make another secret", Danger: true, Action: content.Back + "/rotate", Back: content.Back,
		Consequence: "Requests are signed with it from now on. A receiver that still checks with the old one refuses them until you give it the new one.",
	})
}

func rotateWebhook(v *Visit) {
	content, err := webhookOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	var made feedquery.Webhook
	if _, err := Do[application.Done](v, feedcommand.RotateWebhookSecret{Actor: v.Who(), ID: content.Webhook.ID, Once: Result(v, &made)}); err != nil {
		v.ShowAgain("webhook", content, err)
		return
	}
	v.showWebhookSecret(made)
}
