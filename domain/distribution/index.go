package distribution

import (
	"iter"
	"math"
	"slices"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// large is how many contracts a campaign has at most whose filters are simply asked one after another. With more, those whose pins a lead
// does not have are not asked, and neither their counters nor their buyers are read.
const large = 100

// index finds the contracts that a lead may pass, by one pin of each.
type index struct {
	exact    map[string]map[string][]int32         // by attribute and value
	prefixes map[string]map[int]map[string][]int32 // by attribute, length and prefix
	always   []int32                               // those without a pin
}

// Large reports whether leads are offered to shortlists of the plan's contracts only.
func (p *Plan) Large() bool { return p != nil && p.ranked != nil }

// narrow makes the index of a large plan.
func (p *Plan) narrow(strategy string) {
	if len(p.standings) <= large {
		return
	}
	p.ranked = make([]int32, len(p.standings))
	for i := range p.ranked {
		p.ranked[i] = int32(i)
	}
	p.sooner, p.byPrice = soonerOf(strategy), strategy == HighestPrice{}.Code()
	if p.sooner != nil {
		slices.SortStableFunc(p.ranked, func(i, j int32) int {
			a, b := &p.standings[i].contract, &p.standings[j].contract
			switch {
			case p.sooner(a, b):
				return -1
			case p.sooner(b, a):
				return 1
			}
			return 0
		})
		p.tier()
	}
	type bucket struct {
		attribute, value string
		prefix           bool
	}
	sizes := map[bucket]int{}
	each := func(pin *Pin, do func(bucket)) {
		for _, v := range pin.Values {
			do(bucket{pin.Attribute, v, pin.Prefix})
		}
	}
	for i := range p.standings {
		for n := range p.standings[i].pins() {
			each(&p.standings[i].pins()[n], func(b bucket) { sizes[b]++ })
		}
	}
	p.index = index{exact: map[string]map[string][]int32{}, prefixes: map[string]map[int]map[string][]int32{}}
	for i := range p.standings {
		s := &p.standings[i]
		if s.broken {
			continue
		}
		var best *Pin
		least := math.MaxInt
		for n := range s.pins() {
			pin, most := &s.pins()[n], 0
			each(pin, func(b bucket) { most = max(most, sizes[b]) })
			if most < least {
				best, least = pin, most
			}
		}
		p.index.add(best, int32(i))
	}
}

// soonerOf tells which of two contracts a built-in strategy asks first whatever they won; nil where that depends on it.
func soonerOf(strategy string) func(a, b *campaign.Contract) bool {
	switch strategy {
	case Priority{}.Code():
		return func(a, b *campaign.Contract) bool { return a.Priority() < b.Priority() }
	case HighestPrice{}.Code():
		return func(a, b *campaign.Contract) bool { return a.Price() > b.Price() }
	}
	return nil
}

func (x *index) add(pin *Pin, place int32) {
	if pin == nil {
		x.always = append(x.always, place)
		return
	}
	for _, v := range pin.Values {
		if !pin.Prefix {
			of := x.exact[pin.Attribute]
			if of == nil {
				of = map[string][]int32{}
				x.exact[pin.Attribute] = of
			}
			of[v] = append(of[v], place)
			continue
		}
		of := x.prefixes[pin.Attribute]
		if of == nil {
			of = map[int]map[string][]int32{}
			x.prefixes[pin.Attribute] = of
		}
		if of[len(v)] == nil {
			of[len(v)] = map[string][]int32{}
		}
		of[len(v)][v] = append(of[len(v)][v], place)
	}
}

// find returns the places of the contracts that a lead may pass, in order.
func (x *index) find(in FilterInput) []int32 {
	places := slices.Clone(x.always)
	for attribute, of := range x.exact {
		if v, has := in.Attribute(attribute); has {
			places = append(places, of[v]...)
		}
	}
	for attribute, of := range x.prefixes {
		v, has := in.Attribute(attribute)
		if !has {
			continue
		}
		for n, prefixes := range of {
			if n <= len(v) {
				places = append(places, prefixes[v[:n]]...)
			}
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// pins returns the pins of the contract's filter.
func (s *standing) pins() []Pin {
	if s.filter == nil {
		return nil
	}
	return s.filter.Pins()
}

// Holds reports whether a lead has what the pin asks for.
func (p *Pin) Holds(in FilterInput) bool {
	v, has := in.Attribute(p.Attribute)
	if !has {
		return false
	}
	for _, want := range p.Values {
		if v == want || p.Prefix && len(v) > len(want) && v[:len(want)] == want {
			return true
		}
	}
	return false
}

// Shortlist are the contracts of a large plan that a lead is offered to. All others are kept from it by their filters.
type Shortlist struct {
	plan   *Plan
	places []int32 // in order
	first  []int32 // those that it begins with, in order; nil: all of them
	begun  int     // how many of these were asked for
}

// Shortlist returns the contracts that a lead is offered to. Where facts from outside are still missing, whole is false: then filters are
// asked only for what the lead itself says. It is for large plans.
func (p *Plan) Shortlist(f lead.Facts, whole bool) *Shortlist {
	in := p.compiler.Read(f)
	places := slices.DeleteFunc(p.index.find(in), func(i int32) bool {
		filter := p.standings[i].filter
		if filter == nil {
			return false
		}
		if whole {
			return !filter.Passes(in)
		}
		pins := filter.Pins()
		for n := range pins {
			if !pins[n].Holds(in) {
				return true
			}
		}
		return false
	})
	return &Shortlist{plan: p, places: places}
}

// Buyers yields the ids of the buyers of the contracts on the list: once for each contract.
func (l *Shortlist) Buyers() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, place := range l.places {
			if !yield(l.plan.standings[place].contract.BuyerID()) {
				return
			}
		}
	}
}

// Contracts returns the contracts that some shortlists of the plan begin with, each once, in the order of the campaign.
func (p *Plan) Contracts(lists ...*Shortlist) []campaign.Contract {
	var places []int32
	for _, l := range lists {
		places = append(places, l.beginning()...)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	out := make([]campaign.Contract, len(places))
	for i, place := range places {
		out[i] = p.standings[place].contract
	}
	return out
}

// excluded tells a trace of the contracts that are not on a shortlist.
type excluded struct {
	of     *Shortlist
	offer  offer                              // of the lead
	sooner func(a, b *campaign.Contract) bool // as of the plan
	next   int                                // in plan.ranked
	listed int
}

// excludedOf is about a lead that is offered to a shortlist, nil for none. Where it has a price of its own, no contract is asked sooner because of its price, and
// where buyers bid, because of nothing else.
func excludedOf(of *Shortlist, o offer) excluded {
	e := excluded{of: of, offer: o}
	if of != nil && (o.asking == 0 || !of.plan.byPrice) && !o.auction() {
		e.sooner = of.plan.sooner
	}
	return e
}

// before lists the contracts that are asked before another one, and all with nil, as long as the trace lists anything.
func (e *excluded) before(k *campaign.Contract, t *lead.Trace) {
	p := e.of.plan
	for ; e.next < len(p.ranked) && !t.Full(); e.next++ {
		place := p.ranked[e.next]
		if _, asked := slices.BinarySearch(e.of.places, place); asked {
			continue
		}
		x := &p.standings[place].contract
		if k != nil && (e.sooner == nil || !e.sooner(x, k)) {
			return
		}
		t.Add(lead.Consideration{ContractID: x.ID(), BuyerID: x.BuyerID(), Reason: ReasonFilter, Price: e.offer.price(x)})
		e.listed++
	}
}

// rest counts those that were not listed.
func (e *excluded) rest(t *lead.Trace) {
	t.Count(ReasonFilter, len(e.of.plan.standings)-len(e.of.places)-e.listed)
}

// shorten sets asked to the lines that a shortlist begins with.
func (b *Book) shorten(l *Shortlist) {
	b.asked = b.asked[:0]
	for _, place := range l.beginning() {
		if i, known := b.byID[l.plan.standings[place].contract.ID()]; known {
			b.asked = append(b.asked, i)
		}
	}
}
