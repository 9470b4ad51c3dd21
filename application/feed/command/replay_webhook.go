package command

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

// ReplayWebhook has a webhook told again of one event, or of those of some of its types that happened from From to before Until. Empty Types are all of
// its types, a zero Until is now.
type ReplayWebhook struct {
	application.Actor

	ID, EventID string
	Types       []string
	From, Until time.Time
	Once        application.Once[feedquery.WebhookReplay]
}

// Needs implements application.Message.
func (ReplayWebhook) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c ReplayWebhook) AuditObject() string { return c.ID }

// ErrTooManyReplays says that a webhook waits for as many replays as it may.
var ErrTooManyReplays = fault.New(fault.Conflict, "too_many_replays", "The webhook waits for 10 replays: try again when one is done.")

const mostReplays = 10

// ReplayWebhookHandler handles ReplayWebhook.
type ReplayWebhookHandler struct {
	feed.Deps
	Catalogue *eventsv1.Catalogue
}

// Handle implements bus.Handler. Errors: webhook.ErrNotFound, webhook.ErrNotActive, ErrTooManyReplays, fault.ErrValidation.
func (h ReplayWebhookHandler) Handle(ctx context.Context, c ReplayWebhook) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("replay")
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx feed.Tx) (feedquery.WebhookReplay, error) {
		locked, err := tx.Webhooks().Lock(ctx, c.SellerID, c.ID)
		if err != nil {
			return feedquery.WebhookReplay{}, err
		}
		w := locked.Snapshot()
		r, err := c.replay(h.Catalogue, w, id, now)
		if err != nil {
			return feedquery.WebhookReplay{}, err
		}
		if w.Status != webhook.Active {
			return feedquery.WebhookReplay{}, webhook.ErrNotActive
		}
		n, err := tx.WebhookReplays().Count(ctx, w.SellerID, w.ID)
		if err != nil {
			return feedquery.WebhookReplay{}, err
		}
		if n >= mostReplays {
			return feedquery.WebhookReplay{}, ErrTooManyReplays
		}
		return feedquery.WebhookReplayOf(r), tx.WebhookReplays().Add(ctx, r)
	})
}

// replay is what is replayed. The time of one event is that in its id.
func (c ReplayWebhook) replay(catalogue *eventsv1.Catalogue, w webhook.Snapshot, id string, now time.Time) (feed.Replay, error) {
	var v fault.Violations
	r := feed.Replay{SellerID: w.SellerID, WebhookID: w.ID, ID: id, Types: w.Events, EventID: c.EventID, From: c.From, Until: c.Until, CreatedAt: now}
	if len(c.Types) > 0 {
		var names fault.Violations
		r.Types = feed.TypesOf(catalogue, w.Format, c.Types, &names)
		for _, f := range fault.As(names.Err()).Violated() {
			v.Add(strings.Replace(f.Field, "events", "types", 1), f.Code, f.Message)
		}
		for _, typ := range r.Types {
			if !slices.Contains(w.Events, typ) {
				v.Add("types", fault.InvalidValue, "must be of those that the webhook is told of")
				break
			}
		}
	}
	switch {
	case c.EventID != "":
		at, ok := timeOf(c.EventID)
		if !ok {
			v.Add("event_id", fault.InvalidValue, "must be the id of an event")
		}
		if !c.From.IsZero() || !c.Until.IsZero() || len(c.Types) > 0 {
			v.Add("event_id", fault.InvalidValue, "must not be given beside types, from and until")
		}
		r.From, r.Until = at.Add(-eventSpan), at.Add(eventSpan)
	case c.From.IsZero():
		v.Add("from", fault.Required, "is required, unless event_id is given")
	}
	if r.Until.IsZero() {
		r.Until = now.Add(time.Microsecond)
	}
	if c.EventID == "" && !r.From.Before(r.Until) {
		v.Add("until", fault.InvalidValue, "must be after from")
	}
	return r, v.Err()
}

// timeOf returns the time that the id of an event begins with: ten characters of Crockford's base 32, in milliseconds.
func timeOf(eventID string) (time.Time, bool) {
	text, is := strings.CutPrefix(eventID, "evt_")
	if !is || len(text) != 26 {
		return time.Time{}, false
	}
	var ms int64
	for i := range len(text) {
		digit := strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", text[i])
		if digit < 0 || i == 0 && digit > 7 {
			return time.Time{}, false
		}
		if i < 10 {
			ms = ms<<5 | int64(digit)
		}
	}
	return time.UnixMilli(ms).UTC(), true
}

// eventSpan is how far the time of an event may be from that in its id.
const eventSpan = time.Hour
