package market_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

var usd = money.MustCurrency("USD")

// bidders answer by their URL: after so long, this body, or an error.
type bidders struct {
	outside

	mu       sync.Mutex
	after    map[string]time.Duration
	says     map[string]string
	fails    map[string]error
	requests []application.OutboundRequest
	outcomes map[string]int
}

func (b *bidders) Now() time.Time         { return time.Now() }
func (b *bidders) Elapsed() time.Duration { return time.Since(time.Unix(0, 0)) }

func (b *bidders) Send(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	b.mu.Lock()
	b.requests = append(b.requests, r)
	wait, says, err := b.after[r.URL], b.says[r.URL], b.fails[r.URL]
	b.mu.Unlock()
	if r.URL == "panics" {
		panic("with what was answered")
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return application.OutboundAnswer{}, application.ErrOutboundTimeout
	}
	return application.OutboundAnswer{Status: 200, Body: []byte(says)}, err
}

func (b *bidders) Bid(outcome string, _ time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outcomes[outcome]++
}

func (b *bidders) Pinged(bool, time.Duration) {}

func (b *bidders) asked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.requests)
}

func newBidders() *bidders {
	return &bidders{after: map[string]time.Duration{}, says: map[string]string{}, fails: map[string]error{}, outcomes: map[string]int{}}
}

func (b *bidders) bidding() *market.Bidding {
	return &market.Bidding{Outbound: b, Sealer: b, Signer: b, Clock: b, Observer: b, Logger: slog.New(slog.DiscardHandler)}
}

func contracts(urls ...string) []campaign.Contract {
	s := campaign.Snapshot{ID: "c"}
	for _, u := range urls {
		s.Contracts = append(s.Contracts, campaign.ContractSnapshot{ID: "k_" + u, Status: campaign.StatusActive, Bid: &campaign.Bid{URL: u, Timeout: 300 * time.Millisecond}})
	}
	return campaign.FromSnapshot(s).Contracts()
}

func question(seller string) market.BidQuestion {
	return market.BidQuestion{SellerID: seller, PingID: "ping_1", Category: "Auto", Currency: usd, Fields: field.Set{"state": field.TextValue("TX")}}
}

// An auction takes as long as the slowest that answers, and never longer than its time, to the moment.
func TestAnAuctionEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBidders()
		for u, after := range map[string]time.Duration{"fast": 50 * time.Millisecond, "slow": 300 * time.Millisecond, "late": 301 * time.Millisecond, "hangs": time.Hour} {
			b.after[u], b.says[u] = after, `{"bid":12.5,"reference":"`+u+`"}`
		}
		bidding := b.bidding()
		ask := func(within time.Duration, urls ...string) (map[string]ping.Bid, time.Duration) {
			began := time.Now()
			bids, err := bidding.Ask(t.Context(), question("s"), contracts(urls...), within)
			require.NoError(t, err)
			return bids, time.Since(began)
		}
		bids, took := ask(time.Second, "fast", "slow")
		assert.Equal(t, map[string]ping.Bid{"k_fast": {Amount: 12_500_000, Reference: "fast"}, "k_slow": {Amount: 12_500_000, Reference: "slow"}}, bids)
		assert.Equal(t, 300*time.Millisecond, took, "they are asked at once")
		bids, took = ask(300*time.Millisecond, "fast", "late", "hangs", "panics")
		assert.Equal(t, map[string]ping.Bid{"k_fast": {Amount: 12_500_000, Reference: "fast"}}, bids)
		assert.Equal(t, 300*time.Millisecond, took)
		bids, took = ask(time.Second)
		assert.Empty(t, bids)
		assert.Zero(t, took)
		synctest.Wait()
		assert.Equal(t, map[string]int{"bid": 3, "timeout": 2, "unclear": 1}, b.outcomes)

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err := bidding.Ask(ctx, question("s"), contracts("hangs"), time.Second)
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		assert.Equal(t, 1, b.outcomes["abandoned"])
		r := b.requests[0]
		assert.Equal(t, []any{"s", 300 * time.Millisecond, 300 * time.Millisecond, true}, []any{r.For, r.Timeout, r.Within, r.Bid})
		assert.JSONEq(t, `{"ping_id":"ping_1","category":"Auto","currency":"USD","test":false,"fields":{"state":"TX"}}`, string(r.Body))
	})
}

// A bidder that hangs is asked so often at once and no more; others are asked as ever.
func TestASlowBidderTakesNoPlacesOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBidders()
		b.after["hangs"], b.says["well"] = time.Hour, `{"bid":1}`
		bidding := b.bidding()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { _, _ = bidding.Ask(t.Context(), question("one"), contracts("hangs"), time.Second) })
		}
		synctest.Wait()
		assert.Equal(t, 64, b.asked())
		assert.Equal(t, map[string]int{"busy": 36}, b.outcomes)
		bids, err := bidding.Ask(t.Context(), question("one"), contracts("hangs", "well"), time.Second)
		require.NoError(t, err)
		assert.Len(t, bids, 1)
		group.Wait()
	})
}

// A dead bidder is left alone, for longer and longer, until it answers or moves.
func TestADeadBidderIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBidders()
		b.fails["dead"] = application.ErrOutboundFailed
		bidding := b.bidding()
		all := contracts("dead")
		ask := func(n int) (asked int) {
			before := b.asked()
			for range n {
				_, err := bidding.Ask(t.Context(), question("s"), all, time.Second)
				require.NoError(t, err)
			}
			return b.asked() - before
		}
		assert.Equal(t, 10, ask(20))
		for _, pause := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
			time.Sleep(pause - time.Millisecond)
			assert.Zero(t, ask(3), pause)
			time.Sleep(time.Millisecond)
			assert.Equal(t, 1, ask(3), pause)
		}
		s := campaign.FromSnapshot(campaign.Snapshot{Contracts: []campaign.ContractSnapshot{{ID: "k_dead", Status: campaign.StatusActive, Bid: &campaign.Bid{URL: "moved", Timeout: time.Second}}}})
		b.says["moved"] = `{"bid":2}`
		bids, err := bidding.Ask(t.Context(), question("s"), s.Contracts(), time.Second)
		require.NoError(t, err)
		assert.Len(t, bids, 1, "at another address it is asked at once")
		for _, err := range []error{application.ErrOutboundBusy} {
			b.fails["dead"] = err
			assert.Equal(t, 20, ask(20), "what was not sent says nothing of it")
		}
		b.fails["dead"], b.says["dead"] = nil, `{"bid":0}`
		assert.Equal(t, 20, ask(20))
	})
}

func TestReadBid(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		bid     ping.Bid
		outcome string
	}{
		`{"bid":12.50,"reference":"r1"}`:                 {ping.Bid{Amount: 12_500_000, Reference: "r1"}, market.BidMade},
		` {"bid":1e2,"reference":7,"x":[{}]} `:           {ping.Bid{Amount: 100_000_000, Reference: "7"}, market.BidMade},
		`{"bid":12.5000,"reference":{"a":1}}`:            {ping.Bid{Amount: 12_500_000}, market.BidMade},
		`{"bid":1000000}`:                                {ping.Bid{Amount: campaign.MostPrice}, market.BidMade},
		`{"bid":1,"reference":"a` + "\\u0000\\n" + `b"}`: {ping.Bid{Amount: 1_000_000, Reference: "ab"}, market.BidMade},
		`{"bid":0}`:                       {outcome: market.BidNone},
		`{"bid":0.000}`:                   {outcome: market.BidNone},
		`{"bid":-0.01}`:                   {outcome: market.BidUnclear},
		`{"bid":1000001}`:                 {outcome: market.BidUnclear},
		`{"bid":12.505}`:                  {outcome: market.BidUnclear},
		`{"bid":1e999}`:                   {outcome: market.BidUnclear},
		`{"bid":"12"}`:                    {outcome: market.BidUnclear},
		`{"bid":NaN}`:                     {outcome: market.BidUnclear},
		`{"bid":12`:                       {outcome: market.BidUnclear},
		`{"bid":12} {}`:                   {outcome: market.BidUnclear},
		`{"reference":1}`:                 {outcome: market.BidUnclear},
		`[12]`:                            {outcome: market.BidUnclear},
		``:                                {outcome: market.BidUnclear},
		strings.Repeat(`{"bid":`, 20_000): {outcome: market.BidUnclear},
	} {
		bid, outcome := market.ReadBid(200, []byte(body), usd)
		assert.Equal(t, want.outcome, outcome, body)
		assert.Equal(t, want.bid, bid, body)
	}
	for status, want := range map[int]string{204: market.BidNone, 199: market.BidRefused, 301: market.BidRefused, 404: market.BidRefused, 500: market.BidRefused} {
		bid, outcome := market.ReadBid(status, []byte(`{"bid":12.50}`), usd)
		assert.Equal(t, want, outcome)
		assert.Zero(t, bid)
	}
	long, _ := market.ReadBid(200, []byte(`{"bid":1,"reference":"`+strings.Repeat("x", 500)+`"}`), usd)
	assert.Len(t, long.Reference, 100)
}
