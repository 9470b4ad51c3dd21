package campaign

import "github.com/leadmill/leadmill/domain/money"

// SupplierTerms settles what the supplier of a lead earns when it is sold at a price, and which price it is shown: the price
// of the sale, its own payout, or none when hidden is true. All are micro-units of currency.
func (c *Campaign) SupplierTerms(price money.Micros, currency money.Currency) (payout, shown money.Micros, hidden bool) {
	payout, ruled := c.Payout().Of(price, currency)
	switch c.PriceShown() {
	case ShowHidden:
		return payout, 0, true
	case ShowSale:
		return payout, price, false
	default:
		if !ruled {
			return payout, price, false
		}
		return payout, payout, false
	}
}
