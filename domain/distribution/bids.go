package distribution

import (
	"cmp"
	"slices"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
)

// Reasons of contracts that bid, and of pings.
const (
	// ReasonNoBid says that a contract bids, and did not bid for the lead.
	ReasonNoBid = "no_bid"
	// ReasonBelowReserve says that a contract pays less than the campaign's reserve price.
	ReasonBelowReserve = "below_reserve"
)

// offer says at which prices a lead is offered.
type offer struct {
	asking  money.Micros            // of the lead itself; 0: none
	bids    map[string]money.Micros // by contract
	reserve money.Micros
}

// offer returns at which prices the lead is offered.
func (a *Ask) offer() offer { return offer{a.Price, a.Bids, a.Reserve} }

// PriceOf returns what a contract would pay for the lead, in micro-units of the seller's currency.
func (a *Ask) PriceOf(k campaign.Contract) money.Micros {
	o := a.offer()
	return o.price(&k)
}

// auction reports whether contracts are asked by what they pay.
func (o *offer) auction() bool { return len(o.bids) > 0 }

// same reports whether the prices are those of another offer, of leads that nobody bid for.
func (o *offer) same(p offer) bool {
	return o.asking == p.asking && o.reserve == p.reserve && !o.auction() && !p.auction()
}

// price returns at what a lead is offered to a contract.
func (o *offer) price(k *campaign.Contract) money.Micros {
	switch {
	case o.asking != 0:
		return o.asking
	case o.auction() && k.Bid() != nil:
		if bid, has := o.bids[k.ID()]; has {
			return min(bid, k.Price())
		}
	}
	return k.Price()
}

// refusal returns why a contract does not take a lead at the price at which it is offered; empty when it does.
func (o *offer) refusal(k *campaign.Contract) string {
	if k.Bid() != nil {
		if bid := min(o.bids[k.ID()], k.Price()); bid <= 0 || bid < o.asking {
			return ReasonNoBid
		}
	}
	if o.reserve > 0 && o.price(k) < o.reserve {
		return ReasonBelowReserve
	}
	return ""
}

// byBids puts the lines that are asked into the order of what they pay. Of those that pay the same the strategy's order stays.
func (b *Book) byBids() {
	slices.SortStableFunc(b.asked, func(i, j int) int { return cmp.Compare(b.offers[j].Price, b.offers[i].Price) })
}

// Bidders returns up to most contracts whose buyers are worth asking for a bid: nothing but their bid keeps them from the lead, if it is the least that
// counts. Those that pay most at the most come first. It changes nothing.
func (b *Book) Bidders(a Ask, most int) []campaign.Contract {
	if b.strategy == nil || a.Price != 0 {
		return nil
	}
	least := map[string]money.Micros{}
	var places []int
	among := b.all
	if a.Shortlist != nil {
		b.shorten(a.Shortlist)
		among = b.asked
	}
	for _, i := range among {
		if k := &b.lines[i].contract; k.Bid() != nil {
			least[k.ID()], places = max(1, a.Reserve), append(places, i)
		}
	}
	a.Bids = least
	b.ask(a.offer())
	b.reads(a.Facts)
	var out []campaign.Contract
	for _, i := range places {
		if reason, _ := b.refusal(&b.lines[i], &a, nil); reason == ReasonSold {
			out = append(out, b.lines[i].contract)
		}
	}
	slices.SortStableFunc(out, func(x, y campaign.Contract) int {
		return cmp.Or(cmp.Compare(y.Price(), x.Price()), cmp.Compare(x.ID(), y.ID()))
	})
	return out[:min(most, len(out))]
}

// OpenToBids reports whether any contract could take a lead that it bid for.
func (b *Book) OpenToBids() bool {
	least := map[string]money.Micros{}
	for i := range b.lines {
		if k := &b.lines[i].contract; k.Bid() != nil {
			least[k.ID()] = 1
		}
	}
	if b.strategy == nil || len(least) == 0 {
		return false
	}
	b.read = nil
	b.ask(offer{bids: least})
	for i := range b.lines {
		if least[b.lines[i].contract.ID()] == 0 {
			continue
		}
		if reason, _ := b.refusal(&b.lines[i], nil, nil); reason == ReasonSold {
			return true
		}
	}
	return false
}
