package bus

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// ErrOverloaded says that a lane's queue is full.
var ErrOverloaded = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")

var errOutcomes = errors.New("the handler of a batch did not answer one outcome per command")

// Outcome is what became of one command of a batch.
type Outcome[R any] struct {
	Result R
	Err    error
}

// BatchHandler handles commands together. It returns one Outcome per command, in their order.
type BatchHandler[C, R any] interface {
	HandleBatch(ctx context.Context, batch []C) []Outcome[R]
}

// BatcherConfig sizes a Batcher.
type BatcherConfig struct {
	MaxBatch int           // commands in one batch; 1 runs each command alone and at once, without lanes
	Lanes    int           // batches that can run at the same time
	Queue    int           // commands that can wait in a lane
	Timeout  time.Duration // how long one batch may take
	Waits    Waits         // what is done with commands that need what somebody else holds; nothing without lanes
}

// Batcher is a handler of single commands that runs them in batches: while one batch of a lane runs, arriving commands
// queue, and the next batch takes all that are queued. There is no timer, so a lone command runs at once. Commands that need what
// somebody else holds do not hold up their lane: see Waits.
type Batcher[C, R any] struct {
	config  BatcherConfig
	handler BatchHandler[C, R]
	lane    func(C) string
	lanes   []chan *queued[C, R]
	stop    chan struct{}
	running sync.WaitGroup

	ownMu sync.Mutex
	own   map[string]*ownLane[C, R] // by the text of lane
	owns  atomic.Int64              // how many there are
	slots chan struct{}             // taken by batches of lanes of their own

	mu     sync.RWMutex // read-locked while a command is admitted, so that none is admitted after the last batch
	closed bool
}

type queued[C, R any] struct {
	ctx     context.Context
	command C
	done    chan Outcome[R]
	tries   int // in a lane of its own
}

// NewBatcher starts a Batcher. lane returns a text whose hash picks a command's lane: commands that need the same locks
// should return the same text. Close stops the Batcher.
func NewBatcher[C, R any](config BatcherConfig, handler BatchHandler[C, R], lane func(C) string) *Batcher[C, R] {
	b := &Batcher[C, R]{config: config, handler: handler, lane: lane, stop: make(chan struct{})}
	if config.MaxBatch <= 1 {
		return b
	}
	b.own, b.slots = map[string]*ownLane[C, R]{}, make(chan struct{}, max(config.Waits.AtOnce, 1))
	for range max(config.Lanes, 1) {
		ch := make(chan *queued[C, R], config.Queue)
		b.lanes = append(b.lanes, ch)
		b.running.Go(func() { b.run(ch) })
	}
	return b
}

// Handle implements Handler. A command whose context ends before its batch starts is dropped; once the batch runs, the
// command is done even if its caller stops waiting. Errors: ErrOverloaded when the queue is full, the context ended or the
// Batcher is closed; *PanicError; those of the batch handler.
func (b *Batcher[C, R]) Handle(ctx context.Context, c C) (R, error) {
	q := &queued[C, R]{ctx: ctx, command: c, done: make(chan Outcome[R], 1)}
	var none R
	if err := ctx.Err(); err != nil {
		return none, ErrOverloaded.Because(err)
	}
	if !b.admit(q) {
		return none, ErrOverloaded
	}
	if len(b.lanes) == 0 {
		defer b.running.Done()
		b.do([]*queued[C, R]{q})
	}
	select {
	case o := <-q.done:
		return o.Result, o.Err
	case <-ctx.Done():
	}
	select {
	case o := <-q.done:
		return o.Result, o.Err
	default:
		return none, ErrOverloaded.Because(ctx.Err())
	}
}

// admit queues a command in its lane, or counts it as running when there are no lanes.
func (b *Batcher[C, R]) admit(q *queued[C, R]) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return false
	}
	if len(b.lanes) == 0 {
		b.running.Add(1)
		return true
	}
	key := b.lane(q.command)
	if diverted, full := b.divert(q, key); diverted {
		return !full
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	select {
	case b.lanes[h.Sum32()%uint32(len(b.lanes))] <- q:
		return true
	default:
		return false
	}
}

func (b *Batcher[C, R]) run(lane chan *queued[C, R]) {
	batch := make([]*queued[C, R], 0, b.config.MaxBatch)
	for {
		batch = batch[:0]
		select {
		case q := <-lane:
			batch = append(batch, q)
		case <-b.stop:
			// Queued commands were admitted, so they are still run.
			select {
			case q := <-lane:
				batch = append(batch, q)
			default:
				return
			}
		}
	fill:
		for len(batch) < b.config.MaxBatch {
			select {
			case q := <-lane:
				batch = append(batch, q)
			default:
				break fill
			}
		}
		b.do(batch)
	}
}

// do runs the commands of a batch whose callers still wait. Those that have a lane of their own go there.
func (b *Batcher[C, R]) do(batch []*queued[C, R]) {
	batch = live(batch)
	if b.owns.Load() > 0 {
		batch = slices.DeleteFunc(batch, func(q *queued[C, R]) bool {
			diverted, full := b.divert(q, b.lane(q.command))
			if full {
				q.done <- Outcome[R]{Err: ErrOverloaded}
			}
			return diverted
		})
	}
	switch {
	case len(batch) == 0:
	case len(b.lanes) > 0 && b.config.Waits.Held != nil:
		b.share(batch)
	default:
		outcomes, err := b.outcomes(b.handler, batch, 0)
		for i, q := range batch {
			if err != nil {
				q.done <- Outcome[R]{Err: err}
			} else {
				q.done <- outcomes[i]
			}
		}
	}
}

// live returns the commands of a batch whose callers still wait, in the batch's place.
func live[C, R any](batch []*queued[C, R]) []*queued[C, R] {
	out := batch[:0]
	for _, q := range batch {
		if q.ctx.Err() == nil {
			out = append(out, q)
		}
	}
	return out
}

// outcomes hands a batch to a handler, with some patience unless it is 0.
func (b *Batcher[C, R]) outcomes(handler BatchHandler[C, R], batch []*queued[C, R], patience time.Duration) ([]Outcome[R], error) {
	commands := make([]C, len(batch))
	for i, q := range batch {
		commands[i] = q.command
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), b.config.Timeout)
	defer cancel()
	if patience > 0 {
		ctx = b.config.Waits.Patience(ctx, patience)
	}
	return handle(ctx, handler, commands)
}

// handle returns one outcome per command, or an error that applies to all of them.
func handle[C, R any](ctx context.Context, handler BatchHandler[C, R], commands []C) (outcomes []Outcome[R], err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Panicked(r)
		}
	}()
	outcomes = handler.HandleBatch(ctx, commands)
	if len(outcomes) != len(commands) {
		return nil, errOutcomes
	}
	return outcomes, nil
}

// Waiting returns how many commands wait in the longest lane, without those of the batches that run.
func (b *Batcher[C, R]) Waiting() int {
	longest := 0
	for _, lane := range b.lanes {
		longest = max(longest, len(lane))
	}
	return longest
}

// Close stops the Batcher after all admitted commands are done. Later commands are refused: ErrOverloaded.
func (b *Batcher[C, R]) Close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.stop)
	}
	b.mu.Unlock()
	b.running.Wait()
}
