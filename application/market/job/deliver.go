package job

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/fault"
)

// DeliveryObserver is told of what a Sender does. Outcome is delivered, the reason of what failed, or busy for what was not sent because too much is
// under way, which is no attempt.
type DeliveryObserver interface {
	Attempted(outcome string)
	Waiting(n int64, oldest time.Duration)
}

// Sender sends what is due to buyers: to each at most PerEndpoint requests at a time, and to all together InAll. What is due is read for each
// contract by itself, as much as its receiver takes, and those that were served longest ago come first. Receivers that are well, that are not known
// and that fail each have a share of InAll, of which a seller gets half at most, so that no number of dead ones takes the places of others. Buyers that are
// asked to confirm have places of their own, and what they answer is stored beside all else.
type Sender struct {
	Reader   market.DeliveryReader
	Overdue  OverdueReservations
	Settle   bus.Handler[marketcommand.SettleReservations, marketcommand.ReservationsSettled]
	Record   bus.Handler[marketcommand.RecordDeliveries, marketcommand.DeliveriesRecorded]
	Poster   market.Poster
	Clock    application.Clock
	Due      receiver.Signal // deliveries may have become due, in this process
	Log      receiver.Signal // there are events, of whatever process
	Observer DeliveryObserver
	Logger   *slog.Logger
	Shake    func() int64 // from 0 to delivery.MostShake, at random

	PerEndpoint, InAll       int
	AskPerEndpoint, AskInAll int           // of buyers that are asked
	Poll                     time.Duration // how often it looks without being told while something happens
	Quiet                    time.Duration // how often when nothing does, and there are no events
	Idle                     time.Duration // without anything due it ends after that
}

const (
	// mailsAtOnce is how many mails are sent at once: one server has to take them all.
	mailsAtOnce = 8
	// gather is how long results are gathered that are stored together, and gathered how many.
	gather   = 10 * time.Millisecond
	gathered = 200
	// watch is how often what waits is counted, up to mostWaiting.
	watch       = 10 * time.Second
	mostWaiting = 1_000_000
	// writeLast is how long results may take to be stored that came when the work ended.
	writeLast = 3 * time.Second
)

// sending is one run of a Sender.
type sending struct {
	*Sender
	turns

	endpoints map[application.Ref]*endpoint
	taken     map[place]int // of a seller, and of all as the seller ""
	out       int           // how many requests did not come back yet
	results   chan result
	watched   time.Duration
	pace      *receiver.Pace
	away      bool // the database did not answer in this turn
	group     sync.WaitGroup

	toStore  [ways][lanes]chan *result // what is to be stored
	stored   chan *result              // what was
	unstored map[bool]int              // how many results wait for that, of those who are asked and of the others
	hand     hand

	poll, early *time.Timer // when it looks again at the latest and at the earliest
	rested      bool        // early passed
}

// place is what a request takes until its result is stored.
type place struct {
	seller string
	standing
	asks bool
}

type result struct {
	marketcommand.DeliveryResult

	endpoint application.Ref
	place    *place // nil when nothing was sent
	probe    bool
	broke    bool // it panicked
	asks     bool // the buyer is asked
	refused  bool // it could not be stored
}

func newSending(s *Sender) *sending {
	r := &sending{
		Sender: s, endpoints: map[application.Ref]*endpoint{}, taken: map[place]int{}, results: make(chan result, s.InAll+mailsAtOnce+2*s.AskInAll),
		stored: make(chan *result, s.mostToStore()), unstored: map[bool]int{}, turns: turns{lines: map[place]*line{}},
		watched: application.Elapsed(s.Clock) - watch, pace: receiver.NewPace(s.Clock, s.Log, s.Poll, s.Quiet), poll: time.NewTimer(0), early: time.NewTimer(0),
	}
	for w := range ways {
		for lane := range lanes {
			r.toStore[w][lane] = make(chan *result, s.mostToStore())
		}
	}
	return r
}

// Run sends until ctx ends or nothing was due for Idle. What is under way when it ends is cut off and not stored: it is sent again, under its id.
// Nothing that cannot be read ends it.
func (s *Sender) Run(ctx context.Context) error {
	r := newSending(s)
	sendCtx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		r.poll.Stop()
		r.early.Stop()
		r.group.Wait()
		r.last(ctx)
	}()
	for w := range ways {
		for _, lane := range r.toStore[w] {
			r.group.Go(func() { r.storeAll(sendCtx, lane) })
		}
	}
	r.group.Go(func() { r.sweep(sendCtx) })
	for quiet := application.Elapsed(s.Clock); ctx.Err() == nil; {
		seen, began := s.Due.Version(), application.Elapsed(s.Clock)
		r.look(ctx)
		rest := receiver.RestAfter(application.Elapsed(s.Clock) - began)
		if r.hasDue() {
			r.pace.Stir()
		}
		often, moved := r.pace.Next()
		r.poll.Reset(max(often, rest))
		r.early.Reset(rest)
		r.rested = false
		for more := true; more && ctx.Err() == nil; {
			r.start(sendCtx)
			if r.out > 0 || r.unstored[true]+r.unstored[false] > 0 || r.hasDue() {
				quiet = application.Elapsed(s.Clock)
				r.pace.Stir()
			}
			more = r.wait(ctx, seen, moved)
		}
		if application.Elapsed(s.Clock)-quiet >= s.Idle {
			return nil
		}
	}
	return nil
}

// complain logs what could not be read. It is tried again.
func (r *sending) complain(ctx context.Context, err error, of ...any) {
	if ctx.Err() != nil {
		return
	}
	level := slog.LevelError
	if fault.KindOf(err) == fault.Unavailable {
		level = slog.LevelWarn
	}
	r.Logger.Log(ctx, level, "deliveries wait: what is due cannot be read", append(of, slog.String("code", string(fault.CodeOf(err))), slog.String("cause", fault.Chain(err)))...)
}

// look finds out which contracts have something due.
func (r *sending) look(ctx context.Context) {
	now := application.Elapsed(r.Clock)
	if now-r.watched >= watch {
		r.watched = now
		maps.DeleteFunc(r.endpoints, func(_ application.Ref, e *endpoint) bool { return e.forgettable(now) })
		if n, oldest, err := r.Reader.WaitingDeliveries(ctx, mostWaiting); err != nil {
			r.complain(ctx, err)
		} else {
			age := time.Duration(0)
			if !oldest.IsZero() {
				age = max(0, r.Clock.Now().Sub(oldest))
			}
			r.Observer.Waiting(n, age)
		}
	}
	refs, err := r.Reader.DueEndpoints(ctx, r.Clock.Now())
	if err != nil {
		r.complain(ctx, err)
	}
	for _, ref := range refs {
		e := r.endpoints[ref]
		if e == nil {
			e = newEndpoint(ref)
			r.endpoints[ref] = e
		}
		e.due = true
		r.queue(e)
	}
}

// refill reads what is due of a contract when nothing is left of what was read last; ok is false when there is nothing. What was read a while ago is
// read again, because the contract may deliver otherwise by now. What is not attempted any more ends here.
func (r *sending) refill(ctx context.Context, e *endpoint) (ok bool) {
	ref, now := e.ref, application.Elapsed(r.Clock)
	if len(e.ready) > 0 && now-e.read < time.Second {
		return true
	}
	if len(e.ready) > 0 {
		e.drop()
	}
	maps.DeleteFunc(e.aside, func(_ string, until time.Duration) bool { return until <= now })
	limit := e.ahead
	how, due, err := r.Reader.DueDeliveries(ctx, ref, r.Clock.Now(), slices.AppendSeq(slices.Collect(maps.Keys(e.inFlight)), maps.Keys(e.aside)), limit)
	switch {
	case err != nil && fault.KindOf(err) == fault.Unavailable:
		r.away = true
		r.complain(ctx, err, slog.String("contract_id", ref.ID))
		e.rest(now, r.Poll)
		return false
	case err != nil:
		r.complain(ctx, err, slog.String("contract_id", ref.ID))
		e.rest(now, longestProbe)
		return false
	}
	e.due, e.read, e.how = len(due) == limit, now, nil
	if len(due) == 0 {
		return false
	}
	e.knows(how != nil && how.Email != "", how != nil && how.Confirm)
	e.ahead = min(2*e.ahead, 4*r.most(e))
	for _, d := range due {
		why := e.ends(d, how, r.Clock.Now())
		switch {
		case why != "" && r.full(e.asks):
			e.aside[d.ID] = now + time.Second
		case why != "":
			out := resultOf(ref, d)
			out.Ended = why
			e.inFlight[d.ID] = true
			r.keep(out)
		case !d.Deadline.IsZero() && !d.Deadline.After(r.Clock.Now()): // it is swept
			e.aside[d.ID] = now + overdueFor + sweepEvery
		case d.Unreadable != nil:
			r.Logger.ErrorContext(ctx, "a delivery waits: the lead cannot be read", slog.String("delivery_id", d.ID)) // the cause may hold a part of it
			e.aside[d.ID] = now + longestProbe
		default:
			e.TriedBefore(d.Attempts)
			e.ready = append(e.ready, d)
		}
	}
	if len(e.ready) == 0 {
		return false
	}
	open, err := r.Poster.Open(ref, how)
	if err != nil {
		r.Logger.WarnContext(ctx, "deliveries wait: what is secret of a contract cannot be read", slog.String("contract_id", ref.ID), slog.String("code", string(fault.CodeOf(err))))
		e.rest(now, longestProbe)
		return false
	}
	e.how = &open
	return true
}

func resultOf(ref application.Ref, d market.DueDelivery) result {
	out := result{endpoint: ref, DeliveryResult: marketcommand.DeliveryResult{SellerID: d.SellerID, DeliveryID: d.ID, LeadID: d.LeadID}}
	out.Try, out.asks = d.Tries, !d.Deadline.IsZero()
	return out
}

// send makes one attempt beside others.
func (r *sending) send(ctx context.Context, e *endpoint, d market.DueDelivery) {
	e.inFlight[d.ID] = true
	out := resultOf(e.ref, d)
	out.probe, out.place = e.open(), new(e.place())
	r.take(*out.place, 1)
	r.out++
	how := *e.how
	if out.asks {
		how = how.Within(d.Deadline.Sub(r.Clock.Now()))
	}
	r.group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				r.Logger.ErrorContext(ctx, "a delivery panicked", slog.String("delivery_id", d.ID), slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
				out.broke = true
				r.results <- out
			}
		}()
		out.Posted = r.Poster.Post(ctx, how, d.ID, market.DeliveryContent{
			LeadID: d.LeadID, SaleID: d.SaleID, Category: d.Category, Currency: d.Currency, Price: d.Price, SoldAt: d.SoldAt, Test: d.Test, Asks: out.asks, Fields: d.Fields, BidReference: d.BidReference,
		})
		out.Try, out.Shake = d.Tries, r.Shake()
		if !out.OK && ctx.Err() != nil { // it was cut off, which says nothing of the receiver
			return
		}
		r.inHand(&out)
		r.results <- out
	})
}

// came takes a result. What was not sent is no attempt: it is tried again a little later, and what panicked later still.
func (r *sending) came(one result) {
	r.out--
	if !one.broke && !one.Unsent {
		r.keep(one)
		return
	}
	now, e := application.Elapsed(r.Clock), r.leave(&one)
	if one.broke {
		e.aside[one.DeliveryID] = now + longestProbe
	} else {
		e.rest(now, hostRest)
		r.Observer.Attempted("busy")
	}
	r.queue(e)
}

// leave gives back what a result took.
func (r *sending) leave(one *result) *endpoint {
	e := r.endpoints[one.endpoint]
	delete(e.inFlight, one.DeliveryID)
	e.used = application.Elapsed(r.Clock)
	if one.place != nil {
		r.take(*one.place, -1)
	}
	return e
}

// wait waits until something came back or something else happened; more is false when it is time to look again.
func (r *sending) wait(ctx context.Context, seen uint64, moved <-chan struct{}) (more bool) {
	var told <-chan struct{}
	if r.rested {
		told = r.Due.After(seen)
	}
	select {
	case one := <-r.results:
		r.came(one)
	case one := <-r.stored:
		r.note(*one)
	case <-r.early.C:
		r.rested = true
	case <-told:
		return false
	case <-moved:
		return false
	case <-r.poll.C:
		return false
	case <-ctx.Done():
		return false
	}
	for {
		select {
		case one := <-r.results:
			r.came(one)
		case one := <-r.stored:
			r.note(*one)
		default:
			return true
		}
	}
}
