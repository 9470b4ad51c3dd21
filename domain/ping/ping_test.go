package ping_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

func TestUse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	quote := ping.Quote{Payout: 31_500_000, Total: 45_000_000, Prices: map[string]money.Micros{"contract_1": 45_000_000}}
	for name, c := range map[string]struct {
		key, campaign string
		test          bool
		after         time.Duration
		want          error
	}{
		"at once":               {"k1", "campaign_1", false, 0, nil},
		"just before it ends":   {"k1", "campaign_1", false, ping.Lasts - time.Microsecond, nil},
		"when it ends":          {"k1", "campaign_1", false, ping.Lasts, ping.ErrExpired},
		"another key's":         {"k2", "campaign_1", false, 0, ping.ErrUnknown},
		"in another campaign":   {"k1", "campaign_2", false, 0, ping.ErrUnknown},
		"by a test":             {"k1", "campaign_1", true, 0, ping.ErrOtherKind},
		"another key's, ended":  {"k2", "campaign_1", false, ping.Lasts, ping.ErrUnknown},
		"of a test, when ended": {"k1", "campaign_1", true, ping.Lasts, ping.ErrOtherKind},
	} {
		p := ping.New("seller_1", "ping_1", "k1", "campaign_1", false, quote, at)
		err := p.Use(c.key, c.campaign, c.test, "lead_1", at.Add(c.after))
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
			assert.Empty(t, p.Snapshot().LeadID, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, "lead_1", p.Snapshot().LeadID, name)
		require.ErrorIs(t, p.Use(c.key, c.campaign, c.test, "lead_2", at.Add(ping.Lasts)), ping.ErrUsed, "that it is used comes before that it ended")
		assert.Equal(t, quote, ping.FromSnapshot(p.Snapshot()).Quote(), name)
	}
	var none *ping.Ping
	require.ErrorIs(t, none.Check("k1", "campaign_1", false, at), ping.ErrUnknown)
	quote.Prices["contract_1"] = 1
	assert.Equal(t, money.Micros(45_000_000), ping.New("s", "p", "k", "c", true, ping.Quote{Prices: map[string]money.Micros{"contract_1": 45_000_000}}, at).Quote().Prices["contract_1"])
}
