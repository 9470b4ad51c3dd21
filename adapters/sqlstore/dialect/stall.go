package dialect

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStalled says that a database was not asked, because it answers nothing at the moment.
var ErrStalled = errors.New("the database does not answer")

// How a database that hangs is found out. What takes longer than slowUse, or lost its connection, has it asked for a sign of life, and
// when none comes within signPatience it is stalled, so that nobody waits for it longer than both together.
const (
	slowUse      = 2 * time.Second
	signPatience = 2 * time.Second
	signEvery    = 200 * time.Millisecond
)

// Breaker keeps requests from waiting for a database that hangs: what is under way is cut off, and what comes is refused, until the
// database gives a sign of life, which it is asked for by the Breaker and not by a request. A slow statement or a lock that somebody holds
// stalls nothing, since the database gives its sign meanwhile.
//
// A nil Breaker is that of a database that cannot hang.
type Breaker struct {
	classify func(error) Class
	sign     func(context.Context) error
	told     func(stalled bool)

	answered atomic.Int64 // uses that ended well
	now      atomic.Pointer[spell]

	mu      sync.Mutex
	asking  bool
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

// spell is a time in which the database is not stalled; its context ends with it.
type spell struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// newBreaker returns a Breaker of a database whose errors are told apart by classify and that is asked for signs of life by sign. told is
// called when it stalls and when it answers again; nil tells nobody.
func newBreaker(classify func(error) Class, sign func(context.Context) error, told func(stalled bool)) *Breaker {
	b := &Breaker{classify: classify, sign: sign, told: told}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.begin()
	return b
}

func (b *Breaker) begin() {
	s := &spell{}
	s.ctx, s.end = context.WithCancelCause(b.ctx)
	b.now.Store(s)
}

// Enter begins a use of the database: ErrStalled. The context ends with the one that was given, and with the cause ErrStalled when the database
// turns out to be stalled. leave is called once, with the error of the use: a lost connection has the database asked for a sign of life.
func (b *Breaker) Enter(ctx context.Context) (held context.Context, leave func(error), err error) {
	if b == nil {
		return ctx, func(error) {}, nil
	}
	s := b.now.Load()
	if s.ctx.Err() != nil {
		return ctx, nil, ErrStalled
	}
	held, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(s.ctx, func() { cancel(ErrStalled) })
	slow := time.AfterFunc(slowUse, b.doubt)
	return held, func(err error) {
		slow.Stop()
		unhook()
		cancel(nil)
		switch class := b.classify(err); {
		case class == Lost:
			b.doubt()
		case class == Retry || errors.Is(err, context.Canceled): // which says nothing
		default:
			b.answered.Add(1)
		}
	}, nil
}

// Err is ErrStalled while the database is stalled.
func (b *Breaker) Err() error {
	if b != nil && b.now.Load().ctx.Err() != nil {
		return ErrStalled
	}
	return nil
}

// doubt asks for a sign of life, unless somebody does already.
func (b *Breaker) doubt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asking || b.ctx.Err() != nil {
		return
	}
	b.asking = true
	b.running.Go(b.ask)
}

// ask has the database stalled when it gives no sign of life, until it gives one.
func (b *Breaker) ask() {
	defer func() {
		b.mu.Lock()
		b.asking = false
		b.mu.Unlock()
	}()
	if b.answers() || b.ctx.Err() != nil {
		return
	}
	b.now.Load().end(ErrStalled)
	b.tell(true)
	for !b.answers() {
		if b.ctx.Err() != nil {
			return
		}
	}
	b.begin()
	b.tell(false)
}

// answers reports whether the database gives a sign of life in time. A use that ended well meanwhile is one too.
func (b *Breaker) answers() bool {
	ctx, cancel := context.WithTimeout(b.ctx, signPatience)
	defer cancel()
	before := b.answered.Load()
	again := time.NewTicker(signEvery)
	defer again.Stop()
	for {
		if b.sign(ctx) == nil || b.answered.Load() != before {
			return true
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return b.answered.Load() != before
		}
	}
}

func (b *Breaker) tell(stalled bool) {
	if b.told != nil {
		b.told(stalled)
	}
}

// close ends the asking.
func (b *Breaker) close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.stop()
	b.mu.Unlock()
	b.running.Wait()
}
