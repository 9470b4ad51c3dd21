// Package distribution decides which contract takes a lead: a pure function over a campaign, its buyers' accounts and what
// its contracts have used (docs/marketplace.md).
//
// Stability: experimental.
package distribution

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Candidate is what a strategy may know of a contract, as it is at this lead: leads that were decided before it in the same
// batch are counted. Price and Balance are in micro-units of the seller's currency. Candidates are told apart by ContractID;
// what a strategy does to the other members changes nothing.
type Candidate struct {
	ContractID, BuyerID string
	Price               money.Micros
	Priority, Weight    int64
	// Balance is what the buyer can spend: balance + credit limit - held. Contracts of one buyer share it.
	Balance money.Micros
	// Usage is what the contract used in its windows. It may be read until Rank returns.
	Usage   Usage
	LastWon time.Time // zero: never

	// turn is where the contract stands in the order of Weighted, when the strategy takes turns.
	turn int64
	// place is where the Book has the contract, counted from one: a hint that saves a search.
	place int
}

// Strategy ranks contracts. It is an extension point: implement it and register it with leadmill.AsStrategy; campaigns then
// name it by its code. A strategy is pure: it sees facts, never a database. It may be called by several goroutines.
type Strategy interface {
	// Code is the name that campaigns use, unique among all strategies.
	Code() string
	// Order says where the strategy stands in listings: lower first, ties by Code.
	Order() int
	// Rank returns the candidates in the order in which they are asked for the lead; where buyers bid for it (Ask.Bids) the order among those that pay
	// the same. A candidate that is left out is not asked. One that was not offered, or is returned twice, is a defect of the strategy: the lead is not decided, see
	// RankingError. The slice is the strategy's own to sort or overwrite, until Rank returns.
	Rank(f lead.Facts, candidates []Candidate) []Candidate
}

// Strategies are the strategies that campaigns can name.
type Strategies struct {
	byCode   map[string]Strategy
	replaced map[string]bool
}

// NewStrategies returns the built-in strategies, replacements for some of them, and more. A replacement has the code of the
// built-in strategy whose place it takes. It fails when a replacement's code is not that of a built-in strategy, when two
// replace the same one, and when any other two strategies have the same code.
func NewStrategies(replacements []Strategy, more ...Strategy) (Strategies, error) {
	s := Strategies{byCode: map[string]Strategy{}, replaced: map[string]bool{}}
	for _, st := range []Strategy{Priority{}, HighestPrice{}, RoundRobin{}, Weighted{}} {
		s.byCode[st.Code()] = st
	}
	for _, st := range replacements {
		switch code := st.Code(); {
		case s.byCode[code] == nil:
			return Strategies{}, fmt.Errorf("no built-in distribution strategy has the code %q: there is nothing to replace", code)
		case s.replaced[code]:
			return Strategies{}, fmt.Errorf("two distribution strategies replace the built-in %q", code)
		default:
			s.byCode[code], s.replaced[code] = st, true
		}
	}
	own := maps.Clone(s.byCode)
	for _, st := range more {
		if own[st.Code()] != nil {
			return Strategies{}, fmt.Errorf("the distribution strategy %q has the code of a built-in one; to replace it use ReplacePolicy", st.Code())
		}
		if s.byCode[st.Code()] != nil {
			return Strategies{}, fmt.Errorf("two distribution strategies have the code %q", st.Code())
		}
		s.byCode[st.Code()] = st
	}
	return s, nil
}

// Has implements campaign.Strategies.
func (s Strategies) Has(code string) bool { return s.byCode[code] != nil }

// Get returns a strategy by its code; ok is false when there is none.
func (s Strategies) Get(code string) (st Strategy, ok bool) {
	st, ok = s.byCode[code]
	return st, ok
}

// Listing returns Codes as they are shown to an operator: "priority (replaced)" for a built-in strategy that was replaced.
func (s Strategies) Listing() []string {
	out := s.Codes()
	for i, code := range out {
		if s.replaced[code] {
			out[i] += " (replaced)"
		}
	}
	return out
}

// Codes returns the codes in listing order.
func (s Strategies) Codes() []string {
	list := make([]Strategy, 0, len(s.byCode))
	for _, st := range s.byCode {
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b Strategy) int {
		return cmp.Or(cmp.Compare(a.Order(), b.Order()), cmp.Compare(a.Code(), b.Code()))
	})
	out := make([]string, len(list))
	for i, st := range list {
		out[i] = st.Code()
	}
	return out
}

// Priority asks the contract with the lowest priority number first; of equal ones, that with the least recent win.
type Priority struct{}

// Code implements Strategy.
func (Priority) Code() string { return "priority" }

// Order implements Strategy.
func (Priority) Order() int { return 0 }

// Rank implements Strategy.
func (Priority) Rank(_ lead.Facts, c []Candidate) []Candidate {
	return sorted(c, byPriority)
}

// HighestPrice asks the contract with the highest price first; of equal ones, that with the least recent win.
type HighestPrice struct{}

// Code implements Strategy.
func (HighestPrice) Code() string { return "highest_price" }

// Order implements Strategy.
func (HighestPrice) Order() int { return 1 }

// Rank implements Strategy.
func (HighestPrice) Rank(_ lead.Facts, c []Candidate) []Candidate {
	return sorted(c, byPrice)
}

// order compares two candidates: negative when the first is asked before the second. No two are equal.
type order func(a, b *Candidate) int

// orderOf returns the order that a built-in strategy ranks by, nil for any other. A team's strategy that embeds a built-in
// one is another.
func orderOf(s Strategy) order {
	switch s.(type) {
	case Priority:
		return byPriority
	case HighestPrice:
		return byPrice
	case RoundRobin:
		return leastRecent
	case Weighted:
		return byTurn
	}
	return nil
}

func byPriority(a, b *Candidate) int {
	if n := cmp.Compare(a.Priority, b.Priority); n != 0 {
		return n
	}
	return leastRecent(a, b)
}

func byPrice(a, b *Candidate) int {
	if n := cmp.Compare(b.Price, a.Price); n != 0 {
		return n
	}
	return leastRecent(a, b)
}

func leastRecent(a, b *Candidate) int {
	if n := a.LastWon.Compare(b.LastWon); n != 0 {
		return n
	}
	return cmp.Compare(a.ContractID, b.ContractID)
}

func sorted(c []Candidate, by order) []Candidate {
	slices.SortFunc(c, func(a, b Candidate) int { return by(&a, &b) })
	return c
}
