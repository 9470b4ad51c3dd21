package eventlog

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// term is the work of a Subscriber while it owns the consumer.
type term struct {
	*Subscriber

	lease   *cursor
	out     chan<- *message.Message
	tracker *tracker
	lanes   []chan job
	handed  atomic.Int64 // events that were read for the lanes
	// going ends when no new message may be handed over; working ends when messages in work must end too. Both carry the
	// cause.
	going, working context.Context

	mu       sync.Mutex
	parked   map[aggregate]bool // written by the aggregate's lane only
	retrying map[aggregate]bool // handed to a lane and not done yet
}

// job is an event to deliver, or an aggregate whose parked events are to be delivered again.
type job struct {
	event *application.StoredEvent
	retry aggregate
}

// hold works with a lease until ctx ends or the lease is lost, and releases it.
func (s *Subscriber) hold(ctx context.Context, l *cursor, out chan<- *message.Message) error {
	defer l.release(ctx)
	base := context.WithoutCancel(ctx) // the lease is renewed also during Grace, after ctx has ended
	held, stop := l.keep(base, true)
	defer stop()
	parked, err := parkedAggregates(held, s.db.Reader, s.config.Name, "")
	if err != nil {
		return err
	}
	working, quit := context.WithCancelCause(held)
	defer quit(context.Canceled)
	going, halt := context.WithCancelCause(ctx)
	defer halt(context.Canceled)
	unhook := context.AfterFunc(working, func() { halt(context.Cause(working)) })
	defer unhook()

	t := &term{
		Subscriber: s, lease: l, out: out, tracker: newTracker(l.position, s.config.Window), going: going, working: working,
		parked: map[aggregate]bool{}, retrying: map[aggregate]bool{},
	}
	for _, a := range parked {
		t.parked[a] = true
	}
	var lanes, saver sync.WaitGroup
	for range s.config.Lanes {
		lane := make(chan job, 64)
		t.lanes = append(t.lanes, lane)
		lanes.Go(func() { t.work(lane, halt) })
	}
	saver.Go(func() { t.saveNowAndThen(halt, quit) })
	if err := t.dispatch(); err != nil {
		halt(err)
	}
	grace := time.AfterFunc(s.config.Grace, func() { quit(context.Canceled) })
	lanes.Wait()
	grace.Stop()
	quit(context.Canceled)
	saver.Wait()
	last, cancel := context.WithTimeout(base, 5*time.Second)
	defer cancel()
	if err := t.save(last); err != nil && !errors.Is(err, errLeaseLost) {
		s.config.Logger.WarnContext(last, "event log: cursor not saved, events will come again", slog.Any("error", err))
	}
	return context.Cause(going)
}

// dispatch reads events and gives them to lanes until going ends.
func (t *term) dispatch() error {
	position, asked := t.lease.position, uint64(0)
	for {
		requested, err := t.requestRetries(&asked)
		if err != nil {
			return err
		}
		room := t.tracker.moved.Version()
		if position-t.tracker.lowest() > int64(t.config.Window-t.config.Batch) {
			if err := t.wait(t.tracker.moved.After(room), requested); err != nil {
				return err
			}
			continue
		}
		moved := t.reader.head.moved.Version()
		if t.reader.head.Current() <= position {
			if err := t.wait(t.reader.head.moved.After(moved), requested); err != nil {
				return err
			}
			if head := t.reader.head.Current(); head > position && head-position < int64(t.config.Batch) {
				if err := lease.Pause(t.going, t.config.Gather); err != nil {
					return cause(t.going, err)
				}
			}
			continue
		}
		events, next, err := t.reader.Read(t.going, position, t.tracker.lowest()+int64(t.config.Window), t.config.Batch, t.wanted)
		if err != nil {
			return cause(t.going, err)
		}
		if t.config.Choose != nil && len(events) > 0 {
			if events, err = t.config.Choose(t.going, events); err != nil {
				return cause(t.going, err)
			}
		}
		t.handed.Add(int64(len(events)))
		for i := range events {
			e := &events[i]
			t.tracker.finish(position+1, e.Position-1) // events that are not for it count as done
			if err := t.give(aggregateOf(e), job{event: e}); err != nil {
				return err
			}
			position = e.Position
		}
		t.tracker.finish(position+1, next)
		position = next
	}
}

// wait blocks until c is closed or Retry is called in this process. While events are parked it waits at most a second, to
// notice a Retry that was called in another process.
func (t *term) wait(c <-chan struct{}, asked uint64) error {
	var elsewhere <-chan time.Time
	t.mu.Lock()
	if len(t.parked) > 0 {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		elsewhere = timer.C
	}
	t.mu.Unlock()
	select {
	case <-c:
	case <-t.retry.After(asked):
	case <-elsewhere:
	case <-t.going.Done():
		return context.Cause(t.going)
	}
	return nil
}

// requestRetries hands the aggregates that a Retry was asked for to their lanes.
func (t *term) requestRetries(asked *uint64) (uint64, error) {
	*asked = t.retry.Version()
	t.mu.Lock()
	some := len(t.parked) > 0
	t.mu.Unlock()
	if !some {
		return *asked, nil
	}
	list, err := parkedAggregates(t.going, t.db.Reader, t.config.Name, " AND parked_at = 0")
	if err != nil {
		return *asked, cause(t.going, err)
	}
	for _, a := range list {
		t.mu.Lock()
		again := t.retrying[a]
		t.retrying[a] = true
		t.mu.Unlock()
		if !again {
			if err := t.give(a, job{retry: a}); err != nil {
				return *asked, err
			}
		}
	}
	return *asked, nil
}

var laneSeed = maphash.MakeSeed()

func (t *term) give(a aggregate, j job) error {
	lane := t.lanes[maphash.Comparable(laneSeed, a)%uint64(len(t.lanes))]
	select {
	case lane <- j:
		return nil
	case <-t.going.Done():
		return context.Cause(t.going)
	}
}

// work handles the jobs of a lane, one after the other.
func (t *term) work(lane <-chan job, halt context.CancelCauseFunc) {
	for {
		if t.going.Err() != nil {
			return
		}
		select {
		case j := <-lane:
			var err error
			if j.event != nil {
				err = t.handle(j.event)
			} else {
				err = t.handleParked(j.retry)
			}
			if err != nil {
				halt(err)
				return
			}
		case <-t.going.Done():
			return
		}
	}
}

// handle delivers an event or parks it. An error means that it did neither.
func (t *term) handle(e *application.StoredEvent) error {
	a := aggregateOf(e)
	t.mu.Lock()
	waits := t.parked[a]
	t.mu.Unlock()
	attempts, reason := 0, error(nil)
	if !waits {
		var err error
		if attempts, reason, err = t.deliver(e); err != nil {
			return err
		}
	}
	if waits || reason != nil {
		text := waitsBehind
		if reason != nil {
			text = shorten(reason.Error())
			t.config.Logger.Error("event log: event parked with its aggregate", eventAttrs(e, attempts, reason)...)
		}
		if err := t.fenced(func(tx execer) error {
			return park(t.working, tx, t.config.Name, []application.StoredEvent{*e}, attempts, text, t.clock.Now())
		}); err != nil {
			return err
		}
		t.mu.Lock()
		t.parked[a] = true
		t.mu.Unlock()
		t.retry.Notify() // dispatch may wait for a new event, and from now on has to look for a Retry elsewhere
	}
	t.tracker.finish(e.Position, e.Position)
	return nil
}

// handleParked delivers the parked events of an aggregate again, in order, until none is left or one fails.
func (t *term) handleParked(a aggregate) error {
	defer func() {
		t.mu.Lock()
		delete(t.retrying, a)
		t.mu.Unlock()
	}()
	if err := t.fenced(func(tx execer) error { return dropSkipped(t.working, tx, t.config.Name, a) }); err != nil {
		return err
	}
	for {
		events, err := parkedEvents(t.working, t.db.Reader, t.config.Name, a, 100)
		if err != nil {
			return cause(t.working, err)
		}
		if len(events) == 0 {
			t.mu.Lock()
			delete(t.parked, a)
			t.mu.Unlock()
			return nil
		}
		for i := range events {
			e := &events[i]
			attempts, reason, err := t.deliver(e)
			switch {
			case err != nil:
				return err
			case reason == nil:
				if err := t.fenced(func(tx execer) error { return unpark(t.working, tx, t.config.Name, events[i:i+1]) }); err != nil {
					return err
				}
				continue
			}
			t.config.Logger.Error("event log: parked event failed again", eventAttrs(e, attempts, reason)...)
			now := t.clock.Now().UnixMicro()
			return t.fenced(func(tx execer) error {
				if _, err := tx.ExecContext(t.working, "UPDATE event_parked SET attempts = attempts + ?, error = ? WHERE consumer = ? AND position = ?",
					attempts, shorten(reason.Error()), t.config.Name, e.Position); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.working, "UPDATE event_parked SET parked_at = ?"+ofAggregate, now, t.config.Name, a.seller, a.kind, a.id)
				return err
			})
		}
	}
}

// deliver hands an event over until it is acked (reason nil) or all attempts failed. An error means that going or working
// ended before. The pauses between attempts do not grow by those of an outage before them.
func (t *term) deliver(e *application.StoredEvent) (attempts int, reason, err error) {
	for outage := 0; ; {
		reason, err := t.once(e)
		if reason == nil || err != nil {
			return attempts, nil, err
		}
		failures := attempts + 1
		out := transient(t.db, reason)
		if out {
			outage++
			failures = outage
		} else if attempts++; attempts >= t.config.Attempts {
			return attempts, reason, nil
		}
		if !out || !t.config.TellsOutages {
			t.config.Logger.Warn("event log: event will be tried again", eventAttrs(e, attempts, reason)...)
		}
		if err := lease.Pause(t.going, t.config.Backoff.delay(failures)); err != nil {
			return attempts, nil, err
		}
	}
}

// once hands an event over once. reason is why it was nacked.
func (t *term) once(e *application.StoredEvent) (reason, err error) {
	o := &outcome{}
	ctx, cancel := context.WithCancel(context.WithValue(t.working, outcomeKey{}, o))
	defer cancel()
	m := newMessage(e)
	m.SetContext(ctx)
	if t.going.Err() != nil { // checked first, because the select below might choose a waiting receiver
		return nil, context.Cause(t.going)
	}
	select {
	case t.out <- m:
	case <-t.going.Done():
		return nil, context.Cause(t.going)
	}
	select {
	case <-m.Acked():
		return nil, nil
	case <-m.Nacked():
		if o.err != nil {
			return o.err, nil
		}
		return errNacked, nil
	case <-t.working.Done():
		return nil, context.Cause(t.working)
	}
}

func newMessage(e *application.StoredEvent) *message.Message {
	m := message.NewMessage(e.ID, e.Payload)
	m.Metadata = e.Metadata()
	return m
}

// fenced runs fn in a transaction that locks the consumer's row, if the lease still holds: errLeaseLost. Errors of the
// database are tried again until working ends.
func (t *term) fenced(fn func(tx execer) error) error {
	for failures := 1; ; failures++ {
		err := t.fencedOnce(fn)
		switch {
		case err == nil:
			return nil
		case t.working.Err() != nil:
			return context.Cause(t.working)
		case errors.Is(err, errLeaseLost):
			return err
		case t.db.Classify(err) == dialect.Duplicate:
			return nil // an earlier commit stored it, but its answer was lost
		}
		t.config.Logger.Warn("event log: parked events not stored yet", slog.Any("error", err))
		if err := lease.Pause(t.working, t.config.Backoff.delay(failures)); err != nil {
			return err
		}
	}
}

func (t *term) fencedOnce(fn func(tx execer) error) error {
	tx, err := t.db.Writer.BeginTx(t.working, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := t.lease.lock(t.working, tx); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// saveNowAndThen writes the cursor at intervals while it moves.
func (t *term) saveNowAndThen(halt, quit context.CancelCauseFunc) {
	for {
		seen, handed := t.tracker.moved.Version(), t.handed.Load()
		err := t.save(t.working)
		switch {
		case t.working.Err() != nil:
			return
		case errors.Is(err, errLeaseLost):
			halt(err)
			quit(err)
			return
		case err != nil:
			t.config.Logger.Warn("event log: cursor not saved yet", slog.Any("error", err))
		default:
			if _, err := t.tracker.moved.Wait(t.working, seen); err != nil {
				return
			}
			t.passBy(handed)
		}
		if lease.Pause(t.working, t.config.Save) != nil {
			return
		}
	}
}

// passBy lets the cursor move on for a while as long as it only passes by events that the consumer does not want.
func (t *term) passBy(handed int64) {
	for due := time.After(t.config.Idle); t.handed.Load() == handed; {
		select {
		case <-t.tracker.moved.After(t.tracker.moved.Version()):
		case <-time.After(t.config.Quiet):
			return
		case <-due:
			return
		case <-t.working.Done():
			return
		}
	}
}

// save writes the cursor when it moved: errLeaseLost.
func (t *term) save(ctx context.Context) error {
	low := t.tracker.lowest()
	if low == t.lease.position {
		return nil
	}
	err := t.lease.move(ctx, t.db.Writer, low)
	if errors.Is(err, errLeaseLost) {
		// Perhaps the answer to an earlier write was lost, and the stored cursor differs from lease.position.
		if err = t.lease.reload(ctx); err == nil {
			err = t.lease.move(ctx, t.db.Writer, low)
		}
	}
	if err == nil {
		t.lease.position = low
	}
	return err
}

var _ message.Subscriber = (*Subscriber)(nil)
