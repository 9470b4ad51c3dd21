package outbound

import (
	"context"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
)

// gate lets a bounded number of requests through, and of these a bounded number to each host. Who waits for a host holds no place of all.
type gate struct {
	all      chan struct{}
	width    int
	patience time.Duration

	mu    sync.Mutex
	hosts map[string]*queue
}

// queue is what is known of a host while somebody is there or waits.
type queue struct {
	taken chan struct{}
	users int
}

func newGate(perHost, inAll int) gate {
	return gate{all: make(chan struct{}, inAll), width: perHost, patience: patience, hosts: map[string]*queue{}}
}

// enter waits until a request may go to a host, as long as the gate is patient. Its error is that of ctx, or application.ErrOutboundBusy. leave makes
// room for the next.
func (g *gate) enter(ctx context.Context, host string) (leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, g.patience, application.ErrOutboundBusy)
	defer cancel()
	p := g.use(host)
	select {
	case p.taken <- struct{}{}:
	case <-ctx.Done():
		g.unuse(host, p)
		return nil, context.Cause(ctx)
	}
	back := func() {
		<-p.taken
		g.unuse(host, p)
	}
	select {
	case g.all <- struct{}{}:
	case <-ctx.Done():
		back()
		return nil, context.Cause(ctx)
	}
	return func() {
		<-g.all
		back()
	}, nil
}

func (g *gate) use(host string) *queue {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.hosts[host]
	if p == nil {
		p = &queue{taken: make(chan struct{}, g.width)}
		g.hosts[host] = p
	}
	p.users++
	return p
}

func (g *gate) unuse(host string, p *queue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(g.hosts, host)
	}
}
