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

// The limits of Bidding. Who waits for an auction cannot wait for places too, so that beyond them buyers are not asked. A seller gets half of the places, and one
// buyer few, so that those who are slow take them from nobody else.
const (
	bidsInAll     = 1024
	bidsPerSeller = bidsInAll / 2
	bidsPerBuyer  = 64
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

	mu       sync.Mutex
	inFlight int
	sellers  map[string]int
	bidders  map[string]*bidder // by contract, those that are asked or failed
}

// bidder is what is known of the buyer of a contract. It is known in memory only.
type bidder struct {
	url      string
	inFlight int
	fails    int // in a row
	pause    time.Duration
	resume   time.Duration // it is not asked before, by application.Elapsed as all times here
	failed   time.Duration
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
		if why := b.enter(q.SellerID, k); why != "" {
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
				b.leave(q.SellerID, k, r.outcome)
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
		For: q.SellerID, URL: how.URL, Header: header, Body: body, Timeout: how.Timeout, Within: how.Timeout, Waited: true,
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

// enter takes a place for asking the buyer of a contract, or returns why it is not asked.
func (b *Bidding) enter(sellerID string, k campaign.Contract) (why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := application.Elapsed(b.Clock)
	if b.bidders == nil {
		b.sellers, b.bidders = map[string]int{}, map[string]*bidder{}
	}
	if len(b.bidders) > manyBidders {
		maps.DeleteFunc(b.bidders, func(_ string, x *bidder) bool { return x.inFlight == 0 && now-x.failed > bidderRemembered })
	}
	x := b.bidders[k.ID()]
	if x == nil {
		x = &bidder{}
	}
	if x.url != k.Bid().URL { // it may be well there
		x.url, x.fails, x.pause, x.resume = k.Bid().URL, 0, 0, 0
	}
	switch {
	case now < x.resume, x.fails >= bidsOpenAfter && x.inFlight > 0:
		return BidSkipped
	case x.inFlight >= bidsPerBuyer, b.sellers[sellerID] >= bidsPerSeller, b.inFlight >= bidsInAll:
		return BidBusy
	}
	b.bidders[k.ID()] = x
	x.inFlight++
	b.inFlight++
	b.sellers[sellerID]++
	return ""
}

// leave gives a place back and notes what became of it.
func (b *Bidding) leave(sellerID string, k campaign.Contract, outcome string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, x := application.Elapsed(b.Clock), b.bidders[k.ID()]
	x.inFlight--
	b.inFlight--
	if b.sellers[sellerID]--; b.sellers[sellerID] == 0 {
		delete(b.sellers, sellerID)
	}
	switch outcome {
	case BidTimeout, BidUnreachable, BidAddress, BidRefused, BidUnclear:
		x.fails++
		x.failed = now
		if x.fails >= bidsOpenAfter && now >= x.resume { // what was under way when it was left alone makes that no longer
			x.pause = min(max(2*x.pause, firstBidPause), longestBidPause)
			x.resume = now + x.pause
		}
	case BidMade, BidNone:
		x.fails, x.pause, x.resume = 0, 0, 0
	}
	if x.fails == 0 && x.inFlight == 0 {
		delete(b.bidders, k.ID())
	}
}
