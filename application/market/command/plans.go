package command

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
)

// maxPlanned is of how many contracts plans are remembered. What is full is emptied.
const maxPlanned = 200_000

// Plans remembers the plans of campaigns, each of its newest version, so that filters are compiled once for each version of a contract.
type Plans struct {
	filters distribution.Filters

	mu        sync.RWMutex
	known     map[string]planned
	making    map[string]chan struct{} // by campaign; closed when its plan is made
	contracts int
}

type planned struct {
	version   int64
	contracts int
	of        *campaign.Campaign
	plan      *distribution.Plan           // nil: it needs none
	dedupes   map[string][]campaign.Dedupe // see campaign.BuyerDedupes
}

// cached returns the newest campaign of which it is known what plan it needs, by its id, for what locks it; nothing when there is none.
func (p *Plans) cached(id string) map[string]*campaign.Campaign {
	if k, known := p.newest(id); known {
		return map[string]*campaign.Campaign{id: k.of}
	}
	return nil
}

// newer returns campaigns, each in the newest version that it or a plan has.
func (p *Plans) newer(campaigns map[string]*campaign.Campaign) map[string]*campaign.Campaign {
	out := make(map[string]*campaign.Campaign, len(campaigns))
	for id, c := range campaigns {
		out[id] = c
		if k, known := p.newest(id); known && k.version > c.Version() {
			out[id] = k.of
		}
	}
	return out
}

func (p *Plans) newest(id string) (k planned, known bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	k, known = p.known[id]
	return k, known
}

// opened reports whether the schedule of one of a campaign's contracts opened between two times, as far as its plan is known.
func (p *Plans) opened(id string, after, until time.Time) bool {
	k, _ := p.newest(id)
	return !after.IsZero() && k.plan.OpensBetween(after, until)
}

// NewPlans returns no plans yet, in a language of filters.
func NewPlans(filters distribution.Filters) *Plans {
	return &Plans{filters: filters, known: map[string]planned{}, making: map[string]chan struct{}{}}
}

// of returns the plan of a stored campaign. While one goroutine makes it, others wait for it.
func (p *Plans) of(c *campaign.Campaign) planned {
	for {
		if k, known := p.newest(c.ID()); known && k.version == c.Version() {
			return k
		}
		p.mu.Lock()
		making := p.making[c.ID()]
		if making == nil {
			done := make(chan struct{})
			p.making[c.ID()] = done
			p.mu.Unlock()
			return p.make(c, done)
		}
		p.mu.Unlock()
		<-making
	}
}

func (p *Plans) make(c *campaign.Campaign, done chan struct{}) planned {
	defer func() {
		p.mu.Lock()
		delete(p.making, c.ID())
		p.mu.Unlock()
		close(done)
	}()
	p.compile(c)
	fresh := planned{version: c.Version(), of: c, plan: distribution.NewPlan(c, p.filters), dedupes: c.BuyerDedupes()}
	fresh.contracts = 1 + len(c.Contracts())
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.known[c.ID()]
	if k.version > fresh.version {
		return fresh
	}
	if p.contracts += fresh.contracts - k.contracts; p.contracts > maxPlanned {
		clear(p.known)
		p.contracts = fresh.contracts
	}
	p.known[c.ID()] = fresh
	return fresh
}

// manyFilters is for how many filters another core is worth its while.
const manyFilters = 100

// compile compiles the filters of a campaign, which the language then remembers.
func (p *Plans) compile(c *campaign.Campaign) {
	texts := filtersOf(c)
	if len(texts) == 0 {
		return
	}
	compiler := p.filters.Over(c.Rules())
	var next atomic.Int64
	var compiling sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 1+len(texts)/manyFilters) {
		compiling.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(texts); i = int(next.Add(1)) - 1 {
				_, _ = compiler.Compile(texts[i]) // who needs it asks again
			}
		})
	}
	compiling.Wait()
}

func filtersOf(c *campaign.Campaign) (texts []string) {
	for _, k := range c.Contracts() {
		if text := k.Filter(); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// lookup finds plans for a transaction that holds their campaigns.
type lookup struct {
	plans *Plans
	try   int
	begin distribution.Strategies // those by which shortlists begin with who is asked first, as decide goes on from there; none: they are whole
}

// mostTries is how often a transaction is begun whose campaigns have other filters each time.
const mostTries = 3

// uncompiledError ends a transaction that holds campaigns whose filters are not compiled.
type uncompiledError struct{ compile func() }

func (*uncompiledError) Error() string { return "the filters of a campaign are not compiled yet" }

// ahead runs what looks up plans in a transaction. One that finds filters that are not compiled is ended, they are compiled while nobody
// waits for what it held, and it is run again. The last try compiles them itself.
func (p *Plans) ahead(run func(lookup) error) error {
	for try := 1; ; try++ {
		err := run(lookup{plans: p, try: try})
		uncompiled, is := errors.AsType[*uncompiledError](err)
		if !is {
			return err
		}
		uncompiled.compile()
	}
}

// of returns the plans of campaigns by id: *uncompiledError.
func (l lookup) of(campaigns map[string]*campaign.Campaign) (map[string]planned, error) {
	plans := make(map[string]planned, len(campaigns))
	var missing []*campaign.Campaign
	for id, c := range campaigns {
		if k, known := l.plans.newest(id); known && k.version == c.Version() {
			plans[id] = k
		} else if l.try < mostTries && len(filtersOf(c)) > 0 {
			missing = append(missing, c)
		} else {
			plans[id] = l.plans.of(c)
		}
	}
	if len(missing) > 0 {
		return nil, &uncompiledError{func() {
			for _, c := range missing {
				l.plans.of(c)
			}
		}}
	}
	return plans, nil
}

// checkFilters is checkFilters for a campaign that was changed: also *uncompiledError.
func (l lookup) checkFilters(c *campaign.Campaign, change campaign.Definition) error {
	if l.try == 1 && (change.Fields != nil || change.Consent != nil) && len(filtersOf(c)) > 0 {
		return &uncompiledError{func() { l.plans.compile(c) }}
	}
	return checkFilters(l.plans.filters, c, change)
}
