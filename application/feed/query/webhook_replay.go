package query

import (
	"time"

	"github.com/leadmill/leadmill/application/feed"
)

// WebhookReplay is what a webhook will be told again. EventID is empty when it is not of one event.
type WebhookReplay struct {
	ID, EventID string
	From, Until time.Time
	CreatedAt   time.Time
}

// WebhookReplayOf returns a stored replay.
func WebhookReplayOf(r feed.Replay) WebhookReplay {
	return WebhookReplay{ID: r.ID, EventID: r.EventID, From: r.From, Until: r.Until, CreatedAt: r.CreatedAt}
}
