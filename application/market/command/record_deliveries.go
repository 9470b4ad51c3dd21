package command

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/delivery"
)

// RecordDeliveries stores what became of attempts to deliver.
type RecordDeliveries struct{ Results []DeliveryResult }

// Needs implements application.Message.
func (RecordDeliveries) Needs() application.Scope { return application.Internal }

// DeliveryResult is what became of a delivery. With Ended it was not attempted, and is not any more.
type DeliveryResult struct {
	SellerID, DeliveryID, LeadID string

	market.Posted

	Ended delivery.Reason
}

// DeliveriesRecorded says how many results were stored. The others were of deliveries of which somebody else had stored the same attempt.
type DeliveriesRecorded struct{ Stored int }

// RecordDeliveriesHandler handles RecordDeliveries.
type RecordDeliveriesHandler struct{ market.Deps }

// Handle implements bus.Handler. The results of each seller are one transaction; when one fails, the results of other sellers may be stored.
func (h RecordDeliveriesHandler) Handle(ctx context.Context, c RecordDeliveries) (done DeliveriesRecorded, err error) {
	all := slices.Clone(c.Results)
	slices.SortStableFunc(all, func(a, b DeliveryResult) int { return cmp.Compare(a.SellerID, b.SellerID) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].SellerID == all[0].SellerID {
			n++
		}
		stored, err := h.record(ctx, all[:n])
		if err != nil {
			return done, err
		}
		done.Stored += stored
		all = all[n:]
	}
	return done, nil
}

// record stores the results of one seller. What was sent of a lead that was erased meanwhile is not kept.
func (h RecordDeliveriesHandler) record(ctx context.Context, all []DeliveryResult) (stored int, err error) {
	now := h.Clock.Now()
	leads, refs := make([]application.Ref, len(all)), make([]application.Ref, len(all))
	for i, r := range all {
		leads[i], refs[i] = application.Ref{SellerID: r.SellerID, ID: r.LeadID}, application.Ref{SellerID: r.SellerID, ID: r.DeliveryID}
	}
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		erased, err := tx.Deliveries().LockErased(ctx, leads)
		if err != nil {
			return err
		}
		locked, err := tx.Deliveries().LockAll(ctx, refs)
		if err != nil {
			return err
		}
		var changed []*delivery.Delivery
		var attempts []market.DeliveryAttempt
		for i := range all {
			r, d := &all[i], locked[all[i].DeliveryID]
			if d == nil {
				continue
			}
			if err := r.apply(d, now); errors.Is(err, delivery.ErrStale) {
				continue
			} else if err != nil {
				return err
			}
			changed = append(changed, d)
			if r.Ended == "" {
				attempts = append(attempts, r.attempt(erased[r.LeadID]))
			}
		}
		stored = len(changed)
		if err := tx.Deliveries().AddAttempts(ctx, attempts); err != nil {
			return err
		}
		return tx.Deliveries().SaveAll(ctx, changed)
	})
	return stored, err
}

func (r *DeliveryResult) apply(d *delivery.Delivery, now time.Time) error {
	if r.Ended != "" {
		return d.End(r.Try, r.Ended, now)
	}
	return d.Attempted(r.Outcome, now)
}

func (r *DeliveryResult) attempt(erased bool) market.DeliveryAttempt {
	a := market.DeliveryAttempt{
		SellerID: r.SellerID, DeliveryID: r.DeliveryID, LeadID: r.LeadID, Number: r.Try + 1, At: r.At, Took: r.Took, Status: r.Status, Reason: r.Reason,
		Request: r.Request, Answer: r.Answer,
	}
	if erased {
		a.Request, a.Answer = nil, nil
	}
	return a
}
