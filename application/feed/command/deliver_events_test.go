package command_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	"github.com/leadmill/leadmill/domain/webhook"
)

// listen makes n webhooks listen.
func (s *store) listen(n int) {
	for i := range n {
		s.listening = append(s.listening, feed.Listener{SellerID: "seller_1", ID: fmt.Sprintf("webhook_%03d", i), Format: webhook.Standard, Events: []string{"lead.sold.v1"}})
	}
}

// What many webhooks are told of is made in units of work that are not too large.
func TestDeliveriesOfABatchAreMadeInPieces(t *testing.T) {
	t.Parallel()
	s := &store{}
	s.listen(webhook.MostOfSeller)
	events := make([]application.StoredEvent, 64)
	for i := range events {
		events[i] = application.StoredEvent{Position: int64(i + 1), EventRecord: application.EventRecord{
			ID: fmt.Sprint("evt_", i), SellerID: "seller_1", Type: "lead.sold.v1", OccurredAt: noon, Payload: []byte(`{}`),
		}}
	}
	h := feedcommand.DeliverEventsHandler{Deps: s.deps(), Bodies: feed.Bodies{Base: func() string { return "https://leads.example.com" }}}
	for _, o := range h.HandleBatch(t.Context(), events) {
		require.NoError(t, o.Err)
	}
	require.Equal(t, []int{2000, 2000, 2000, 400}, s.units)
	s.units = nil
	h.HandleBatch(t.Context(), events[:3])
	require.Equal(t, []int{300}, s.units)
}

// secrets seals nothing and refuses no address.
type secrets struct {
	application.Outbound
	application.Sealer
	feed.Signer
}

func (secrets) Check(string) error                             { return nil }
func (secrets) NewSecret() string                              { return "whsec_" }
func (secrets) Seal(plain []byte, _, _ string) ([]byte, error) { return plain, nil }

func TestASellerHasAHundredWebhooks(t *testing.T) {
	t.Parallel()
	catalogue, err := eventsv1.NewCatalogue()
	require.NoError(t, err)
	s := &store{}
	h := feedcommand.CreateWebhookHandler{Deps: s.deps(), Secrets: feedcommand.Secrets{Outbound: secrets{}, Sealer: secrets{}, Signer: secrets{}, Catalogue: catalogue}}
	create := func() error {
		_, err := h.Handle(t.Context(), feedcommand.CreateWebhook{Actor: application.Actor{SellerID: "seller_1"}, Terms: feedcommand.WebhookTerms{
			Name: new("CRM"), URL: new("https://crm.example.com/"), Events: new([]string{"lead.sold.v1"}),
		}})
		return err
	}
	s.listen(99)
	require.NoError(t, create())
	s.listen(1)
	require.ErrorIs(t, create(), webhook.ErrTooMany)
}

// A webhook for which too much waits is disabled, and is told of what happened since the last of these events when it is enabled.
func TestAWebhookForWhichTooMuchWaitsIsDisabled(t *testing.T) {
	t.Parallel()
	s := &store{pending: map[string]int{}}
	s.listen(2)
	slow, err := webhook.New("webhook_000", "seller_1", "key", webhook.Definition{Name: new("CRM"), URL: new("https://crm.example.com/"), Events: new([]string{"lead.sold.v1"})}, nil, noon)
	require.NoError(t, err)
	s.webhook = slow
	h := feedcommand.DeliverEventsHandler{
		Deps: s.deps(), Bodies: feed.Bodies{Base: func() string { return "https://leads.example.com" }}, Reader: s, Backlogs: feedcommand.NewWebhookBacklogs(100),
	}
	happened := noon.Add(-time.Minute)
	n := 0
	tell := func(events int) {
		t.Helper()
		list := make([]application.StoredEvent, events)
		for i := range list {
			n++
			list[i] = application.StoredEvent{Position: int64(n), EventRecord: application.EventRecord{
				ID: fmt.Sprint("evt_", n), SellerID: "seller_1", Type: "lead.sold.v1", OccurredAt: happened.Add(time.Duration(i)), Payload: []byte(`{}`),
			}}
		}
		s.pending["webhook_000"] += events
		for _, o := range h.HandleBatch(t.Context(), list) {
			require.NoError(t, o.Err)
		}
	}
	tell(50)
	require.Equal(t, 2, s.counts, "each is counted when it is seen first")
	for range 49 {
		tell(1)
	}
	require.Equal(t, 2, s.counts, "and not again before too much may wait")
	require.Equal(t, webhook.Active, s.webhook.Snapshot().Status)
	tell(1)
	got := s.webhook.Snapshot()
	require.Equal(t, []any{webhook.Disabled, webhook.ReceiverSlow, happened}, []any{got.Status, got.DisabledReason, got.StoppedAt})
	// Enabled again, it is told a while before it is disabled again, however much waits.
	require.Equal(t, happened, s.webhook.Enable(noon))
	tell(24)
	require.Equal(t, webhook.Active, s.webhook.Snapshot().Status)
	tell(25)
	require.Equal(t, webhook.Disabled, s.webhook.Snapshot().Status)
	// But no more than twice as much as may wait.
	s.webhook.Enable(noon)
	s.pending["webhook_000"] = 199
	tell(1)
	require.Equal(t, webhook.Disabled, s.webhook.Snapshot().Status)
}
