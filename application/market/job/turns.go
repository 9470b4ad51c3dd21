package job

import (
	"container/heap"
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
)

// turns have receivers of which something is due wait for what they wait for: for room in their share of the places, in that of their seller, or for
// the end of a rest. Nothing is looked through when a place becomes free, however many wait. One that has as many requests as it gets waits nowhere: its next result queues it.
type turns struct {
	given   uint64                          // the last turn
	queues  [2*(mailed+1) + 1]sorted[*line] // by share: the lines in which somebody waits, but for those whose sellers have as many places as they get
	lines   map[place]*line
	resting sorted[rest]
}

// line are the receivers of one seller in one share.
type line struct {
	place

	unseen  bool // receivers of which nothing was read yet, of whatever seller
	waiting sorted[*endpoint]
	at      int // in its queue, -1 when it is not there
}

// share says which of the queues the line is in.
func (l *line) share() int {
	switch {
	case l.unseen:
		return 0
	case l.asks:
		return 2*int(l.standing) + 2
	}
	return 2*int(l.standing) + 1
}

// rest is a receiver that is left alone.
type rest struct{ *endpoint }

// sorted is a heap whose elements know where they are.
type sorted[T interface {
	Before(other T) bool
	Moved(to int)
}] []T

// Len implements heap.Interface.
func (s sorted[T]) Len() int { return len(s) }

// Less implements heap.Interface.
func (s sorted[T]) Less(i, j int) bool { return s[i].Before(s[j]) }

// Swap implements heap.Interface.
func (s sorted[T]) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].Moved(i)
	s[j].Moved(j)
}

// Push implements heap.Interface.
func (s *sorted[T]) Push(x any) {
	one := x.(T) //nolint:forcetypeassert // nothing else is pushed
	one.Moved(len(*s))
	*s = append(*s, one)
}

// Pop implements heap.Interface.
func (s *sorted[T]) Pop() any {
	last := len(*s) - 1
	one := (*s)[last]
	one.Moved(-1)
	var none T
	(*s)[last] = none
	*s = (*s)[:last]
	return one
}

// Before sorts receivers by their turns.
func (e *endpoint) Before(other *endpoint) bool { return e.turn < other.turn }

// Moved notes where the receiver is in its line.
func (e *endpoint) Moved(to int) { e.at = to }

// Before sorts lines by their first receivers.
func (l *line) Before(other *line) bool { return l.waiting[0].Before(other.waiting[0]) }

// Moved notes where the line is in its queue.
func (l *line) Moved(to int) { l.at = to }

// Before sorts receivers by the ends of their rests.
func (r rest) Before(other rest) bool { return r.until < other.until }

// queue has a receiver of which something may be due wait where it has to, behind all others unless it waited before.
func (r *sending) queue(e *endpoint) {
	switch {
	case e.line != nil:
		if e.line.place == e.place() {
			return
		}
		r.unqueue(e)
	case e.rests:
		if application.Elapsed(r.Clock) < e.RestsUntil() {
			return
		}
		r.unqueue(e)
	}
	switch {
	case !e.waits():
		e.turn = 0
		return
	case e.turn == 0:
		r.given++
		e.turn = r.given
	}
	r.lineUp(e)
}

// hasDue reports whether something waits for room.
func (r *sending) hasDue() bool { return len(r.lines)+len(r.resting) > 0 }

// lineUp has a receiver wait for its turn.
func (r *sending) lineUp(e *endpoint) {
	of := e.place()
	l := r.lines[of]
	if l == nil {
		l = &line{place: of, unseen: !e.seen, at: -1}
		r.lines[of] = l
	}
	e.line = l
	heap.Push(&l.waiting, e)
	r.offer(l)
}

// offer puts a line in which somebody waits where it is found.
func (r *sending) offer(l *line) {
	q := &r.queues[l.share()]
	if l.at < 0 {
		heap.Push(q, l)
		return
	}
	heap.Fix(q, l.at)
}

// restUntil has a receiver wait until a time.
func (r *sending) restUntil(e *endpoint, until time.Duration) {
	e.rests, e.until = true, until
	heap.Push(&r.resting, rest{e})
}

// unqueue has a receiver wait nowhere.
func (r *sending) unqueue(e *endpoint) {
	if e.rests {
		e.rests = false
		heap.Remove(&r.resting, e.at)
		return
	}
	l := e.line
	e.line = nil
	if len(l.waiting) == 1 {
		if l.at >= 0 {
			heap.Remove(&r.queues[l.share()], l.at)
		}
		delete(r.lines, l.place)
	}
	heap.Remove(&l.waiting, e.at)
	if len(l.waiting) > 0 && l.at >= 0 {
		r.offer(l)
	}
}

// start begins as many requests as there is room for: one of each contract, beginning with those that were served longest ago, and then another of each.
func (r *sending) start(ctx context.Context) {
	r.away = false
	for now := application.Elapsed(r.Clock); len(r.resting) > 0 && r.resting[0].until <= now; {
		e := r.resting[0].endpoint
		r.unqueue(e)
		r.lineUp(e)
	}
	for again := true; again; {
		again = false
		for i := range r.queues {
			again = r.startOf(ctx, &r.queues[i]) || again
		}
	}
}

// startOf begins requests of one share, and reports whether it looked at any receiver.
func (r *sending) startOf(ctx context.Context, q *sorted[*line]) (looked bool) {
	for len(*q) > 0 && !r.away && ctx.Err() == nil {
		l := (*q)[0]
		if !l.unseen && (r.full(l.asks) || !r.freeInAll(l.place)) {
			return looked
		}
		if !l.unseen && !r.freeOfSeller(l.place) { // until it gives one back
			heap.Pop(q)
			continue
		}
		e := l.waiting[0]
		r.unqueue(e)
		r.serve(ctx, e, l.place)
		looked = true
	}
	return looked
}

// serve begins one request to a receiver whose turn it is and for which there is a place, and has it wait for the next.
func (r *sending) serve(ctx context.Context, e *endpoint, of place) {
	now := application.Elapsed(r.Clock)
	roomy := func() bool { return e.waits() && e.room(now, r.most(e)) > 0 }
	switch {
	case !roomy():
	case !r.refill(ctx, e):
		if e.waits() && e.RestsUntil() <= now { // more is read in the next turn
			r.restUntil(e, now)
			return
		}
	case roomy() && e.place() == of && !r.full(e.asks):
		d := e.ready[0]
		e.ready = e.ready[1:]
		r.send(ctx, e, d)
		r.given++
		e.turn = r.given
	}
	switch {
	case !e.waits():
		e.turn = 0
	case e.RestsUntil() > now:
		r.restUntil(e, e.RestsUntil())
	case roomy():
		r.lineUp(e)
	}
}

// freeInAll and freeOfSeller report whether a place is left of those that a standing has in all, and that a seller has of it.
func (r *sending) freeInAll(p place) bool {
	all, _ := r.places(p)
	return r.taken[place{"", p.standing, p.asks}] < all
}

func (r *sending) freeOfSeller(p place) bool {
	_, most := r.places(p)
	return r.taken[p] < most
}

// places is how many requests there may be at once, in all and of one seller. Somebody waits for each buyer that is asked, and some answer late, so that those
// that fail have more of the places.
func (r *sending) places(p place) (all, ofSeller int) {
	switch {
	case p.asks && p.standing == failing:
		all = max(2, r.AskInAll/2)
	case p.asks:
		all = max(2, r.AskInAll*3/4)
	case p.standing == mailed:
		all = mailsAtOnce
	case p.standing == well:
		all = max(2, r.InAll/2)
	default:
		all = max(2, r.InAll/4)
	}
	if p.asks {
		return all, max(2, all*3/4)
	}
	return all, all / 2
}

func (r *sending) take(p place, n int) {
	for _, of := range []place{p, {"", p.standing, p.asks}} {
		if r.taken[of] += n; r.taken[of] == 0 {
			delete(r.taken, of)
		}
	}
	if l := r.lines[p]; n < 0 && l != nil && l.at < 0 {
		r.offer(l)
	}
}
