package consolehttp

import (
	"time"

	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
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

	Types   []string
	Webhook feedquery.Webhook // that is edited; none when one is added
	Action  string
	Back    string
}

// Chosen reports whether a type is ticked.
func (c webhookFormContent) Chosen(typ string) bool { return c.Form.Has("events", typ) }

func webhookForm(v *Visit) webhookFormContent {
	return webhookFormContent{Visit: v, Types: v.console.Catalogue.Types(), Action: webhooksPath + "/new", Back: webhooksPath}
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

// webhookEdited is the form of a webhook that is there. What it is told of is named as its format does.
func webhookEdited(v *Visit) (webhookFormContent, error) {
	w, err := Ask[feedquery.Webhook](v, feedquery.WebhookByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		return webhookFormContent{}, err
	}
	content := webhookFormContent{Visit: v, Types: feed.NamesIn(v.console.Catalogue, w.Format), Webhook: w, Action: webhookPath(w.ID) + "/edit", Back: webhookPath(w.ID)}
	v.Form.Fill(seenField, seenAt(w.UpdatedAt), "name", w.Name, "url", w.URL)
	v.Form.FillAll("events", w.Events)
	return content, nil
}

func editWebhook(v *Visit) {
	content, err := webhookEdited(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("webhook_form", content)
}

func updateWebhook(v *Visit) {
	content, err := webhookEdited(v)
	if err != nil {
		v.Fail(err)
		return
	}
	f := v.Form
	name, url, types := f.Text("name"), f.Text("url"), f.Values("events")
	if _, err := Do[application.Done](v, feedcommand.UpdateWebhook{
		Actor: v.Who(), ID: content.Webhook.ID, Terms: feedcommand.WebhookTerms{Name: &name, URL: &url, Events: &types}, Seen: v.seen(), Once: Once[feedquery.Webhook](v),
	}); err != nil {
		v.stale(err, seenAt(content.Webhook.UpdatedAt))
		v.ShowAgain("webhook_form", content, err)
		return
	}
	v.Done(content.Back, "The webhook is changed, from the next request on.")
}

func askDeleteWebhook(v *Visit) {
	content, err := webhookOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "Delete this webhook?", Button: "Delete the webhook", Danger: true, Action: content.Back + "/delete", Back: content.Back,
		Consequence: "Nothing is sent to it any more, what waits for it is dropped, and its deliveries are deleted. To stop it for a while, disable it.",
	})
}

func deleteWebhook(v *Visit) {
	_, err := Do[application.Done](v, feedcommand.DeleteWebhook{Actor: v.Who(), ID: v.Param("id"), Once: Once[struct{}](v)})
	v.After(err, webhooksPath, "The webhook is deleted.")
}

type webhookDeliveryContent struct {
	*Visit

	Webhook  feedquery.Webhook
	Delivery feedquery.WebhookDelivery
	Back     string
	Body     string
	Older    bool // there may have been more attempts
}

// showWebhookDelivery shows what a webhook is told of an event, and each attempt to tell it.
func showWebhookDelivery(v *Visit) {
	w, err := Ask[feedquery.Webhook](v, feedquery.WebhookByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	d, err := Ask[feedquery.WebhookDelivery](v, feedquery.WebhookDeliveryByEvent{Actor: v.Who(), ID: w.ID, EventID: v.Param("event")})
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("webhook_delivery", webhookDeliveryContent{v, w, d, webhookPath(w.ID), indented(d.Body), len(d.Attempts) == feedquery.MostWebhookAttempts})
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
