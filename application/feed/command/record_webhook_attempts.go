package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/webhook"
)

// RecordWebhookAttempts stores what became of attempts to tell webhooks.
type RecordWebhookAttempts struct{ Results []WebhookResult }

// Needs implements application.Message.
func (RecordWebhookAttempts) Needs() application.Scope { return application.Internal }

// WebhookResult is what became of an attempt. FailingSince is since when the webhook fails as far as its sender knows.
type WebhookResult struct {
	feed.DeliveryRef
	feed.Posted

	FailingSince time.Time
}

// WebhookAttemptsRecorded says how many results were stored, and which webhooks were disabled. The others were of deliveries of which somebody else had
// stored the same attempt.
type WebhookAttemptsRecorded struct {
	Stored   int
	Disabled []application.Ref
}

// RecordWebhookAttemptsHandler handles RecordWebhookAttempts.
type RecordWebhookAttemptsHandler struct{ feed.Deps }

// Handle implements bus.Handler. The results of each seller are one transaction; when one fails, the results of other sellers may be stored.
func (h RecordWebhookAttemptsHandler) Handle(ctx context.Context, c RecordWebhookAttempts) (done WebhookAttemptsRecorded, err error) {
	all := sortedDeliveries(slices.Clone(c.Results), func(r WebhookResult) feed.DeliveryRef { return r.DeliveryRef })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].SellerID == all[0].SellerID {
			n++
		}
		if err := h.record(ctx, all[:n], &done); err != nil {
			return done, err
		}
		all = all[n:]
	}
	return done, nil
}

// record stores the results of one seller.
func (h RecordWebhookAttemptsHandler) record(ctx context.Context, all []WebhookResult, done *WebhookAttemptsRecorded) error {
	now := h.Clock.Now()
	refs := make([]feed.DeliveryRef, len(all))
	for i := range all {
		refs[i] = all[i].DeliveryRef
	}
	stored, disabled := 0, []application.Ref(nil)
	err := h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) (err error) {
		if disabled, err = noteHealth(ctx, tx, all, now); err != nil {
			return err
		}
		locked, err := tx.WebhookDeliveries().LockAll(ctx, refs)
		if err != nil {
			return err
		}
		var changed []*webhook.Delivery
		var attempts []feed.Attempt
		for i := range all {
			r, d := &all[i], locked[refs[i]]
			if d == nil {
				continue
			}
			if err := d.Attempted(r.Outcome, now); errors.Is(err, webhook.ErrStale) {
				continue
			} else if err != nil {
				return err
			}
			changed = append(changed, d)
			attempts = append(attempts, feed.Attempt{DeliveryRef: r.DeliveryRef, Number: r.Try + 1, At: r.At, Took: r.Took, Status: r.Status, Reason: r.Reason, Answer: r.Answer})
		}
		stored = len(changed)
		if err := tx.WebhookDeliveries().AddAttempts(ctx, attempts); err != nil {
			return err
		}
		return tx.WebhookDeliveries().SaveAll(ctx, changed)
	})
	if err == nil {
		done.Stored += stored
		done.Disabled = append(done.Disabled, disabled...)
	}
	return err
}

// noteHealth notes on webhooks that they fail, or do no more, and disables those that did for too long. Most results change nothing of that, and lock
// no webhook.
func noteHealth(ctx context.Context, tx feed.Tx, all []WebhookResult, now time.Time) (disabled []application.Ref, err error) {
	of := map[string][]*WebhookResult{}
	for i := range all {
		of[all[i].WebhookID] = append(of[all[i].WebhookID], &all[i])
	}
	var refs []application.Ref
	for id, results := range of {
		if changesHealth(results, now) {
			refs = append(refs, application.Ref{SellerID: all[0].SellerID, ID: id})
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	webhooks, err := tx.Webhooks().LockAll(ctx, refs)
	if err != nil {
		return nil, err
	}
	for _, ref := range application.SortedRefs(refs) {
		w := webhooks[ref.ID]
		if w == nil {
			continue
		}
		results := of[ref.ID]
		slices.SortStableFunc(results, func(a, b *WebhookResult) int { return a.At.Compare(b.At) })
		changed := false
		for _, r := range results {
			if r.OK {
				changed = w.Arrived() || changed
			} else {
				changed = w.Failed(r.Reason == attempt.Gone, now) || changed
			}
		}
		if !changed {
			continue
		}
		if err := tx.Webhooks().Save(ctx, w); err != nil {
			return nil, err
		}
		if w.Snapshot().Status == webhook.Disabled {
			disabled = append(disabled, ref)
		}
	}
	return disabled, nil
}

// changesHealth reports whether results may change what is stored of the health of their webhook.
func changesHealth(results []*WebhookResult, now time.Time) bool {
	arrived, failed := false, false
	var since time.Time
	for _, r := range results {
		arrived, failed = arrived || r.OK, failed || !r.OK
		if r.Reason == attempt.Gone {
			return true
		}
		if !r.FailingSince.IsZero() && (since.IsZero() || r.FailingSince.Before(since)) {
			since = r.FailingSince
		}
	}
	return arrived && (failed || !since.IsZero()) || failed && (since.IsZero() || now.Sub(since) >= webhook.FailsFor)
}
