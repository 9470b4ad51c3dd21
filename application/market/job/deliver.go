package job

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// DeliveriesDue tells that deliveries may have become due in this process.
type DeliveriesDue interface {
	// Version counts how often that was told.
	Version() uint64
	// After returns a channel that is closed when Version is above since.
	After(since uint64) <-chan struct{}
}

// DeliveryObserver is told of what a Sender does. Outcome is delivered, or the reason of what failed.
type DeliveryObserver interface {
	Attempted(outcome string)
	Waiting(n int64, oldest time.Duration)
}

// Sender sends what is due to buyers: to each at most PerEndpoint requests at a time, and to all together InAll. What is due is read for each
// contract by itself, a few dozen at a time, so that one with very much that waits delays no other.
type Sender struct {
	Reader   market.DeliveryReader
	Record   bus.Handler[marketcommand.RecordDeliveries, marketcommand.DeliveriesRecorded]
	Poster   market.Poster
	Clock    application.Clock
	Due      DeliveriesDue
	Observer DeliveryObserver
	Logger   *slog.Logger
	Shake    func() int64 // from 0 to delivery.MostShake, at random

	PerEndpoint, InAll int
	Poll               time.Duration // how often it looks without being told
	Idle               time.Duration // without anything due it ends after that
}

const (
	// gather is how long results are gathered that are stored together, and gathered how many.
	gather   = 10 * time.Millisecond
	gathered = 200
	// soonest is how soon it looks again at what is due, and lookShare times what a look took.
	soonest   = 25 * time.Millisecond
	lookShare = 4
	// watch is how often what waits is counted, up to mostWaiting.
	watch       = 10 * time.Second
	mostWaiting = 1_000_000
	// writeLast is how long results may take to be stored that came when the work ended.
	writeLast = 3 * time.Second
)

// sending is one run of a Sender.
type sending struct {
	*Sender

	endpoints map[application.Ref]*endpoint
	order     []application.Ref
	running   int
	results   chan result
	unstored  []result
	watched   time.Duration
	group     sync.WaitGroup

	poll, early *time.Timer // when it looks again at the latest and at the earliest
	rested      bool        // early passed
}

type result struct {
	marketcommand.DeliveryResult

	endpoint application.Ref
	probe    bool
}

// Run sends until ctx ends or nothing was due for Idle. What is under way when it ends is cut off and not stored: it is sent again, under its id.
func (s *Sender) Run(ctx context.Context) error {
	r := &sending{Sender: s, endpoints: map[application.Ref]*endpoint{}, results: make(chan result, s.InAll), watched: application.Elapsed(s.Clock) - watch, poll: time.NewTimer(0), early: time.NewTimer(0)}
	sendCtx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		r.poll.Stop()
		r.early.Stop()
		r.group.Wait()
		r.last(ctx)
	}()
	for quiet := application.Elapsed(s.Clock); ctx.Err() == nil; {
		seen, began := s.Due.Version(), application.Elapsed(s.Clock)
		if err := r.patient(ctx, r.look(ctx)); err != nil {
			return err
		}
		r.poll.Reset(s.Poll)
		r.early.Reset(max(soonest, lookShare*(application.Elapsed(s.Clock)-began)))
		r.rested = false
		for more := true; more && ctx.Err() == nil; {
			if err := r.patient(ctx, r.start(sendCtx)); err != nil {
				return err
			}
			if r.running > 0 || r.hasDue() {
				quiet = application.Elapsed(s.Clock)
			}
			more = r.wait(ctx, seen)
			if err := r.store(ctx); err != nil {
				return err
			}
		}
		if application.Elapsed(s.Clock)-quiet >= s.Idle {
			return nil
		}
	}
	return nil
}

// patient makes nothing of an error of a database that is away: what is under way goes on meanwhile.
func (r *sending) patient(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || fault.KindOf(err) != fault.Unavailable {
		return err
	}
	r.Logger.WarnContext(ctx, "deliveries wait for the database", slog.String("cause", fault.Chain(err)))
	return nil
}

// look finds out which contracts have something due.
func (r *sending) look(ctx context.Context) error {
	if now := application.Elapsed(r.Clock); now-r.watched >= watch {
		n, oldest, err := r.Reader.WaitingDeliveries(ctx, mostWaiting)
		if err != nil {
			return err
		}
		age := time.Duration(0)
		if !oldest.IsZero() {
			age = max(0, r.Clock.Now().Sub(oldest))
		}
		r.Observer.Waiting(n, age)
		r.watched = now
	}
	refs, err := r.Reader.DueEndpoints(ctx, r.Clock.Now())
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if r.endpoints[ref] == nil {
			r.endpoints[ref] = newEndpoint()
			r.order = append(r.order, ref)
		}
		r.endpoints[ref].due = true
	}
	return nil
}

// start begins as many requests as there is room for. Contracts take turns, beginning with another one each time.
func (r *sending) start(ctx context.Context) error {
	kept := r.order[:0]
	for _, ref := range r.order {
		e := r.endpoints[ref]
		if e.forgettable() {
			delete(r.endpoints, ref)
			continue
		}
		kept = append(kept, ref)
	}
	r.order = kept
	if len(r.order) > 1 {
		r.order = append(r.order[1:], r.order[0])
	}
	for _, ref := range r.order {
		e := r.endpoints[ref]
		for e.room(r.Clock.Now(), r.PerEndpoint) > 0 && r.running < r.InAll && ctx.Err() == nil {
			ok, err := r.refill(ctx, ref, e)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			d := e.ready[0]
			e.ready = e.ready[1:]
			r.send(ctx, ref, e, d)
		}
	}
	return nil
}

// refill reads what is due of a contract when nothing is left of what was read last; ok is false when there is nothing. What was read a while ago is
// read again, because the contract may deliver otherwise by now.
func (r *sending) refill(ctx context.Context, ref application.Ref, e *endpoint) (ok bool, err error) {
	now := application.Elapsed(r.Clock)
	if len(e.ready) > 0 && now-e.read < time.Second {
		return true, nil
	}
	if len(e.ready) > 0 {
		e.ready, e.due = nil, true
	}
	if !e.due {
		return false, nil
	}
	limit := 4*r.PerEndpoint + len(e.inFlight)
	how, due, err := r.Reader.DueDeliveries(ctx, ref, r.Clock.Now(), limit)
	if err != nil {
		return false, err
	}
	e.due, e.read, e.how = len(due) == limit, now, nil
	if how != nil {
		open, err := r.Poster.Open(ref.ID, how)
		if err != nil {
			r.Logger.WarnContext(ctx, "deliveries wait: what is secret of a contract cannot be read", slog.String("contract_id", ref.ID), slog.String("code", string(fault.CodeOf(err))))
			e.failed(r.Clock.Now(), true)
			return false, nil
		}
		e.how = &open
	}
	for _, d := range due {
		if !e.inFlight[d.ID] {
			e.ready = append(e.ready, d)
		}
	}
	return len(e.ready) > 0, nil
}

// send makes one attempt beside others, or ends a delivery that is not attempted any more.
func (r *sending) send(ctx context.Context, ref application.Ref, e *endpoint, d market.DueDelivery) {
	e.inFlight[d.ID] = true
	out := result{endpoint: ref, probe: e.open(), DeliveryResult: marketcommand.DeliveryResult{SellerID: d.SellerID, DeliveryID: d.ID, LeadID: d.LeadID}}
	out.Try = d.Tries
	switch {
	case d.Erased:
		out.Ended = delivery.Erased
	case d.Sale == string(lead.SaleReturned):
		out.Ended = delivery.Returned
	case e.how == nil:
		out.Ended = delivery.NotDelivering
	}
	r.running++
	if out.Ended != "" {
		r.results <- out
		return
	}
	how := *e.how
	r.group.Go(func() {
		out.Posted = r.Poster.Post(ctx, how, d.ID, market.DeliveryContent{
			LeadID: d.LeadID, SaleID: d.SaleID, Category: d.Category, Currency: d.Currency, Price: d.Price, SoldAt: d.SoldAt, Test: d.Test, Fields: d.Fields,
		})
		out.Try, out.Shake = d.Tries, r.Shake()
		if !out.OK && ctx.Err() != nil { // it was cut off, which says nothing of the receiver
			return
		}
		r.results <- out
	})
}

// wait waits until something came back or something else happened; more is false when it is time to look again.
func (r *sending) wait(ctx context.Context, seen uint64) (more bool) {
	var told <-chan struct{}
	if r.rested {
		told = r.Due.After(seen)
	}
	select {
	case one := <-r.results:
		r.unstored = append(r.unstored, one)
	case <-r.early.C:
		r.rested = true
		return true
	case <-told:
		return false
	case <-r.poll.C:
		return false
	case <-ctx.Done():
		return false
	}
	end := time.NewTimer(gather)
	defer end.Stop()
	for len(r.unstored) < min(gathered, r.running) {
		select {
		case one := <-r.results:
			r.unstored = append(r.unstored, one)
		case <-end.C:
			return true
		}
	}
	return true
}

// store stores the results that came. While the database cannot take them, they are kept and nothing else is sent.
func (r *sending) store(ctx context.Context) error {
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

func (r *sending) record(ctx context.Context, some []result) error {
	all := make([]marketcommand.DeliveryResult, len(some))
	for i := range some {
		all[i] = some[i].DeliveryResult
	}
	for {
		_, err := r.Record.Handle(ctx, marketcommand.RecordDeliveries{Results: all})
		switch {
		case err == nil:
			r.settle(some, false)
			return nil
		case fault.KindOf(err) != fault.Unavailable && len(some) > 1: // only what the database does not take is left out
			for i := range some {
				if err := r.record(ctx, some[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		case fault.KindOf(err) != fault.Unavailable:
			r.Logger.ErrorContext(ctx, "the result of a delivery cannot be stored", slog.String("delivery_id", some[0].DeliveryID), slog.String("code", string(fault.CodeOf(err))),
				slog.String("cause", fault.Chain(err)))
			r.settle(some, true)
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

// settle notes results that were stored. A contract of which one could not be stored is left alone for a while, so that its buyer does not get the
// same again and again.
func (r *sending) settle(some []result, refused bool) {
	now := r.Clock.Now()
	for i := range some {
		one := &some[i]
		e := r.endpoints[one.endpoint]
		delete(e.inFlight, one.DeliveryID)
		r.running--
		switch {
		case refused:
			e.rest(now, longestProbe)
		case one.Ended != "":
			e.probed(one.probe)
		case one.OK:
			e.succeeded(r.PerEndpoint)
		case one.Reason == delivery.Gone || one.Reason == delivery.MailRefused: // of this delivery alone
			e.probed(one.probe)
		default:
			e.failed(now, one.probe)
			e.rest(now, min(one.RetryAfter, longestProbe))
		}
		switch {
		case one.Ended != "":
			r.Observer.Attempted(string(one.Ended))
		case one.OK:
			r.Observer.Attempted(string(delivery.Delivered))
		default:
			r.Observer.Attempted(string(one.Reason))
		}
	}
}

// hasDue reports whether something waits for room.
func (r *sending) hasDue() bool {
	for _, e := range r.endpoints {
		if e.due || len(e.ready) > 0 {
			return true
		}
	}
	return false
}

// last stores what came back until the end: it was received, and would be sent again otherwise.
func (r *sending) last(ctx context.Context) {
	close(r.results)
	for one := range r.results {
		r.unstored = append(r.unstored, one)
	}
	if len(r.unstored) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLast)
	defer cancel()
	if err := r.store(ctx); err != nil {
		r.Logger.WarnContext(ctx, "results of deliveries were not stored; they are sent again", slog.Int("deliveries", len(r.unstored)), slog.String("code", string(fault.CodeOf(err))))
	}
}
