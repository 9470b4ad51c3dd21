package job

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
)

// OverdueReservations finds the sales of which a buyer is asked for too long.
type OverdueReservations interface {
	// OverdueReservations returns up to limit reservations of all sellers whose buyers are asked although the deadline is at a time or before, the
	// longest overdue first.
	OverdueReservations(ctx context.Context, at time.Time, limit int) ([]market.OverdueReservation, error)
}

const (
	// settlers is how many batches of answers are settled at a time, of those who say no and of the others: one may wait for a campaign that somebody
	// else holds, or for what others say of a lead before the next buyer is asked.
	settlers = 2
	// mostUnsettled is how many answers may wait to be stored before no more is asked.
	mostUnsettled = 4 * gathered
	// sweepEvery is how often it is looked for buyers that are asked for too long, and overdueFor how long that is. An answer that came in time and
	// waits to be stored goes before that, for handFor at most.
	sweepEvery = 250 * time.Millisecond
	overdueFor = time.Second
	handFor    = 2 * time.Minute
)

// mostToSettle is how many results there can be of buyers that are asked: requests, what waits to be stored, and what ends when it is read.
func (s *Sender) mostToSettle() int { return 2*s.AskInAll + mostUnsettled + 4*s.AskPerEndpoint }

// most is how many requests a receiver gets at once.
func (s *Sender) most(e *endpoint) int {
	if e.asks {
		return s.AskPerEndpoint
	}
	return s.PerEndpoint
}

func (e *endpoint) place(seller string) place { return place{seller, e.standing(), e.asks} }

// freeToAsk is free for buyers that are asked. Somebody waits for each of them, and some answer late, so that those that fail have more of the places.
func (r *sending) freeToAsk(p place) bool {
	all := r.AskInAll * 3 / 4
	if p.standing == failing {
		all = r.AskInAll / 2
	}
	return r.taken[place{"", p.standing, true}] < max(2, all) && r.taken[p] < max(2, all*3/4)
}

// hand is which deliveries were answered without that being stored yet, and since when.
type hand struct {
	mu    sync.Mutex
	since map[string]time.Duration
}

func (h *hand) take(id string, now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since == nil {
		h.since = map[string]time.Duration{}
	}
	h.since[id] = now
}

func (h *hand) leave(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.since, id)
}

// has reports whether a delivery was answered since some time.
func (h *hand) has(id string, since time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.since[id]
	return ok && at > since
}

func (h *hand) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.since)
}

// inHand has nobody end what a buyer answered until that is stored.
func (r *sending) inHand(one *result) {
	if one.asks && one.Said.Verdict != delivery.Unsure {
		r.hand.take(one.DeliveryID, application.Elapsed(r.Clock))
	}
}

// keep has a result stored soon.
func (r *sending) keep(one result) {
	if !one.asks {
		r.unstored = append(r.unstored, one)
		return
	}
	r.unsettled++
	r.settleSoon(one)
}

// settleSoon has a result settled, for which there is room: who accepts does not wait for others to be asked about other leads.
func (r *sending) settleSoon(one result) {
	if one.OK || one.Said.Verdict == delivery.Unsure && one.Ended == "" && !one.Final {
		r.toSettle <- one
	} else {
		r.toRelease <- one
	}
}

// settleAll settles results until ctx ends, those together that came together.
func (r *sending) settleAll(ctx context.Context, all <-chan result) {
	for {
		var some []result
		select {
		case one := <-all:
			some = append(some, one)
		case <-ctx.Done():
			return
		}
		end := time.NewTimer(gather)
		for open := true; open && len(some) < gathered; {
			select {
			case one := <-all:
				some = append(some, one)
			case <-end.C:
				open = false
			case <-ctx.Done():
				open = false
			}
		}
		end.Stop()
		for _, one := range r.settleSome(ctx, some) {
			r.settleSoon(one)
		}
	}
}

// settleSome settles results, and returns those that were not when ctx ended. What is not known to be stored is given again: it counts once.
func (r *sending) settleSome(ctx context.Context, some []result) (left []result) {
	for {
		err := r.settleThese(ctx, some)
		held := application.IsHeld(err)
		switch {
		case err == nil:
			r.tell(some, false)
			return nil
		case len(some) > 1 && (held || fault.KindOf(err) != fault.Unavailable): // only what the database does not take is left out
			return r.settleEach(ctx, some)
		case held:
			r.settleLater(ctx, some)
			return nil
		case fault.KindOf(err) != fault.Unavailable:
			r.Logger.ErrorContext(ctx, "what a buyer answered cannot be stored", slog.String("delivery_id", some[0].DeliveryID), slog.String("code", string(fault.CodeOf(err))),
				slog.String("cause", fault.Chain(err)))
			r.tell(some, true)
			return nil
		}
		if !pause(ctx, r.Poll) {
			return some
		}
	}
}

// settleEach settles each result by itself. When several are of leads that somebody else holds, the others are tried later too.
func (r *sending) settleEach(ctx context.Context, some []result) (left []result) {
	held := 0
	for i := range some {
		if held >= mostHeld {
			r.settleLater(ctx, some[i:])
			return left
		}
		err := r.settleThese(ctx, some[i:i+1])
		switch {
		case err == nil:
			r.tell(some[i:i+1], false)
		case application.IsHeld(err):
			held++
			r.settleLater(ctx, some[i:i+1])
		default:
			left = append(left, r.settleSome(ctx, some[i:i+1])...)
		}
	}
	return left
}

// settleLater gives results back in a while: somebody else holds their leads.
func (r *sending) settleLater(ctx context.Context, some []result) {
	some = slices.Clone(some)
	r.group.Go(func() {
		pause(ctx, heldPause)
		for _, one := range some {
			r.settleSoon(one)
		}
	})
}

// settleThese settles results at once.
func (r *sending) settleThese(ctx context.Context, some []result) error {
	all := make([]marketcommand.DeliveryResult, len(some))
	for i := range some {
		all[i] = some[i].DeliveryResult
	}
	_, err := r.Settle.Handle(application.WithPatience(ctx, heldPatience), marketcommand.SettleReservations{Results: all})
	return err
}

// tell hands settled results back to the turn of the sender.
func (r *sending) tell(some []result, refused bool) {
	for _, one := range some {
		one.refused = refused
		r.hand.leave(one.DeliveryID)
		r.settled <- one
	}
}

// pause reports whether some time has passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// settleLast settles what came back until the end.
func (r *sending) settleLast(ctx context.Context) {
	var some []result
	for _, all := range []chan result{r.toSettle, r.toRelease} {
		for len(all) > 0 {
			some = append(some, <-all)
		}
	}
	if len(some) == 0 {
		return
	}
	if err := r.settleThese(ctx, some); err != nil {
		r.Logger.WarnContext(ctx, "what buyers answered was not stored; they are asked again", slog.Int("deliveries", len(some)), slog.String("code", string(fault.CodeOf(err))))
	}
}

// sweep ends until ctx ends what buyers are asked for too long: also where their receiver is left alone.
// What cannot be ended is left for a while, and what is behind it is ended.
func (r *sending) sweep(ctx context.Context) {
	aside := map[string]time.Duration{} // until when
	for pause(ctx, sweepEvery) {
		now := application.Elapsed(r.Clock)
		maps.DeleteFunc(aside, func(_ string, until time.Duration) bool { return until <= now })
		overdue, err := r.Overdue.OverdueReservations(ctx, r.Clock.Now().Add(-overdueFor), gathered+len(aside)+r.hand.size())
		if err != nil {
			r.complain(ctx, err)
			pause(ctx, r.Poll)
			continue
		}
		some := make([]result, 0, gathered)
		for _, o := range overdue {
			if _, left := aside[o.DeliveryID]; !left && len(some) < gathered && !r.hand.has(o.DeliveryID, now-handFor) {
				some = append(some, ended(o))
			}
		}
		if len(some) == 0 || r.settleThese(ctx, some) == nil {
			continue
		}
		held := 0
		for i := range some { // what can be ended does not wait for what cannot
			err := r.settleThese(ctx, some[i:i+1])
			switch until := application.Elapsed(r.Clock); {
			case err == nil:
				continue
			case application.IsHeld(err):
				aside[some[i].DeliveryID] = until + firstProbe
				held++
			case fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil:
				held = mostHeld
			default:
				aside[some[i].DeliveryID] = until + longestProbe
				r.Logger.WarnContext(ctx, "a buyer is asked for too long, and that cannot be stored; it is tried again in a while",
					slog.String("delivery_id", some[i].DeliveryID), slog.String("code", string(fault.CodeOf(err))), slog.String("cause", fault.Chain(err)))
			}
			if held >= mostHeld {
				pause(ctx, r.Poll)
				break
			}
		}
	}
}

// ended is the result of a buyer that did not answer until its deadline.
func ended(o market.OverdueReservation) (out result) {
	out.DeliveryResult = marketcommand.DeliveryResult{SellerID: o.SellerID, DeliveryID: o.DeliveryID, LeadID: o.LeadID, Ended: o.Reason}
	out.Try = o.Tries
	if out.Ended == "" {
		out.Ended = delivery.Timeout
	}
	return out
}
