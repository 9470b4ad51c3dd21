package command

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

// RunWebhookReplays makes the next deliveries of what is replayed.
type RunWebhookReplays struct{}

// Needs implements application.Message.
func (RunWebhookReplays) Needs() application.Scope { return application.Internal }

// WebhookReplaysRun says whether there is more to do at once.
type WebhookReplaysRun struct{ More bool }

// RunWebhookReplaysHandler handles RunWebhookReplays, one at a time.
type RunWebhookReplaysHandler struct {
	feed.Deps
	Reader feed.Reader
	Log    feed.Log
	Bodies feed.Bodies
	Logger *slog.Logger

	last feed.Replay // that the last run looked at, behind which the next begins
}

const (
	// replaysAtOnce is how many replays go on in one run, each of another webhook, and replayStep how many events of each. Those that cannot go on do not
	// count: replayPages times replayPage are looked at, and the next run goes on behind them.
	replaysAtOnce = 16
	replayStep    = 200
	replayPage    = 200
	replayPages   = 20
	// mostReplayed is how many deliveries of a webhook may be pending before a replay makes more.
	mostReplayed = 5_000
	// behind is how far behind its end a replay goes on: what happened at a time may have got its position later.
	behind = 10 * time.Minute
)

// Handle implements bus.Handler. Errors: application.ErrUnavailable.
func (h *RunWebhookReplaysHandler) Handle(ctx context.Context, _ RunWebhookReplays) (done WebhookReplaysRun, err error) {
	served := map[application.Ref]bool{} // webhooks of which no other replay goes on in this run
	began := h.last
	for page, wentOn, around := 0, 0, began.ID == ""; page < replayPages; page++ {
		replays, err := h.Reader.NextWebhookReplays(ctx, h.last, replayPage)
		if err != nil {
			return done, err
		}
		for _, r := range replays {
			if around && began.ID != "" && compareReplays(r, began) > 0 { // all were looked at
				h.last = began
				return done, nil
			}
			h.last = r
			ref := application.Ref{SellerID: r.SellerID, ID: r.WebhookID}
			if served[ref] {
				continue
			}
			full, again, err := h.next(ctx, ref, r)
			if err != nil && (ctx.Err() != nil || fault.KindOf(err) == fault.Unavailable) {
				return done, err
			}
			if err != nil {
				h.Logger.ErrorContext(ctx, "a replay waits", slog.String("replay_id", r.ID), slog.String("webhook_id", r.WebhookID), slog.String("cause", fault.Chain(err)))
				continue
			}
			served[ref], done.More = true, done.More || again
			if !full {
				wentOn++
			}
			if wentOn == replaysAtOnce {
				return done, nil
			}
		}
		if len(replays) < replayPage {
			if h.last = (feed.Replay{}); around {
				return done, nil
			}
			around = true
		}
	}
	return done, nil
}

// compareReplays compares replays by the order in which they are read.
func compareReplays(a, b feed.Replay) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// next makes the next deliveries of a replay, unless its webhook is full: as many deliveries are pending as may.
func (h *RunWebhookReplaysHandler) next(ctx context.Context, ref application.Ref, r feed.Replay) (full, more bool, err error) {
	if r.Unreadable != nil {
		return false, false, r.Unreadable
	}
	pending, err := h.Reader.PendingOf(ctx, ref, mostReplayed)
	if err != nil || pending >= mostReplayed {
		return err == nil, false, err
	}
	more, err = h.step(ctx, ref, r)
	return false, more, err
}

// step makes the next deliveries of a replay; more is false when there is nothing to do for it now.
func (h *RunWebhookReplaysHandler) step(ctx context.Context, ref application.Ref, r feed.Replay) (more bool, err error) {
	l, err := h.Reader.ListenerOf(ctx, ref)
	if errors.Is(err, webhook.ErrNotFound) {
		return false, h.end(ctx, r)
	}
	if err != nil {
		return false, err
	}
	l.Events = r.Types
	if r.Position == 0 {
		if r.Position, err = h.Reader.PositionBefore(ctx, r.SellerID, r.From.Add(-behind)); err != nil {
			return false, err
		}
	}
	events, next, err := h.Log.SellerEvents(ctx, r.SellerID, r.Types, r.Position, replayStep)
	if archived, is := errors.AsType[*feedquery.ArchivedError](err); is { // meanwhile
		events, next, err = h.Log.SellerEvents(ctx, r.SellerID, r.Types, archived.First-1, replayStep)
	}
	if err != nil {
		return false, err
	}
	ends := next == r.Position
	r.Position = next
	var all []feed.NewDelivery
	for i := range events {
		e := &events[i]
		ends = ends || e.OccurredAt.After(r.Until.Add(behind)) || e.ID == r.EventID
		if r.EventID == "" && (e.OccurredAt.Before(r.From) || !e.OccurredAt.Before(r.Until)) || r.EventID != "" && e.ID != r.EventID {
			continue
		}
		d, err := newDelivery(h.Bodies, l, e)
		if err != nil {
			return false, err
		}
		if d != nil {
			all = append(all, *d)
		}
	}
	err = h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) error { return h.deliver(ctx, tx, r, all, ends) })
	return err == nil && !ends, err
}

func (h *RunWebhookReplaysHandler) end(ctx context.Context, r feed.Replay) error {
	return h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) error {
		return tx.WebhookReplays().Delete(ctx, r.SellerID, r.WebhookID, r.ID)
	})
}

// deliver makes the deliveries that a replay found due, unless it ended meanwhile.
func (h *RunWebhookReplaysHandler) deliver(ctx context.Context, tx feed.Tx, r feed.Replay, all []feed.NewDelivery, ends bool) error {
	now := h.Clock.Now()
	there, err := tx.WebhookReplays().Save(ctx, r)
	if err != nil || !there {
		return err
	}
	refs := make([]feed.DeliveryRef, len(all))
	for i, d := range all {
		refs[i] = feed.DeliveryRef{SellerID: d.SellerID, WebhookID: d.WebhookID, EventID: d.EventID}
	}
	known, err := tx.WebhookDeliveries().LockAll(ctx, refs)
	if err != nil {
		return err
	}
	var fresh []feed.NewDelivery
	var again []*webhook.Delivery
	for i, d := range all {
		switch old := known[refs[i]]; {
		case old == nil:
			d.NextAt, d.CreatedAt, d.UpdatedAt = now, now, now
			fresh = append(fresh, d)
		case !r.Missing && old.Again(now):
			again = append(again, old)
		}
	}
	if _, err := tx.WebhookDeliveries().Add(ctx, fresh); err != nil {
		return err
	}
	if err := tx.WebhookDeliveries().SaveAll(ctx, again); err != nil || !ends {
		return err
	}
	return tx.WebhookReplays().Delete(ctx, r.SellerID, r.WebhookID, r.ID)
}
