package feedtest

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	feedstore "github.com/leadmill/leadmill/adapters/sqlstore/feed"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/webhook"
)

func newWebhook(t *testing.T, id, key string) *webhook.Webhook {
	t.Helper()
	w, err := webhook.New(id, "seller_1", key, webhook.Definition{
		Name: new(sqlstoretest.Awkward[0]), URL: new("https://hooks.example.com/x?a=b&c"), Events: new([]string{"lead.sold.v1", "cap.reached.v1"}),
	}, []byte{0, 1, 255}, now)
	require.NoError(t, err)
	return w
}

func add(t *testing.T, h *sqlstoretest.Harness, ids ...string) {
	t.Helper()
	h.Do(t, func(ctx ctx, tx tx) error {
		if err := tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug")); err != nil {
			return err
		}
		for _, id := range ids {
			if err := tx.Webhooks().Add(ctx, newWebhook(t, id, "key-"+id)); err != nil {
				return err
			}
		}
		return nil
	})
}

func testWebhooks(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1", "webhook_2")
	r := feedstore.NewReader(h.DB)
	require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Webhooks().Add(ctx, newWebhook(t, "webhook_3", "key-webhook_1")) }), webhook.ErrKeyTaken)
	stored := webhook.Snapshot{}
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, handle := range []string{"webhook_1", "key-webhook_1"} {
			w, err := tx.Webhooks().Lock(ctx, "seller_1", handle)
			require.NoError(t, err)
			require.Equal(t, newWebhook(t, "webhook_1", "key-webhook_1").Snapshot(), w.Snapshot())
		}
		for _, handle := range []string{"webhook_9", "nobody", "KEY-webhook_1", "key-webhook_1 ", "ä"} {
			_, err := tx.Webhooks().Lock(ctx, "seller_1", handle)
			require.ErrorIs(t, err, webhook.ErrNotFound, handle)
		}
		_, err := tx.Webhooks().Lock(ctx, "seller_2", "webhook_1")
		require.ErrorIs(t, err, webhook.ErrNotFound)
		n, err := tx.Webhooks().Count(ctx, "seller_1")
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		list, _, err := tx.Webhooks().Listening(ctx, []string{"seller_1", "seller_2"})
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, feed.Listener{
			SellerID: "seller_1", SellerCode: "ABCD1234", ID: "webhook_1", Key: "key-webhook_1", URL: "https://hooks.example.com/x?a=b&c", Format: webhook.Standard,
			Events: []string{"cap.reached.v1", "lead.sold.v1"},
		}, list[0])
		beside, _, err := r.Listening(ctx, []string{"seller_2", "seller_1"})
		require.NoError(t, err)
		require.Equal(t, list, beside, "also outside of a transaction")
		w, err := tx.Webhooks().Lock(ctx, "seller_1", "webhook_1")
		require.NoError(t, err)
		w.RotateSecret([]byte("second"), now.Add(time.Minute))
		require.True(t, w.Failed(true, now.Add(time.Hour)))
		stored = w.Snapshot()
		other, err := tx.Webhooks().Lock(ctx, "seller_1", "webhook_2")
		require.NoError(t, err)
		other.Delete(now)
		require.NoError(t, tx.Webhooks().Save(ctx, other))
		return tx.Webhooks().Save(ctx, w)
	})
	got, err := r.WebhookOf(t.Context(), "seller_1", "key-webhook_1")
	require.NoError(t, err)
	require.Equal(t, stored, got)
	for _, handle := range []string{"webhook_2", "key-webhook_2", "webhook_9"} {
		_, err = r.WebhookOf(t.Context(), "seller_1", handle)
		require.ErrorIs(t, err, webhook.ErrNotFound)
	}
	page, err := r.Webhooks(t.Context(), feedquery.Webhooks{Actor: application.Actor{SellerID: "seller_1"}, Page: application.Page{Limit: 10, Number: 1}})
	require.NoError(t, err)
	require.Equal(t, []webhook.Snapshot{stored}, page.Items)
	stale := newWebhook(t, "webhook_1", "key-webhook_1").Snapshot()
	h.Do(t, func(ctx ctx, tx tx) error {
		list, _, err := tx.Webhooks().Listening(ctx, []string{"seller_1"})
		require.NoError(t, err)
		require.Empty(t, list, "one is disabled, one deleted")
		all, err := tx.Webhooks().LockAll(ctx, sqlstoretest.Refs("webhook_1", "webhook_2", "webhook_9"))
		require.NoError(t, err)
		require.Len(t, all, 2)
		w := webhook.FromSnapshot(stale)
		require.NoError(t, w.Update(webhook.Definition{}, now))
		require.ErrorIs(t, tx.Webhooks().Save(ctx, w), application.ErrConcurrentChange)
		return nil
	})
}

// A webhook whose events cannot be read is left out, and named.
func testUnreadable(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1", "webhook_2")
	h.Exec(t, "UPDATE webhooks SET events = '7' WHERE id = 'webhook_1'")
	list, unreadable, err := feedstore.NewReader(h.DB).Listening(t.Context(), []string{"seller_1"})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "webhook_2", list[0].ID)
	require.Equal(t, sqlstoretest.Refs("webhook_1"), unreadable)
	h.Do(t, func(ctx ctx, tx tx) error {
		beside, same, err := tx.Webhooks().Listening(ctx, []string{"seller_1"})
		require.NoError(t, err)
		require.Equal(t, list, beside)
		require.Equal(t, unreadable, same)
		return nil
	})
}

func told(webhookID, eventID string, due time.Time) feed.NewDelivery {
	return feed.NewDelivery{Body: []byte(`{"id":"` + eventID + `"}`), Delivery: webhook.Delivery{
		SellerID: "seller_1", WebhookID: webhookID, EventID: eventID, Type: "lead.sold.v1", State: webhook.Pending, NextAt: due, HappenedAt: now, CreatedAt: now, UpdatedAt: now,
	}}
}

func testDeliveries(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1", "webhook_2")
	r := feedstore.NewReader(h.DB)
	h.Do(t, func(ctx ctx, tx tx) error {
		n, err := tx.WebhookDeliveries().Add(ctx, []feed.NewDelivery{told("webhook_1", "evt_b", now), told("webhook_1", "evt_a", now), told("webhook_2", "evt_a", now.Add(time.Second)), told("webhook_1", "evt_a", now)})
		require.Equal(t, 3, n)
		return err
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		n, err := tx.WebhookDeliveries().Add(ctx, []feed.NewDelivery{told("webhook_1", "evt_a", now), told("webhook_1", "evt_c", now.Add(time.Minute))})
		require.Equal(t, 1, n, "one is there")
		return err
	})
	due := func(at time.Time) []application.Ref {
		refs, err := r.DueWebhooks(t.Context(), at)
		require.NoError(t, err)
		return refs
	}
	require.Empty(t, due(now.Add(-time.Microsecond)))
	require.Equal(t, sqlstoretest.Refs("webhook_1"), due(now))
	require.Equal(t, sqlstoretest.Refs("webhook_1", "webhook_2"), due(now.Add(time.Second)))
	one := sqlstoretest.Refs("webhook_1")[0]
	two := sqlstoretest.Refs("webhook_2")[0]
	first := feed.DueDelivery{EventID: "evt_a", Type: "lead.sold.v1", NextAt: now, Body: []byte(`{"id":"evt_a"}`)}
	list, err := r.DueWebhookDeliveries(t.Context(), []feed.WantedDeliveries{{Ref: two, Most: 10}, {Ref: one, Most: 10}, {Ref: application.Ref{SellerID: "seller_2", ID: "webhook_1"}, Most: 10}}, now)
	require.NoError(t, err)
	require.Len(t, list, 2, "that of another seller is not there")
	require.Equal(t, "webhook_1", list[one].Webhook.ID)
	require.Equal(t, []feed.DueDelivery{first, {EventID: "evt_b", Type: "lead.sold.v1", NextAt: now, Body: []byte(`{"id":"evt_b"}`)}}, list[one].Due)
	require.Equal(t, "webhook_2", list[two].Webhook.ID)
	require.Empty(t, list[two].Due, "it is due later")
	many := []feed.WantedDeliveries{{Ref: one, Most: 1}}
	for i := range 200 {
		many = append(many, feed.WantedDeliveries{Ref: application.Ref{SellerID: "seller_1", ID: fmt.Sprint("none_", i)}, Most: 10})
	}
	list, err = r.DueWebhookDeliveries(t.Context(), append(many, feed.WantedDeliveries{Ref: two, Most: 10}), now.Add(time.Second))
	require.NoError(t, err)
	require.Equal(t, []feed.DueDelivery{first}, list[one].Due)
	require.NotEmpty(t, list[two].Due, "of as many as are asked for")
	n, oldest, err := r.WaitingWebhookDeliveries(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, []any{int64(4), now}, []any{n, oldest})
	pending, err := r.PendingOf(t.Context(), one, 2)
	require.NoError(t, err)
	require.Equal(t, 2, pending)

	a, b := feed.DeliveryRef{SellerID: "seller_1", WebhookID: "webhook_1", EventID: "evt_a"}, feed.DeliveryRef{SellerID: "seller_1", WebhookID: "webhook_1", EventID: "evt_b"}
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.WebhookDeliveries().LockAll(ctx, []feed.DeliveryRef{b, a, {SellerID: "seller_2", WebhookID: "webhook_1", EventID: "evt_a"}})
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.NoError(t, all[a].Attempted(attempt.Outcome{OK: true}, now.Add(time.Second)))
		require.NoError(t, all[b].Attempted(attempt.Outcome{Reason: attempt.Timeout}, now.Add(time.Second)))
		require.NoError(t, tx.WebhookDeliveries().AddAttempts(ctx, []feed.Attempt{
			{DeliveryRef: a, Number: 1, At: now, Took: time.Millisecond, Status: 200, Answer: []byte("ok")}, {DeliveryRef: b, Number: 1, At: now, Reason: attempt.Timeout},
		}))
		return tx.WebhookDeliveries().SaveAll(ctx, []*webhook.Delivery{all[b], all[a]})
	})
	require.Equal(t, 3, h.Count(t, "webhook_queue"))
	actor := application.Actor{SellerID: "seller_1"}
	page, err := r.WebhookDeliveries(t.Context(), feedquery.WebhookDeliveries{Actor: actor, ID: "key-webhook_1", Page: application.Page{Limit: 2, Number: 1}})
	require.NoError(t, err)
	require.Equal(t, []string{"evt_c", "evt_b"}, []string{page.Items[0].EventID, page.Items[1].EventID})
	require.Equal(t, "evt_b", page.Next)
	require.Equal(t, "timeout", page.Items[1].Attempts[0].Reason)
	page, err = r.WebhookDeliveries(t.Context(), feedquery.WebhookDeliveries{Actor: actor, ID: "webhook_1", Status: "delivered", Page: application.Page{Limit: 10, Number: 1}})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	got, err := r.WebhookDeliveryByEvent(t.Context(), feedquery.WebhookDeliveryByEvent{Actor: actor, ID: "webhook_1", EventID: "evt_a"})
	require.NoError(t, err)
	require.Equal(t, feedquery.WebhookDelivery{
		EventID: "evt_a", Type: "lead.sold.v1", Status: "delivered", Tried: 1, HappenedAt: now, CreatedAt: now, UpdatedAt: now.Add(time.Second), Body: []byte(`{"id":"evt_a"}`),
		Attempts: []feedquery.WebhookAttempt{{Number: 1, At: now, Took: time.Millisecond, Status: 200, Answer: "ok"}},
	}, got)
	_, err = r.WebhookDeliveryByEvent(t.Context(), feedquery.WebhookDeliveryByEvent{Actor: actor, ID: "webhook_2", EventID: "evt_b"})
	require.ErrorIs(t, err, webhook.ErrDeliveryNotFound)
	_, err = r.WebhookDeliveryByEvent(t.Context(), feedquery.WebhookDeliveryByEvent{Actor: application.Actor{SellerID: "seller_2"}, ID: "webhook_1", EventID: "evt_a"})
	require.ErrorIs(t, err, webhook.ErrNotFound)

	h.Do(t, func(ctx ctx, tx tx) error {
		w, err := tx.Webhooks().Lock(ctx, "seller_1", "webhook_1")
		require.NoError(t, err)
		w.Delete(now)
		return tx.Webhooks().Save(ctx, w)
	})
	require.Equal(t, sqlstoretest.Refs("webhook_2"), due(now.Add(time.Hour)))
	gone, err := r.DueWebhookDeliveries(t.Context(), []feed.WantedDeliveries{{Ref: one, Most: 10}}, now)
	require.NoError(t, err)
	require.Empty(t, gone)
	deleted, err := r.DeletedWebhooks(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, sqlstoretest.Refs("webhook_1"), deleted)
	for _, want := range []int{2, 1, 0} {
		h.Do(t, func(ctx ctx, tx tx) error {
			n, err := tx.WebhookDeliveries().Forget(ctx, "seller_1", "webhook_1", 2)
			require.Equal(t, want, n)
			return err
		})
	}
	for table, want := range map[string]int{"webhook_deliveries": 1, "webhook_queue": 1, "webhook_attempts": 0} {
		require.Equal(t, want, h.Count(t, table), table)
	}
	deletedCount, err := h.Store.PurgeExpired(t.Context(), now.Add(365*24*time.Hour))
	require.NoError(t, err)
	require.Zero(t, deletedCount, "what is pending is kept")
	h.Exec(t, "UPDATE webhook_deliveries SET state = 'delivered', next_at = 0, ended_at = updated_at")
	deletedCount, err = h.Store.PurgeExpired(t.Context(), now.Add(365*24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, deletedCount)
}

// A delivery that is made again after it was purged has none of the attempts that are left of the first one, and others keep theirs.
func testDeliveryAgain(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1")
	a, b := feed.DeliveryRef{SellerID: "seller_1", WebhookID: "webhook_1", EventID: "evt_a"}, feed.DeliveryRef{SellerID: "seller_1", WebhookID: "webhook_1", EventID: "evt_b"}
	first := []feed.Attempt{{DeliveryRef: a, Number: 1, At: now, Status: 200}, {DeliveryRef: a, Number: 2, At: now, Status: 200}, {DeliveryRef: b, Number: 1, At: now, Status: 200}}
	both := []feed.NewDelivery{told("webhook_1", "evt_a", now), told("webhook_1", "evt_b", now)}
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.WebhookDeliveries().Add(ctx, both)
		require.NoError(t, err)
		return tx.WebhookDeliveries().AddAttempts(ctx, first)
	})
	h.Exec(t, "DELETE FROM webhook_deliveries WHERE event_id = 'evt_a'")
	h.Exec(t, "DELETE FROM webhook_queue WHERE event_id = 'evt_a'")
	for i := range both { // no delivery is purged sooner
		both[i].CreatedAt, both[i].UpdatedAt = now.Add(30*24*time.Hour), now.Add(30*24*time.Hour)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		n, err := tx.WebhookDeliveries().Add(ctx, both)
		require.Equal(t, 1, n)
		return err
	})
	require.Equal(t, 1, h.Count(t, "webhook_attempts"), "that of the delivery that was there")
	h.Do(t, func(ctx ctx, tx tx) error { return tx.WebhookDeliveries().AddAttempts(ctx, first[:1]) })
	require.Equal(t, 2, h.Count(t, "webhook_attempts"))
}

// Of many deliveries that are due at the same time or at different ones, the queue has those that are pending, at their times.
func testManyDeliveries(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1", "webhook_2")
	const together, apart, few = 260, 45, 5 // of each webhook
	var all []feed.NewDelivery
	var refs []feed.DeliveryRef
	for _, id := range []string{"webhook_1", "webhook_2"} {
		for i := range together + apart + few {
			due := now
			switch {
			case i >= together+apart:
				due = now.Add(time.Second)
			case i >= together:
				due = now.Add(time.Duration(i) * time.Millisecond)
			}
			all = append(all, told(id, fmt.Sprintf("evt_%03d", i), due))
			refs = append(refs, feed.DeliveryRef{SellerID: "seller_1", WebhookID: id, EventID: fmt.Sprintf("evt_%03d", i)})
		}
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.WebhookDeliveries().Add(ctx, all)
		return err
	})
	require.Equal(t, len(all), h.Count(t, "webhook_queue"))
	wait := map[string]int64{} // until when some of them wait after a failure
	h.Do(t, func(ctx ctx, tx tx) error {
		locked, err := tx.WebhookDeliveries().LockAll(ctx, refs)
		require.NoError(t, err)
		var tried []*webhook.Delivery
		for i, ref := range refs {
			if ref.WebhookID == "webhook_2" && i%2 == 0 {
				continue // not tried
			}
			d, outcome := locked[ref], attempt.Outcome{OK: true}
			if i%10 == 1 {
				outcome = attempt.Outcome{Reason: attempt.Timeout}
			}
			require.NoError(t, d.Attempted(outcome, now.Add(time.Minute)))
			if !outcome.OK {
				wait[ref.WebhookID+ref.EventID] = d.NextAt.UnixMicro()
			}
			tried = append(tried, d)
		}
		return tx.WebhookDeliveries().SaveAll(ctx, tried)
	})
	want := map[string]int64{}
	maps.Copy(want, wait)
	for i, ref := range refs {
		if ref.WebhookID == "webhook_2" && i%2 == 0 {
			want[ref.WebhookID+ref.EventID] = all[i].NextAt.UnixMicro()
		}
	}
	var rows []struct {
		WebhookID string `db:"webhook_id"`
		EventID   string `db:"event_id"`
		NextAt    int64  `db:"next_at"`
	}
	require.NoError(t, h.DB.Reader.Select(&rows, "SELECT webhook_id, event_id, next_at FROM webhook_queue"))
	queued := map[string]int64{}
	for _, r := range rows {
		queued[r.WebhookID+r.EventID] = r.NextAt
	}
	require.Len(t, rows, len(want))
	require.Equal(t, want, queued)
}

// Of many that make the deliveries of the same events each event gets one.
func testDeliveryRace(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1")
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		group.Go(func() {
			errs <- h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
				var all []feed.NewDelivery
				for i := range 20 {
					all = append(all, told("webhook_1", fmt.Sprintf("evt_%02d", i), now))
				}
				_, err := tx.WebhookDeliveries().Add(ctx, all)
				return err
			})
		})
	}
	group.Wait()
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	require.Equal(t, 20, h.Count(t, "webhook_deliveries"))
	require.Equal(t, 20, h.Count(t, "webhook_queue"))
}

func testReplays(t *testing.T, h *sqlstoretest.Harness) {
	add(t, h, "webhook_1", "webhook_2")
	r := feedstore.NewReader(h.DB)
	first := feed.Replay{SellerID: "seller_1", WebhookID: "webhook_1", ID: "replay_1", Types: []string{"lead.sold.v1"}, EventID: "evt_1", From: now, Until: now.Add(time.Hour), Missing: true, CreatedAt: now}
	second := feed.Replay{SellerID: "seller_1", WebhookID: "webhook_1", ID: "replay_2", Types: []string{"lead.sold.v1"}, From: now, Until: now.Add(time.Hour), CreatedAt: now.Add(time.Second)}
	other := feed.Replay{SellerID: "seller_1", WebhookID: "webhook_2", ID: "replay_3", Types: []string{"lead.sold.v1"}, From: now, Until: now.Add(time.Hour), CreatedAt: now.Add(2 * time.Second)}
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, n := range []feed.Replay{second, first, other} {
			require.NoError(t, tx.WebhookReplays().Add(ctx, n))
		}
		n, err := tx.WebhookReplays().Count(ctx, "seller_1", "webhook_1")
		require.EqualValues(t, 2, n)
		return err
	})
	list, err := r.NextWebhookReplays(t.Context(), feed.Replay{}, 10)
	require.NoError(t, err)
	require.Equal(t, []feed.Replay{first, second, other}, list)
	list, err = r.NextWebhookReplays(t.Context(), first, 1)
	require.NoError(t, err)
	require.Equal(t, []feed.Replay{second}, list)
	list, err = r.NextWebhookReplays(t.Context(), other, 1)
	require.NoError(t, err)
	require.Empty(t, list)
	h.Do(t, func(ctx ctx, tx tx) error {
		first.Position = 7
		there, err := tx.WebhookReplays().Save(ctx, first)
		require.NoError(t, err)
		require.True(t, there)
		require.NoError(t, tx.WebhookReplays().Delete(ctx, "seller_1", "webhook_1", "replay_2"))
		there, err = tx.WebhookReplays().Save(ctx, second)
		require.False(t, there)
		return err
	})
	list, err = r.NextWebhookReplays(t.Context(), feed.Replay{}, 1)
	require.NoError(t, err)
	require.Equal(t, []feed.Replay{first}, list)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.WebhookReplays().Delete(ctx, "seller_1", "webhook_1", "") })
	list, err = r.NextWebhookReplays(t.Context(), feed.Replay{}, 10)
	require.NoError(t, err)
	require.Equal(t, []feed.Replay{other}, list)
	h.Exec(t, "UPDATE webhook_replays SET types = '{' WHERE id = 'replay_3'")
	h.Do(t, func(ctx ctx, tx tx) error {
		second.CreatedAt = now.Add(time.Hour)
		return tx.WebhookReplays().Add(ctx, second)
	})
	list, err = r.NextWebhookReplays(t.Context(), feed.Replay{}, 10)
	require.NoError(t, err, "what cannot be read stops no other")
	require.Error(t, list[0].Unreadable)
	require.Equal(t, []feed.Replay{second}, list[1:])
	h.Exec(t, "UPDATE webhook_replays SET types = '[]' WHERE id = 'replay_3'")

	var one, last int64
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &last, "SELECT COALESCE(MAX(first_position + events), 0) FROM event_positions WHERE seller_id = 'seller_1'"))
	one, err = r.PositionBefore(t.Context(), "seller_1", now.Add(100*365*24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, max(0, last-1), one, "nothing happened since")
}
