package distribution

import (
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

// ReasonBelowQuote says that with a contract the supplier would earn less than it was promised by a ping.
const ReasonBelowQuote = "below_quote"

// QuoteOf returns what a supplier may be promised of a lead that is sold at prices under contracts, which are as many.
func QuoteOf(c *campaign.Campaign, takers []campaign.Contract, prices []money.Micros, currency money.Currency) ping.Quote {
	q := ping.Quote{Prices: make(map[string]money.Micros, len(takers))}
	for i := range takers {
		q.Prices[takers[i].ID()] = prices[i]
		q.Total += prices[i]
	}
	q.Payout, _, _ = c.SupplierTerms(prices, make([]money.Micros, len(prices)), currency)
	return q
}

// BelowQuote reports whether a supplier would get less than it was promised for a lead that is sold at prices: a lower payout or, where
// the price of the sale is what it is paid or shown, a lower price.
func BelowQuote(c *campaign.Campaign, q ping.Quote, prices []money.Micros, currency money.Currency) bool {
	var amounts [campaign.MostSales]money.Micros
	payout, _, _ := c.SupplierTerms(prices, amounts[:len(prices)], currency)
	var total money.Micros
	for _, p := range prices {
		total += p
	}
	return payout < q.Payout || total < q.Total && (c.Payout().Type == "" || c.PriceShown() == campaign.ShowSale)
}

// Honours reports whether a lead of which something was promised is sold at prices to those who take it in the end. When they pay less than
// what was promised, the seller makes up for it only for a buyer that was asked and takes it, which confirmed says, and pays its supplier no more than it gets.
func Honours(c *campaign.Campaign, q ping.Quote, prices []money.Micros, confirmed bool, currency money.Currency) bool {
	if !BelowQuote(c, q, prices, currency) {
		return true
	}
	owed := q.Payout
	if c.Payout().Type == "" { // the price of the sale is what it is paid
		owed = q.Total
	}
	var total money.Micros
	for _, p := range prices {
		total += p
	}
	return confirmed && owed <= total
}

// Withhold returns a decision that nobody takes the lead, because all that take it together pay less than a quote.
func (d Decision) Withhold() Decision {
	d.Trace.Considered = append([]lead.Consideration(nil), d.Trace.Considered...)
	for i := range d.Trace.Considered {
		if d.Trace.Considered[i].Reason == ReasonSold {
			d.Trace.Considered[i].Reason = ReasonBelowQuote
		}
	}
	if n := d.Trace.More[ReasonSold]; n > 0 {
		delete(d.Trace.More, ReasonSold)
		d.Trace.More[ReasonBelowQuote] += n
	}
	d.Takers = nil
	return d
}
