package job

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
)

const (
	// heldPatience is how long storing results waits for a lead that somebody else holds; what was held is tried again after heldPause.
	heldPatience = 250 * time.Millisecond
	heldPause    = time.Second
	// mostHeld is how many results are waited for one by one before the others that they came with are tried later too.
	mostHeld = 4
)

// store stores the results that came. While the database cannot take them, they are kept and nothing else is sent. Those of leads that somebody else
// holds are put aside, alone.
func (r *sending) store(ctx context.Context) error {
	if len(r.held) > 0 && application.Elapsed(r.Clock) >= r.again {
		some := r.held
		r.held = nil
		if err := r.oneByOne(ctx, some); err != nil {
			r.held = some
			return err
		}
	}
	for len(r.unstored) > 0 {
		some := r.unstored[:min(gathered, len(r.unstored))]
		if err := r.record(ctx, some); err != nil {
			return err
		}
		r.unstored = r.unstored[len(some):]
	}
	r.unstored = nil
	return nil
}

// oneByOne stores each result by itself.
func (r *sending) oneByOne(ctx context.Context, some []result) error {
	before := len(r.held)
	for i := range some {
		if len(r.held)-before >= mostHeld {
			r.held = append(r.held, some[i:]...)
			return nil
		}
		if err := r.record(ctx, some[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (r *sending) record(ctx context.Context, some []result) error {
	all := make([]marketcommand.DeliveryResult, len(some))
	for i := range some {
		all[i] = some[i].DeliveryResult
	}
	for {
		_, err := r.Record.Handle(application.WithPatience(ctx, heldPatience), marketcommand.RecordDeliveries{Results: all})
		held := application.IsHeld(err)
		switch {
		case err == nil:
			r.noteAll(some, false)
			return nil
		case len(some) > 1 && (held || fault.KindOf(err) != fault.Unavailable): // only what the database does not take is left out
			return r.oneByOne(ctx, some)
		case held:
			r.held, r.again = append(r.held, some...), application.Elapsed(r.Clock)+heldPause
			return nil
		case fault.KindOf(err) != fault.Unavailable:
			r.Logger.ErrorContext(ctx, "the result of a delivery cannot be stored", slog.String("delivery_id", some[0].DeliveryID), slog.String("code", string(fault.CodeOf(err))),
				slog.String("cause", fault.Chain(err)))
			r.noteAll(some, true)
			return nil
		}
		pause := time.NewTimer(r.Poll)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// noteAll notes results that were stored, or could not be.
func (r *sending) noteAll(some []result, refused bool) {
	for _, one := range some {
		one.refused = refused
		r.note(one)
	}
}

// note notes a result that was stored. A contract of which one could not be stored is left alone for a while, so that its buyer does not get the
// same again and again.
func (r *sending) note(one result) {
	if one.asks {
		r.unsettled--
	}
	now, e := application.Elapsed(r.Clock), r.leave(&one)
	outcome := string(one.Reason)
	switch {
	case one.refused:
		e.rest(now, longestProbe)
	case one.Ended != "": // which says nothing of the receiver
		outcome = string(one.Ended)
	case one.Reason == delivery.TooLarge: // nor does this: nothing was sent
	case one.OK:
		e.Succeeded(r.most(e))
		outcome = string(delivery.Delivered)
	case one.Said.Verdict != delivery.Unsure: // no is an answer too
		e.Succeeded(r.most(e))
	case answered(one.Posted):
		e.Answered()
		e.rest(now, min(one.RetryAfter, longestProbe))
	default:
		e.failed(now, one.probe, one.Reason)
		e.rest(now, min(one.RetryAfter, longestProbe))
	}
	r.queue(one.endpoint, e)
	r.Observer.Attempted(outcome)
}

// hasDue reports whether something waits for room.
func (r *sending) hasDue() bool {
	return slices.ContainsFunc(r.order, func(ref application.Ref) bool { return r.endpoints[ref].waits() })
}

// last stores what came back until the end: it was received, and would be sent again otherwise.
func (r *sending) last(ctx context.Context) {
	close(r.results)
	for one := range r.results {
		r.came(one)
	}
	if len(r.unstored)+len(r.held)+len(r.toSettle)+len(r.toRelease) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLast)
	defer cancel()
	r.settleLast(ctx)
	r.again = 0
	err := r.store(ctx)
	if n := len(r.unstored) + len(r.held); n > 0 {
		r.Logger.WarnContext(ctx, "results of deliveries were not stored; they are sent again", slog.Int("deliveries", n), slog.String("code", string(fault.CodeOf(err))))
	}
}
