package feed

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/feed"
)

type replays struct{ t *engine.Tx }

const replayColumns = "seller_id, webhook_id, id, types, event_id, from_at, until_at, only_missing, position, created_at"

type replayRow struct {
	SellerID    string `db:"seller_id"`
	WebhookID   string `db:"webhook_id"`
	ID          string `db:"id"`
	Types       string `db:"types"`
	EventID     string `db:"event_id"`
	From        int64  `db:"from_at"`
	Until       int64  `db:"until_at"`
	OnlyMissing int64  `db:"only_missing"`
	Position    int64  `db:"position"`
	CreatedAt   int64  `db:"created_at"`
}

func (r replayRow) replay() feed.Replay {
	out := feed.Replay{
		SellerID: r.SellerID, WebhookID: r.WebhookID, ID: r.ID, EventID: r.EventID, From: engine.Time(r.From), Until: engine.Time(r.Until),
		Missing: r.OnlyMissing != 0, Position: r.Position, CreatedAt: engine.Time(r.CreatedAt),
	}
	out.Types, out.Unreadable = typesOf(r.Types, r.ID)
	return out
}

// Add implements feed.ReplayRepository.
func (r replays) Add(ctx context.Context, n feed.Replay) error {
	types, err := engine.JSON(n.Types)
	if err != nil {
		return r.t.Refuse(err)
	}
	r.t.Signal(WebhooksDue)
	_, err = r.t.Exec(ctx, "INSERT INTO webhook_replays ("+replayColumns+") VALUES ("+engine.Marks(10)+")", n.SellerID, n.WebhookID, n.ID, types, n.EventID,
		engine.Micros(n.From), engine.Micros(n.Until), engine.Flag(n.Missing), n.Position, engine.Micros(n.CreatedAt))
	return err
}

// Count implements feed.ReplayRepository.
func (r replays) Count(ctx context.Context, sellerID, webhookID string) (n int64, err error) {
	_, err = r.t.Get(ctx, &n, "SELECT COUNT(*) FROM webhook_replays WHERE seller_id = ? AND webhook_id = ?", sellerID, webhookID)
	return n, err
}

// Save implements feed.ReplayRepository.
func (r replays) Save(ctx context.Context, n feed.Replay) (bool, error) {
	matched, err := r.t.Exec(ctx, "UPDATE webhook_replays SET position = ? WHERE seller_id = ? AND webhook_id = ? AND id = ?", n.Position, n.SellerID, n.WebhookID, n.ID)
	return matched == 1, err
}

// Delete implements feed.ReplayRepository.
func (r replays) Delete(ctx context.Context, sellerID, webhookID, id string) error {
	query, args := r.t.DeleteByKey("webhook_replays", "PRIMARY")+" WHERE seller_id = ? AND webhook_id = ?", []any{sellerID, webhookID}
	if id != "" {
		query, args = query+" AND id = ?", append(args, id)
	}
	_, err := r.t.Exec(ctx, query, args...)
	return err
}
