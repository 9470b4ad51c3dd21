package feed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

func catalogue(t *testing.T) *eventsv1.Catalogue {
	t.Helper()
	c, err := eventsv1.NewCatalogue(eventsv1.Definition{Type: "x.acme.lead_scored.v1", Schema: []byte(`{"type":"object"}`)})
	require.NoError(t, err)
	return c
}

func happened(typ, data string) *application.StoredEvent {
	return &application.StoredEvent{Position: 7, EventRecord: application.EventRecord{
		ID: "evt_1", SellerID: "seller_1", Type: typ, AggregateID: "a_1", AggregateVersion: 2, OccurredAt: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), Payload: []byte(data),
	}}
}

func TestNamesOfEvents(t *testing.T) {
	t.Parallel()
	var v fault.Violations
	require.Equal(t, []string{"lead.sold.v1", "x.acme.lead_scored.v1"}, feed.TypesOf(catalogue(t), webhook.Standard, []string{"lead.sold.v1", "x.acme.lead_scored.v1"}, &v))
	require.Equal(t, []string{"lead.submitted.v1"}, feed.TypesOf(catalogue(t), webhook.Partnero, []string{"lead.submitted"}, &v))
	require.NoError(t, v.Err())
	for format, names := range map[webhook.Format][]string{
		webhook.Standard: {"lead.sold", "webhook.changed.v1", "seller.created.v1", "<b>"}, webhook.Partnero: {"lead.sold", "transaction.created", "lead.submitted.v1"},
	} {
		for _, name := range names {
			var v fault.Violations
			require.Empty(t, feed.TypesOf(catalogue(t), format, []string{name}, &v))
			require.Equal(t, []string{"events[0]"}, fault.As(v.Err()).Fields(), name)
			require.NotContains(t, fault.As(v.Err()).Violated()[0].Message, "<")
		}
	}
	require.Equal(t, webhook.Partnero, feed.FormatOf([]string{"partner.created", "lead.submitted"}))
	require.Equal(t, webhook.Standard, feed.FormatOf([]string{"partner.created", "lead.sold.v1"}))
	require.Equal(t, webhook.Standard, feed.FormatOf(nil))
	require.Equal(t, []string{"partner.created"}, feed.NamesOf(webhook.Partnero, []string{"partner.created.v1"}))
}

func TestEveryEventOfPartnerosIsPublic(t *testing.T) {
	t.Parallel()
	var v fault.Violations
	names := []string{
		"partner.created", "partner.updated", "partner.approved", "partner.rejected", "partner.archived", "partner.deleted", "customer.created", "customer.updated",
		"customer.deleted", "lead.submitted", "lead.converted", "lead.rejected",
	}
	require.Len(t, feed.TypesOf(catalogue(t), webhook.Partnero, names, &v), len(names))
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	b := feed.Bodies{Base: func() string { return "https://leads.example.com" }}
	l := feed.Listener{SellerCode: "ACME1234", Key: "k", URL: "https://hooks.example.com/?a=b&c=<d>", Format: webhook.Standard, Events: []string{"lead.sold.v1", "lead.submitted.v1", "customer.created.v1"}}
	body, err := b.Of(l, happened("lead.sold.v1", `{"lead_id":"lead_1"}`))
	require.NoError(t, err)
	require.Equal(t, `{"specversion":"1.0","id":"evt_1","source":"/sellers/ACME1234","type":"lead.sold.v1","subject":"a_1","time":"2026-11-02T12:00:00.000000Z",`+
		`"datacontenttype":"application/json","dataschema":"https://leads.example.com/schemas/lead.sold.v1.json","data":{"lead_id":"lead_1"},"sequence":"00000000000000000007","aggregateversion":2}`, string(body))
	body, err = b.Of(l, happened("lead.unsold.v1", `{}`))
	require.NoError(t, err)
	require.Nil(t, body)
	l.Format = webhook.Partnero
	for data, want := range map[string]string{
		`{"lead_id":"lead_1","origin":"supplier"}`: "",
		`{"lead_id":"lead_1","origin":"form","number":7,"partner_id":"p"}`: `{"event":"lead.submitted","url":"https://hooks.example.com/?a=b&c=<d>","webhook_key":"k","created_at":"2026-11-02T12:00:00.000000Z",` +
			`"data":{"id":7,"lead_id":"lead_1","number":7,"origin":"form","partner":"p","partner_id":"p"}}`,
	} {
		body, err = b.Of(l, happened("lead.submitted.v1", data))
		require.NoError(t, err)
		require.Equal(t, want, string(body))
	}
	body, err = b.Of(l, happened("customer.created.v1", `{"customer_key":"K","partner_id":"p"}`))
	require.NoError(t, err)
	require.Contains(t, string(body), `"data":{"customer_key":"K","key":"K","partner":"p","partner_id":"p"}`)
	_, err = b.Of(l, happened("customer.created.v1", `[`))
	require.Error(t, err)
}
