// Package distribution decides which contract takes a lead: a pure function over a campaign, its buyers' accounts and what
// its contracts have used (docs/marketplace.md).
//
// Stability: experimental.
package distribution

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Candidate is what a strategy may know of a contract. Price is in micro-units of the seller's currency.
type Candidate struct {
	ContractID, BuyerID string
	Price               money.Micros
	Priority            int64
	LastWon             time.Time // zero: never
}

// Strategy ranks contracts. It is an extension point: implement it and register it with leadmill.AsStrategy; campaigns then
// name it by its code. A strategy is pure: it sees facts, never a database. It may only return candidates it was given.
type Strategy interface {
	// Code is the name that campaigns use, unique among all strategies.
	Code() string
	// Order says where the strategy stands in listings: lower first, ties by Code.
	Order() int
	// Rank returns the candidates in the order in which they are asked for the lead. A candidate that is left out is not
	// asked.
	Rank(f lead.Facts, candidates []Candidate) []Candidate
}

// Strategies are the strategies that campaigns can name.
type Strategies struct{ byCode map[string]Strategy }

// NewStrategies returns the built-in strategies and more. It fails when two strategies have the same code.
func NewStrategies(more ...Strategy) (Strategies, error) {
	s := Strategies{byCode: map[string]Strategy{}}
	for _, st := range append([]Strategy{Priority{}, HighestPrice{}}, more...) {
		if _, ok := s.byCode[st.Code()]; ok {
			return Strategies{}, fmt.Errorf("two distribution strategies have the code %q", st.Code())
		}
		s.byCode[st.Code()] = st
	}
	return s, nil
}

// Has implements campaign.Strategies.
func (s Strategies) Has(code string) bool { return s.byCode[code] != nil }

// Get returns a strategy by its code, or Priority when there is no strategy of that code.
func (s Strategies) Get(code string) Strategy {
	if st := s.byCode[code]; st != nil {
		return st
	}
	return Priority{}
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
	slices.SortFunc(c, func(a, b Candidate) int { return cmp.Or(cmp.Compare(a.Priority, b.Priority), leastRecent(a, b)) })
	return c
}

// HighestPrice asks the contract with the highest price first; of equal ones, that with the least recent win.
type HighestPrice struct{}

// Code implements Strategy.
func (HighestPrice) Code() string { return "highest_price" }

// Order implements Strategy.
func (HighestPrice) Order() int { return 1 }

// Rank implements Strategy.
func (HighestPrice) Rank(_ lead.Facts, c []Candidate) []Candidate {
	slices.SortFunc(c, func(a, b Candidate) int { return cmp.Or(cmp.Compare(b.Price, a.Price), leastRecent(a, b)) })
	return c
}

func leastRecent(a, b Candidate) int {
	return cmp.Or(a.LastWon.Compare(b.LastWon), cmp.Compare(a.ContractID, b.ContractID))
}
