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
// makes none. With Backlogs, a webhook for which too much waits is disabled.
type DeliverEventsHandler struct {
	feed.Deps
	Bodies   feed.Bodies
	Reader   feed.Reader
	Backlogs *WebhookBacklogs
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

// deliveriesAtOnce is how many deliveries one unit of work makes, about: the last event's are beside them. What was made before a later one failed is
// there when the events come again.
const deliveriesAtOnce = 2_000

func (h DeliverEventsHandler) deliver(ctx context.Context, events []application.StoredEvent, broken map[string]error) error {
	for len(events) > 0 {
		done, made := 0, []feed.NewDelivery(nil)
		if err := h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) (err error) {
			done, made, err = h.deliverFirst(ctx, tx, events, broken)
			return err
		}); err != nil {
			return err
		}
		if err := h.bound(ctx, made, earliest(events[:done])); err != nil {
			return err
		}
		events = events[done:]
	}
	return nil
}

// deliverFirst makes the deliveries of the first events, and returns of how many.
func (h DeliverEventsHandler) deliverFirst(ctx context.Context, tx feed.Tx, events []application.StoredEvent, broken map[string]error) (done int, all []feed.NewDelivery, err error) {
	listeners, _, err := tx.Webhooks().Listening(ctx, feed.SellersOf(events))
	if err != nil || len(listeners) == 0 {
		return len(events), nil, err
	}
	of := map[string][]feed.Listener{}
	for _, l := range listeners {
		of[l.SellerID] = append(of[l.SellerID], l)
	}
	now := h.Clock.Now()
	for ; done < len(events) && len(all) < deliveriesAtOnce; done++ {
		e := &events[done]
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
	return done, all, err
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
