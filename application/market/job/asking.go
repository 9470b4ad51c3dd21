package job

import (
	"context"
	"log/slog"
	"maps"
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
	// sweepEvery is how often it is looked for buyers that are asked for too long, and overdueFor how long that is. An answer that came in time and
	// waits to be stored goes before that, for handFor at most.
	sweepEvery = 250 * time.Millisecond
	overdueFor = time.Second
	handFor    = 2 * time.Minute
)

// most is how many requests a receiver gets at once.
func (s *Sender) most(e *endpoint) int {
	if e.asks {
		return s.AskPerEndpoint
	}
	return s.PerEndpoint
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

// sweep ends until ctx ends what buyers are asked for too long: also where their receiver is left alone.
// What cannot be ended is left for a while, and what is behind it is ended.
func (r *sending) sweep(ctx context.Context) {
	aside := map[string]time.Duration{} // until when
	for r.untilSweep(ctx) {
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
		if len(some) == 0 || r.storeThese(ctx, some) == nil {
			continue
		}
		held := 0
		for i := range some { // what can be ended does not wait for what cannot
			err := r.storeThese(ctx, some[i:i+1])
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

// ever is longer than anybody is asked.
const ever = 10 * 365 * 24 * time.Hour

// untilSweep waits until it is time to look for who is asked for too long, and reports whether ctx goes on. While nothing happens, and nobody is
// asked, that is seldom.
func (r *sending) untilSweep(ctx context.Context) bool {
	for {
		due := r.Due.Version()
		often, moved := r.pace.Next()
		if moved == nil {
			return pause(ctx, sweepEvery)
		}
		if asked, err := r.Overdue.OverdueReservations(ctx, r.Clock.Now().Add(ever), 1); err != nil || len(asked) > 0 {
			return pause(ctx, sweepEvery)
		}
		next := time.NewTimer(often)
		select {
		case <-moved:
		case <-r.Due.After(due):
		case <-next.C:
		case <-ctx.Done():
		}
		next.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
}

// ended is the result of a buyer that did not answer until its deadline.
func ended(o market.OverdueReservation) (out result) {
	out.DeliveryResult = marketcommand.DeliveryResult{SellerID: o.SellerID, DeliveryID: o.DeliveryID, LeadID: o.LeadID, Ended: o.Reason}
	out.Try, out.asks = o.Tries, true
	if out.Ended == "" {
		out.Ended = delivery.Timeout
	}
	return out
}
