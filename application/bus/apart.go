package bus

import (
	"context"
	"sync"
)

// Apart returns a handler that cuts each batch into commands of one key and hands these to inner, in their order and as many parts
// at a time as atOnce says: where data is spread over several databases by that key, no part then needs two of them. A part that
// panics fails alone. A batch of one key is handed on as it is.
func Apart[C, R any](inner BatchHandler[C, R], key func(C) string, atOnce int) BatchHandler[C, R] {
	return &apart[C, R]{inner, key, atOnce}
}

type apart[C, R any] struct {
	inner  BatchHandler[C, R]
	key    func(C) string
	atOnce int
}

// HandleBatch implements BatchHandler.
func (a *apart[C, R]) HandleBatch(ctx context.Context, batch []C) []Outcome[R] {
	parts := map[string][]int{} // places in the batch
	var order []string          // of the keys, as they came
	for i, c := range batch {
		k := a.key(c)
		if parts[k] == nil {
			order = append(order, k)
		}
		parts[k] = append(parts[k], i)
	}
	if len(order) <= 1 {
		return a.inner.HandleBatch(ctx, batch)
	}
	outcomes := make([]Outcome[R], len(batch))
	waiting := make(chan []int, len(order))
	for _, k := range order {
		waiting <- parts[k]
	}
	close(waiting)
	var running sync.WaitGroup
	for range max(1, min(a.atOnce, len(order))) {
		running.Go(func() {
			for places := range waiting {
				a.part(ctx, batch, places, outcomes)
			}
		})
	}
	running.Wait()
	return outcomes
}

// part hands the commands at some places of a batch on and puts what became of them at the same places of outcomes.
func (a *apart[C, R]) part(ctx context.Context, batch []C, places []int, outcomes []Outcome[R]) {
	fail := func(err error) {
		for _, i := range places {
			outcomes[i] = Outcome[R]{Err: err}
		}
	}
	defer func() {
		if r := recover(); r != nil {
			fail(Panicked(r))
		}
	}()
	commands := make([]C, len(places))
	for n, i := range places {
		commands[n] = batch[i]
	}
	answered := a.inner.HandleBatch(ctx, commands)
	if len(answered) != len(places) {
		fail(errOutcomes)
		return
	}
	for n, i := range places {
		outcomes[i] = answered[n]
	}
}
