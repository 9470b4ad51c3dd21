package command

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// marketplace holds the buyers and counters of locked campaigns, which are locked too, and a Book for each campaign.
type marketplace struct {
	buyers   map[string]*buyer.Buyer
	counters map[string]*distribution.Counter
	books    map[string]*distribution.Book
}

// counter returns the counter of a contract for a span, a new one when none is stored.
func (m *marketplace) counter(contractID string, s calendar.Span) *distribution.Counter {
	key := distribution.CounterKey(contractID, s)
	c := m.counters[key]
	if c == nil {
		c = &distribution.Counter{ContractID: contractID, Span: s}
		m.counters[key] = c
	}
	return c
}

// offer offers a lead to the campaign's contracts: the lead is sold or becomes pending. It changes only the lead; take books
// the sale. The decision is nil when no contract takes the lead. A test lead becomes sold at a price, but without a sale.
// Errors: *distribution.RankingError.
func (m *marketplace) offer(l *lead.Lead, f lead.Facts, c *campaign.Campaign, currency money.Currency, saleID string, now time.Time) (*distribution.Decision, error) {
	d, err := m.books[c.ID()].Decide(f)
	if err != nil {
		return nil, err
	}
	if !d.Taken {
		l.SetTrace(d.Trace)
		return nil, l.Wait(now.Add(c.PendingTTL()), now)
	}
	return &d, m.sell(l, c, d, currency, saleID, now)
}

func (m *marketplace) sell(l *lead.Lead, c *campaign.Campaign, d distribution.Decision, currency money.Currency, saleID string, now time.Time) error {
	l.SetTrace(d.Trace)
	price := d.Contract.Price()
	var o lead.Outcome
	o.Payout, o.Shown, o.ShownHidden = c.SupplierTerms(price, currency)
	if !l.Test() {
		o.Sales = []lead.Sale{{
			ID: saleID, ContractID: d.Contract.ID(), BuyerID: d.Contract.BuyerID(), Price: price,
			Currency: currency.Code(), Status: lead.SaleCaptured, At: now,
		}}
	}
	return l.Sell(o, now)
}

// take books a sale on its contract's counters and its buyer's account.
func (m *marketplace) take(campaignID, contractID, entryID, saleID string, now time.Time) error {
	return m.books[campaignID].Take(contractID, entryID, saleID, now)
}

// write stores the charged buyers and the changed counters.
func (m *marketplace) write(ctx context.Context, tx market.Tx) error {
	var charged []*buyer.Buyer
	for _, b := range m.buyers {
		if len(b.Entries()) > 0 {
			charged = append(charged, b)
		}
	}
	if len(charged) == 0 {
		return nil
	}
	slices.SortFunc(charged, func(a, b *buyer.Buyer) int { return cmp.Compare(a.ID(), b.ID()) })
	if err := tx.Buyers().SaveSold(ctx, charged); err != nil {
		return err
	}
	var counted []*distribution.Counter
	for _, n := range m.counters {
		if n.TakenLeads > 0 {
			counted = append(counted, n)
		}
	}
	slices.SortFunc(counted, func(a, b *distribution.Counter) int { return cmp.Compare(a.Key(), b.Key()) })
	return tx.Counters().SaveAll(ctx, counted)
}

// openMarketplace locks the buyers and counters that decisions on the campaigns need at a time, each with one statement.
func openMarketplace(ctx context.Context, tx market.Tx, campaigns map[string]*campaign.Campaign, strategies distribution.Strategies, now time.Time) (*marketplace, error) {
	var buyerIDs, keys []string
	for _, c := range campaigns {
		for _, k := range c.Contracts() {
			buyerIDs = append(buyerIDs, k.BuyerID())
		}
		keys = append(keys, distribution.CounterKeys(c, now)...)
	}
	m := &marketplace{books: make(map[string]*distribution.Book, len(campaigns))}
	if len(buyerIDs) > 0 {
		slices.Sort(buyerIDs)
		slices.Sort(keys)
		var err error
		if m.buyers, err = tx.Buyers().LockAll(ctx, slices.Compact(buyerIDs)); err != nil {
			return nil, err
		}
		if m.counters, err = tx.Counters().LockAll(ctx, keys); err != nil {
			return nil, err
		}
	}
	if m.counters == nil {
		m.counters = map[string]*distribution.Counter{}
	}
	for id, c := range campaigns {
		m.books[id] = distribution.NewBook(c, strategies, m.buyers, m.counter, now)
	}
	return m, nil
}
