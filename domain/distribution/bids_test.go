package distribution_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/money"
)

func bidding(k *campaign.ContractSnapshot) { k.Bid = &campaign.Bid{URL: "https://b.example"} }

func bid(t require.TestingT, b *distribution.Book, bids map[string]money.Micros, reserve money.Micros) distribution.Decision {
	d, err := b.Decide(distribution.Ask{Bids: bids, Reserve: reserve})
	require.NoError(t, err)
	return d
}

func ranked(d distribution.Decision) (ids string) {
	for _, c := range d.Trace.Considered {
		ids += c.ContractID
	}
	return ids
}

func TestContractsAreAskedByTheirBids(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"priority", "highest_price", "round_robin", "weighted"} {
		f := newFixture(contract("a", "1", priced(10)), contract("b", "2", priced(50), bidding), contract("c", "3", priced(30), bidding), contract("d", "4", priced(20)))
		f.campaign.Strategy = strategy
		book := f.book(t, now)
		d := bid(t, book, map[string]money.Micros{"b": 15, "c": 99}, 0)
		assert.Equal(t, "c", first(d), strategy)
		assert.Equal(t, money.Micros(30), d.PriceOf(0), "no more than its price counts")
		require.NoError(t, book.Take("c", "e", "s", now))
		assert.Equal(t, money.Micros(970), f.buyers["3"].Snapshot().Balance)
		require.NoError(t, book.Hold("b", now))
		assert.Equal(t, money.Micros(15), f.buyers["2"].Snapshot().Held)

		d = bid(t, book, map[string]money.Micros{"b": 15}, 0)
		assert.Equal(t, map[string]string{"c": "no_bid", "d": "sold"}, reasons(d))
		d = bid(t, book, map[string]money.Micros{"b": 15, "c": 14}, 16)
		assert.Equal(t, "d", first(d))
		d = bid(t, book, map[string]money.Micros{"b": 15, "c": 14}, 21)
		assert.Equal(t, map[string]string{"a": "below_reserve", "b": "below_reserve", "c": "below_reserve", "d": "below_reserve"}, reasons(d))
		assert.Equal(t, "dbca", ranked(d), strategy)
		d = bid(t, book, nil, 0)
		assert.NotContains(t, []string{"b", "c"}, first(d), "without bids a contract that bids takes nothing")
		assert.Len(t, d.Takers, 1)
	}
}

// Of contracts that pay the same the strategy's first is asked first.
func TestEqualBidsAreRankedByTheStrategy(t *testing.T) {
	t.Parallel()
	second := func(k *campaign.ContractSnapshot) { k.Priority = 2 }
	f := newFixture(contract("a", "1", priced(50), bidding, second), contract("b", "2", priced(50), bidding), contract("c", "3", priced(20)))
	assert.Equal(t, "b", first(bid(t, f.book(t, now), map[string]money.Micros{"a": 20, "b": 20}, 0)))
	f.campaign.Mode, f.campaign.MaxSales = campaign.Shared, 3
	d := bid(t, f.book(t, now), map[string]money.Micros{"a": 20, "b": 20}, 0)
	assert.Equal(t, "bca", ranked(d))
	assert.Len(t, d.Takers, 3)
}

// A lead that an operator offers at a price is taken only by who bid as much, which pays that price.
func TestBidsAndALeadsOwnPrice(t *testing.T) {
	t.Parallel()
	book := newFixture(contract("a", "1", priced(50), bidding), contract("b", "2", priced(50), bidding), contract("c", "3", priced(5))).book(t, now)
	d, err := book.Decide(distribution.Ask{Price: 20, Bids: map[string]money.Micros{"a": 19, "b": 20}})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "no_bid", "b": "sold"}, reasons(d))
	assert.Equal(t, money.Micros(20), d.PriceOf(0))
	assert.Empty(t, book.Bidders(distribution.Ask{Price: 20}, 9))

	d, err = newFixture(contract("a", "1", priced(8), bidding)).book(t, now).Decide(distribution.Ask{Price: 10, Bids: map[string]money.Micros{"a": 12}})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "no_bid"}, reasons(d), "a bid counts as no more than the contract's price")
}

func TestWhoIsAskedToBid(t *testing.T) {
	t.Parallel()
	paused := func(k *campaign.ContractSnapshot) { k.Status = campaign.StatusPaused }
	full := func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Total, HasLeads: true}}
	}
	budget := func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Total, HasBudget: true, Budget: 9}}
	}
	f := newFixture(contract("a", "1", priced(10)), contract("b", "2", priced(20), bidding), contract("c", "3", priced(30), bidding), contract("d", "4", priced(40), bidding, paused),
		contract("e", "5", priced(50), bidding, full), contract("f", "6", priced(60), bidding, budget), contract("g", "7", priced(70), bidding), contract("h", "8", priced(80), bidding))
	f.buyers["7"] = buyer.FromSnapshot(buyer.Snapshot{ID: "7", Status: buyer.StatusActive, Balance: 9})
	ask := func(reserve money.Micros, most int) (ids string) {
		for _, k := range f.book(t, now).Bidders(distribution.Ask{Reserve: reserve, Refuse: func(k campaign.Contract) string {
			if k.ID() == "h" {
				return distribution.ReasonDuplicateBuyer
			}
			return ""
		}}, most) {
			ids += k.ID()
		}
		return ids
	}
	assert.Equal(t, "gfcb", ask(0, 9))
	assert.Equal(t, "gf", ask(0, 2))
	assert.Equal(t, "cb", ask(10, 9), "who cannot pay the reserve is not asked")
	assert.Equal(t, "c", ask(21, 9))
	assert.Empty(t, ask(81, 9))
	assert.True(t, f.book(t, now).OpenToBids())
	assert.False(t, newFixture(contract("a", "1")).book(t, now).OpenToBids())
	assert.False(t, newFixture(contract("a", "1", priced(5), bidding, full)).book(t, now).OpenToBids())
	assert.False(t, newFixture(contract("a", "1", priced(5), bidding)).book(t, now).Open(), "without a bid")
}

// Whatever is bid, nobody pays more than its bid, its contract, its budget and its balance allow, nor less than the reserve, and nobody who pays less goes first.
func TestBidsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		price := rapid.Int64Range(1, 60)
		var all []campaign.ContractSnapshot
		bids := map[string]money.Micros{}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			change := []func(*campaign.ContractSnapshot){priced(money.Micros(price.Draw(r, "price")))}
			if rapid.Bool().Draw(r, "bids") {
				change = append(change, bidding)
				if rapid.Bool().Draw(r, "bid") {
					bids[id] = money.Micros(price.Draw(r, "amount"))
				}
			}
			all = append(all, contract(id, "buyer_"+id, change...))
		}
		f := newFixture(all...)
		for id := range f.buyers {
			f.buyers[id] = buyer.FromSnapshot(buyer.Snapshot{ID: id, Status: buyer.StatusActive, Balance: money.Micros(price.Draw(r, "balance"))})
		}
		f.campaign.Mode, f.campaign.MaxSales = campaign.Shared, rapid.IntRange(1, 5).Draw(r, "sales")
		f.campaign.Strategy = rapid.SampledFrom([]string{"priority", "highest_price", "round_robin", "weighted"}).Draw(r, "strategy")
		reserve := money.Micros(price.Draw(r, "reserve"))
		d := bid(r, f.book(r, now), bids, reserve)
		for i, k := range d.Takers {
			paid := d.PriceOf(i)
			if amount, did := bids[k.ID()]; k.Bid() != nil && (!did || paid > amount) || paid > k.Price() || paid < reserve || paid > f.buyers[k.BuyerID()].Snapshot().Balance {
				r.Fatalf("%s pays %d", k.ID(), paid)
			}
			if i > 0 && len(bids) > 0 && paid > d.PriceOf(i-1) {
				r.Fatalf("%s pays more than who went before", k.ID())
			}
		}
	})
}
