package campaign_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

func bidding(t *testing.T, price money.Micros, terms ...campaign.BidTerms) (*campaign.Bid, error) {
	t.Helper()
	c := auto(t)
	fields := []field.Rule{{Name: "roof"}, {Name: "age", Type: field.TypeInteger}, {Name: "notes", Type: field.TypeText}, {Name: "page", Type: field.TypeURL}, {Name: "work", Type: field.TypePhone}}
	require.NoError(t, c.Update(campaign.Definition{Fields: &fields}, known, now))
	require.NoError(t, c.AddContract("contract_1", "buyer_1", campaign.StatusActive, campaign.Terms{Price: &price}, campaign.Zones{Seller: "UTC"}, now))
	for _, b := range terms {
		if _, err := c.UpdateContract("contract_1", campaign.Terms{Bid: &b}, campaign.Zones{Seller: "UTC"}, now); err != nil {
			return nil, err
		}
	}
	k, err := c.Contract("contract_1")
	require.NoError(t, err)
	require.Equal(t, k.Bid() != nil, c.TakesBids())
	return k.Bid(), nil
}

func TestHowAContractBids(t *testing.T) {
	t.Parallel()
	url := new("https://buyer.example/bid")
	fields := map[string]string{"st": "lead.state", "a": "lead.fields.age", "id": "ping.id", "cur": "ping.currency", "c": "lead.category", "t": "test"}
	b, err := bidding(t, 1, campaign.BidTerms{URL: url})
	require.NoError(t, err)
	require.Equal(t, &campaign.Bid{URL: *url, Timeout: 500 * time.Millisecond}, b)
	b, err = bidding(t, 1, campaign.BidTerms{URL: url, Fields: &fields}, campaign.BidTerms{TimeoutMS: new(int64(10_000))})
	require.NoError(t, err)
	require.Equal(t, &campaign.Bid{URL: *url, Timeout: 10 * time.Second, Fields: fields}, b, "what is absent stays")
	b, err = bidding(t, 1, campaign.BidTerms{URL: url}, campaign.BidTerms{Forget: true})
	require.NoError(t, err)
	require.Nil(t, b)

	many := map[string]string{}
	for i := range 101 {
		many[string(rune('a'+i%26))+string(rune('a'+i/26))] = "test"
	}
	for want, terms := range map[string]campaign.BidTerms{
		"bid.url":         {TimeoutMS: new(int64(100))},
		"bid.url ":        {URL: new("no url")},
		"bid.timeout_ms":  {URL: url, TimeoutMS: new(int64(99))},
		"bid.timeout_ms ": {URL: url, TimeoutMS: new(int64(10_001))},
		"bid.fields":      {URL: url, Fields: &many},
		"bid.fields.a":    {URL: url, Fields: &map[string]string{"a": "lead.email"}},
		"bid.fields.b":    {URL: url, Fields: &map[string]string{"b": "lead.fields.work"}},
		"bid.fields.c":    {URL: url, Fields: &map[string]string{"c": "lead.fields.notes"}},
		"bid.fields.d":    {URL: url, Fields: &map[string]string{"d": "lead.fields.page"}},
		"bid.fields.e":    {URL: url, Fields: &map[string]string{"e": "lead.fields.other"}},
		"bid.fields.f":    {URL: url, Fields: &map[string]string{"f": "sale.id"}},
		"bid.fields.g":    {URL: url, Fields: &map[string]string{"g": "lead.id"}},
		"bid.fields.z":    {URL: url, Fields: &map[string]string{"w": "lead.zip", "x": "lead.zip", "y": "lead.zip", "z": "lead.zip"}},
	} {
		_, err := bidding(t, 1, terms)
		require.ErrorIs(t, err, fault.ErrValidation, want)
		var told *fault.Error
		require.ErrorAs(t, err, &told)
		require.Len(t, told.Violated(), 1, want)
		assert.Equal(t, strings.TrimSpace(want), told.Violated()[0].Field)
	}
	_, err = bidding(t, 0, campaign.BidTerms{URL: url})
	require.ErrorIs(t, err, fault.ErrValidation, "it would pay nothing at the most")
}

func TestAnAuction(t *testing.T) {
	t.Parallel()
	c := auto(t)
	assert.Equal(t, time.Second, c.AuctionTimeout())
	assert.Zero(t, c.ReservePrice())
	require.NoError(t, c.Update(campaign.Definition{ReservePrice: new(money.Micros(5)), AuctionTimeoutMS: new(int64(100))}, known, now))
	assert.Equal(t, 100*time.Millisecond, c.AuctionTimeout())
	assert.Equal(t, money.Micros(5), c.ReservePrice())
	for _, d := range []campaign.Definition{
		{ReservePrice: new(money.Micros(-1))}, {ReservePrice: new(campaign.MostPrice + 1)}, {AuctionTimeoutMS: new(int64(99))}, {AuctionTimeoutMS: new(int64(10_001))},
	} {
		require.ErrorIs(t, c.Update(d, known, now), fault.ErrValidation)
	}
}
