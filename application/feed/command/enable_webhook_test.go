package command_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	"github.com/leadmill/leadmill/domain/webhook"
)

// What happened before a webhook was disabled, and had no delivery by then, is made up for too.
func TestWhatIsMadeUpBeginsBeforeAWebhookWasDisabled(t *testing.T) {
	t.Parallel()
	stopped := noon.Add(-24 * time.Hour)
	s := &store{webhook: webhook.FromSnapshot(webhook.Snapshot{
		ID: "webhook_1", SellerID: "seller_1", Events: []string{"lead.sold.v1"}, Format: webhook.Standard, Status: webhook.Disabled, StoppedAt: stopped, Version: 1,
	})}
	_, err := feedcommand.EnableWebhookHandler{Deps: s.deps()}.Handle(t.Context(), feedcommand.EnableWebhook{Actor: application.Actor{SellerID: "seller_1"}, ID: "webhook_1"})
	require.NoError(t, err)
	require.Equal(t, []feed.Replay{{
		SellerID: "seller_1", WebhookID: "webhook_1", ID: "replay_000000000001", Types: []string{"lead.sold.v1"}, From: stopped.Add(-time.Hour), Until: noon.Add(time.Minute),
		Missing: true, CreatedAt: noon,
	}}, s.replays)
}
