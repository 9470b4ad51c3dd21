package bus

import (
	"context"
	"time"
)

// Waits says what a Batcher does with commands that need what somebody else holds, such as a locked row. The zero value does
// nothing about them.
type Waits struct {
	// Held reports whether the error of a command says that somebody else held what it needs. It was then not done.
	Held func(err error) bool
	// Patience returns a context in which the handler waits about so long for what is held, and then fails with such an error.
	Patience func(ctx context.Context, d time.Duration) context.Context
	// First is how patient a batch of a lane is. When it waited for so long, its commands are tried again, those of each text of lane
	// by themselves, with the patience Again. Those that still wait get a lane of their own.
	First, Again time.Duration
	// Own is how patient a batch in a lane of its own is, and Tries how often a command is tried there.
	Own   time.Duration
	Tries int
	// AtOnce bounds how many batches of lanes of their own wait at the same time: each may hold a connection.
	AtOnce int
}

// ownLane holds the commands of one text of lane. Later ones join them until a batch got through, however long that takes, so that
// what is held for long is not waited for by others again and again; then it does what is queued in it.
type ownLane[C, R any] struct {
	key     string
	queue   []*queued[C, R]
	running bool
}

// divert queues a command in its lane of its own, if there is one. full says that it is, but has no room for another command.
func (b *Batcher[C, R]) divert(q *queued[C, R], key string) (diverted, full bool) {
	if b.owns.Load() == 0 {
		return false, false
	}
	b.ownMu.Lock()
	defer b.ownMu.Unlock()
	l := b.own[key]
	switch {
	case l == nil:
		return false, false
	case len(l.queue) >= b.config.Queue:
		return true, true
	}
	b.enqueue(l, q)
	return true, false
}

// enqueue adds commands to a lane of its own and has it run. The caller holds ownMu.
func (b *Batcher[C, R]) enqueue(l *ownLane[C, R], all ...*queued[C, R]) {
	l.queue = append(l.queue, all...)
	if !l.running {
		l.running = true
		b.running.Go(func() { b.runOwn(l) })
	}
}

// setApart gives commands lanes of their own.
func (b *Batcher[C, R]) setApart(all []*queued[C, R]) {
	b.ownMu.Lock()
	defer b.ownMu.Unlock()
	for _, q := range all {
		key := b.lane(q.command)
		l := b.own[key]
		if l == nil {
			l = &ownLane[C, R]{key: key}
			b.keep(l, true)
		}
		b.enqueue(l, q)
	}
}

// keep has later commands join a lane of its own, or no longer. The caller holds ownMu.
func (b *Batcher[C, R]) keep(l *ownLane[C, R], join bool) {
	switch now := b.own[l.key]; {
	case join && now == nil:
		b.own[l.key] = l
	case !join && now == l:
		delete(b.own, l.key)
	}
	b.owns.Store(int64(len(b.own)))
}

// share runs a batch of a lane that all share: no longer than it is patient, so that what somebody else holds is waited for by those
// only who need it.
func (b *Batcher[C, R]) share(batch []*queued[C, R]) {
	w := &b.config.Waits
	waiting := b.attempt(b.handler, batch, w.First)
	if len(waiting) == 0 {
		return
	}
	if mixed := func() bool {
		for _, q := range waiting {
			if b.lane(q.command) != b.lane(waiting[0].command) {
				return true
			}
		}
		return false
	}(); mixed {
		waiting = b.attempt(Apart(b.handler, b.lane, w.AtOnce), waiting, w.Again)
	}
	b.setApart(waiting)
}

// attempt runs a batch with some patience and returns the commands that were not done because of what somebody else holds.
func (b *Batcher[C, R]) attempt(handler BatchHandler[C, R], batch []*queued[C, R], d time.Duration) (waiting []*queued[C, R]) {
	outcomes, err := b.outcomes(handler, batch, d)
	for i, q := range batch {
		switch {
		case err != nil:
			q.done <- Outcome[R]{Err: err}
		case b.config.Waits.Held(outcomes[i].Err):
			waiting = append(waiting, q)
		default:
			q.done <- outcomes[i]
		}
	}
	return waiting
}

// runOwn runs a lane of its own until nothing is queued in it.
func (b *Batcher[C, R]) runOwn(l *ownLane[C, R]) {
	for {
		b.slots <- struct{}{}
		batch, ok := b.takeOwn(l)
		if ok && len(batch) > 0 {
			b.tryOwn(l, batch)
		}
		<-b.slots
		if !ok {
			return
		}
	}
}

// takeOwn takes the next batch of a lane of its own; ok is false when nothing was queued: then the lane runs no longer.
func (b *Batcher[C, R]) takeOwn(l *ownLane[C, R]) (batch []*queued[C, R], ok bool) {
	b.ownMu.Lock()
	defer b.ownMu.Unlock()
	if len(l.queue) == 0 {
		l.running = false
		return nil, false
	}
	n := min(len(l.queue), b.config.MaxBatch)
	batch = live(append([]*queued[C, R](nil), l.queue[:n]...))
	clear(l.queue[:n])
	l.queue = l.queue[n:]
	return batch, true
}

// tryOwn runs a batch of a lane of its own. What is still held is tried again, before what was queued meanwhile.
func (b *Batcher[C, R]) tryOwn(l *ownLane[C, R], batch []*queued[C, R]) {
	w := &b.config.Waits
	outcomes, err := b.outcomes(b.handler, batch, w.Own)
	var again []*queued[C, R]
	through := false
	for i, q := range batch {
		o := Outcome[R]{Err: err}
		if err == nil {
			o = outcomes[i]
		}
		held := w.Held(o.Err)
		through = through || !held
		if q.tries++; held && q.tries < w.Tries {
			again = append(again, q)
			continue
		}
		q.done <- o
	}
	b.ownMu.Lock()
	defer b.ownMu.Unlock()
	b.keep(l, !through)
	l.queue = append(again, l.queue...)
}
