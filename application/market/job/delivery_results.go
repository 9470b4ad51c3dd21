package job

import (
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
)

const (
	// lanes is how many batches of results of each way are stored at a time, each of other sellers, so that no two wait for the same campaign.
	lanes = 4
	// mostUnstored is how many results of those who are told, and how many of those who are asked, may wait to be stored before no more is sent to them.
	mostUnstored = 4 * gathered
	// heldPatience is how long storing results waits for a lead that somebody else holds; what was held is tried again after heldPause.
	heldPatience = 250 * time.Millisecond
	heldPause    = time.Second
	// mostHeld is how many results are waited for one by one before the others that they came with are tried later too.
	mostHeld = 4
)

// way is one of the ways to the database that results have beside each other: one may wait for a campaign or a lead that somebody else holds, for a
// database that is slow, or for what others say of a lead before the next buyer is asked.
type way int

const (
	told     way = iota // results of those who are told
	answered            // answers of those who are asked
	refused             // those of their answers that release a sale
	ways
)

func (one *result) way() way {
	switch {
	case !one.asks:
		return told
	case one.OK || one.Said.Verdict == delivery.Unsure && one.Ended == "" && !one.Final:
		return answered
	}
	return refused
}

// mostToStore is how many results there can be: of requests, what waits to be stored, and what ends when it is read.
func (s *Sender) mostToStore() int {
	return s.InAll + mailsAtOnce + 2*s.AskInAll + 2*mostUnstored + 4*(s.PerEndpoint+s.AskPerEndpoint)
}

var seed = maphash.MakeSeed()

// keep has a result stored soon.
func (r *sending) keep(one result) {
	r.unstored[one.asks]++
	r.storeSoon(one)
}

// storeSoon has a result stored, for which there is room.
func (r *sending) storeSoon(one result) {
	r.toStore[one.way()][maphash.String(seed, one.SellerID)%lanes] <- &one
}

// full reports whether too much waits to be stored of those who are asked, or of the others.
func (r *sending) full(asks bool) bool { return r.unstored[asks] >= mostUnstored }

// storeAll stores results until ctx ends, those together that came together.
func (r *sending) storeAll(ctx context.Context, all <-chan *result) {
	for {
		var some []result
		select {
		case one := <-all:
			some = append(some, *one)
		case <-ctx.Done():
			return
		}
		end := time.NewTimer(gather)
		for open := true; open && len(some) < gathered; {
			select {
			case one := <-all:
				some = append(some, *one)
			case <-end.C:
				open = false
			case <-ctx.Done():
				open = false
			}
		}
		end.Stop()
		for _, one := range r.storeSome(ctx, some) {
			r.storeSoon(one)
		}
	}
}

// storeSome stores results, and returns those that were not when ctx ended. What is not known to be stored is given again: it counts once.
func (r *sending) storeSome(ctx context.Context, some []result) (left []result) {
	for {
		err := r.storeThese(ctx, some)
		held := application.IsHeld(err)
		switch {
		case err == nil:
			r.tell(some, false)
			return nil
		case len(some) > 1 && (held || fault.KindOf(err) != fault.Unavailable): // only what the database does not take is left out
			return r.storeEach(ctx, some)
		case held:
			r.storeLater(ctx, some)
			return nil
		case fault.KindOf(err) != fault.Unavailable:
			r.Logger.ErrorContext(ctx, "the result of a delivery cannot be stored", slog.String("delivery_id", some[0].DeliveryID), slog.String("code", string(fault.CodeOf(err))),
				slog.String("cause", fault.Chain(err)))
			r.tell(some, true)
			return nil
		}
		if !pause(ctx, r.Poll) {
			return some
		}
	}
}

// storeEach stores each result by itself. When several are of leads that somebody else holds, the others are tried later too.
func (r *sending) storeEach(ctx context.Context, some []result) (left []result) {
	held := 0
	for i := range some {
		if held >= mostHeld {
			r.storeLater(ctx, some[i:])
			return left
		}
		err := r.storeThese(ctx, some[i:i+1])
		switch {
		case err == nil:
			r.tell(some[i:i+1], false)
		case application.IsHeld(err):
			held++
			r.storeLater(ctx, some[i:i+1])
		default:
			left = append(left, r.storeSome(ctx, some[i:i+1])...)
		}
	}
	return left
}

// storeLater gives results back in a while: somebody else holds their leads.
func (r *sending) storeLater(ctx context.Context, some []result) {
	some = slices.Clone(some)
	r.group.Go(func() {
		pause(ctx, heldPause)
		for _, one := range some {
			r.storeSoon(one)
		}
	})
}

// storeThese stores results at once, all of those who are asked or all of those who are told.
func (r *sending) storeThese(ctx context.Context, some []result) (err error) {
	all := make([]marketcommand.DeliveryResult, len(some))
	for i := range some {
		all[i] = some[i].DeliveryResult
	}
	ctx = application.WithPatience(ctx, heldPatience)
	if some[0].asks {
		_, err = r.Settle.Handle(ctx, marketcommand.SettleReservations{Results: all})
	} else {
		_, err = r.Record.Handle(ctx, marketcommand.RecordDeliveries{Results: all})
	}
	return err
}

// tell hands stored results back to the turn of the sender.
func (r *sending) tell(some []result, refused bool) {
	for _, one := range some {
		one.refused = refused
		r.hand.leave(one.DeliveryID)
		r.stored <- &one
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

// note notes a result that was stored. A contract of which one could not be stored is left alone for a while, so that its buyer does not get the
// same again and again.
func (r *sending) note(one result) {
	r.unstored[one.asks]--
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
	case isAnswer(one.Posted):
		e.Answered()
		e.rest(now, min(one.RetryAfter, longestProbe))
	default:
		e.failed(now, one.probe, one.Reason)
		e.rest(now, min(one.RetryAfter, longestProbe))
	}
	r.queue(e)
	r.Observer.Attempted(outcome)
}

// last stores what came back until the end: it was received, and would be sent again otherwise.
func (r *sending) last(ctx context.Context) {
	close(r.results)
	for one := range r.results {
		r.came(one)
	}
	for len(r.stored) > 0 {
		r.note(*<-r.stored)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLast)
	defer cancel()
	for _, asks := range []bool{true, false} {
		if n := len(r.storeLast(ctx, r.waiting(asks))); n > 0 {
			r.Logger.WarnContext(ctx, "results of deliveries were not stored; they are sent again", slog.Int("deliveries", n), slog.Bool("confirm", asks))
		}
	}
}

// storeLast stores results as long as ctx lasts, and returns those that were not.
func (r *sending) storeLast(ctx context.Context, some []result) (left []result) {
	for len(some) > 0 {
		next := some[:min(gathered, len(some))]
		err := r.storeThese(ctx, next)
		switch {
		case err == nil:
			for _, one := range next {
				r.note(one)
			}
		case fault.KindOf(err) == fault.Unavailable && !application.IsHeld(err) && pause(ctx, r.Poll):
			continue
		case len(next) > 1:
			for i := range next {
				left = append(left, r.storeLast(ctx, next[i:i+1])...)
			}
		default:
			left = append(left, next...)
		}
		some = some[len(next):]
	}
	return left
}

// waiting takes what waits to be stored of those who are asked, or of the others.
func (r *sending) waiting(asks bool) (some []result) {
	for w := range ways {
		for _, all := range r.toStore[w] {
			for (w != told) == asks && len(all) > 0 {
				some = append(some, *<-all)
			}
		}
	}
	return some
}
