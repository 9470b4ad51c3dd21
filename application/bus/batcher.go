package bus

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// ErrOverloaded says that a lane's queue is full.
var ErrOverloaded = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")

// Outcome is what became of one command of a batch.
type Outcome[R any] struct {
	Result R
	Err    error
}

// BatchHandler handles commands together. It answers one Outcome per command, in order.
type BatchHandler[C, R any] interface {
	HandleBatch(ctx context.Context, batch []C) []Outcome[R]
}

// BatcherConfig sizes a Batcher.
type BatcherConfig struct {
	MaxBatch int           // commands in one batch; 1 runs every command by itself, at once
	Lanes    int           // batches that can run at the same time
	Queue    int           // commands that can wait in a lane
	Timeout  time.Duration // how long one batch may take
}

// Batcher makes a handler of single commands of a BatchHandler by natural group commit: while one batch runs, arrivals
// queue; the next batch takes what is there. Nothing waits for a timer, so a lone command goes at once.
type Batcher[C, R any] struct {
	config  BatcherConfig
	handler BatchHandler[C, R]
	lane    func(C) string
	lanes   []chan *queued[C, R]
	stop    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

type queued[C, R any] struct {
	ctx     context.Context
	command C
	done    chan Outcome[R]
}

// NewBatcher starts a Batcher. lane gives the text whose hash picks a command's lane, so that what shares locks shares a
// lane. Close stops it.
func NewBatcher[C, R any](config BatcherConfig, handler BatchHandler[C, R], lane func(C) string) *Batcher[C, R] {
	b := &Batcher[C, R]{config: config, handler: handler, lane: lane, stop: make(chan struct{})}
	if config.MaxBatch <= 1 {
		return b
	}
	for range max(config.Lanes, 1) {
		ch := make(chan *queued[C, R], config.Queue)
		b.lanes = append(b.lanes, ch)
		b.running.Go(func() { b.run(ch) })
	}
	return b
}

// Handle implements Handler. A command whose context ends before its batch starts is dropped; once the batch runs, its
// outcome stands even if nobody waits for it.
func (b *Batcher[C, R]) Handle(ctx context.Context, c C) (R, error) {
	if len(b.lanes) == 0 {
		return b.single(ctx, c)
	}
	q := &queued[C, R]{ctx: ctx, command: c, done: make(chan Outcome[R], 1)}
	h := fnv.New32a()
	_, _ = h.Write([]byte(b.lane(c)))
	var none R
	select {
	case <-b.stop:
		return none, ErrOverloaded
	default:
	}
	select {
	case b.lanes[h.Sum32()%uint32(len(b.lanes))] <- q:
	default:
		return none, ErrOverloaded
	}
	select {
	case o := <-q.done:
		return o.Result, o.Err
	case <-ctx.Done():
		return none, fault.New(fault.Unavailable, ErrOverloaded.Code, ErrOverloaded.Message).Because(ctx.Err())
	}
}

func (b *Batcher[C, R]) single(ctx context.Context, c C) (R, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.config.Timeout)
	defer cancel()
	o := b.handler.HandleBatch(ctx, []C{c})
	return o[0].Result, o[0].Err
}

func (b *Batcher[C, R]) run(lane chan *queued[C, R]) {
	batch := make([]*queued[C, R], 0, b.config.MaxBatch)
	for {
		batch = batch[:0]
		select {
		case q := <-lane:
			batch = append(batch, q)
		case <-b.stop:
			// What is queued was accepted; it is still done.
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

func (b *Batcher[C, R]) do(batch []*queued[C, R]) {
	live := batch[:0]
	for _, q := range batch {
		if q.ctx.Err() == nil {
			live = append(live, q)
		}
	}
	if len(live) == 0 {
		return
	}
	commands := make([]C, len(live))
	for i, q := range live {
		commands[i] = q.command
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(live[0].ctx), b.config.Timeout)
	defer cancel()
	for i, o := range b.handler.HandleBatch(ctx, commands) {
		live[i].done <- o
	}
}

// Close stops the Batcher after everything that was queued is done.
func (b *Batcher[C, R]) Close() {
	b.once.Do(func() { close(b.stop) })
	b.running.Wait()
}
