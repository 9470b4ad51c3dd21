package consolehttp

import (
	"context"
	"slices"
	"sync"
	"time"

	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/application"
)

// The bounds of open pages of an instance.
const (
	mostOpen         = 10_000
	mostOpenOfPerson = 100
)

// lives are the open pages of an instance. All pages of a seller follow one stream of its events, so that an event costs the same however many
// are open.
type lives struct {
	mu       sync.Mutex
	sellers  map[string]*audience
	open     int
	ofPerson map[string]int
}

// audience is the open pages of a seller.
type audience struct {
	pages map[*openPage]struct{}
	at    int64 // up to which they know what happened
	stop  context.CancelFunc
	done  chan struct{} // closed when the stream ended
	err   error         // why
}

// openPage is what one of them was not yet told.
type openPage struct {
	of     *lives
	actor  application.Actor
	in     *audience
	from   int64 // what happened after it, it is told
	kinds  []string
	called chan struct{}
}

// join opens a page: feedquery.ErrTooManyStreams, feedquery.ErrStreamsFull and what feedquery.EventStream fails with. The caller must call leave.
func (l *lives) join(v *Visit) (*openPage, error) {
	p := &openPage{of: l, actor: v.Who(), called: make(chan struct{}, 1)}
	if err := l.count(p.actor); err != nil {
		return nil, err
	}
	if l.enter(p, nil) {
		return p, nil
	}
	stream, err := Ask[feedquery.OpenStream](v, feedquery.EventStream{Actor: p.actor, FromHead: true})
	if err != nil {
		l.discount(p.actor)
		return nil, err
	}
	if !l.enter(p, stream) {
		stream.Close() // another page of the seller came first
	}
	return p, nil
}

// count takes the place of one more page.
func (l *lives) count(who application.Actor) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ofPerson[who.PersonID] >= mostOpenOfPerson:
		return feedquery.ErrTooManyStreams
	case l.open >= mostOpen:
		return feedquery.ErrStreamsFull
	}
	if l.ofPerson == nil {
		l.ofPerson = map[string]int{}
	}
	l.open++
	l.ofPerson[who.PersonID]++
	return nil
}

func (l *lives) discount(who application.Actor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.ofPerson[who.PersonID]--; l.ofPerson[who.PersonID] == 0 {
		delete(l.ofPerson, who.PersonID)
	}
}

// enter adds a page to those of its seller. Where it is the first, they begin to follow a stream, if there is one. It reports whether the page
// was added, or, with a stream, whether the stream is followed.
func (l *lives) enter(p *openPage, stream feedquery.OpenStream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.sellers[p.actor.SellerID]
	used := a != nil
	if a == nil && stream != nil {
		ctx, stop := context.WithCancel(context.Background())
		a = &audience{pages: map[*openPage]struct{}{}, at: stream.Position(), stop: stop, done: make(chan struct{})}
		if l.sellers == nil {
			l.sellers = map[string]*audience{}
		}
		l.sellers[p.actor.SellerID] = a
		go l.follow(ctx, p.actor.SellerID, a, stream)
	}
	if a == nil {
		return false
	}
	a.pages[p] = struct{}{}
	p.in, p.from = a, a.at
	return used != (stream != nil)
}

// follow tells the pages of a seller what happens, until the last of them is gone or the stream ends.
func (l *lives) follow(ctx context.Context, sellerID string, a *audience, stream feedquery.OpenStream) {
	defer close(a.done)
	defer stream.Close()
	for {
		events, err := stream.Next(ctx, liveHeartbeat)
		var kinds []string
		for _, e := range events {
			if kind := kindOf(e.Type); !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
		l.mu.Lock()
		a.at, a.err = stream.Position(), err
		if err != nil && l.sellers[sellerID] == a {
			delete(l.sellers, sellerID)
		}
		if err != nil || len(kinds) > 0 {
			for p := range a.pages {
				p.call(kinds)
			}
		}
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// call notes kinds of things that changed, and wakes the page.
func (p *openPage) call(kinds []string) {
	for _, kind := range kinds {
		if !slices.Contains(p.kinds, kind) {
			p.kinds = append(p.kinds, kind)
		}
	}
	select {
	case p.called <- struct{}{}:
	default:
	}
}

// next returns the kinds of things that changed since it was called last. It waits for them up to d; then there are none. It fails when ctx ends,
// with its cause, or when the stream does.
func (p *openPage) next(ctx context.Context, d time.Duration) ([]string, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		p.of.mu.Lock()
		kinds, err := p.kinds, p.in.err
		p.kinds = nil
		p.of.mu.Unlock()
		if len(kinds) > 0 || err != nil {
			return kinds, err
		}
		select {
		case <-p.called:
		case <-t.C:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// leave closes the page.
func (p *openPage) leave() {
	p.of.discount(p.actor)
	p.of.mu.Lock()
	a := p.in
	delete(a.pages, p)
	last := len(a.pages) == 0
	if last && p.of.sellers[p.actor.SellerID] == a {
		delete(p.of.sellers, p.actor.SellerID)
	}
	p.of.mu.Unlock()
	if last {
		a.stop()
		<-a.done
	}
}
