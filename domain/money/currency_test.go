package money_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/money"
)

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for code, digits := range map[string]int{
		"USD": 2, "EUR": 2, "GBP": 2, "CAD": 2, "HUF": 2, "MGA": 2, "MRU": 2, "ZWG": 2, "XCG": 2, "XCD": 2, "SLE": 2,
		"UGX": 0, "JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "XAF": 0, "XOF": 0, "XPF": 0,
		"KWD": 3, "BHD": 3, "TND": 3, "OMR": 3, "JOD": 3, "IQD": 3, "LYD": 3, "CLF": 4, "UYW": 4,
	} {
		c, err := money.ParseCurrency(code)
		require.NoError(t, err, code)
		assert.Equal(t, code, c.Code())
		assert.Equal(t, code, c.String())
		assert.Equal(t, digits, c.Digits(), code)
		assert.False(t, c.IsZero())
		same := c == money.MustCurrency(code)
		assert.True(t, same, "currencies compare with ==")
	}
}

func TestParseCurrencyRefuses(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"", "usd", "Usd", " USD", "USD ", "US", "USDD", "$", "AAA", "ZZZ", "USD\x00", strings.Repeat("USD", 10_000),
		"XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD", // no minor unit
		"DEM", "HRK", "ANG", "BGN", "CUC", "SLL", "ZWL", "VEF", "STD", "MRO", "BYR", "USS", // withdrawn
	} {
		c, err := money.ParseCurrency(code)
		require.EqualError(t, err, "must be an active ISO 4217 currency code in upper case")
		assert.True(t, c.IsZero())
		assert.Panics(t, func() { money.MustCurrency(code) })
	}
}

// Every triple of letters is tried, so that the table can hold neither a typing error nor a code twice.
func TestCurrencyTable(t *testing.T) {
	t.Parallel()
	count := map[int]int{}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				if cur, err := money.ParseCurrency(string([]rune{a, b, c})); err == nil {
					count[cur.Digits()]++
				}
			}
		}
	}
	assert.Equal(t, map[int]int{0: 17, 2: 139, 3: 7, 4: 2}, count)
}
