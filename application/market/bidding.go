package market

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

// What became of asking a buyer to bid, as a BidObserver is told.
const (
	BidMade        = "bid"         // it bids
	BidNone        = "no_bid"      // it does not
	BidTimeout     = "timeout"     // it did not answer in time
	BidUnreachable = "unreachable" // there was no answer, or none that is HTTP
	BidAddress     = "address"     // requests are not sent to its address
	BidRefused     = "refused"     // it answered another status than 2xx
	BidUnclear     = "unclear"     // its answer is no bid
	BidBusy        = "busy"        // it was not asked: too much is under way
	BidSkipped     = "skipped"     // it was not asked: it failed before
	BidAbandoned   = "abandoned"   // who waited for it went away
)

// BidObserver is told of pings and bids. Outcome is one of those above.
type BidObserver interface {
	Bid(outcome string, took time.Duration)
	Pinged(quoted bool, took time.Duration)
}

// The limits of Bidding. Who waits for an auction cannot wait for places too, so that beyond them a buyer is not asked.
const (
	// bidsPerBuyer is how often a buyer is asked at once. It is few of what the Outbound takes, so that who is slow takes no places from others.
	bidsPerBuyer = 64
	// bidsOpenAfter is after how many failures in a row a buyer is left alone, for firstBidPause at first and twice as long with each further one, up to longestBidPause.
	// Then it is asked once.
	bidsOpenAfter   = 10
	firstBidPause   = 2 * time.Second
	longestBidPause = time.Minute
	// bidderRemembered is for how long it is known that a buyer failed.
	bidderRemembered = time.Hour
	manyBidders      = 1024
)

// BidQuestion is what buyers are asked to bid for. Fields are those that may be told (field.Rules.Told).
type BidQuestion struct {
	SellerID, PingID, Category string
	Currency                   money.Currency
	Test                       bool
	Fields                     field.Set
}

// Bidding asks buyers to bid. It is safe for concurrent use, and must not be copied.
type Bidding struct {
	Outbound application.Outbound
	Sealer   application.Sealer
	Signer   DeliverySigner
	Clock    application.Clock
	Observer BidObserver
	Logger   *slog.Logger

	mu      sync.Mutex
	bidders map[string]*bidder // by contract, those that are asked or failed
}

// bidder is what is known of the buyer of a contract. It is known in memory only. All times are of application.Elapsed.
type bidder struct {
	receiver.Health

	url      string
	inFlight int
	failed   time.Duration // when it failed last
}

func newBidder(url string) *bidder {
	b := &bidder{Health: receiver.NewHealth(), url: url}
	b.OpenAfter, b.FirstPause, b.LongestPause, b.Steady = bidsOpenAfter, firstBidPause, longestBidPause, true
	return b
}

// bidden is what became of asking one buyer.
type bidden struct {
	contractID string
	bid        ping.Bid
	outcome    string
	took       time.Duration
}

// Ask asks the buyers of contracts at once what they bid for a lead, and returns the bids above 0 that came in time, by contract. It returns when all have
// answered, or the time within which they have to; what is still under way then is given up. Its error is that of ctx.
func (b *Bidding) Ask(ctx context.Context, q BidQuestion, all []campaign.Contract, within time.Duration) (map[string]ping.Bid, error) {
	if len(all) == 0 {
		return nil, ctx.Err()
	}
	inTime, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answers := make(chan bidden, len(all)) // nobody who answers late waits for somebody to listen
	asked := 0
	for i := range all {
		k := all[i]
		probe, why := b.enter(k)
		if why != "" {
			b.Observer.Bid(why, 0)
			continue
		}
		asked++
		go func() {
			began := application.Elapsed(b.Clock)
			r := bidden{contractID: k.ID(), outcome: BidUnclear}
			defer func() {
				if v := recover(); v != nil {
					b.Logger.ErrorContext(ctx, "asking for a bid panicked", slog.String("contract_id", k.ID()), slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
				}
				r.took = application.Elapsed(b.Clock) - began
				b.leave(k, probe, r.outcome)
				b.Observer.Bid(r.outcome, r.took)
				answers <- r
			}()
			r.bid, r.outcome = b.one(inTime, q, k)
		}()
	}
	bids := map[string]ping.Bid{}
	take := func(r bidden) {
		if asked--; r.outcome == BidMade {
			bids[r.contractID] = r.bid
		}
	}
	for asked > 0 {
		select {
		case r := <-answers:
			take(r)
			continue
		case <-inTime.Done():
		}
		for len(answers) > 0 { // what came just in time counts
			take(<-answers)
		}
		break
	}
	return bids, ctx.Err()
}

// one asks the buyer of a contract.
func (b *Bidding) one(ctx context.Context, q BidQuestion, k campaign.Contract) (bid ping.Bid, outcome string) {
	how := k.Bid()
	body := q.Body(how)
	header := map[string][]string{"Content-Type": {"application/json"}}
	if d := k.Delivery(); d != nil && len(d.Secret) > 0 { // it knows the secret that signs its leads
		if secret, err := b.Sealer.Open(d.Secret, SealDeliverySecret, k.ID()); err == nil {
			maps.Copy(header, b.Signer.Sign(string(secret), q.PingID, b.Clock.Now(), body))
		}
	}
	answer, err := b.Outbound.Send(ctx, application.OutboundRequest{
		For: q.SellerID, URL: how.URL, Header: header, Body: body, Timeout: how.Timeout, Within: how.Timeout, Bid: true,
	})
	switch {
	case err == nil:
		return ReadBid(answer.Status, answer.Body, q.Currency)
	case errors.Is(ctx.Err(), context.Canceled):
		return bid, BidAbandoned
	case errors.Is(err, application.ErrAddressRefused):
		return bid, BidAddress
	case errors.Is(err, application.ErrOutboundBusy):
		return bid, BidBusy
	case errors.Is(err, application.ErrOutboundTimeout):
		return bid, BidTimeout
	}
	return bid, BidUnreachable
}

// Body returns what a buyer is asked.
func (q BidQuestion) Body(b *campaign.Bid) []byte {
	own := func(source string) (v field.Value) {
		switch source {
		case campaign.SourcePingID:
			v = field.TextValue(q.PingID)
		case campaign.SourceCategory:
			v = field.TextValue(q.Category)
		case campaign.SourcePingCurrency:
			v = field.TextValue(q.Currency.Code())
		case campaign.SourceTest:
			v = field.Value{Kind: field.Bool, Text: "false"}
			if q.Test {
				v.Text = "true"
			}
		}
		return v
	}
	if len(b.Fields) == 0 {
		group := make([]member, 0, len(q.Fields))
		for _, name := range q.Fields.Names() {
			group = append(group, member{name: name, value: q.Fields[name]})
		}
		return jsonBody(nil, []member{
			{name: "ping_id", value: own(campaign.SourcePingID)},
			{name: "category", value: own(campaign.SourceCategory)},
			{name: "currency", value: own(campaign.SourcePingCurrency)},
			{name: "test", value: own(campaign.SourceTest)},
			{name: "fields", group: group},
		})
	}
	var members []member
	for _, name := range slices.Sorted(maps.Keys(b.Fields)) {
		m := member{name: name}
		if source := b.Fields[name]; slices.Contains(campaign.BidSources(), source) {
			m.value = own(source)
		} else if of, ok := campaign.SourceField(source); ok {
			m.value = q.Fields[of]
		}
		members = append(members, m)
	}
	return jsonBody(nil, members)
}

// ReadBid reads the answer of a buyer that was asked to bid. A bid is a JSON number above 0, with no more decimals than the currency has, of at most one
// million; 0 and the status 204 are none.
func ReadBid(status int, body []byte, currency money.Currency) (bid ping.Bid, outcome string) {
	switch {
	case status == statusNoContent:
		return bid, BidNone
	case status < 200 || status > 299:
		return bid, BidRefused
	}
	document, isJSON := parsed(strings.ToValidUTF8(string(body), "\uFFFD"))
	members, isObject := document.(map[string]any)
	if !isJSON || !isObject {
		return bid, BidUnclear
	}
	number, isNumber := members["bid"].(json.Number)
	if !isNumber {
		return bid, BidUnclear
	}
	amount, err := money.ParseNonNegative(number.String(), currency)
	switch {
	case err != nil || amount > campaign.MostPrice:
		return bid, BidUnclear
	case amount == 0:
		return bid, BidNone
	}
	bid.Amount = amount
	switch r := members["reference"].(type) {
	case string:
		bid.Reference = reference(r, asItIs)
	case json.Number:
		bid.Reference = reference(r.String(), asItIs)
	}
	return bid, BidMade
}

// statusNoContent is the status by which a buyer says that it does not bid.
const statusNoContent = 204

func asItIs(text string) string { return text }

// enter notes that the buyer of a contract is asked, or returns why it is not. It is a probe when the buyer failed too often.
func (b *Bidding) enter(k campaign.Contract) (probe bool, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := application.Elapsed(b.Clock)
	if b.bidders == nil {
		b.bidders = map[string]*bidder{}
	}
	if len(b.bidders) > manyBidders {
		maps.DeleteFunc(b.bidders, func(_ string, x *bidder) bool { return x.inFlight == 0 && now-x.failed > bidderRemembered })
	}
	x := b.bidders[k.ID()]
	if x == nil {
		x = newBidder(k.Bid().URL)
	}
	if x.url != k.Bid().URL { // it may be well there
		x.url, x.Health = k.Bid().URL, newBidder("").Health
	}
	if x.inFlight >= x.Room(now, bidsPerBuyer) {
		if x.Open() {
			return false, BidSkipped
		}
		return false, BidBusy
	}
	b.bidders[k.ID()] = x
	x.inFlight++
	return x.Open(), ""
}

// leave notes what became of asking the buyer of a contract.
func (b *Bidding) leave(k campaign.Contract, probe bool, outcome string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, x := application.Elapsed(b.Clock), b.bidders[k.ID()]
	x.inFlight--
	switch outcome {
	case BidTimeout, BidUnreachable, BidAddress, BidRefused, BidUnclear:
		x.failed = now
		x.Failed(now, probe, attempt.Reason(outcome))
	case BidMade, BidNone:
		x.Answered()
	}
	if x.Standing() != receiver.Failing && x.inFlight == 0 {
		delete(b.bidders, k.ID())
	}
}
