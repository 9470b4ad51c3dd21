package command

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// marketplace holds the buyers and counters of locked campaigns, which are locked too, and a Book for each campaign.
type marketplace struct {
	buyers   map[string]*buyer.Buyer
	counters map[string]*distribution.Counter
	books    map[string]*distribution.Book
	lists    map[string]*distribution.Shortlist // by lead, in campaigns with very many contracts
	bought   *boughtBefore
	quotes   map[string]quoted // by lead, of those that were promised something

	from   rows
	listed map[string][]*distribution.Shortlist // those of lists whose leads are not decided yet, by campaign
	more   map[string]bool                      // the campaigns for which more was read
	now    time.Time
	err    error // of reading, after which nothing may be stored
}

// counter returns the counter of an owner for a span, a new one when none is stored.
func (m *marketplace) counter(sellerID string, of distribution.Owner, ownerID string, s calendar.Span) *distribution.Counter {
	key := distribution.CounterKey(ownerID, s)
	c := m.counters[key]
	if c == nil {
		c = &distribution.Counter{SellerID: sellerID, Owner: of, OwnerID: ownerID, Span: s}
		m.counters[key] = c
	}
	return c
}

func (m *marketplace) countersOf(c *campaign.Campaign) distribution.CounterSource {
	return func(of distribution.Owner, ownerID string, s calendar.Span) *distribution.Counter {
		return m.counter(c.SellerID(), of, ownerID, s)
	}
}

// drawSale returns the id of the nth sale of a lead. It returns the same one whenever it is called for the same sale, so that a
// transaction that is tried again stores the same ids.
type drawSale func(n int) string

// offer offers a lead to the campaign's contracts: the lead is sold or becomes pending, reserved for those who take it when one of them is asked
// first. It changes only the lead; take books
// the sales. The takers are none when no contract takes the lead. A test lead becomes sold at a price, but without a sale.
// Errors: those of decide.
func (m *marketplace) offer(ctx context.Context, l *lead.Lead, facts lead.Facts, c *campaign.Campaign, currency money.Currency, saleID drawSale, now time.Time) ([]campaign.Contract, error) {
	d, err := m.decide(ctx, c, l, distribution.Ask{Facts: facts})
	if err != nil {
		return nil, err
	}
	if len(d.Takers) == 0 {
		l.SetTrace(d.Trace)
		return nil, l.Wait(now.Add(c.PendingTTL()), now)
	}
	return d.Takers, m.sell(l, c, d, currency, saleID, now)
}

// sell sells a lead to those who take it, or reserves it for them when one of them is asked first.
func (m *marketplace) sell(l *lead.Lead, c *campaign.Campaign, d distribution.Decision, currency money.Currency, saleID drawSale, now time.Time) error {
	l.SetTrace(d.Trace)
	if !l.Test() && confirms(d.Takers) {
		return l.Reserve(reservations(&d, currency, saleID), now.Add(lead.AskFor), now.Add(c.PendingTTL()), now)
	}
	var amounts [2 * campaign.MostSales]money.Micros
	prices, payouts := amounts[:0:campaign.MostSales], amounts[campaign.MostSales:][:len(d.Takers)]
	for i := range d.Takers {
		prices = append(prices, d.PriceOf(i))
	}
	var o lead.Outcome
	o.Payout, o.Shown, o.ShownHidden = c.SupplierTerms(prices, payouts, currency)
	if !l.Test() {
		o.Sales = make([]lead.Sale, len(d.Takers))
		for i := range d.Takers {
			o.Sales[i] = lead.Sale{
				ID: saleID(i), ContractID: d.Takers[i].ID(), BuyerID: d.Takers[i].BuyerID(), Price: prices[i], Payout: payouts[i],
				Currency: currency.Code(), Status: lead.SaleCaptured, At: now,
			}
			if d.Takers[i].Delivery() != nil {
				o.Sales[i].Delivery = string(delivery.Pending)
			}
		}
	}
	return l.Sell(o, now)
}

// take books the sales of a lead that takers take, on their counters and on their buyers' accounts, and holds those that are only reserved.
func (m *marketplace) take(l *lead.Lead, takers []campaign.Contract, ids application.IDs, saleID drawSale, now time.Time) error {
	campaignID := l.CampaignID()
	if l.Status() != lead.StatusSold {
		return m.hold(campaignID, takers, now)
	}
	for i := range takers {
		if err := m.books[campaignID].Take(takers[i].ID(), ids.New("entry"), saleID(i), now); err != nil {
			return err
		}
	}
	return nil
}

// write stores the buyers that were charged or of which more or less is held, and the changed counters.
func (m *marketplace) write(ctx context.Context, tx market.Tx) error {
	var charged []*buyer.Buyer
	for _, b := range m.buyers {
		if len(b.Entries()) > 0 || b.HeldMore() != 0 {
			charged = append(charged, b)
		}
	}
	if len(charged) > 0 {
		slices.SortFunc(charged, func(a, b *buyer.Buyer) int { return cmp.Compare(a.ID(), b.ID()) })
		if err := tx.Buyers().SaveSold(ctx, charged); err != nil {
			return err
		}
	}
	var counted []*distribution.Counter
	for _, n := range m.counters {
		if n.Changed() {
			counted = append(counted, n)
		}
	}
	if len(counted) == 0 {
		return nil
	}
	slices.SortFunc(counted, func(a, b *distribution.Counter) int { return cmp.Compare(a.Key(), b.Key()) })
	return tx.Counters().SaveAll(ctx, counted)
}

// openMarketplace reads the buyers and counters that decisions on what is offered need at a time, each with one statement.
func openMarketplace(ctx context.Context, from rows, o offered, strategies distribution.Strategies, now time.Time) (*marketplace, error) {
	campaigns := o.campaigns
	var buyers, counters []application.Ref
	for _, c := range campaigns {
		for _, k := range c.Contracts() {
			buyers = append(buyers, application.Ref{SellerID: c.SellerID(), ID: k.BuyerID()})
		}
	}
	m := &marketplace{lists: o.lists, listed: o.listed, more: map[string]bool{}, from: from, now: now, books: make(map[string]*distribution.Book, len(campaigns))}
	if o.rules != nil {
		m.bought = &boughtBefore{rules: o.rules, find: from.claims, now: now, ends: map[market.ClaimKey]time.Time{}}
	}
	if len(buyers) > 0 {
		var err error
		if m.buyers, err = from.buyers(ctx, buyers); err != nil {
			return nil, err
		}
		for _, c := range campaigns {
			for _, key := range distribution.CounterKeys(c, m.buyers, now) {
				counters = append(counters, application.Ref{SellerID: c.SellerID(), ID: key})
			}
		}
		if m.counters, err = from.counters(ctx, counters); err != nil {
			return nil, err
		}
	}
	if m.buyers == nil {
		m.buyers = map[string]*buyer.Buyer{}
	}
	if m.counters == nil {
		m.counters = map[string]*distribution.Counter{}
	}
	for id, c := range campaigns {
		m.books[id] = distribution.NewBook(c, strategies, m.buyers, m.countersOf(c), now)
		m.books[id].Follow(o.plans[id], now)
	}
	return m, nil
}

// readMore reads the buyers and counters that decisions on more contracts of a campaign need, each with one statement: for a lead that those read
// before do not take, and for those of its campaign that follow and seem to need more too. The second time it reads all that they can need.
func (m *marketplace) readMore(ctx context.Context, c *campaign.Campaign, a distribution.Ask) error {
	following := m.listed[c.ID()]
	following = following[max(0, slices.Index(following, a.Shortlist)):]
	m.listed[c.ID()] = following
	more := m.books[c.ID()].Lengthen(a, following, m.more[c.ID()])
	m.more[c.ID()] = true
	if len(more) == 0 {
		return nil
	}
	var buyers, counters []application.Ref
	for _, k := range more {
		if m.buyers[k.BuyerID()] == nil {
			buyers = append(buyers, application.Ref{SellerID: c.SellerID(), ID: k.BuyerID()})
		}
	}
	if len(buyers) > 0 {
		found, err := m.from.buyers(ctx, buyers)
		if err != nil {
			return err
		}
		maps.Copy(m.buyers, found)
	}
	for _, key := range distribution.CounterKeys(c.Only(more), m.buyers, m.now) {
		if m.counters[key] == nil {
			counters = append(counters, application.Ref{SellerID: c.SellerID(), ID: key})
		}
	}
	if len(counters) > 0 {
		found, err := m.from.counters(ctx, counters)
		if err != nil {
			return err
		}
		maps.Copy(m.counters, found)
	}
	m.books[c.ID()].Add(more, m.buyers, m.countersOf(c), m.now)
	return nil
}

// failed returns the error of reading while leads were decided, if there was one.
func (m *marketplace) failed() error { return cmp.Or(m.err, m.bought.failed()) }
