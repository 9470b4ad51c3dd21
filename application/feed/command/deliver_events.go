package command

import (
	"cmp"
	"context"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/webhook"
)

// DeliverEventsHandler makes the deliveries of events to the webhooks that listen, in batches, which bus.Batcher collects. An event that comes again
// makes none.
type DeliverEventsHandler struct {
	feed.Deps
	Bodies feed.Bodies
}

// HandleBatch implements bus.BatchHandler.
func (h DeliverEventsHandler) HandleBatch(ctx context.Context, events []application.StoredEvent) []bus.Outcome[struct{}] {
	outcomes := make([]bus.Outcome[struct{}], len(events))
	broken := map[string]error{} // what is wrong with single events
	if err := h.deliver(ctx, events, broken); err != nil {
		for i := range outcomes {
			outcomes[i].Err = err
		}
		return outcomes
	}
	for i := range outcomes {
		outcomes[i].Err = broken[events[i].ID]
	}
	return outcomes
}

func (h DeliverEventsHandler) deliver(ctx context.Context, events []application.StoredEvent, broken map[string]error) error {
	sellers := feed.SellersOf(events)
	now := h.Clock.Now()
	return h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) error {
		listeners, err := tx.Webhooks().Listening(ctx, sellers)
		if err != nil || len(listeners) == 0 {
			return err
		}
		of := map[string][]feed.Listener{}
		for _, l := range listeners {
			of[l.SellerID] = append(of[l.SellerID], l)
		}
		var all []feed.NewDelivery
		for i := range events {
			e := &events[i]
			for _, l := range of[e.SellerID] {
				d, err := newDelivery(h.Bodies, l, e)
				if err != nil {
					broken[e.ID] = err
					break
				}
				if d != nil {
					d.NextAt, d.CreatedAt, d.UpdatedAt = now, now, now
					all = append(all, *d)
				}
			}
		}
		_, err = tx.WebhookDeliveries().Add(ctx, all)
		return err
	})
}

// newDelivery returns what a webhook is told of an event; nil when it is not.
func newDelivery(b feed.Bodies, l feed.Listener, e *application.StoredEvent) (*feed.NewDelivery, error) {
	body, err := b.Of(l, e)
	if err != nil || body == nil {
		return nil, err
	}
	return &feed.NewDelivery{Body: body, Delivery: webhook.Delivery{
		SellerID: l.SellerID, WebhookID: l.ID, EventID: e.ID, Type: e.Type, State: webhook.Pending, HappenedAt: e.OccurredAt,
	}}, nil
}

// sortedDeliveries sorts deliveries as they are locked.
func sortedDeliveries[T any](all []T, of func(T) feed.DeliveryRef) []T {
	slices.SortStableFunc(all, func(a, b T) int {
		x, y := of(a), of(b)
		return cmp.Or(cmp.Compare(x.SellerID, y.SellerID), cmp.Compare(x.WebhookID, y.WebhookID), cmp.Compare(x.EventID, y.EventID))
	})
	return all
}
