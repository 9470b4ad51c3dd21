package outbound

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
)

// width is how many requests are under way at once: to each host, and in all.
type width struct{ host, all int }

// gate lets a bounded number of requests through, of these a bounded number to each host, and of both a bounded number for each seller. Who waits for
// places of its own holds none of those that all share, and who waits for a host holds no place of all.
type gate struct {
	most, seller width
	patience     time.Duration // 0: nobody waits

	mu     sync.Mutex
	queues map[places]*queue
}

// places are those to a host, or in all, which is the host "", that all share or that a seller has.
type places struct {
	host, seller string
	shared       bool
}

// queue is what is known of places while somebody is there or waits.
type queue struct {
	taken chan struct{}
	users int
}

func newGate(most, seller width, patience time.Duration) gate {
	return gate{most: most, seller: seller, patience: patience, queues: map[places]*queue{}}
}

// enter waits until a request of a seller may go to a host, as long as the gate is patient. Its error is that of ctx, or application.ErrOutboundBusy.
// leave makes room for the next.
func (g *gate) enter(ctx context.Context, seller, host string) (leave func(), err error) {
	if g.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, g.patience, application.ErrOutboundBusy)
		defer cancel()
	}
	var back []func()
	leave = func() {
		for _, f := range slices.Backward(back) {
			f()
		}
	}
	for _, of := range []struct {
		places
		most int
	}{
		{places{host, seller, false}, g.seller.host},
		{places{"", seller, false}, g.seller.all},
		{places{host, "", true}, g.most.host},
		{places{"", "", true}, g.most.all},
	} {
		q := g.use(of.places, of.most)
		if err := g.take(ctx, q); err != nil {
			g.unuse(of.places, q)
			leave()
			return nil, err
		}
		back = append(back, func() {
			<-q.taken
			g.unuse(of.places, q)
		})
	}
	return leave, nil
}

// take takes a place, for which it waits if the gate is patient.
func (g *gate) take(ctx context.Context, q *queue) error {
	select {
	case q.taken <- struct{}{}:
		return nil
	default:
	}
	if g.patience == 0 {
		return application.ErrOutboundBusy
	}
	select {
	case q.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gate) use(of places, most int) *queue {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[of]
	if q == nil {
		q = &queue{taken: make(chan struct{}, most)}
		g.queues[of] = q
	}
	q.users++
	return q
}

func (g *gate) unuse(of places, q *queue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(g.queues, of)
	}
}
