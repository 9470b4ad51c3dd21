package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
)

// WebhookBacklogs knows about how many deliveries of webhooks are pending, so that they are counted seldom. It is not safe for concurrent use.
type WebhookBacklogs struct {
	most int
	of   map[application.Ref]*backlog
}

// backlog is of a webhook. pending is no less than what is.
type backlog struct{ pending, most int }

// mostBacklogs bounds how many webhooks are known; then they are counted anew.
const mostBacklogs = 10_000

// NewWebhookBacklogs returns the backlogs of webhooks of which most deliveries may be pending.
func NewWebhookBacklogs(most int) *WebhookBacklogs {
	return &WebhookBacklogs{most: most, of: map[application.Ref]*backlog{}}
}

// add notes deliveries that were made, and returns webhooks of which too many may be pending.
func (b *WebhookBacklogs) add(all []feed.NewDelivery) (perhaps []application.Ref) {
	made := map[application.Ref]int{}
	for i := range all {
		made[application.Ref{SellerID: all[i].SellerID, ID: all[i].WebhookID}]++
	}
	for ref, n := range made {
		known := b.of[ref]
		if known != nil {
			known.pending += n
		}
		if known == nil || known.pending >= known.most {
			perhaps = append(perhaps, ref)
		}
	}
	return application.SortedRefs(perhaps)
}

// counted notes how many deliveries of a webhook are pending, and reports whether these are too many. One that begins with too many, because it
// was enabled again or because another instance knew it, gets a quarter of them more, and never twice as many in all.
func (b *WebhookBacklogs) counted(ref application.Ref, pending int) (tooMany bool) {
	known := b.of[ref]
	if known == nil {
		if len(b.of) >= mostBacklogs {
			clear(b.of)
		}
		known = &backlog{most: b.most}
		if pending >= b.most {
			known.most = min(pending+b.most/4, 2*b.most)
		}
		b.of[ref] = known
	}
	if known.pending = pending; pending < known.most {
		return false
	}
	delete(b.of, ref)
	return true
}

// bound disables the webhooks of which too many deliveries are pending, behind those of events since a time: they are made up from then on when it is
// enabled. What cannot be counted is counted again.
func (h DeliverEventsHandler) bound(ctx context.Context, all []feed.NewDelivery, since time.Time) error {
	if h.Backlogs == nil {
		return nil
	}
	for _, ref := range h.Backlogs.add(all) {
		pending, err := h.Reader.PendingOf(ctx, ref, 2*h.Backlogs.most)
		if err != nil {
			return err
		}
		if !h.Backlogs.counted(ref, pending) {
			continue
		}
		now := h.Clock.Now()
		if err := h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) error {
			locked, err := tx.Webhooks().LockAll(ctx, []application.Ref{ref})
			if w := locked[ref.ID]; err != nil || w == nil || !w.Overflowed(since, now) {
				return err
			}
			return tx.Webhooks().Save(ctx, locked[ref.ID])
		}); err != nil {
			return err
		}
	}
	return nil
}

// earliest is when the first of some events happened.
func earliest(events []application.StoredEvent) (at time.Time) {
	for i := range events {
		if at.IsZero() || events[i].OccurredAt.Before(at) {
			at = events[i].OccurredAt
		}
	}
	return at
}
