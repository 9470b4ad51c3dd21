package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/webhook"
)

type webhooks struct{ t *engine.Tx }

const webhookColumns = "seller_id, id, handle, name, url, events, format, status, disabled_reason, stopped_at, failing_since, secret, old_secret, old_secret_until, created_at, updated_at, version"

type webhookRow struct {
	SellerID       string `db:"seller_id"`
	ID             string `db:"id"`
	Handle         string `db:"handle"`
	Name           string `db:"name"`
	URL            string `db:"url"`
	Events         string `db:"events"`
	Format         string `db:"format"`
	Status         string `db:"status"`
	DisabledReason string `db:"disabled_reason"`
	StoppedAt      int64  `db:"stopped_at"`
	FailingSince   int64  `db:"failing_since"`
	Secret         []byte `db:"secret"`
	OldSecret      []byte `db:"old_secret"`
	OldSecretUntil int64  `db:"old_secret_until"`
	CreatedAt      int64  `db:"created_at"`
	UpdatedAt      int64  `db:"updated_at"`
	Version        int64  `db:"version"`
}

func (r webhookRow) snapshot() (webhook.Snapshot, error) {
	s := webhook.Snapshot{
		ID: r.ID, SellerID: r.SellerID, Key: r.Handle, Name: r.Name, URL: r.URL, Format: webhook.Format(r.Format), Status: webhook.Status(r.Status),
		DisabledReason: webhook.DisabledReason(r.DisabledReason), StoppedAt: engine.Time(r.StoppedAt), FailingSince: engine.Time(r.FailingSince),
		Secret: some(r.Secret), OldSecret: some(r.OldSecret), OldSecretUntil: engine.Time(r.OldSecretUntil), CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt),
		Version: r.Version,
	}
	var err error
	s.Events, err = typesOf(r.Events, r.ID)
	return s, err
}

// some is nil for no bytes, which engines return differently.
func some(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// typesOf reads a list of types of events.
func typesOf(text, id string) (types []string, err error) {
	if err := json.Unmarshal([]byte(text), &types); err != nil {
		return nil, fmt.Errorf("restore the events of %s: %w", id, err)
	}
	return types, nil
}

// Add implements feed.WebhookRepository.
func (r webhooks) Add(ctx context.Context, w *webhook.Webhook) error {
	s := w.Snapshot()
	events, err := engine.JSON(s.Events)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, err := r.t.Insert(ctx, "webhooks", "INSERT INTO webhooks ("+webhookColumns+") VALUES ("+engine.Marks(17)+")", s.SellerID, s.ID, s.Key, s.Name, s.URL, events,
		string(s.Format), string(s.Status), string(s.DisabledReason), engine.Micros(s.StoppedAt), engine.Micros(s.FailingSince), engine.Blob(s.Secret),
		engine.Blob(s.OldSecret), engine.Micros(s.OldSecretUntil), engine.Micros(s.CreatedAt), engine.Micros(s.UpdatedAt), s.Version)
	switch {
	case err != nil:
		return err
	case taken == "webhooks_handle":
		return r.t.Refuse(webhook.ErrKeyTaken)
	case taken != "":
		return r.t.Unexpected("webhooks", taken)
	}
	r.t.Save(w, "webhook", s.ID, s.SellerID, application.TrailOf(ctx))
	return nil
}

// Count implements feed.WebhookRepository.
func (r webhooks) Count(ctx context.Context, sellerID string) (n int64, err error) {
	_, err = r.t.Get(ctx, &n, "SELECT COUNT(*) FROM webhooks WHERE seller_id = ? AND status <> 'deleted'", sellerID)
	return n, err
}

// byHandle is the condition on an id or a key of a webhook. What can be neither is a condition that nothing meets.
func byHandle(handle string) string {
	if strings.HasPrefix(handle, "webhook_") {
		return "id = ?"
	}
	return "handle = ?"
}

// Lock implements feed.WebhookRepository.
func (r webhooks) Lock(ctx context.Context, sellerID, handle string) (*webhook.Webhook, error) {
	if !engine.IsID(handle) {
		return nil, webhook.ErrNotFound
	}
	var row webhookRow
	found, err := r.t.Get(ctx, &row, "SELECT "+webhookColumns+" FROM webhooks WHERE seller_id = ? AND "+byHandle(handle)+r.t.ForUpdate(), sellerID, handle)
	if err != nil {
		return nil, err
	}
	if !found || row.Status == string(webhook.Deleted) {
		return nil, webhook.ErrNotFound
	}
	s, err := row.snapshot()
	if err != nil {
		return nil, r.t.Refuse(err)
	}
	return webhook.FromSnapshot(s), nil
}

// LockAll implements feed.WebhookRepository.
func (r webhooks) LockAll(ctx context.Context, refs []application.Ref) (map[string]*webhook.Webhook, error) {
	out := make(map[string]*webhook.Webhook, len(refs))
	for piece := range r.t.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []webhookRow
		if err := r.t.All(ctx, &rows, "SELECT "+webhookColumns+" FROM webhooks"+r.t.UseKey("PRIMARY")+" WHERE "+keys+" ORDER BY seller_id, id"+r.t.ForUpdate(), args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			s, err := row.snapshot()
			if err != nil {
				return nil, r.t.Refuse(err)
			}
			out[row.ID] = webhook.FromSnapshot(s)
		}
	}
	return out, nil
}

// Save implements feed.WebhookRepository.
func (r webhooks) Save(ctx context.Context, w *webhook.Webhook) error {
	s := w.Snapshot()
	events, err := engine.JSON(s.Events)
	if err != nil {
		return r.t.Refuse(err)
	}
	matched, err := r.t.Exec(ctx, "UPDATE webhooks SET handle = ?, name = ?, url = ?, events = ?, status = ?, disabled_reason = ?, stopped_at = ?, failing_since = ?, secret = ?, old_secret = ?, "+
		"old_secret_until = ?, updated_at = ?, version = ? WHERE seller_id = ? AND id = ? AND version = ?", s.Key, s.Name, s.URL, events, string(s.Status), string(s.DisabledReason),
		engine.Micros(s.StoppedAt), engine.Micros(s.FailingSince), engine.Blob(s.Secret), engine.Blob(s.OldSecret), engine.Micros(s.OldSecretUntil), engine.Micros(s.UpdatedAt),
		s.Version, s.SellerID, s.ID, w.StoredVersion())
	if err != nil {
		return err
	}
	if matched != 1 {
		return application.ErrConcurrentChange
	}
	r.t.Signal(WebhooksDue)
	r.t.Save(w, "webhook", s.ID, s.SellerID, application.TrailOf(ctx))
	return nil
}

// sellersAtOnce is how many sellers one statement names.
const sellersAtOnce = 500

const listenerColumns = "w.seller_id, s.code AS seller_code, w.id, w.handle, w.url, w.format, w.events"

type listenerRow struct {
	SellerID   string `db:"seller_id"`
	SellerCode string `db:"seller_code"`
	ID         string `db:"id"`
	Handle     string `db:"handle"`
	URL        string `db:"url"`
	Format     string `db:"format"`
	Events     string `db:"events"`
}

func (r listenerRow) listener() (feed.Listener, error) {
	l := feed.Listener{SellerID: r.SellerID, SellerCode: r.SellerCode, ID: r.ID, Key: r.Handle, URL: r.URL, Format: webhook.Format(r.Format)}
	var err error
	l.Events, err = typesOf(r.Events, r.ID)
	return l, err
}

// Listening implements feed.WebhookRepository.
func (r webhooks) Listening(ctx context.Context, sellerIDs []string) ([]feed.Listener, []application.Ref, error) {
	return listening(ctx, r.t, sellerIDs)
}

// Listening implements feed.Reader.
func (r *Reader) Listening(ctx context.Context, sellerIDs []string) ([]feed.Listener, []application.Ref, error) {
	return listening(ctx, r.db, sellerIDs)
}

// allReader reads all rows of a statement.
type allReader interface {
	All(ctx context.Context, into any, query string, args ...any) error
}

// listening reads the active webhooks of sellers. One that cannot be read stops no other.
func listening(ctx context.Context, from allReader, sellerIDs []string) (all []feed.Listener, unreadable []application.Ref, err error) {
	for some := range slices.Chunk(sellerIDs, sellersAtOnce) {
		var rows []listenerRow
		if err := from.All(ctx, &rows, "SELECT "+listenerColumns+" FROM webhooks w JOIN sellers s ON s.id = w.seller_id WHERE w.seller_id IN ("+engine.Marks(len(some))+
			") AND w.status = 'active' ORDER BY w.seller_id, w.id", engine.Anys(some)...); err != nil {
			return nil, nil, err
		}
		for _, row := range rows {
			l, err := row.listener()
			if err != nil {
				unreadable = append(unreadable, application.Ref{SellerID: row.SellerID, ID: row.ID})
				continue
			}
			all = append(all, l)
		}
	}
	return all, unreadable, nil
}
