package distribution

import (
	"slices"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
)

// A lead is mostly taken by one of the contracts that are asked first, and what others won and own then need not be known. So a shortlist may
// begin with these. Who takes the lead, and its trace, are the same.

// tier counts the steps of sooner before each contract.
func (p *Plan) tier() {
	p.tiers = make([]int32, len(p.ranked))
	for i := 1; i < len(p.ranked); i++ {
		before, place := p.ranked[i-1], p.ranked[i]
		p.tiers[place] = p.tiers[before]
		if p.sooner(&p.standings[before].contract, &p.standings[place].contract) {
			p.tiers[place]++
		}
	}
}

// BuiltIn reports whether a code is that of a strategy that was not replaced.
func (s Strategies) BuiltIn(code string) bool {
	st, _ := s.Get(code)
	return orderOf(st) != nil
}

// Begin has the list begin with the n contracts that are asked first, and with those that what they won decides from the last of these. It begins
// with all of them where wins alone decide who is asked first. It is for strategies that are BuiltIn.
func (l *Shortlist) Begin(n int) {
	l.first, l.begun = nil, n
	of := l.plan.tiers
	if of == nil || len(l.places) <= n {
		return
	}
	tiers := make([]int32, len(l.places))
	for i, place := range l.places {
		tiers[i] = of[place]
	}
	slices.Sort(tiers)
	last := tiers[n-1]
	if tiers[len(tiers)-1] == last {
		return
	}
	l.first = make([]int32, 0, n)
	for _, place := range l.places {
		if of[place] <= last {
			l.first = append(l.first, place)
		}
	}
}

// atOnce is how many times as long a list begins when its beginning does not take a lead.
const atOnce = 8

func (l *Shortlist) lengthen(all bool) {
	if all {
		l.first = nil
		return
	}
	l.Begin(max(atOnce*l.begun, len(l.first)+1))
}

func (l *Shortlist) whole() bool { return l.first == nil }

func (l *Shortlist) beginning() []int32 {
	if l.whole() {
		return l.places
	}
	return l.first
}

// begins reports whether those that the Shortlist begins with are asked first. At a price of its own the prices of contracts do not matter, and where
// buyers bid nothing else does.
func (a *Ask) begins() bool {
	return a.Shortlist.whole() || len(a.Bids) == 0 && (a.Price == 0 || !a.Shortlist.plan.byPrice)
}

// Lengthen has a list begin with more contracts for a lead whose Decision is Unfinished, and returns those that the Book lacks. It does the same to
// lists of following leads when what these begin with takes nothing now, whatever the lead. With all it makes all lists whole.
func (b *Book) Lengthen(a Ask, following []*Shortlist, all bool) []campaign.Contract {
	a.Shortlist.lengthen(all || !a.begins())
	longer := []*Shortlist{a.Shortlist}
	b.read = nil
	b.ask(offer{})
	for _, l := range following {
		if l != a.Shortlist && !l.whole() && (all || b.able(l) < b.most) {
			l.lengthen(all)
			longer = append(longer, l)
		}
	}
	return slices.DeleteFunc(a.Shortlist.plan.Contracts(longer...), func(k campaign.Contract) bool {
		_, has := b.byID[k.ID()]
		return has
	})
}

// able returns of how many buyers the contracts that a list begins with could take a lead now, as far as is known without it: no more than may take it.
func (b *Book) able(l *Shortlist) int {
	var buyers [campaign.MostSales]*buyer.Buyer
	n := 0
	for _, place := range l.beginning() {
		i, known := b.byID[l.plan.standings[place].contract.ID()]
		if !known || slices.Contains(buyers[:n], b.lines[i].buyer) {
			continue
		}
		if reason, _ := b.refusal(&b.lines[i], nil, nil); reason == ReasonSold {
			if buyers[n] = b.lines[i].buyer; n+1 == b.most {
				return b.most
			}
			n++
		}
	}
	return n
}
