package application

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// FactProvider asks the outside about a lead: a do-not-call list, a score, an enrichment. It is an extension point:
// implement it and register it with leadmill.AsFacts. It is asked before the transaction that decides the lead, and its
// answer is in the facts that rules and strategies see: lead.Facts.Outside. It may be called by several goroutines, and again
// for a lead that waits for a buyer.
type FactProvider interface {
	// Name is what rules and strategies know the answer by, unique among all providers: 1 to 32 of a-z, 0-9 and _, the first
	// a letter.
	Name() string
	// Timeout is how long a lead waits for the answer: 1 ms to 5 s.
	Timeout() time.Duration
	// Ask answers about a lead. Its context ends at the timeout; an answer after that is not used. An error says that there
	// is no answer: the lead is decided without it. The error's text is never logged, because it may repeat personal data.
	Ask(ctx context.Context, f lead.Facts) (field.Set, error)
}

// FactWatch is told of every answer that a lead was decided without.
type FactWatch interface {
	// FactMissing says why a provider's answer is missing: its error, a *bus.PanicError, or an error that is
	// context.DeadlineExceeded.
	FactMissing(ctx context.Context, provider string, err error)
}

// FactProviders asks providers of facts from outside. The zero value has none.
type FactProviders struct {
	sources []*factSource
	watch   FactWatch
}

// The bounds of FactProvider.Timeout.
const (
	minFactTimeout = time.Millisecond
	maxFactTimeout = 5 * time.Second
)

// maxFactCalls bounds how many calls of one provider run at a time, those included that do not end at their timeout.
// leadsAtOnce is how many leads AskAll asks about at a time.
const (
	maxFactCalls = 1000
	leadsAtOnce  = 32
)

var factName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// NewFactProviders returns the providers of a list, ordered by name. It fails when two have one name, and when a name or a
// timeout is not as FactProvider says.
func NewFactProviders(list ...FactProvider) (FactProviders, error) {
	sources := make([]*factSource, len(list))
	for i, p := range list {
		s := &factSource{FactProvider: p, name: p.Name(), timeout: p.Timeout(), slots: make(chan struct{}, maxFactCalls)}
		if !factName.MatchString(s.name) {
			return FactProviders{}, fmt.Errorf("the name %q of a fact provider must be 1 to 32 lower-case letters, digits and underscores, the first a letter", s.name)
		}
		if s.timeout < minFactTimeout || s.timeout > maxFactTimeout {
			return FactProviders{}, fmt.Errorf("the timeout of the fact provider %q is %v and must be between %v and %v", s.name, s.timeout, minFactTimeout, maxFactTimeout)
		}
		sources[i] = s
	}
	slices.SortFunc(sources, func(a, b *factSource) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(sources); i++ {
		if sources[i].name == sources[i-1].name {
			return FactProviders{}, fmt.Errorf("two fact providers are named %q", sources[i].name)
		}
	}
	return FactProviders{sources: sources}, nil
}

// Watched returns the providers with a watch that is told of missing answers.
func (p FactProviders) Watched(w FactWatch) FactProviders {
	p.watch = w
	return p
}

// Any reports whether there is any provider.
func (p FactProviders) Any() bool { return len(p.sources) > 0 }

// Names returns the providers' names in alphabetical order.
func (p FactProviders) Names() []string {
	names := make([]string, len(p.sources))
	for i, s := range p.sources {
		names[i] = s.name
	}
	return names
}

// Ask asks all providers about a lead at the same time and returns their answers by name, for lead.Facts.WithOutside. The
// answer of a provider that failed, panicked or did not answer in time is left out. Without providers it returns nil.
func (p FactProviders) Ask(ctx context.Context, f lead.Facts) map[string]field.Set {
	if len(p.sources) == 0 {
		return nil
	}
	calls := make([]factCall, len(p.sources))
	for i, s := range p.sources {
		calls[i] = s.ask(ctx, f)
	}
	answers := make(map[string]field.Set, len(calls))
	for i, s := range p.sources {
		answer, err := calls[i].wait()
		switch {
		case err == nil:
			answers[s.name] = answer
		case ctx.Err() == nil && p.watch != nil: // a caller that went away is no failure of the provider
			p.watch.FactMissing(ctx, s.name, err)
		}
	}
	return answers
}

// AskAll is Ask about many leads, a bounded number of them at a time. The answers about leads that were not asked about when
// ctx ended are nil.
func (p FactProviders) AskAll(ctx context.Context, leads []lead.Facts) []map[string]field.Set {
	answers := make([]map[string]field.Set, len(leads))
	var next atomic.Int64
	var asking sync.WaitGroup
	for range min(leadsAtOnce, len(leads)) {
		asking.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(leads) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if a := p.Ask(ctx, leads[i]); ctx.Err() == nil {
					answers[i] = a
				}
			}
		})
	}
	asking.Wait()
	return answers
}

// factSource is a provider with what it said of itself at the start.
type factSource struct {
	FactProvider

	name    string
	timeout time.Duration
	slots   chan struct{}
}

// factCall is a question that was asked.
type factCall struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   chan factAnswer
}

type factAnswer struct {
	fields field.Set
	err    error
}

// ask asks in a goroutine of its own, because a provider may ignore that its context ends.
func (s *factSource) ask(ctx context.Context, f lead.Facts) factCall {
	c := factCall{done: make(chan factAnswer, 1)}
	c.ctx, c.cancel = context.WithTimeout(ctx, s.timeout)
	go func() {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			c.done <- s.call(c.ctx, f)
		case <-c.ctx.Done():
		}
	}()
	return c
}

func (s *factSource) call(ctx context.Context, f lead.Facts) (a factAnswer) {
	defer func() {
		if r := recover(); r != nil {
			a = factAnswer{err: bus.Panicked(r)}
		}
	}()
	fields, err := s.Ask(ctx, f)
	return factAnswer{maps.Clone(fields), err}
}

// wait returns the answer, or why there is none.
func (c factCall) wait() (field.Set, error) {
	defer c.cancel()
	select {
	case a := <-c.done:
		return a.fields, a.err
	case <-c.ctx.Done():
	}
	select {
	case a := <-c.done:
		return a.fields, a.err
	default:
		return nil, c.ctx.Err()
	}
}
