package campaign

import (
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// SupplierTerms sets payouts, which is as long as prices, to what the supplier earns for each of a lead's sales at these prices: the
// percentage of each, or the fixed amount divided over them by the minor unit, the first with the remainder. It returns their sum and
// the price the supplier is shown: the payout, the sum of the prices, or none when hidden is true. Amounts are in micro-units of
// currency.
func (c *Campaign) SupplierTerms(prices, payouts []money.Micros, currency money.Currency) (payout, shown money.Micros, hidden bool) {
	rule := c.Payout()
	var total money.Micros
	first, other := money.Micros(0), money.Micros(0)
	if rule.Type == PayoutFixed {
		first, other = rule.Fixed.Split(len(prices), currency)
	}
	for i, price := range prices {
		total += price
		switch {
		case rule.Type != PayoutFixed:
			payouts[i], _ = rule.Of(price, currency)
		case i == 0:
			payouts[i] = first
		default:
			payouts[i] = other
		}
		payout += payouts[i]
	}
	switch c.PriceShown() {
	case ShowHidden:
		return payout, 0, true
	case ShowSale:
		return payout, total, false
	default:
		if rule.Type == "" {
			return payout, total, false
		}
		return payout, payout, false
	}
}

func checkPayout(p Payout, v *fault.Violations) {
	switch p.Type {
	case "":
	case PayoutPercent:
		if p.Percent < 0 || p.Percent > money.Hundred {
			v.Add("supplier_payout.value", fault.InvalidValue, "must be between 0 and 100")
		}
	case PayoutFixed:
		if p.Fixed < 0 {
			v.Add("supplier_payout.value", fault.InvalidValue, "must not be negative")
		}
	default:
		v.Add("supplier_payout.type", fault.InvalidValue, mustBePayoutType)
	}
}
