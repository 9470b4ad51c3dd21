package acme

import (
	"cmp"
	"slices"

	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// lowestPrice is a strategy for campaigns that sell off what is left: the cheapest contract is asked first, the one that
// won least recently among equals.
type lowestPrice struct{}

func newLowestPrice() lowestPrice { return lowestPrice{} }

// Code implements distribution.Strategy. It is what campaigns name in "distribution.strategy".
func (lowestPrice) Code() string { return "acme_lowest_price" }

// Order implements distribution.Strategy.
func (lowestPrice) Order() int { return 1000 }

// Rank implements distribution.Strategy.
func (lowestPrice) Rank(_ lead.Facts, candidates []distribution.Candidate) []distribution.Candidate {
	slices.SortFunc(candidates, func(a, b distribution.Candidate) int {
		return cmp.Or(cmp.Compare(a.Price, b.Price), a.LastWon.Compare(b.LastWon), cmp.Compare(a.ContractID, b.ContractID))
	})
	return candidates
}
