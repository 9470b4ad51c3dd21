// Package job holds what the feed does again and again.
//
// Stability: unsupported; it may change at any time.
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
	"github.com/leadmill/leadmill/application/feed"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/fault"
)

// WebhookObserver is told of what a Sender does. Outcome is delivered, the reason of what failed, or busy for what was not sent because too much is
// under way, which is no attempt.
type WebhookObserver interface {
	Attempted(outcome string)
	Waiting(n int64, oldest time.Duration)
	Disabled()
}

// Sender tells webhooks of events: each by at most PerEndpoint requests at a time, and all together by InAll. What is due is read for each webhook by
// itself, as much as its receiver takes, and those that were served longest ago come first. Receivers that are well, that are not known and that fail
// each have a share of InAll, of which a seller gets half at most, so that no number of dead ones takes the places of others.
type Sender struct {
	Reader   feed.Reader
	Record   bus.Handler[feedcommand.RecordWebhookAttempts, feedcommand.WebhookAttemptsRecorded]
	Replay   bus.Handler[feedcommand.RunWebhookReplays, feedcommand.WebhookReplaysRun]
	Poster   feed.Poster
	Clock    application.Clock
	Due      receiver.Signal // deliveries may have become due, in this process
	Log      receiver.Signal // there are events, of whatever process
	Observer WebhookObserver
	Logger   *slog.Logger
	Shake    func() int64 // from 0 to attempt.MostShake, at random

	PerEndpoint, InAll int
	Poll               time.Duration // how often it looks without being told while something happens
	Idle               time.Duration // how often when nothing does, and there are no events
	Replays            time.Duration // how often it is looked for what is replayed without being told
	End                time.Duration // without anything due it ends after that
}

const (
	// gather is how long results are gathered that are stored together, atOnce how many are, and mostUnstored how many may wait for that before nothing more
	// is sent.
	gather       = 10 * time.Millisecond
	atOnce       = 200
	mostUnstored = 2 * atOnce
	// readAtOnce is of how many webhooks is read at once what is due.
	readAtOnce = 64
	// watch is how often what waits is counted, up to mostWaiting.
	watch       = 10 * time.Second
	mostWaiting = 10_000
	// restAtLeast and restAtMost are how long replays rest after a step behind which there is more; otherwise as long as it took, so that they leave half
	// of the database to others.
	restAtLeast = 5 * time.Millisecond
	restAtMost  = 10 * time.Second
	// writeLast is how long results may take to be stored that came when the work ended.
	writeLast = 3 * time.Second
)

// place is what a request takes until its result is stored, or until the answer of a receiver that is well.
type place struct {
	seller   string
	standing receiver.Standing
}

// sending is one run of a Sender.
type sending struct {
	*Sender

	endpoints map[application.Ref]*endpoint
	order     []*endpoint   // those that may have something due, the longest unserved first
	taken     map[place]int // of a seller, and of all as the seller ""
	out       int           // how many requests did not come back yet
	results   chan result
	unstored  []result    // what came back and is not stored yet
	storing   bool        // some of it is being stored
	stored    chan stored // what came of that
	gathering *time.Timer // runs from the first result that is to be stored
	watched   time.Duration
	pace      *receiver.Pace
	busy      time.Duration // when something was due last
	away      bool          // the database did not answer in this turn
	group     sync.WaitGroup

	poll, early *time.Timer // when it looks again at the latest and at the earliest
	rested      bool        // early passed
}

// Run sends until ctx ends or nothing was due for End. What is under way when it ends is cut off and not stored: it is sent again, under its id. Nothing that cannot be read ends
// it.
func (s *Sender) Run(ctx context.Context) error {
	now := application.Elapsed(s.Clock)
	r := &sending{
		Sender: s, endpoints: map[application.Ref]*endpoint{}, taken: map[place]int{}, results: make(chan result, s.InAll+8), stored: make(chan stored, 1), gathering: time.NewTimer(gather),
		watched: now - watch, busy: now, pace: receiver.NewPace(s.Clock, s.Log, s.Poll, s.Idle), poll: time.NewTimer(0), early: time.NewTimer(0),
	}
	sendCtx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		r.poll.Stop()
		r.early.Stop()
		r.gathering.Stop()
		r.group.Wait()
		r.last(ctx)
	}()
	r.group.Go(func() { r.replayAll(sendCtx) })
	for ctx.Err() == nil {
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
			if r.out > 0 || r.storing || len(r.unstored) > 0 || r.hasDue() {
				r.busy = application.Elapsed(s.Clock)
				r.pace.Stir()
			}
			more = r.wait(ctx, sendCtx, seen, moved)
		}
		if application.Elapsed(s.Clock)-r.busy >= s.End {
			return nil
		}
	}
	return nil
}

// replayAll makes the deliveries of what is replayed, beside all else.
func (r *sending) replayAll(ctx context.Context) {
	for ctx.Err() == nil {
		seen, began := r.Due.Version(), application.Elapsed(r.Clock)
		done, err := r.Replay.Handle(ctx, feedcommand.RunWebhookReplays{})
		if err != nil {
			r.complain(ctx, err)
		}
		if err == nil && done.More {
			rest := time.NewTimer(min(max(restAtLeast, application.Elapsed(r.Clock)-began), restAtMost))
			select {
			case <-rest.C:
			case <-ctx.Done():
			}
			rest.Stop()
			continue
		}
		next := time.NewTimer(r.Replays)
		soon := time.NewTimer(min(r.Replays, time.Second)) // deliveries that become due are told too, far more often
		select {
		case <-soon.C:
			select {
			case <-r.Due.After(seen):
			case <-next.C:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
		next.Stop()
		soon.Stop()
	}
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
	r.Logger.Log(ctx, level, "webhooks wait: what is due cannot be read", append(of, slog.String("code", string(fault.CodeOf(err))), slog.String("cause", fault.Chain(err)))...)
}

// look finds out which webhooks have something due.
func (r *sending) look(ctx context.Context) {
	now := application.Elapsed(r.Clock)
	if now-r.watched >= watch {
		r.watched = now
		maps.DeleteFunc(r.endpoints, func(_ application.Ref, e *endpoint) bool { return e.forgettable(now) })
		if n, oldest, err := r.Reader.WaitingWebhookDeliveries(ctx, mostWaiting); err != nil {
			r.complain(ctx, err)
		} else {
			age := time.Duration(0)
			if !oldest.IsZero() {
				age = max(0, r.Clock.Now().Sub(oldest))
			}
			r.Observer.Waiting(n, age)
		}
	}
	refs, err := r.Reader.DueWebhooks(ctx, r.Clock.Now())
	if err != nil {
		r.complain(ctx, err)
	}
	for _, ref := range refs {
		e := r.endpoints[ref]
		if e == nil {
			e = newEndpoint(ref)
			e.used = now
			r.endpoints[ref] = e
		}
		e.due = true
		r.queue(e)
	}
}

// queue gives a webhook of which something may be due its turn behind all others.
func (r *sending) queue(e *endpoint) {
	if !e.queued && e.waits() {
		e.queued = true
		r.order = append(r.order, e)
	}
}

// start begins as many requests as there is room for: one of each webhook, beginning with those that were served longest ago, and then another of each.
func (r *sending) start(ctx context.Context) {
	r.away = false
	for again := true; again; {
		read := r.readNext(ctx)
		var served []*endpoint
		kept := r.order[:0]
		for _, e := range r.order {
			switch {
			case r.serve(ctx, e):
				served = append(served, e)
			case e.waits():
				kept = append(kept, e)
			default:
				e.queued = false
			}
		}
		r.order = append(kept, served...)
		again = read || len(served) > 0
	}
}

// roomy reports whether a request of a webhook may begin, if something of it is due.
func (r *sending) roomy(ctx context.Context, e *endpoint) bool {
	return e.waits() && len(r.unstored) < mostUnstored && ctx.Err() == nil && e.room(application.Elapsed(r.Clock), r.PerEndpoint) > 0 && r.free(place{e.ref.SellerID, e.Standing()})
}

// serve begins one request of a webhook when there is room for it and what is due was read.
func (r *sending) serve(ctx context.Context, e *endpoint) bool {
	if !e.fresh(application.Elapsed(r.Clock)) || !r.roomy(ctx, e) {
		return false
	}
	d := e.ready[0]
	e.ready = e.ready[1:]
	r.send(ctx, e, d)
	return true
}

// free reports whether a place is left of those that a standing has in all, and that a seller has of it.
func (r *sending) free(p place) bool {
	all := max(2, r.InAll/4)
	if p.standing == receiver.Well {
		all = max(2, r.InAll/2)
	}
	return r.taken[place{"", p.standing}] < all && r.taken[p] < all/2
}

func (r *sending) take(p place, n int) {
	for _, of := range []place{p, {"", p.standing}} {
		if r.taken[of] += n; r.taken[of] == 0 {
			delete(r.taken, of)
		}
	}
}

// readNext reads what is due of the next webhooks in order that have room and of which nothing is left; more is false when there are none.
func (r *sending) readNext(ctx context.Context) (more bool) {
	var next []*endpoint
	for _, e := range r.order {
		if len(next) == readAtOnce {
			break
		}
		if !e.fresh(application.Elapsed(r.Clock)) && r.roomy(ctx, e) {
			next = append(next, e)
		}
	}
	return r.read(ctx, next)
}

// read reads what is due of webhooks; ok is false when that could not be tried.
func (r *sending) read(ctx context.Context, some []*endpoint) (ok bool) {
	if r.away || len(some) == 0 {
		return false
	}
	now := application.Elapsed(r.Clock)
	wanted := make([]feed.WantedDeliveries, len(some))
	for i, e := range some {
		if len(e.ready) > 0 {
			e.drop()
		}
		wanted[i] = feed.WantedDeliveries{Ref: e.ref, Most: e.ahead + len(e.inFlight)}
	}
	all, err := r.Reader.DueWebhookDeliveries(ctx, wanted, r.Clock.Now())
	if err != nil {
		r.away = fault.KindOf(err) == fault.Unavailable
		pause := receiver.LongestProbe
		if r.away {
			pause = r.Poll
		}
		r.complain(ctx, err)
		for _, e := range some {
			e.rest(now, pause)
		}
		return false
	}
	for i, e := range some {
		of, active := all[e.ref]
		if of.Err != nil {
			r.complain(ctx, of.Err, slog.String("webhook_id", e.ref.ID))
			e.rest(now, receiver.LongestProbe)
			continue
		}
		e.due, e.read, e.how, e.ahead = active && len(of.Due) == wanted[i].Most, now, nil, min(2*e.ahead, 4*r.PerEndpoint)
		r.ready(ctx, e, of)
	}
	return true
}

// ready notes what is due of a webhook, and how it is told.
func (r *sending) ready(ctx context.Context, e *endpoint, of feed.DueOfWebhook) {
	for _, d := range of.Due {
		if !e.inFlight[d.EventID] {
			e.TriedBefore(d.Attempts)
			e.ready = append(e.ready, d)
		}
	}
	if len(e.ready) == 0 {
		return
	}
	open, err := r.Poster.Open(of.Webhook)
	if err != nil {
		r.Logger.WarnContext(ctx, "webhooks wait: the secret of one cannot be read", slog.String("webhook_id", e.ref.ID), slog.String("code", string(fault.CodeOf(err))))
		e.rest(e.read, receiver.LongestProbe)
		return
	}
	e.how = &open
	if len(e.inFlight) == 0 {
		e.failing = of.Webhook.FailingSince
	}
}

// send makes one attempt beside others.
func (r *sending) send(ctx context.Context, e *endpoint, d feed.DueDelivery) {
	ref := e.ref
	e.inFlight[d.EventID] = true
	e.asked++
	out := result{endpoint: ref, place: place{ref.SellerID, e.Standing()}, probe: e.Open()}
	out.DeliveryRef = feed.DeliveryRef{SellerID: ref.SellerID, WebhookID: ref.ID, EventID: d.EventID}
	r.take(out.place, 1)
	r.out++
	how := *e.how
	r.group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				r.Logger.ErrorContext(ctx, "a webhook panicked", slog.String("webhook_id", ref.ID), slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
				out.broke = true
				r.results <- out
			}
		}()
		out.Posted = r.Poster.Post(ctx, how, d.EventID, d.Body)
		out.Try, out.Shake = d.Tries, r.Shake()
		if !out.OK && ctx.Err() != nil { // it was cut off, which says nothing of the receiver
			return
		}
		r.results <- out
	})
}

// came takes a result. What was not sent is no attempt: it is tried again a little later, and what panicked later still.
func (r *sending) came(ctx context.Context, one result) {
	r.out--
	if !one.broke && !one.Unsent {
		e := r.endpoints[one.endpoint]
		well := one.OK && e.Standing() == receiver.Well // results of it were stored before, so that the next need not wait for this one
		if well {
			r.release(&one)
		}
		if len(r.unstored) == 0 {
			r.gathering.Reset(gather)
		}
		r.unstored = append(r.unstored, one)
		for well && (r.serve(ctx, e) || len(e.ready) == 0 && r.roomy(ctx, e) && r.read(ctx, []*endpoint{e})) {
			continue
		}
		return
	}
	now, e := application.Elapsed(r.Clock), r.leave(&one)
	if one.broke {
		e.rest(now, receiver.LongestProbe)
	} else {
		e.due = true
		e.rest(now, receiver.HostRest)
		r.Observer.Attempted("busy")
	}
	r.queue(e)
}

// release gives back the place of a request.
func (r *sending) release(one *result) {
	if !one.freed {
		one.freed = true
		r.endpoints[one.endpoint].asked--
		r.take(one.place, -1)
	}
}

// leave gives back what a result took.
func (r *sending) leave(one *result) *endpoint {
	r.release(one)
	e := r.endpoints[one.endpoint]
	delete(e.inFlight, one.EventID)
	e.used = application.Elapsed(r.Clock)
	return e
}

// wait waits until something came back, was stored or is to be stored, or something else happened; more is false when it is time to look again.
func (r *sending) wait(ctx, sendCtx context.Context, seen uint64, moved <-chan struct{}) (more bool) {
	var told <-chan struct{}
	if r.rested {
		told = r.Due.After(seen)
	}
	var gathered <-chan time.Time
	if len(r.unstored) > 0 && !r.storing {
		gathered = r.gathering.C
	}
	select {
	case one := <-r.results:
		r.came(sendCtx, one)
	case done := <-r.stored:
		r.noteAll(ctx, done)
		r.gathering.Reset(0) // what came meanwhile waited long enough
	case <-gathered:
		r.store(ctx)
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
			r.came(sendCtx, one)
		default:
			if len(r.unstored) >= atOnce && !r.storing {
				r.store(ctx)
			}
			return true
		}
	}
}

// hasDue reports whether something waits for room.
func (r *sending) hasDue() bool {
	return slices.ContainsFunc(r.order, (*endpoint).waits)
}

// MostShake is the largest Sender.Shake.
const MostShake = attempt.MostShake
