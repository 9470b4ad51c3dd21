package consolehttp

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

func formWith(value string) *Form {
	return &Form{values: url.Values{"field": {value}}, posted: true}
}

// A comma stands between thousands or is a mistake: no amount is read as a hundred times of what was meant.
func TestCommasStandBetweenThousands(t *testing.T) {
	t.Parallel()
	usd := money.MustCurrency("USD")
	for text, want := range map[string]money.Micros{
		"12.50": 12_500_000, "1,250.00": 1_250_000_000, "$1,250": 1_250_000_000, " $ 12,345,678.9 ": 12_345_678_900_000, "-1,250.00": -1_250_000_000, "1250": 1_250_000_000,
	} {
		f := formWith(text)
		amount, given := f.Money("field", usd)
		assert.NoError(t, f.Err(), text)
		assert.True(t, given)
		assert.Equal(t, want, amount, text)
	}
	for text, hint := range map[string]string{
		"12,50": "Write 12.50 with a point.", "$12,5": "Write 12.5 with a point.", "-0,99": "Write -0.99 with a point.", "0,250": "Write 0.250 with a point.", "1.250,00": "Write 1250.00 with a point.", "1250,000": "Write 1250.000 with a point.",
		"1,25,000": "between thousands", "1,250,00": "between thousands", ",50": "between thousands", "12,": "between thousands", "1,,250": "between thousands", "1250,000.00": "between thousands",
		"1,250.00,5": "between thousands", "1.25,000.0": "between thousands", "x,250": "between thousands",
	} {
		f := formWith(text)
		amount, given := f.Money("field", usd)
		f.err = fault.As(f.Err())
		assert.Contains(t, f.Trouble("field"), hint, text)
		assert.Zero(t, amount, text)
		assert.True(t, given, "%s is no empty field", text)

		f = formWith(text)
		n, given := f.Number("field", 0, 1_000_000)
		f.err = fault.As(f.Err())
		assert.NotEmpty(t, f.Trouble("field"), text)
		assert.Zero(t, n, text)
		assert.True(t, given, text)
	}
	for text, want := range map[string]int64{"1,250": 1250, "1250": 1250, "1,000,000": 1_000_000} {
		f := formWith(text)
		n, _ := f.Number("field", 0, 1_000_000)
		assert.NoError(t, f.Err(), text)
		assert.Equal(t, want, n)
	}
	f := formWith("  ")
	_, given := f.Money("field", usd)
	assert.False(t, given)
	_, given = f.Number("field", 0, 9)
	assert.False(t, given)
	assert.NoError(t, f.Err())
}
