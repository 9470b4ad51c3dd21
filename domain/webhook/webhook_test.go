package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func definition(change ...func(*webhook.Definition)) webhook.Definition {
	d := webhook.Definition{Name: new(" Hook "), URL: new("https://hooks.example.com/x"), Events: new([]string{"lead.sold.v1", "lead.sold.v1", "cap.reached.v1"})}
	for _, c := range change {
		c(&d)
	}
	return d
}

func made(t *testing.T, change ...func(*webhook.Definition)) *webhook.Webhook {
	t.Helper()
	w, err := webhook.New("webhook_1", "seller_1", "key", definition(change...), []byte("sealed"), noon)
	require.NoError(t, err)
	return w
}

func changes(w *webhook.Webhook) (list []webhook.Change) {
	for _, e := range w.Pending() {
		list = append(list, e.(webhook.Changed).Change)
	}
	return list
}

func TestAWebhookIsMade(t *testing.T) {
	t.Parallel()
	w := made(t)
	require.Equal(t, webhook.Snapshot{
		ID: "webhook_1", SellerID: "seller_1", Key: "key", Name: "Hook", URL: "https://hooks.example.com/x", Events: []string{"cap.reached.v1", "lead.sold.v1"},
		Format: webhook.Standard, Status: webhook.Active, Secret: []byte("sealed"), CreatedAt: noon, UpdatedAt: noon, Version: 1,
	}, w.Snapshot())
	require.Equal(t, []event.Event{webhook.Changed{WebhookID: "webhook_1", Change: webhook.WasCreated, At: noon}}, w.Pending())
	require.Equal(t, webhook.Paused, made(t, func(d *webhook.Definition) { d.Active = new(false) }).Snapshot().Status)
	require.Equal(t, "mine", made(t, func(d *webhook.Definition) { d.Key = new("mine") }).Snapshot().Key)
}

func TestWhatAWebhookMayNotBe(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*webhook.Definition){
		"name": func(d *webhook.Definition) { d.Name = new(strings.Repeat("x", 201)) }, "url": func(d *webhook.Definition) { d.URL = new("hooks.example.com") },
		"events": func(d *webhook.Definition) { d.Events = new([]string{}) }, "format": func(d *webhook.Definition) { d.Format = new(webhook.Format("xml")) },
		"key": func(d *webhook.Definition) { d.Key = new("webhook_2") },
	} {
		_, err := webhook.New("webhook_1", "seller_1", "key", definition(change), nil, noon)
		require.Equal(t, []string{field}, fault.As(err).Fields(), field)
	}
	_, err := webhook.New("webhook_1", "seller_1", "key", webhook.Definition{}, nil, noon)
	require.Equal(t, []string{"name", "url", "events"}, fault.As(err).Fields())
	w := made(t)
	before := w.Snapshot()
	require.Equal(t, []string{"format"}, fault.As(w.Update(webhook.Definition{Format: new(webhook.Partnero)}, noon)).Fields())
	require.Equal(t, before, w.Snapshot())
}

func TestAWebhookThatFails(t *testing.T) {
	t.Parallel()
	w := made(t)
	require.True(t, w.Failed(false, noon))
	require.False(t, w.Failed(false, noon.Add(webhook.FailsFor-1)))
	require.Equal(t, webhook.Active, w.Snapshot().Status)
	require.True(t, w.Arrived())
	require.False(t, w.Arrived())
	again := noon.Add(webhook.FailsFor)
	require.True(t, w.Failed(false, again))
	require.Equal(t, webhook.Active, w.Snapshot().Status, "one arrived meanwhile")
	late := again.Add(webhook.FailsFor)
	require.True(t, w.Failed(false, late))
	s := w.Snapshot()
	require.Equal(t, []any{webhook.Disabled, webhook.ReceiverFailing, late}, []any{s.Status, s.DisabledReason, s.StoppedAt})
	require.False(t, w.Failed(true, late), "it is disabled already")
	require.Equal(t, late, w.Enable(late.Add(time.Hour)))
	s = w.Snapshot()
	require.Equal(t, []any{webhook.Active, webhook.DisabledReason(""), time.Time{}, time.Time{}}, []any{s.Status, s.DisabledReason, s.StoppedAt, s.FailingSince})
	require.Zero(t, w.Enable(late))
	require.True(t, w.Failed(true, late))
	require.Equal(t, webhook.ReceiverGone, w.Snapshot().DisabledReason)
	require.NoError(t, w.Update(webhook.Definition{Active: new(true)}, late))
	require.Equal(t, webhook.Active, w.Snapshot().Status)
	require.Equal(t, []webhook.Change{webhook.WasCreated, webhook.WasDisabled, webhook.WasEnabled, webhook.WasDisabled, webhook.WasUpdated}, changes(w))
}

func TestSecretsAreRotatedAndDeleted(t *testing.T) {
	t.Parallel()
	w := made(t)
	w.RotateSecret([]byte("second"), noon)
	w.RotateSecret([]byte("third"), noon.Add(time.Hour))
	s := w.Snapshot()
	require.Equal(t, []any{[]byte("third"), []byte("second"), noon.Add(25 * time.Hour)}, []any{s.Secret, s.OldSecret, s.OldSecretUntil})
	w.Delete(noon)
	s = w.Snapshot()
	require.Equal(t, []any{webhook.Deleted, "", "", "webhook_1"}, []any{s.Status, s.URL, s.Name, s.Key})
	require.Nil(t, s.Secret)
	require.Nil(t, s.OldSecret)
	require.False(t, w.Failed(true, noon))
	require.Equal(t, []webhook.Change{webhook.WasCreated, webhook.WasSecretRotated, webhook.WasSecretRotated, webhook.WasDeleted}, changes(w))
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	pending := func() *webhook.Delivery { return &webhook.Delivery{State: webhook.Pending, NextAt: noon} }
	d := pending()
	require.NoError(t, d.Attempted(attempt.Outcome{OK: true}, noon))
	require.Equal(t, &webhook.Delivery{State: webhook.Delivered, Attempts: 1, Tries: 1, UpdatedAt: noon}, d)
	require.ErrorIs(t, d.Attempted(attempt.Outcome{Try: 1, OK: true}, noon), webhook.ErrStale)
	require.True(t, d.Again(noon))
	require.False(t, d.Again(noon))
	require.ErrorIs(t, d.Attempted(attempt.Outcome{Try: 0, OK: true}, noon), webhook.ErrStale)
	require.NoError(t, d.Attempted(attempt.Outcome{Try: 1, Reason: attempt.Timeout}, noon))
	require.Equal(t, []any{webhook.Pending, noon.Add(5 * time.Second), int64(1), int64(2)}, []any{d.State, d.NextAt, d.Attempts, d.Tries})
	d = pending()
	for i := range attempt.Most {
		require.NoError(t, d.Attempted(attempt.Outcome{Try: int64(i), Reason: attempt.Refused}, noon))
	}
	require.Equal(t, []any{webhook.Failed, attempt.Refused, time.Time{}}, []any{d.State, d.Reason, d.NextAt})
	d = pending()
	require.NoError(t, d.Attempted(attempt.Outcome{Final: true, Reason: attempt.Gone}, noon))
	require.Equal(t, webhook.Failed, d.State)
}
