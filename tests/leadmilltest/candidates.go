package leadmilltest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// CandidateOption changes a candidate. A function of the test's own is one too.
type CandidateOption func(*distribution.Candidate)

// Candidate returns a contract that a strategy may rank: by its id, and its price as an amount of US dollars, such as "45.00".
// Its buyer is "buyer of" and the contract's id, its priority 1, and it has never won a lead. It panics when the price is none.
func Candidate(contractID, price string, options ...CandidateOption) distribution.Candidate {
	c := distribution.Candidate{ContractID: contractID, BuyerID: "buyer of " + contractID, Price: dollars(price), Priority: 1}
	for _, option := range options {
		option(&c)
	}
	return c
}

// OfBuyer says which buyer has the contract.
func OfBuyer(id string) CandidateOption {
	return func(c *distribution.Candidate) { c.BuyerID = id }
}

// Priority says which priority the contract has: lower comes first.
func Priority(n int64) CandidateOption {
	return func(c *distribution.Candidate) { c.Priority = n }
}

// LastWon says when the contract last won a lead.
func LastWon(at time.Time) CandidateOption {
	return func(c *distribution.Candidate) { c.LastWon = at.UTC() }
}

// CanSpend says what the contract's buyer can still spend, as an amount of US dollars. It panics when it is none.
func CanSpend(amount string) CandidateOption {
	return func(c *distribution.Candidate) { c.Balance = dollars(amount) }
}

// Budget says what the contract may spend in a window, and what it has spent of it, as amounts of US dollars. It panics when they
// are none. Several of them, for different windows, add up.
func Budget(window calendar.Window, limit, spent string) CandidateOption {
	return func(c *distribution.Candidate) {
		c.Usage = distribution.NewUsage(append(c.Usage.Windows(), distribution.WindowUsage{
			Window: window, Spent: dollars(spent), Limit: campaign.Cap{HasBudget: true, Budget: dollars(limit)},
		})...)
	}
}

// LeadCap says how many leads the contract may take in a window, and how many it has taken. Several of them, for different
// windows, add up.
func LeadCap(window calendar.Window, limit, used int64) CandidateOption {
	return func(c *distribution.Candidate) {
		c.Usage = distribution.NewUsage(append(c.Usage.Windows(), distribution.WindowUsage{
			Window: window, Used: used, Limit: campaign.Cap{HasLeads: true, Leads: limit},
		})...)
	}
}

func dollars(amount string) money.Micros {
	m, err := money.ParseNonNegative(amount, money.MustCurrency("USD"))
	if err != nil {
		panic(fmt.Sprintf("leadmilltest: the amount %q: %v", amount, err))
	}
	return m
}

// Candidates returns a candidate for each price: the contracts "contract_1", "contract_2" and so on, with the priorities 1, 2
// and so on.
func Candidates(prices ...string) []distribution.Candidate {
	list := make([]distribution.Candidate, len(prices))
	for i, price := range prices {
		list[i] = Candidate(fmt.Sprintf("contract_%d", i+1), price, Priority(int64(i+1)))
	}
	return list
}

// Rank asks a strategy for a lead and returns the ids of the contracts in its order. It fails the test when the strategy
// returns a candidate that it was not given, or one twice. The list is not changed.
func Rank(t testing.TB, s distribution.Strategy, f lead.Facts, list []distribution.Candidate) []string {
	t.Helper()
	offered := make(map[string]bool, len(list))
	for _, c := range list {
		offered[c.ContractID] = true
	}
	var ids []string
	for _, c := range s.Rank(f, slices.Clone(list)) {
		switch {
		case slices.Contains(ids, c.ContractID):
			t.Errorf("the strategy %s returns the contract %s twice", s.Code(), c.ContractID)
		case !offered[c.ContractID]:
			t.Errorf("the strategy %s returns the contract %s, which it was not given", s.Code(), c.ContractID)
		}
		ids = append(ids, c.ContractID)
	}
	return ids
}
