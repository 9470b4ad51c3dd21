package campaign

import "github.com/leadmill/leadmill/domain/money"

// SupplierTerms returns what the supplier earns for a lead that is sold at price, and the price the supplier is shown: the
// payout, the price of the sale, or none when hidden is true. Amounts are in micro-units of currency.
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
