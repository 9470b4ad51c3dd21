package command_test

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/webhook"
)

// noon is the time of all tests.
var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

type fixedClock struct{}

func (fixedClock) Now() time.Time         { return noon }
func (fixedClock) Elapsed() time.Duration { return 0 }

type fixedIDs struct{}

// New implements application.IDs.
func (fixedIDs) New(prefix string) string { return prefix + "_000000000001" }

// store is a database in which every unit of work succeeds. What it does not have fails the test.
type store struct {
	feed.Tx
	feed.Reader

	webhook   *webhook.Webhook
	listening []feed.Listener
	replays   []feed.Replay
	full      map[string]bool // webhooks
	pending   map[string]int  // by webhook
	counts    int
	saved     []string // replays
	units     []int    // how many deliveries each unit of work added
}

func (s *store) deps() feed.Deps {
	return feed.Deps{Work: s, Clock: fixedClock{}, IDs: fixedIDs{}}
}

func (s *store) Do(ctx context.Context, fn func(ctx context.Context, tx feed.Tx) error) error {
	return fn(ctx, s)
}
func (s *store) Webhooks() feed.WebhookRepository { return webhooks{s: s} }
func (s *store) WebhookDeliveries() feed.DeliveryRepository {
	return deliveries{s: s}
}
func (s *store) WebhookReplays() feed.ReplayRepository { return replays{s: s} }

func (s *store) NextWebhookReplays(_ context.Context, behind feed.Replay, limit int) ([]feed.Replay, error) {
	from := 0
	for i, r := range s.replays {
		if r.ID == behind.ID {
			from = i + 1
		}
	}
	return s.replays[from:min(len(s.replays), from+limit)], nil
}

func (s *store) PendingOf(_ context.Context, ref application.Ref, limit int) (int, error) {
	s.counts++
	if s.full[ref.ID] {
		return limit, nil
	}
	return min(limit, s.pending[ref.ID]), nil
}

func (s *store) ListenerOf(_ context.Context, ref application.Ref) (feed.Listener, error) {
	return feed.Listener{SellerID: ref.SellerID, ID: ref.ID, Format: webhook.Standard}, nil
}

func (s *store) DeletedWebhooks(context.Context, int) ([]application.Ref, error) { return nil, nil }

func (s *store) PositionBefore(context.Context, string, time.Time) (int64, error) { return 1, nil }

type webhooks struct {
	feed.WebhookRepository

	s *store
}

func (w webhooks) Lock(context.Context, string, string) (*webhook.Webhook, error) {
	return w.s.webhook, nil
}

func (w webhooks) LockAll(_ context.Context, refs []application.Ref) (map[string]*webhook.Webhook, error) {
	found := map[string]*webhook.Webhook{}
	for _, ref := range refs {
		if ref.ID == w.s.webhook.Snapshot().ID {
			found[ref.ID] = w.s.webhook
		}
	}
	return found, nil
}

func (w webhooks) Listening(context.Context, []string) ([]feed.Listener, []application.Ref, error) {
	return w.s.listening, nil, nil
}

func (w webhooks) Count(context.Context, string) (int64, error) {
	return int64(len(w.s.listening)), nil
}
func (w webhooks) Add(context.Context, *webhook.Webhook) error  { return nil }
func (w webhooks) Save(context.Context, *webhook.Webhook) error { return nil }

type deliveries struct {
	feed.DeliveryRepository

	s *store
}

func (d deliveries) Add(_ context.Context, all []feed.NewDelivery) (int, error) {
	d.s.units = append(d.s.units, len(all))
	return len(all), nil
}

func (deliveries) LockAll(context.Context, []feed.DeliveryRef) (map[feed.DeliveryRef]*webhook.Delivery, error) {
	return map[feed.DeliveryRef]*webhook.Delivery{}, nil
}

func (deliveries) SaveAll(context.Context, []*webhook.Delivery) error { return nil }

type replays struct {
	feed.ReplayRepository

	s *store
}

func (r replays) Add(_ context.Context, n feed.Replay) error {
	r.s.replays = append(r.s.replays, n)
	return nil
}

func (r replays) Save(_ context.Context, n feed.Replay) (bool, error) {
	r.s.saved = append(r.s.saved, n.ID)
	return true, nil
}

func (r replays) Delete(context.Context, string, string, string) error { return nil }
