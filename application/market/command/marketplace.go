package command

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
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
func (m *marketplace) counter(sellerID, contractID string, s calendar.Span) *distribution.Counter {
	key := distribution.CounterKey(contractID, s)
	c := m.counters[key]
	if c == nil {
		c = &distribution.Counter{SellerID: sellerID, ContractID: contractID, Span: s}
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
	var buyers, counters []application.Ref
	for _, c := range campaigns {
		for _, k := range c.Contracts() {
			buyers = append(buyers, application.Ref{SellerID: c.SellerID(), ID: k.BuyerID()})
		}
		for _, key := range distribution.CounterKeys(c, now) {
			counters = append(counters, application.Ref{SellerID: c.SellerID(), ID: key})
		}
	}
	m := &marketplace{books: make(map[string]*distribution.Book, len(campaigns))}
	if len(buyers) > 0 {
		var err error
		if m.buyers, err = tx.Buyers().LockAll(ctx, buyers); err != nil {
			return nil, err
		}
		if m.counters, err = tx.Counters().LockAll(ctx, counters); err != nil {
			return nil, err
		}
	}
	if m.counters == nil {
		m.counters = map[string]*distribution.Counter{}
	}
	for id, c := range campaigns {
		counter := func(contractID string, s calendar.Span) *distribution.Counter {
			return m.counter(c.SellerID(), contractID, s)
		}
		m.books[id] = distribution.NewBook(c, strategies, m.buyers, counter, now)
	}
	return m, nil
}
