package acme

import (
	"cmp"
	"math"
	"slices"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// budgetLeft is a strategy: the contract with the most of its monthly budget left is asked first. What is left is as it is at
// this very lead, also when a hundred leads are decided together, so buyers are served evenly.
type budgetLeft struct{}

func newBudgetLeft() budgetLeft { return budgetLeft{} }

// Code implements distribution.Strategy. It is what campaigns name in "distribution.strategy".
func (budgetLeft) Code() string { return "acme_budget_left" }

// Order implements distribution.Strategy.
func (budgetLeft) Order() int { return 1000 }

// Rank implements distribution.Strategy.
func (budgetLeft) Rank(_ lead.Facts, candidates []distribution.Candidate) []distribution.Candidate {
	slices.SortFunc(candidates, func(a, b distribution.Candidate) int {
		return cmp.Or(cmp.Compare(left(b), left(a)), a.LastWon.Compare(b.LastWon), cmp.Compare(a.ContractID, b.ContractID))
	})
	return candidates
}

// left returns what a contract may still spend this month.
func left(c distribution.Candidate) money.Micros {
	month, capped := c.Usage.Of(calendar.Month)
	if !capped || !month.Limit.HasBudget {
		return math.MaxInt64
	}
	return month.Limit.Budget - month.Spent
}
