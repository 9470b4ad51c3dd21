package feedhttp

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/tests/porttest"
)

var (
	sampleWebhook = feedquery.Webhook{
		ID: "webhook_1", Key: "key1", Name: "Hook", URL: "https://hooks.example.com/x", Secret: "whsec_made", Events: []string{"lead.sold.v1"}, Format: "standard", Status: "active",
		CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	samplePartnero = feedquery.Webhook{
		ID: "webhook_2", Key: "key2", Name: "Hook", URL: "https://hooks.example.com/x", Secret: "signature", Events: []string{"lead.submitted"}, Format: "partnero", Status: "disabled",
		DisabledReason: "gone", DisabledAt: porttest.Start, FailingSince: porttest.Start, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleTold = feedquery.WebhookDelivery{
		EventID: "evt_1", Type: "lead.sold.v1", Status: "pending", Tried: 2, NextAt: porttest.Start, HappenedAt: porttest.Start, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
		Body: []byte(`{"id":"evt_1"}`), Attempts: []feedquery.WebhookAttempt{
			{Number: 2, At: porttest.Start, Took: 1500 * time.Microsecond, Reason: "timeout"}, {Number: 1, At: porttest.Start, Status: 500, Reason: "refused", Answer: "oops"},
		},
	}
	sampleReplay = feedquery.WebhookReplay{ID: "replay_1", From: porttest.Start, Until: porttest.Start, CreatedAt: porttest.Start}
)

func webhookHandlers(a *porttest.App) WebhookHandlers {
	return WebhookHandlers{
		CreateWebhook: porttest.Commands(a, func(c feedcommand.CreateWebhook) application.Response { return c.Once.Render(sampleWebhook) }),
		UpdateWebhook: porttest.Commands(a, func(c feedcommand.UpdateWebhook) application.Response { return c.Once.Render(samplePartnero) }),
		DeleteWebhook: porttest.Commands(a, func(c feedcommand.DeleteWebhook) application.Response { return c.Once.Render(struct{}{}) }),
		EnableWebhook: porttest.Commands(a, func(c feedcommand.EnableWebhook) application.Response { return c.Once.Render(sampleWebhook) }),
		RotateWebhookSecret: porttest.Commands(a, func(c feedcommand.RotateWebhookSecret) application.Response {
			return c.Once.Render(sampleWebhook)
		}),
		ReplayWebhook: porttest.Commands(a, func(c feedcommand.ReplayWebhook) application.Response { return c.Once.Render(sampleReplay) }),
		TestWebhook:   porttest.Queries[feedcommand.TestWebhook](a, sampleTold.Attempts[0]),
		Webhooks:      porttest.Queries[feedquery.Webhooks](a, application.List[feedquery.Webhook]{Items: []feedquery.Webhook{sampleWebhook, samplePartnero}, Next: "webhook_2"}),
		WebhookByID:   porttest.Queries[feedquery.WebhookByID](a, samplePartnero),
		WebhookDeliveries: porttest.Queries[feedquery.WebhookDeliveries](a, application.List[feedquery.WebhookDelivery]{
			Items: []feedquery.WebhookDelivery{sampleTold, {EventID: "evt_2", Type: "lead.sold.v1", Status: "failed", Reason: "gone"}},
		}),
		WebhookDeliveryByEvent: porttest.Queries[feedquery.WebhookDeliveryByEvent](a, sampleTold),
	}
}

func TestAWebhookIsBound(t *testing.T) {
	t.Parallel()
	var got feedcommand.WebhookTerms
	var replay feedcommand.ReplayWebhook
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.CreateWebhook = porttest.Commands(a, func(c feedcommand.CreateWebhook) application.Response {
			got = c.Terms
			return c.Once.Render(sampleWebhook)
		})
		h.ReplayWebhook = porttest.Commands(a, func(c feedcommand.ReplayWebhook) application.Response {
			replay = c
			return c.Once.Render(sampleReplay)
		})
	})
	for body, want := range map[string]feedcommand.WebhookTerms{
		`{"name":"Hook","url":"https://x.example.com","events":["lead.sold.v1"]}`: {Name: new("Hook"), URL: new("https://x.example.com"), Events: &[]string{"lead.sold.v1"}},
		`{"name":"Hook","url":"https://x.example.com","events":["partner.created"],"format":"partnero","key":"k","is_active":false}`: {
			Name: new("Hook"), URL: new("https://x.example.com"), Events: &[]string{"partner.created"}, Format: new("partnero"), Key: new("k"), Active: new(false),
		},
	} {
		got = feedcommand.WebhookTerms{}
		if w := a.Do(porttest.Request{Method: http.MethodPost, Path: "/v1/webhooks", Key: "program", Body: body}); w.Code != http.StatusCreated || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is bound as %+v: %s", body, got, w.Body)
		}
	}
	w := a.Do(porttest.Request{Method: http.MethodPost, Path: "/v1/webhooks/webhook_1/replay", Key: "program", Body: `{"types":["lead.sold.v1"],"from":"2025-05-02T16:12:39Z","until":"2025-05-03T16:12:39Z"}`})
	if w.Code != http.StatusAccepted || replay.ID != "webhook_1" || len(replay.Types) != 1 || replay.Until.Sub(replay.From) != 24*time.Hour {
		t.Errorf("the replay is bound as %+v: %s", replay, w.Body)
	}
	if w := a.Do(porttest.Request{Method: http.MethodGet, Path: "/v1/webhooks/webhook_1/deliveries?status=lost", Key: "program"}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an unknown status is answered %s", w.Body)
	}
}

// A receiver may take 15 s to answer, which is longer than other requests may take.
func TestATestHasTheTimeOfItsReceiver(t *testing.T) {
	t.Parallel()
	var left time.Duration
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.TestWebhook = bus.HandlerFunc[feedcommand.TestWebhook, feedquery.WebhookAttempt](func(ctx context.Context, _ feedcommand.TestWebhook) (feedquery.WebhookAttempt, error) {
			if end, ok := ctx.Deadline(); ok {
				left = time.Until(end)
			}
			return sampleTold.Attempts[0], application.ErrOutboundBusy
		})
	})
	w := a.Do(porttest.Request{Method: http.MethodPost, Path: "/v1/webhooks/webhook_1/test", Key: "program"})
	if w.Code != 503 || porttest.CodeIn(t, w) != "outbound_busy" || left < 15*time.Second || left > time.Minute {
		t.Errorf("%d %s, within %s", w.Code, w.Body, left)
	}
}
