package market_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/market"
)

func TestSpecLinks(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	links, others := market.NewSpecLinks([]byte("secret")), market.NewSpecLinks([]byte("another"))
	token := links.New("seller_01JD8YV5T3Q8W0F2K4M6N8P0R2", "campaign_1", now.Add(time.Hour))
	require.LessOrEqual(t, len(token), 100, "a path holds it")
	seller, ok := links.Check(token, "campaign_1", now)
	require.True(t, ok)
	require.Equal(t, "seller_01JD8YV5T3Q8W0F2K4M6N8P0R2", seller)
	for name, opens := range map[string]func() (string, bool){
		"over":          func() (string, bool) { return links.Check(token, "campaign_1", now.Add(time.Hour)) },
		"of another":    func() (string, bool) { return links.Check(token, "campaign_2", now) },
		"signed else":   func() (string, bool) { return others.Check(token, "campaign_1", now) },
		"cut":           func() (string, bool) { return links.Check(token[:20], "campaign_1", now) },
		"none":          func() (string, bool) { return links.Check("", "campaign_1", now) },
		"no text of it": func() (string, bool) { return links.Check("!"+token, "campaign_1", now) },
	} {
		_, ok := opens()
		require.False(t, ok, name)
	}
}
