package distribution_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

func priced(price money.Micros) func(*campaign.ContractSnapshot) {
	return func(k *campaign.ContractSnapshot) { k.Price = price }
}

func ask(t *testing.T, b *distribution.Book, price money.Micros) distribution.Decision {
	t.Helper()
	d, err := b.Decide(distribution.Ask{Price: price})
	require.NoError(t, err)
	return d
}

// A lead's own price is what counts under budgets and balances, is charged and told. It is that of no other lead.
func TestALeadsOwnPrice(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("k", "b", priced(10), func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Total, HasBudget: true, Budget: 100}}
	}))
	f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusActive, Balance: 60})
	book := f.book(t, now)
	for price, want := range map[money.Micros]string{101: "budget_total", 61: "insufficient_balance", 60: "sold", 1: "sold"} {
		d := ask(t, book, price)
		assert.Equal(t, []lead.Consideration{{ContractID: "k", BuyerID: "b", Reason: want, Price: price}}, d.Trace.Considered)
	}
	d := ask(t, book, 55)
	assert.Equal(t, money.Micros(55), d.PriceOf(0))
	require.NoError(t, book.Take("k", "e", "s", now))
	assert.Equal(t, money.Micros(5), f.buyers["b"].Snapshot().Balance)
	for _, n := range f.counters {
		assert.Equal(t, []money.Micros{55, 55}, []money.Micros{n.Spent, n.TakenPrice})
	}
	assert.Equal(t, map[string]string{"k": "insufficient_balance"}, reasons(ask(t, book, 0)), "the contract's own price is 10")
	d = ask(t, book, 5)
	assert.NotEmpty(t, d.Takers)

	assert.False(t, book.Open())
	assert.True(t, book.OpenAt(5))
	assert.False(t, book.OpenAt(6))
	assert.False(t, book.Open())
}

// Of the campaign's budget the takers of a shared lead use its price each.
func TestASharedLeadsOwnPrice(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "b1", priced(1)), contract("b", "b2", priced(2)), contract("c", "b3", priced(3)))
	f.campaign.Mode, f.campaign.MaxSales = campaign.Shared, 3
	f.campaign.Caps = []campaign.Cap{{Window: calendar.Total, HasBudget: true, Budget: 50}}
	d := ask(t, f.book(t, now), 20)
	assert.Len(t, d.Takers, 2)
	assert.Equal(t, map[string]string{"a": "sold", "b": "sold", "c": "budget_total"}, reasons(d))
	assert.Equal(t, []money.Micros{20, 20}, []money.Micros{d.PriceOf(0), d.PriceOf(1)})
	d = ask(t, f.book(t, now), 0)
	assert.Equal(t, []money.Micros{1, 2, 3}, []money.Micros{d.PriceOf(0), d.PriceOf(1), d.PriceOf(2)})
}

// By the highest price contracts that pay the same are in turns; a strategy of a team's is told what they pay.
func TestStrategiesRankByTheLeadsOwnPrice(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "b1", priced(5)), contract("b", "b2", priced(9)), contract("c", "b3", priced(7)))
	f.campaign.Strategy = "highest_price"
	book, got := f.book(t, now), ""
	for _, price := range []money.Micros{0, 4, 4, 4, 0, 4} {
		d := ask(t, book, price)
		got += first(d)
		require.NoError(t, book.Take(first(d), "e", "s", now))
	}
	assert.Equal(t, "bacbba", got)

	var told []money.Micros
	f.by(func(c []distribution.Candidate) []distribution.Candidate {
		told = nil
		for _, k := range c {
			told = append(told, k.Price)
		}
		return c
	})
	book = f.book(t, now)
	for price, want := range map[money.Micros][]money.Micros{4: {4, 4, 4}, 0: {5, 9, 7}, 6: {6, 6, 6}} {
		ask(t, book, price)
		assert.Equal(t, want, told)
	}
}

// nothing is a language in which every filter lets no lead pass.
type nothing struct{}

func (n nothing) Over(field.Rules) distribution.FilterCompiler { return n }
func (n nothing) Compile(string) (distribution.Filter, error)  { return n, nil }
func (nothing) Read(lead.Facts) (in distribution.FilterInput)  { return in }
func (nothing) Passes(distribution.FilterInput) bool           { return false }
func (nothing) Pins() []distribution.Pin                       { return nil }

// A large plan tells the price of a lead of the contracts that are not asked too. None of them is dearer than another then.
func TestALargePlanTellsTheLeadsOwnPrice(t *testing.T) {
	t.Parallel()
	var contracts []campaign.ContractSnapshot
	for i := range 120 {
		contracts = append(contracts, contract(fmt.Sprintf("k%03d", i), fmt.Sprintf("b%03d", i), priced(money.Micros(10+i)), func(k *campaign.ContractSnapshot) {
			if i != 60 {
				k.Filter = "false"
			}
		}))
	}
	f := newFixture(contracts...)
	f.campaign.Strategy = "highest_price"
	c := campaign.FromSnapshot(f.campaign)
	plan := distribution.NewPlan(c, nothing{})
	require.True(t, plan.Large())
	book := f.book(t, now)
	book.Follow(plan, now)
	for price, before := range map[money.Micros]int{0: 59, 7: 0} {
		d, err := book.Decide(distribution.Ask{Price: price, Shortlist: plan.Shortlist(lead.Facts{}, true)})
		require.NoError(t, err)
		assert.Equal(t, "k060", first(d))
		considered := d.Trace.Considered
		assert.Equal(t, before, slices.IndexFunc(considered, func(c lead.Consideration) bool { return c.Reason == "sold" }))
		if price != 0 {
			assert.Equal(t, lead.Consideration{ContractID: "k060", BuyerID: "b060", Reason: "sold", Price: price}, considered[0])
		}
	}
}
