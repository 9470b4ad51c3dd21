package distribution_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

// The supplier is paid what it was promised, and the seller never pays it more than it gets for that.
func TestWhatIsPromisedIsMadeUpForWithoutALoss(t *testing.T) {
	t.Parallel()
	usd, err := money.ParseCurrency("USD")
	require.NoError(t, err)
	dollars := func(all ...int64) (out []money.Micros) {
		for _, n := range all {
			out = append(out, money.Micros(n*1_000_000))
		}
		return out
	}
	percent := campaign.Payout{Type: campaign.PayoutPercent, Percent: 70 * money.Hundred / 100}
	for name, c := range map[string]struct {
		payout          campaign.Payout
		shown           campaign.PriceShown
		promised, paid  []money.Micros
		told, confirmed bool // whether it is sold when nobody confirmed, and when somebody did
	}{
		"all of it":              {payout: percent, promised: dollars(20, 5), paid: dollars(20, 5), told: true, confirmed: true},
		"more":                   {payout: percent, promised: dollars(20), paid: dollars(15, 10), told: true, confirmed: true},
		"within the margin":      {payout: percent, promised: dollars(20, 5), paid: dollars(18), confirmed: true},
		"to the cent":            {payout: percent, promised: dollars(10), paid: dollars(7), confirmed: true},
		"at a loss":              {payout: percent, promised: dollars(20, 5), paid: dollars(5)},
		"the price itself":       {promised: dollars(20, 5), paid: dollars(20)},
		"the price, and no less": {promised: dollars(20, 5), paid: dollars(25), told: true, confirmed: true},
		"the same for any price": {payout: campaign.Payout{Type: campaign.PayoutFixed, Fixed: 8_000_000}, promised: dollars(20, 5), paid: dollars(5), told: true, confirmed: true},
		"shown and below":        {payout: campaign.Payout{Type: campaign.PayoutFixed, Fixed: 8_000_000}, shown: campaign.ShowSale, promised: dollars(20, 5), paid: dollars(20), confirmed: true},
		"shown and at a loss":    {payout: campaign.Payout{Type: campaign.PayoutFixed, Fixed: 8_000_000}, shown: campaign.ShowSale, promised: dollars(20, 5), paid: dollars(5)},
	} {
		of := campaign.FromSnapshot(campaign.Snapshot{ID: "c", Payout: c.payout, PriceShown: c.shown})
		q := ping.Quote{}
		q.Payout, _, _ = of.SupplierTerms(c.promised, make([]money.Micros, len(c.promised)), usd)
		for _, p := range c.promised {
			q.Total += p
		}
		assert.Equal(t, c.told, distribution.Honours(of, q, c.paid, false, usd), name)
		assert.Equal(t, c.confirmed, distribution.Honours(of, q, c.paid, true, usd), name)
	}
}
