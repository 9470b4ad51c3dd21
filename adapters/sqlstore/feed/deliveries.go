package feed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/webhook"
)

type deliveries struct{ t *engine.Tx }

const (
	deliveryColumns = "seller_id, webhook_id, event_id, type, state, attempts, tries, next_at, reason, happened_at, created_at, updated_at"
	queueColumns    = "seller_id, webhook_id, next_at, event_id"
)

type deliveryRow struct {
	SellerID   string `db:"seller_id"`
	WebhookID  string `db:"webhook_id"`
	EventID    string `db:"event_id"`
	Type       string `db:"type"`
	State      string `db:"state"`
	Attempts   int64  `db:"attempts"`
	Tries      int64  `db:"tries"`
	NextAt     int64  `db:"next_at"`
	Reason     string `db:"reason"`
	HappenedAt int64  `db:"happened_at"`
	CreatedAt  int64  `db:"created_at"`
	UpdatedAt  int64  `db:"updated_at"`
}

func (r deliveryRow) delivery() *webhook.Delivery {
	return &webhook.Delivery{
		SellerID: r.SellerID, WebhookID: r.WebhookID, EventID: r.EventID, Type: r.Type, State: webhook.State(r.State), Attempts: r.Attempts, Tries: r.Tries,
		NextAt: engine.Time(r.NextAt), Reason: attempt.Reason(r.Reason), HappenedAt: engine.Time(r.HappenedAt), CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt),
	}
}

func refOf(d *webhook.Delivery) feed.DeliveryRef {
	return feed.DeliveryRef{SellerID: d.SellerID, WebhookID: d.WebhookID, EventID: d.EventID}
}

func compareRefs(a, b feed.DeliveryRef) int {
	return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), cmp.Compare(a.WebhookID, b.WebhookID), cmp.Compare(a.EventID, b.EventID))
}

// atOnce is how many deliveries one statement names.
const atOnce = 200

// pieces cuts sorted deliveries into those of one webhook each, and these into what one statement names.
func pieces(refs []feed.DeliveryRef, do func(some []feed.DeliveryRef) error) error {
	for len(refs) > 0 {
		n := 1
		for n < len(refs) && n < atOnce && refs[n].SellerID == refs[0].SellerID && refs[n].WebhookID == refs[0].WebhookID {
			n++
		}
		if err := do(refs[:n]); err != nil {
			return err
		}
		refs = refs[n:]
	}
	return nil
}

// among is the condition on deliveries of one webhook, with its arguments.
func among(some []feed.DeliveryRef) (string, []any) {
	args := []any{some[0].SellerID, some[0].WebhookID}
	for _, ref := range some {
		args = append(args, ref.EventID)
	}
	return " WHERE seller_id = ? AND webhook_id = ? AND event_id IN (" + engine.Marks(len(some)) + ")", args
}

// Add implements feed.DeliveryRepository. Whoever adds one of them at the same time runs the unit of work again. Attempts that are left of a delivery of
// the same event that was purged are forgotten: the new one counts its own from 1.
func (r deliveries) Add(ctx context.Context, all []feed.NewDelivery) (int, error) {
	if len(all) == 0 {
		return 0, nil
	}
	refs := make([]feed.DeliveryRef, len(all))
	for i := range all {
		refs[i] = refOf(&all[i].Delivery)
	}
	slices.SortFunc(refs, compareRefs)
	there := map[feed.DeliveryRef]bool{}
	if err := pieces(refs, func(some []feed.DeliveryRef) error {
		where, args := among(some)
		var found []string
		err := r.t.All(ctx, &found, "SELECT event_id FROM webhook_deliveries"+r.t.UseKey("PRIMARY")+where, args...)
		for _, id := range found {
			there[feed.DeliveryRef{SellerID: some[0].SellerID, WebhookID: some[0].WebhookID, EventID: id}] = true
		}
		return err
	}); err != nil {
		return 0, err
	}
	var fresh []*feed.NewDelivery
	for i := range all {
		if ref := refOf(&all[i].Delivery); !there[ref] {
			there[ref] = true
			fresh = append(fresh, &all[i])
		}
	}
	slices.SortFunc(fresh, func(a, b *feed.NewDelivery) int { return compareRefs(refOf(&a.Delivery), refOf(&b.Delivery)) })
	var again []feed.DeliveryRef
	for _, d := range fresh {
		if mayBeAgain(&d.Delivery) {
			again = append(again, refOf(&d.Delivery))
		}
	}
	if err := pieces(again, func(some []feed.DeliveryRef) error { return r.forgetAttempts(ctx, some) }); err != nil {
		return 0, err
	}
	duplicate, err := r.t.InsertRows(ctx, "webhook_deliveries", deliveryColumns+", body, ended_at", len(fresh), func(args []any, i int) ([]any, error) {
		d := fresh[i]
		return append(args, d.SellerID, d.WebhookID, d.EventID, d.Type, string(d.State), d.Attempts, d.Tries, engine.Micros(d.NextAt), string(d.Reason),
			engine.Micros(d.HappenedAt), engine.Micros(d.CreatedAt), engine.Micros(d.UpdatedAt), engine.Blob(d.Body), int64(0)), nil
	})
	if duplicate {
		return 0, r.t.LostRace()
	}
	if err != nil {
		return 0, err
	}
	queue := make([]*webhook.Delivery, len(fresh))
	for i, d := range fresh {
		queue[i] = &d.Delivery
	}
	return len(fresh), r.enqueue(ctx, queue)
}

// mayBeAgain reports whether an event may have had a delivery that was purged: none is before its event is keepDeliveries old. A day is for clocks that
// differ.
func mayBeAgain(d *webhook.Delivery) bool {
	return d.CreatedAt.Sub(d.HappenedAt) > keepDeliveries-24*time.Hour
}

// enqueue adds pending deliveries to the queue.
func (r deliveries) enqueue(ctx context.Context, all []*webhook.Delivery) error {
	if len(all) == 0 {
		return nil
	}
	r.t.Signal(WebhooksDue)
	_, err := r.t.InsertRows(ctx, "webhook_queue", queueColumns, len(all), func(args []any, i int) ([]any, error) {
		return append(args, all[i].SellerID, all[i].WebhookID, engine.Micros(all[i].NextAt), all[i].EventID), nil
	})
	return err
}

// LockAll implements feed.DeliveryRepository.
func (r deliveries) LockAll(ctx context.Context, refs []feed.DeliveryRef) (map[feed.DeliveryRef]*webhook.Delivery, error) {
	out := make(map[feed.DeliveryRef]*webhook.Delivery, len(refs))
	return out, pieces(slices.SortedFunc(slices.Values(refs), compareRefs), func(some []feed.DeliveryRef) error {
		where, args := among(some)
		var rows []deliveryRow
		err := r.t.All(ctx, &rows, "SELECT "+deliveryColumns+" FROM webhook_deliveries"+r.t.UseKey("PRIMARY")+where+" ORDER BY event_id"+r.t.ForUpdate(), args...)
		for _, row := range rows {
			d := row.delivery()
			out[refOf(d)] = d
		}
		return err
	})
}

// SaveAll implements feed.DeliveryRepository. The rows of the queue that the deliveries had are found by what is stored until now.
func (r deliveries) SaveAll(ctx context.Context, all []*webhook.Delivery) error {
	all = slices.SortedFunc(slices.Values(all), func(a, b *webhook.Delivery) int { return compareRefs(refOf(a), refOf(b)) })
	refs := make([]feed.DeliveryRef, len(all))
	for i, d := range all {
		refs[i] = refOf(d)
	}
	var due []*webhook.Delivery
	at := 0
	if err := pieces(refs, func(some []feed.DeliveryRef) error {
		rows := all[at : at+len(some)]
		at += len(some)
		for _, d := range rows {
			if d.State == webhook.Pending {
				due = append(due, d)
			}
		}
		if err := r.dequeue(ctx, some); err != nil {
			return err
		}
		return r.save(ctx, some, rows)
	}); err != nil {
		return err
	}
	return r.enqueue(ctx, due)
}

// webhookQueue has the deliveries that are pending.
var webhookQueue = engine.Queue{Table: "webhook_queue", Owner: "webhook_id", ID: "event_id"}

// dequeue deletes the rows of the queue that deliveries of one webhook have.
func (r deliveries) dequeue(ctx context.Context, some []feed.DeliveryRef) error {
	where, args := among(some)
	var stored []deliveryRow
	if err := r.t.All(ctx, &stored, "SELECT event_id, next_at FROM webhook_deliveries"+r.t.UseKey("PRIMARY")+where+" AND state = 'pending'", args...); err != nil {
		return err
	}
	rows := make([]engine.Queued, len(stored))
	for i, d := range stored {
		rows[i] = engine.Queued{NextAt: d.NextAt, ID: d.EventID}
	}
	return r.t.Dequeue(ctx, webhookQueue, some[0].SellerID, some[0].WebhookID, rows)
}

// save stores deliveries of one webhook.
func (r deliveries) save(ctx context.Context, some []feed.DeliveryRef, rows []*webhook.Delivery) error {
	u := engine.Cases{Key: "event_id"}
	u.WriteString("UPDATE webhook_deliveries" + r.t.UseKey("PRIMARY") + " SET ")
	for i, c := range []struct {
		name string
		of   func(d *webhook.Delivery) any
	}{
		{"state", func(d *webhook.Delivery) any { return string(d.State) }},
		{"attempts", func(d *webhook.Delivery) any { return d.Attempts }},
		{"tries", func(d *webhook.Delivery) any { return d.Tries }},
		{"next_at", func(d *webhook.Delivery) any { return engine.Micros(d.NextAt) }},
		{"reason", func(d *webhook.Delivery) any { return string(d.Reason) }},
		{"updated_at", func(d *webhook.Delivery) any { return engine.Micros(d.UpdatedAt) }},
		{"ended_at", func(d *webhook.Delivery) any {
			if d.State == webhook.Pending {
				return int64(0)
			}
			return engine.Micros(d.UpdatedAt)
		}},
	} {
		if i > 0 {
			u.WriteString(", ")
		}
		u.WriteString(c.name + " = ")
		u.Choose(len(rows), func(i int) (any, any) { return rows[i].EventID, c.of(rows[i]) })
	}
	where, args := among(some)
	matched, err := r.t.Exec(ctx, u.String()+where, slices.Concat(u.Args, args)...)
	if err == nil && matched != int64(len(rows)) {
		err = r.t.Refuse(fmt.Errorf("%w: %d of %d deliveries to webhooks", engine.ErrGuard, int64(len(rows))-matched, len(rows)))
	}
	return err
}

// AddAttempts implements feed.DeliveryRepository.
func (r deliveries) AddAttempts(ctx context.Context, all []feed.Attempt) error {
	_, err := r.t.InsertRows(ctx, "webhook_attempts", "seller_id, webhook_id, event_id, number, at, duration_us, status, reason, answer", len(all), func(args []any, i int) ([]any, error) {
		a := &all[i]
		return append(args, a.SellerID, a.WebhookID, a.EventID, a.Number, engine.Micros(a.At), a.Took.Microseconds(), int64(a.Status), string(a.Reason), engine.Blob(a.Answer)), nil
	})
	return err
}

// Forget implements feed.DeliveryRepository.
func (r deliveries) Forget(ctx context.Context, sellerID, webhookID string, limit int) (int, error) {
	var ids []string
	if err := r.t.All(ctx, &ids, "SELECT event_id FROM webhook_deliveries"+r.t.UseKey("PRIMARY")+" WHERE seller_id = ? AND webhook_id = ? ORDER BY event_id LIMIT ?",
		sellerID, webhookID, int64(limit)); err != nil {
		return 0, err
	}
	refs := make([]feed.DeliveryRef, len(ids))
	for i, id := range ids {
		refs[i] = feed.DeliveryRef{SellerID: sellerID, WebhookID: webhookID, EventID: id}
	}
	return len(ids), pieces(refs, func(some []feed.DeliveryRef) error {
		if err := r.dequeue(ctx, some); err != nil {
			return err
		}
		if err := r.forgetAttempts(ctx, some); err != nil {
			return err
		}
		where, args := among(some)
		_, err := r.t.Exec(ctx, r.t.DeleteByKey("webhook_deliveries", "PRIMARY")+where, args...)
		return err
	})
}

// ofOneDelivery reads which attempts a delivery has. MySQL reads all attempts of the webhook for several events in a list.
const ofOneDelivery = "SELECT event_id, number FROM webhook_attempts WHERE seller_id = ? AND webhook_id = ? AND event_id = ?"

// attemptsOf is of how many deliveries one statement reads the attempts.
const attemptsOf = 50

// forgetAttempts deletes the attempts of deliveries of one webhook. Each is found by its whole key, so that no row of others is waited for.
func (r deliveries) forgetAttempts(ctx context.Context, some []feed.DeliveryRef) error {
	type number struct {
		EventID string `db:"event_id"`
		Number  int64  `db:"number"`
	}
	numbers := map[string][]any{}
	for refs := range slices.Chunk(some, attemptsOf) {
		var args []any
		for _, ref := range refs {
			args = append(args, ref.SellerID, ref.WebhookID, ref.EventID)
		}
		var stored []number
		if err := r.t.All(ctx, &stored, strings.Repeat(" UNION ALL "+ofOneDelivery, len(refs))[len(" UNION ALL "):], args...); err != nil {
			return err
		}
		for _, a := range stored {
			numbers[a.EventID] = append(numbers[a.EventID], a.Number)
		}
	}
	for _, ref := range some {
		of := numbers[ref.EventID]
		if len(of) == 0 {
			continue
		}
		if _, err := r.t.Exec(ctx, r.t.DeleteByKey("webhook_attempts", "PRIMARY")+" WHERE seller_id = ? AND webhook_id = ? AND event_id = ? AND number IN ("+engine.Marks(len(of))+")",
			slices.Concat([]any{ref.SellerID, ref.WebhookID, ref.EventID}, of)...); err != nil {
			return err
		}
	}
	return nil
}
