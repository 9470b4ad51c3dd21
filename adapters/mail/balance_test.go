package mail_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/application/market"
)

func TestBalanceText(t *testing.T) {
	t.Parallel()
	m, err := mail.BalanceText{}.Write(market.Account{Seller: "Tom & Co", Buyer: "Best <b>", Balance: 49_500_000, LowBalance: 75_000_000, Currency: "USD"})
	require.NoError(t, err)
	assert.Equal(t, "Your balance with Tom & Co is low", m.Subject)
	assert.Contains(t, m.Text, "Hello Best <b>,\n\nyour balance with Tom & Co is 49.50 USD, which is below 75.00 USD.")
	assert.Contains(t, m.HTML, "Best &lt;b&gt;")
	_, err = mail.BalanceText{}.Write(market.Account{Currency: "XXXX"})
	require.Error(t, err)
}
