package query_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
)

func TestHowLongABuyerCanGoOn(t *testing.T) {
	t.Parallel()
	day := marketquery.BuyerRunway{Sales: 24, Spent: 240_000_000, Over: 24 * time.Hour}
	for _, c := range []struct {
		runway marketquery.BuyerRunway
		amount money.Micros
		want   time.Duration
		ok     bool
	}{
		{day, 100_000_000, 10 * time.Hour, true},
		{day, 0, 0, true},
		{day, -5, 0, true},
		{marketquery.BuyerRunway{}, 100_000_000, 0, false},
		{marketquery.BuyerRunway{Spent: 1, Over: time.Hour}, 9_000_000_000_000_000, 365 * 24 * time.Hour, true},
	} {
		got, ok := c.runway.Lasts(c.amount)
		assert.Equal(t, c.ok, ok)
		assert.Equal(t, c.want, got)
	}
}
