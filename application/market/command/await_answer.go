package command

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
)

// AwaitAnswer waits until it is final what a supplier is answered about a lead of which buyers are asked.
type AwaitAnswer struct {
	application.Actor

	Done application.Done
}

// Needs implements application.Message.
func (AwaitAnswer) Needs() application.Scope { return application.Supplier }

// FinalAnswers reads what suppliers are answered.
type FinalAnswers interface {
	// FinalAnswers returns the stored responses of those of some leads whose response does not change any more, by lead.
	FinalAnswers(ctx context.Context, leads []application.Ref) (map[string]application.Response, error)
}

const (
	// lookForAnswers is how often it is looked for the answers of all leads that are waited for, also where another instance asks buyers. Of
	// what happened in this one it is told, and looks soonestLook after its last look.
	lookForAnswers = 50 * time.Millisecond
	soonestLook    = 5 * time.Millisecond
	// mostAwaited is how many leads are waited for. A supplier more is answered at once.
	mostAwaited = 10_000
	// lookTimeout is how long a look may take; answerTimeout is how long a supplier waits for who settles its lead when its time is up.
	lookTimeout   = 2 * time.Second
	answerTimeout = 2 * time.Second
)

// AwaitAnswerHandler handles AwaitAnswer: all that wait share one look.
type AwaitAnswerHandler struct {
	reader FinalAnswers
	answer bus.Handler[AnswerSupplier, application.Done]
	clock  application.Clock

	mu      sync.Mutex
	waiting map[application.Ref]*awaited
	looking bool
	woken   chan struct{}
	settled map[application.Ref]bool // of those, whose answers may be final
}

// awaited is a lead that is waited for.
type awaited struct {
	users    int
	until    time.Time
	final    chan struct{} // closed when response is final, or the time is over
	response application.Response
	over     bool
}

// NewAwaitAnswerHandler returns a handler for which nobody waits.
func NewAwaitAnswerHandler(reader FinalAnswers, answer bus.Handler[AnswerSupplier, application.Done], clock application.Clock) *AwaitAnswerHandler {
	return &AwaitAnswerHandler{reader: reader, answer: answer, clock: clock, waiting: map[application.Ref]*awaited{}, settled: map[application.Ref]bool{}, woken: make(chan struct{}, 1)}
}

// Handle implements bus.Handler. It has no errors: who cannot be told more is told that the lead is pending, which it is.
func (h *AwaitAnswerHandler) Handle(ctx context.Context, c AwaitAnswer) (application.Done, error) {
	if c.Done.Awaits == nil {
		return c.Done, nil
	}
	of := *c.Done.Awaits
	c.Done.Awaits = nil
	left := min(of.Until.Sub(h.clock.Now()), SupplierWaits) // the clock may have been set back
	w := h.join(of)
	if w == nil || left <= 0 {
		h.leave(of.Lead, w)
		return h.final(ctx, of.Lead, c.Done), nil
	}
	defer h.leave(of.Lead, w)
	end := time.NewTimer(left)
	defer end.Stop()
	select {
	case <-w.final:
		if w.over {
			return h.final(ctx, of.Lead, c.Done), nil
		}
		c.Done.Response = w.response
	case <-end.C:
		return h.final(ctx, of.Lead, c.Done), nil
	case <-ctx.Done(): // nobody listens
	}
	return c.Done, nil
}

// final settles what the supplier of a lead is answered.
func (h *AwaitAnswerHandler) final(ctx context.Context, of application.Ref, done application.Done) application.Done {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if stored, err := h.answer.Handle(ctx, AnswerSupplier{Lead: of}); err == nil {
		done.Response = stored.Response
	}
	return done
}

// Settled returns a handler that settles by another one, and looks for answers at once when some may be final.
func (h *AwaitAnswerHandler) Settled(by bus.Handler[SettleReservations, ReservationsSettled]) bus.Handler[SettleReservations, ReservationsSettled] {
	return settledAnswers{by, h}
}

type settledAnswers struct {
	by   bus.Handler[SettleReservations, ReservationsSettled]
	tell *AwaitAnswerHandler
}

// Handle implements bus.Handler.
func (s settledAnswers) Handle(ctx context.Context, c SettleReservations) (ReservationsSettled, error) {
	done, err := s.by.Handle(ctx, c)
	if len(done.Final) > 0 {
		s.tell.wake(done.Final)
	}
	return done, err
}

func (h *AwaitAnswerHandler) wake(of []application.Ref) {
	h.mu.Lock()
	for _, ref := range of {
		if h.waiting[ref] != nil {
			h.settled[ref] = true
		}
	}
	waits := len(h.settled) > 0
	h.mu.Unlock()
	if !waits {
		return
	}
	select {
	case h.woken <- struct{}{}:
	default:
	}
}

// join waits for a lead; nil when too many are waited for. The first that waits begins to look.
func (h *AwaitAnswerHandler) join(a application.Awaited) *awaited {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := a.Lead
	w := h.waiting[of]
	if w == nil {
		if len(h.waiting) >= mostAwaited {
			return nil
		}
		w = &awaited{until: a.Until, final: make(chan struct{})}
		h.waiting[of] = w
		if !h.looking {
			h.looking = true
			go h.look()
		}
	}
	w.users++
	return w
}

func (h *AwaitAnswerHandler) leave(of application.Ref, w *awaited) {
	if w == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.users--; w.users == 0 && h.waiting[of] == w {
		delete(h.waiting, of)
	}
}

// look looks for final answers until nobody waits for one: for all now and then, and at once for those that were settled in this process.
func (h *AwaitAnswerHandler) look() {
	again := time.NewTimer(lookForAnswers)
	defer again.Stop()
	for all := true; ; {
		refs, waits := h.awaited(all)
		if !waits {
			return
		}
		if len(refs) > 0 {
			h.found(refs, h.read(refs))
		}
		time.Sleep(soonestLook)
		if all {
			again.Reset(lookForAnswers)
		}
		select {
		case <-again.C:
			all = true
		case <-h.woken:
			all = false
		}
	}
}

// awaited returns the leads that are waited for, all of them or those that were settled. When nobody waits, the look is over.
func (h *AwaitAnswerHandler) awaited(all bool) (refs []application.Ref, waits bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looking = len(h.waiting) > 0
	of := maps.Keys(h.waiting)
	if !all {
		of = maps.Keys(h.settled)
	}
	refs = slices.Collect(of)
	clear(h.settled)
	return refs, h.looking
}

// read reads the answers that are final. What cannot be read is looked for again.
func (h *AwaitAnswerHandler) read(refs []application.Ref) map[string]application.Response {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	found, err := h.reader.FinalAnswers(ctx, refs)
	if err != nil {
		return nil
	}
	return found
}

// found gives those who wait their answers.
func (h *AwaitAnswerHandler) found(refs []application.Ref, all map[string]application.Response) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.clock.Now()
	for _, of := range refs {
		w := h.waiting[of]
		response, ok := all[of.ID]
		if w == nil || !ok && now.Before(w.until) {
			continue
		}
		w.response, w.over = response, !ok
		close(w.final)
		delete(h.waiting, of)
	}
}
