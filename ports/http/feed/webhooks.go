package feedhttp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// WebhookHandlers are the commands and queries that the routes of webhooks call.
type WebhookHandlers struct {
	CreateWebhook       bus.Handler[feedcommand.CreateWebhook, application.Done]
	UpdateWebhook       bus.Handler[feedcommand.UpdateWebhook, application.Done]
	DeleteWebhook       bus.Handler[feedcommand.DeleteWebhook, application.Done]
	EnableWebhook       bus.Handler[feedcommand.EnableWebhook, application.Done]
	RotateWebhookSecret bus.Handler[feedcommand.RotateWebhookSecret, application.Done]
	ReplayWebhook       bus.Handler[feedcommand.ReplayWebhook, application.Done]
	TestWebhook         bus.Handler[feedcommand.TestWebhook, feedquery.WebhookAttempt]

	Webhooks               bus.Handler[feedquery.Webhooks, application.List[feedquery.Webhook]]
	WebhookByID            bus.Handler[feedquery.WebhookByID, feedquery.Webhook]
	WebhookDeliveries      bus.Handler[feedquery.WebhookDeliveries, application.List[feedquery.WebhookDelivery]]
	WebhookDeliveryByEvent bus.Handler[feedquery.WebhookDeliveryByEvent, feedquery.WebhookDelivery]
}

func (h Handlers) webhookRoutes() []httpport.Route {
	const one = "/v1/webhooks/:id"
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/webhooks", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{}, h.listWebhooks)},
		{Method: http.MethodPost, Path: "/v1/webhooks", Needs: application.Program, Handle: h.createWebhook},
		{Method: http.MethodGet, Path: one, Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getWebhook)},
		{Method: http.MethodPut, Path: one, Needs: application.Program, Handle: h.updateWebhook},
		{Method: http.MethodDelete, Path: one, Needs: application.Program, Handle: h.deleteWebhook},
		{Method: http.MethodPost, Path: one + "/enable", Needs: application.Program, Handle: h.enableWebhook},
		{Method: http.MethodPost, Path: one + "/rotate-secret", Needs: application.Program, Handle: h.rotateWebhookSecret},
		{Method: http.MethodPost, Path: one + "/test", Needs: application.Program, Handle: h.testWebhook},
		{Method: http.MethodPost, Path: one + "/replay", Needs: application.Program, Handle: h.replayWebhook},
		{Method: http.MethodGet, Path: one + "/deliveries", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: []string{"status"}}, h.listWebhookDeliveries)},
		{Method: http.MethodGet, Path: one + "/deliveries/:event_id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getWebhookDelivery)},
	}
}

type webhookAnswer struct {
	ID             string              `json:"id"`
	Key            *string             `json:"key"`
	Name           string              `json:"name"`
	URL            string              `json:"url"`
	Events         []string            `json:"events"`
	Format         string              `json:"format"`
	IsActive       bool                `json:"is_active"`
	Status         string              `json:"status"`
	DisabledReason *string             `json:"disabled_reason"`
	DisabledAt     *httpport.Timestamp `json:"disabled_at"`
	FailingSince   *httpport.Timestamp `json:"failing_since"`
	Signature      *string             `json:"signature,omitempty"`
	CreatedAt      httpport.Timestamp  `json:"created_at"`
	UpdatedAt      httpport.Timestamp  `json:"updated_at"`
}

// showWebhook shows a webhook. Its key is the secret that was just made; in Partnero's format it is its name in paths, and the secret is its signature.
func showWebhook(w feedquery.Webhook) webhookAnswer {
	out := webhookAnswer{
		ID: w.ID, Key: httpport.TextOrNil(w.Secret), Name: w.Name, URL: w.URL, Events: w.Events, Format: w.Format, IsActive: w.Status == "active", Status: w.Status,
		DisabledReason: httpport.TextOrNil(w.DisabledReason), DisabledAt: httpport.TimestampOrNil(w.DisabledAt), FailingSince: httpport.TimestampOrNil(w.FailingSince),
		CreatedAt: httpport.Timestamp(w.CreatedAt), UpdatedAt: httpport.Timestamp(w.UpdatedAt),
	}
	if w.Format == "partnero" {
		out.Key, out.Signature = &w.Key, &w.Secret
	}
	return out
}

type webhookAttemptAnswer struct {
	Number     int64              `json:"number"`
	At         httpport.Timestamp `json:"at"`
	DurationMS int64              `json:"duration_ms"`
	Status     *int               `json:"status"`
	Reason     *string            `json:"reason"`
	Answer     *string            `json:"answer"`
}

func showWebhookAttempt(a feedquery.WebhookAttempt) webhookAttemptAnswer {
	out := webhookAttemptAnswer{Number: a.Number, At: httpport.Timestamp(a.At), DurationMS: a.Took.Milliseconds(), Reason: httpport.TextOrNil(a.Reason), Answer: httpport.TextOrNil(a.Answer)}
	if a.Status != 0 {
		out.Status = &a.Status
	}
	return out
}

type webhookDeliveryAnswer struct {
	EventID    string                 `json:"event_id"`
	Type       string                 `json:"type"`
	Status     string                 `json:"status"`
	Reason     *string                `json:"reason"`
	Tried      int64                  `json:"tried"`
	NextAt     *httpport.Timestamp    `json:"next_at"`
	HappenedAt httpport.Timestamp     `json:"happened_at"`
	CreatedAt  httpport.Timestamp     `json:"created_at"`
	UpdatedAt  httpport.Timestamp     `json:"updated_at"`
	Attempts   []webhookAttemptAnswer `json:"attempts"`
	Body       json.RawMessage        `json:"body,omitempty"`
}

func showWebhookDelivery(d feedquery.WebhookDelivery) webhookDeliveryAnswer {
	return webhookDeliveryAnswer{
		EventID: d.EventID, Type: d.Type, Status: d.Status, Reason: httpport.TextOrNil(d.Reason), Tried: d.Tried, NextAt: httpport.TimestampOrNil(d.NextAt),
		HappenedAt: httpport.Timestamp(d.HappenedAt), CreatedAt: httpport.Timestamp(d.CreatedAt), UpdatedAt: httpport.Timestamp(d.UpdatedAt),
		Attempts: httpport.Each(showWebhookAttempt)(d.Attempts), Body: d.Body,
	}
}

type webhookReplayAnswer struct {
	ID        string             `json:"id"`
	EventID   *string            `json:"event_id"`
	From      httpport.Timestamp `json:"from"`
	Until     httpport.Timestamp `json:"until"`
	CreatedAt httpport.Timestamp `json:"created_at"`
}

func showWebhookReplay(r feedquery.WebhookReplay) webhookReplayAnswer {
	return webhookReplayAnswer{
		ID: r.ID, EventID: httpport.TextOrNil(r.EventID), From: httpport.Timestamp(r.From), Until: httpport.Timestamp(r.Until), CreatedAt: httpport.Timestamp(r.CreatedAt),
	}
}

// fillWebhook binds what a request says of a webhook.
func fillWebhook(b *httpport.Body, t *feedcommand.WebhookTerms) {
	httpport.FillLabel(b.Object, "name", &t.Name)
	httpport.FillText(b.Object, "url", &t.URL)
	httpport.FillText(b.Object, "format", &t.Format)
	httpport.FillText(b.Object, "key", &t.Key)
	if names, ok := b.Texts("events"); ok {
		t.Events = &names
	}
	t.Active = b.BoolOrNil("is_active")
}

func (h Handlers) listWebhooks(k *httpport.Call) {
	httpport.List(k, h.Webhooks, func(p application.Page, _ url.Values, _ *fault.Violations) feedquery.Webhooks {
		return feedquery.Webhooks{Actor: k.Actor(), Page: p}
	}, showWebhook)
}

func (h Handlers) createWebhook(k *httpport.Call) {
	c := feedcommand.CreateWebhook{Actor: k.Actor()}
	if b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { fillWebhook(b, &c.Terms) }); ok {
		c.Once = httpport.OnceSecret(b, http.StatusCreated, showWebhook)
		httpport.Do(b, h.CreateWebhook, c)
	}
}

func (h Handlers) getWebhook(k *httpport.Call) {
	httpport.Ask(k, h.WebhookByID, feedquery.WebhookByID{Actor: k.Actor(), ID: k.Param("id")}, showWebhook)
}

func (h Handlers) updateWebhook(k *httpport.Call) {
	c := feedcommand.UpdateWebhook{Actor: k.Actor(), ID: k.Param("id")}
	if b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { fillWebhook(b, &c.Terms) }); ok {
		c.Once = httpport.OnceSecret(b, http.StatusOK, showWebhook)
		httpport.Do(b, h.UpdateWebhook, c)
	}
}

func (h Handlers) deleteWebhook(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.DeleteWebhook, feedcommand.DeleteWebhook{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.OnceOK[struct{}](b)})
	}
}

func (h Handlers) enableWebhook(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.EnableWebhook, feedcommand.EnableWebhook{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showWebhook)})
	}
}

func (h Handlers) rotateWebhookSecret(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.RotateWebhookSecret, feedcommand.RotateWebhookSecret{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showWebhook)})
	}
}

// testTime is how long the receiver of a test may take: 15 s, and a second in which it waits for its place.
const testTime = 16 * time.Second

// testWebhook sends something and writes nothing, so an Idempotency-Key has nothing to keep.
func (h Handlers) testWebhook(k *httpport.Call) {
	if _, ok := k.Bind(httpport.Optional, nil); !ok {
		return
	}
	ctx, release := k.Wait(testTime)
	defer release()
	done, err := h.TestWebhook.Handle(ctx, feedcommand.TestWebhook{Actor: k.Actor(), ID: k.Param("id")})
	if err != nil {
		k.Fail(err)
		return
	}
	httpport.Answer(k, http.StatusOK, showWebhookAttempt(done))
}

func (h Handlers) replayWebhook(k *httpport.Call) {
	c := feedcommand.ReplayWebhook{Actor: k.Actor(), ID: k.Param("id")}
	if b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.EventID, c.From, c.Until = b.Text("event_id"), b.Time("from"), b.Time("until")
		c.Types, _ = b.Texts("types")
	}); ok {
		c.Once = httpport.Once(b, http.StatusAccepted, showWebhookReplay)
		httpport.Do(b, h.ReplayWebhook, c)
	}
}

func (h Handlers) listWebhookDeliveries(k *httpport.Call) {
	httpport.List(k, h.WebhookDeliveries, func(p application.Page, values url.Values, v *fault.Violations) feedquery.WebhookDeliveries {
		status := values.Get("status")
		if all := feedquery.WebhookDeliveryStatuses(); status != "" && !slices.Contains(all, status) {
			v.Add("status", fault.InvalidValue, "must be one of "+strings.Join(all, ", "))
		}
		return feedquery.WebhookDeliveries{Actor: k.Actor(), ID: k.Param("id"), Status: status, Page: p}
	}, showWebhookDelivery)
}

func (h Handlers) getWebhookDelivery(k *httpport.Call) {
	httpport.Ask(k, h.WebhookDeliveryByEvent, feedquery.WebhookDeliveryByEvent{Actor: k.Actor(), ID: k.Param("id"), EventID: k.Param("event_id")}, showWebhookDelivery)
}
