package feed

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/webhook"
)

// Reader answers this room's questions from its tables, outside of transactions. Beside the errors that a question names, each answers with
// application.ErrUnavailable when the database cannot be reached or is too busy.
type Reader struct{ db *engine.Reader }

var _ feed.Reader = (*Reader)(nil)

// NewReader returns a Reader on an open database.
func NewReader(db *dialect.DB) *Reader { return &Reader{engine.NewReader(db)} }

// Webhooks returns a page of a seller's webhooks.
func (r *Reader) Webhooks(ctx context.Context, q feedquery.Webhooks) (application.List[webhook.Snapshot], error) {
	return engine.List(ctx, r.db, q.Page, func(s webhook.Snapshot) string { return s.ID }, webhookRow.snapshot,
		"SELECT "+webhookColumns+" FROM webhooks WHERE seller_id = ? AND status <> 'deleted'", q.SellerID)
}

// WebhookOf implements feed.Reader.
func (r *Reader) WebhookOf(ctx context.Context, sellerID, handle string) (webhook.Snapshot, error) {
	if !engine.IsID(handle) {
		return webhook.Snapshot{}, webhook.ErrNotFound
	}
	var row webhookRow
	if err := r.db.One(ctx, webhook.ErrNotFound, &row, "SELECT "+webhookColumns+" FROM webhooks WHERE seller_id = ? AND "+byHandle(handle)+" AND status <> 'deleted'", sellerID, handle); err != nil {
		return webhook.Snapshot{}, err
	}
	return row.snapshot()
}

// ListenerOf implements feed.Reader.
func (r *Reader) ListenerOf(ctx context.Context, ref application.Ref) (feed.Listener, error) {
	var row listenerRow
	if err := r.db.One(ctx, webhook.ErrNotFound, &row, "SELECT "+listenerColumns+" FROM webhooks w JOIN sellers s ON s.id = w.seller_id WHERE w.seller_id = ? AND w.id = ? AND w.status <> 'deleted'",
		ref.SellerID, ref.ID); err != nil {
		return feed.Listener{}, err
	}
	return row.listener()
}

// What finds the first delivery that is due of each webhook. Servers read one row a webhook for the short statement, for which SQLite reads the whole
// queue; the other one goes from each seller and webhook to the next, which servers do not.
const (
	firstDue = "SELECT f.seller_id, f.webhook_id, f.earliest FROM (SELECT seller_id, webhook_id, MIN(next_at) AS earliest FROM webhook_queue GROUP BY seller_id, webhook_id HAVING earliest <= ?) f " +
		"JOIN webhooks w ON w.seller_id = f.seller_id AND w.id = f.webhook_id AND w.status = 'active'"
	firstDueSQLite = "WITH RECURSIVE s (seller_id) AS (SELECT MIN(q.seller_id) FROM webhook_queue q " +
		"UNION ALL SELECT (SELECT MIN(q.seller_id) FROM webhook_queue q WHERE q.seller_id > s.seller_id) FROM s WHERE s.seller_id IS NOT NULL), " +
		"k (seller_id, webhook_id) AS (SELECT s.seller_id, (SELECT MIN(q.webhook_id) FROM webhook_queue q WHERE q.seller_id = s.seller_id) FROM s WHERE s.seller_id IS NOT NULL " +
		"UNION ALL SELECT k.seller_id, (SELECT MIN(q.webhook_id) FROM webhook_queue q WHERE q.seller_id = k.seller_id AND q.webhook_id > k.webhook_id) FROM k WHERE k.webhook_id IS NOT NULL) " +
		"SELECT f.seller_id, f.webhook_id, f.earliest FROM (SELECT k.seller_id, k.webhook_id, " +
		"(SELECT MIN(q.next_at) FROM webhook_queue q WHERE q.seller_id = k.seller_id AND q.webhook_id = k.webhook_id) AS earliest FROM k WHERE k.webhook_id IS NOT NULL) f " +
		"JOIN webhooks w ON w.seller_id = f.seller_id AND w.id = f.webhook_id AND w.status = 'active' WHERE f.earliest <= ?"
)

const (
	// firstOfQueue finds what is due first of a webhook.
	firstOfQueue = "SELECT seller_id, webhook_id, next_at, event_id FROM (SELECT seller_id, webhook_id, next_at, event_id FROM webhook_queue WHERE seller_id = ? AND webhook_id = ? AND next_at <= ? ORDER BY next_at, event_id LIMIT ?) f"
	// webhooksAtOnce is of how many webhooks a statement reads what is due.
	webhooksAtOnce = 64
)

type dueRow struct {
	SellerID  string `db:"seller_id"`
	WebhookID string `db:"webhook_id"`
	Earliest  int64  `db:"earliest"`
}

// DueWebhooks implements feed.Reader.
func (r *Reader) DueWebhooks(ctx context.Context, now time.Time) ([]application.Ref, error) {
	query := firstDue
	if r.db.Embedded() {
		query = firstDueSQLite
	}
	var rows []dueRow
	if err := r.db.All(ctx, &rows, query, engine.Micros(now)); err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b dueRow) int { return cmp.Compare(a.Earliest, b.Earliest) })
	due := make([]application.Ref, len(rows))
	for i, row := range rows {
		due[i] = application.Ref{SellerID: row.SellerID, ID: row.WebhookID}
	}
	return due, nil
}

// DueWebhookDeliveries implements feed.Reader. It takes two statements for webhooksAtOnce of them, because often a thousand have one delivery each.
func (r *Reader) DueWebhookDeliveries(ctx context.Context, wanted []feed.WantedDeliveries, now time.Time) (map[application.Ref]feed.DueOfWebhook, error) {
	out := make(map[application.Ref]feed.DueOfWebhook, len(wanted))
	for some := range slices.Chunk(wanted, webhooksAtOnce) {
		if err := r.due(ctx, some, engine.Micros(now), out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *Reader) due(ctx context.Context, wanted []feed.WantedDeliveries, now int64, out map[application.Ref]feed.DueOfWebhook) error {
	refs := make([]application.Ref, len(wanted))
	for i, w := range wanted {
		refs[i] = w.Ref
	}
	keys, args := engine.AmongRefs(refs)
	var hooks []webhookRow
	if err := r.db.All(ctx, &hooks, "SELECT "+webhookColumns+" FROM webhooks WHERE "+keys+" AND status = 'active'", args...); err != nil {
		return err
	}
	if len(hooks) == 0 {
		return nil
	}
	for _, row := range hooks {
		s, err := row.snapshot()
		out[application.Ref{SellerID: row.SellerID, ID: row.ID}] = feed.DueOfWebhook{Webhook: s, Err: err}
	}
	first := make([]string, len(wanted))
	args = make([]any, 0, 4*len(wanted))
	for i, w := range wanted {
		first[i] = firstOfQueue
		args = append(args, w.SellerID, w.ID, now, int64(w.Most))
	}
	var rows []struct {
		SellerID  string `db:"seller_id"`
		WebhookID string `db:"webhook_id"`
		EventID   string `db:"event_id"`
		Type      string `db:"type"`
		Tries     int64  `db:"tries"`
		Attempts  int64  `db:"attempts"`
		NextAt    int64  `db:"next_at"`
		Body      []byte `db:"body"`
	}
	if err := r.db.All(ctx, &rows, "SELECT d.seller_id, d.webhook_id, d.event_id, d.type, d.tries, d.attempts, q.next_at, d.body FROM ("+strings.Join(first, " UNION ALL ")+") q "+
		"JOIN webhook_deliveries d ON d.seller_id = q.seller_id AND d.webhook_id = q.webhook_id AND d.event_id = q.event_id ORDER BY q.next_at, q.event_id", args...); err != nil {
		return err
	}
	for _, d := range rows {
		ref := application.Ref{SellerID: d.SellerID, ID: d.WebhookID}
		if of, active := out[ref]; active {
			of.Due = append(of.Due, feed.DueDelivery{EventID: d.EventID, Type: d.Type, Tries: d.Tries, Attempts: d.Attempts, NextAt: engine.Time(d.NextAt), Body: d.Body})
			out[ref] = of
		}
	}
	return nil
}

// WaitingWebhookDeliveries implements feed.Reader.
func (r *Reader) WaitingWebhookDeliveries(ctx context.Context, limit int64) (n int64, oldest time.Time, err error) {
	const active = " JOIN webhooks w ON w.seller_id = q.seller_id AND w.id = q.webhook_id AND w.status = 'active'"
	if _, err = r.db.Get(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM webhook_queue q"+active+" LIMIT ?) c", limit); err != nil || n == 0 {
		return 0, time.Time{}, err
	}
	var first sql.NullInt64
	_, err = r.db.Get(ctx, &first, "SELECT MIN(q.next_at) FROM (SELECT seller_id, webhook_id, MIN(next_at) AS next_at FROM webhook_queue GROUP BY seller_id, webhook_id) q"+active)
	return n, engine.Time(first.Int64), err
}

// NextWebhookReplays implements feed.Reader.
func (r *Reader) NextWebhookReplays(ctx context.Context, behind feed.Replay, limit int) ([]feed.Replay, error) {
	var rows []replayRow
	at := engine.Micros(behind.CreatedAt)
	if err := r.db.All(ctx, &rows, "SELECT r.seller_id, r.webhook_id, r.id, r.types, r.event_id, r.from_at, r.until_at, r.only_missing, r.position, r.created_at FROM webhook_replays r "+
		"JOIN webhooks w ON w.seller_id = r.seller_id AND w.id = r.webhook_id AND w.status = 'active' WHERE r.created_at > ? OR r.created_at = ? AND r.id > ? ORDER BY r.created_at, r.id LIMIT ?",
		at, at, behind.ID, int64(limit)); err != nil {
		return nil, err
	}
	out := make([]feed.Replay, len(rows))
	for i, row := range rows {
		out[i] = row.replay()
	}
	return out, nil
}

// PendingOf implements feed.Reader.
func (r *Reader) PendingOf(ctx context.Context, ref application.Ref, limit int) (n int, err error) {
	_, err = r.db.Get(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM webhook_queue WHERE seller_id = ? AND webhook_id = ? LIMIT ?) q", ref.SellerID, ref.ID, int64(limit))
	return n, err
}

// DeletedWebhooks implements feed.Reader.
func (r *Reader) DeletedWebhooks(ctx context.Context, limit int) ([]application.Ref, error) {
	var rows []struct {
		SellerID string `db:"seller_id"`
		ID       string `db:"id"`
	}
	err := r.db.All(ctx, &rows, "SELECT w.seller_id, w.id FROM webhooks w WHERE w.status = 'deleted' AND "+
		"EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.seller_id = w.seller_id AND d.webhook_id = w.id) LIMIT ?", int64(limit))
	out := make([]application.Ref, len(rows))
	for i, row := range rows {
		out[i] = application.Ref{SellerID: row.SellerID, ID: row.ID}
	}
	return out, err
}

// PositionBefore implements feed.Reader.
func (r *Reader) PositionBefore(ctx context.Context, sellerID string, at time.Time) (int64, error) {
	var first sql.NullInt64
	if _, err := r.db.Get(ctx, &first, "SELECT MIN(first_position) FROM event_positions WHERE seller_id = ? AND at >= ?", sellerID, engine.Micros(at)); err != nil {
		return 0, err
	}
	if !first.Valid { // nothing happened since
		if _, err := r.db.Get(ctx, &first, "SELECT MAX(first_position + events) FROM event_positions WHERE seller_id = ?", sellerID); err != nil {
			return 0, err
		}
	}
	return max(0, first.Int64-1), nil
}

// WebhookDeliveries answers feedquery.WebhookDeliveries: webhook.ErrNotFound.
func (r *Reader) WebhookDeliveries(ctx context.Context, q feedquery.WebhookDeliveries) (application.List[feedquery.WebhookDelivery], error) {
	w, err := r.WebhookOf(ctx, q.SellerID, q.ID)
	if err != nil {
		return application.List[feedquery.WebhookDelivery]{}, err
	}
	f := &engine.Filter{Args: []any{q.SellerID, w.ID}}
	f.WriteString("SELECT " + deliveryColumns + " FROM webhook_deliveries WHERE seller_id = ? AND webhook_id = ?")
	if q.Status != "" {
		f.And("state = ?", q.Status)
	}
	l, err := engine.ListBy(ctx, r.db, engine.Order{Columns: []string{"event_id"}}, q.Page, func(d feedquery.WebhookDelivery) string { return d.EventID },
		func(row deliveryRow) (feedquery.WebhookDelivery, error) { return answerDelivery(row), nil }, f.String(), f.Args...)
	if err != nil {
		return l, err
	}
	return l, r.addAttempts(ctx, q.SellerID, w.ID, l.Items, 1)
}

func answerDelivery(row deliveryRow) feedquery.WebhookDelivery {
	return feedquery.WebhookDelivery{
		EventID: row.EventID, Type: row.Type, Status: row.State, Reason: row.Reason, Tried: row.Attempts, NextAt: engine.Time(row.NextAt),
		HappenedAt: engine.Time(row.HappenedAt), CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt),
	}
}

// WebhookDeliveryByEvent answers feedquery.WebhookDeliveryByEvent: webhook.ErrNotFound, webhook.ErrDeliveryNotFound.
func (r *Reader) WebhookDeliveryByEvent(ctx context.Context, q feedquery.WebhookDeliveryByEvent) (feedquery.WebhookDelivery, error) {
	w, err := r.WebhookOf(ctx, q.SellerID, q.ID)
	if err != nil {
		return feedquery.WebhookDelivery{}, err
	}
	if !engine.IsID(q.EventID) {
		return feedquery.WebhookDelivery{}, webhook.ErrDeliveryNotFound
	}
	var row struct {
		deliveryRow

		Body []byte `db:"body"`
	}
	if err := r.db.One(ctx, webhook.ErrDeliveryNotFound, &row, "SELECT "+deliveryColumns+", body FROM webhook_deliveries WHERE seller_id = ? AND webhook_id = ? AND event_id = ?",
		q.SellerID, w.ID, q.EventID); err != nil {
		return feedquery.WebhookDelivery{}, err
	}
	one := []feedquery.WebhookDelivery{answerDelivery(row.deliveryRow)}
	one[0].Body = row.Body
	err = r.addAttempts(ctx, q.SellerID, w.ID, one, feedquery.MostWebhookAttempts)
	return one[0], err
}

// addAttempts gives deliveries of a webhook their newest attempts.
func (r *Reader) addAttempts(ctx context.Context, sellerID, webhookID string, all []feedquery.WebhookDelivery, most int64) error {
	for some := range slices.Chunk(all, atOnce) {
		of := make(map[string]*feedquery.WebhookDelivery, len(some))
		args := []any{most, sellerID, webhookID}
		for i := range some {
			of[some[i].EventID] = &some[i]
			args = append(args, some[i].EventID)
		}
		var rows []struct {
			EventID string `db:"event_id"`
			Number  int64  `db:"number"`
			At      int64  `db:"at"`
			Took    int64  `db:"duration_us"`
			Status  int    `db:"status"`
			Reason  string `db:"reason"`
			Answer  []byte `db:"answer"`
		}
		if err := r.db.All(ctx, &rows, "SELECT a.event_id, a.number, a.at, a.duration_us, a.status, a.reason, a.answer FROM webhook_deliveries d "+
			"JOIN webhook_attempts a ON a.seller_id = d.seller_id AND a.webhook_id = d.webhook_id AND a.event_id = d.event_id AND a.number > d.tries - ? "+
			"WHERE d.seller_id = ? AND d.webhook_id = ? AND d.event_id IN ("+engine.Marks(len(some))+") ORDER BY a.event_id, a.number DESC", args...); err != nil {
			return err
		}
		for _, a := range rows {
			d := of[a.EventID]
			d.Attempts = append(d.Attempts, feedquery.WebhookAttempt{
				Number: a.Number, At: engine.Time(a.At), Took: time.Duration(a.Took) * time.Microsecond, Status: a.Status, Reason: a.Reason,
				Answer: strings.ToValidUTF8(string(a.Answer), "\uFFFD"),
			})
		}
	}
	return nil
}
