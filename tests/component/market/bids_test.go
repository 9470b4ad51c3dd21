package market_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// bidder is a buyer that is asked to bid. What it answers is said by the number of the request, from 1.
type bidder struct {
	URL string

	mu   sync.Mutex
	seen []string
	hang chan struct{}
	once sync.Once
}

func newBidder(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, b *bidder)) *bidder {
	t.Helper()
	b := &bidder{hang: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.seen = append(b.seen, string(body))
		b.mu.Unlock()
		answer(w, r, b)
	}))
	b.URL = server.URL
	t.Cleanup(func() {
		b.release()
		server.CloseClientConnections()
		server.Close()
	})
	return b
}

func (b *bidder) release() { b.once.Do(func() { close(b.hang) }) }

func (b *bidder) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

func bids(t *testing.T, answer string) *bidder {
	t.Helper()
	return newBidder(t, func(w http.ResponseWriter, _ *http.Request, _ *bidder) { _, _ = io.WriteString(w, answer) })
}

// biddingAt is a buyer with 1,000 whose contract bids up to a price.
func biddingAt(url string, most float64, more ...any) apptest.Buyer {
	c := apptest.Object{"price": most, "bid": apptest.Object{"url": url, "timeout_ms": 10_000}}
	for i := 0; i < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return apptest.Buyer{Deposit: 1000, Contract: c}
}

func with(o apptest.Object, more ...any) apptest.Object {
	out := apptest.Object{}
	maps.Copy(out, o)
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

func startBidding(t *testing.T, databaseURL string, campaign apptest.Object, buyers ...apptest.Buyer) (*apptest.Shop, *clock.Manual, *apptest.Database) {
	t.Helper()
	s, hands, db, _ := startMeasured(t, databaseURL, campaign, buyers...)
	return s, hands, db
}

func startMeasured(t *testing.T, databaseURL string, campaign apptest.Object, buyers ...apptest.Buyer) (*apptest.Shop, *clock.Manual, *apptest.Database, *prometheus.Registry) {
	t.Helper()
	var registry *prometheus.Registry
	hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
	app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Clock: hands}, registryOf(&registry))
	if campaign["auction_timeout_ms"] == nil {
		campaign = with(campaign, "auction_timeout_ms", 10_000) // however busy the machine is
	}
	return apptest.NewShop(t, app, campaign, buyers...), hands, apptest.Open(t, databaseURL), registry
}

// The highest bid wins, is what the buyer pays and what the supplier is paid of; what is asked is nothing personal, and the winner is told what it called its bid.
func TestTheHighestBidWins(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		low, high, none := bids(t, `{"bid":12.50,"reference":"low-1"}`), bids(t, `{"bid":20.00,"reference":"high-1"}`), bids(t, `{"bid":0}`)
		told := bids(t, ``)
		s, hands, db := startBidding(t, databaseURL, with(payout70, "fields", []apptest.Object{{"name": "age", "type": "integer"}, {"name": "comment", "type": "text"}}),
			biddingAt(low.URL, 50), biddingAt(high.URL, 50, "delivery", apptest.Object{"mode": "notify", "url": told.URL}), biddingAt(none.URL, 50), at(15, 1))
		p := quote(t, s, "firstName", "Secret", "phone", "604-785-3799", "email", "jane@secret.example", "zip", "75201-1234", "age", 42, "comment", "call 604-785-3799",
			"city", "write jane@secret.example", "odd", "unknown")
		if *p.Price != 14 || !p.ExpiresAt.Equal(hands.Now().Add(5*time.Minute)) {
			t.Errorf("promised is %+v, want 70 %% of 20", p)
		}
		for _, b := range []*bidder{low, high, none} {
			var body struct {
				PingID   string         `json:"ping_id"`
				Category string         `json:"category"`
				Currency string         `json:"currency"`
				Test     bool           `json:"test"`
				Fields   map[string]any `json:"fields"`
			}
			asked := b.asked()
			if len(asked) != 1 || json.Unmarshal([]byte(asked[0]), &body) != nil {
				t.Fatalf("a buyer was asked %q", asked)
			}
			if body.PingID != p.ID || body.Currency != "USD" || body.Category == "" || fmt.Sprint(body.Fields) != "map[age:42 state:TX zip:75201]" {
				t.Errorf("a buyer was asked %s", asked[0])
			}
		}
		l := s.Sell(t, s.Form().With("ping_id", p.ID, "zip", "75201"))
		if l.Status != "sold" || l.Price != 14 || !slices.Equal(l.BuyerIDs, s.BuyerIDs[1:2]) || askedOf(t, s, l.ID) != "no_bid sold" {
			t.Errorf("the lead is %+v: %s", l, askedOf(t, s, l.ID))
		}
		account(t, s, 1, 980, 0)
		apptest.Eventually(t, func() error {
			got := told.asked()
			if len(got) == 0 {
				return fmt.Errorf("the buyer was not told yet")
			}
			if !strings.Contains(got[0], `"bid_reference":"high-1"`) || !strings.Contains(got[0], `"price":20.00`) {
				t.Errorf("the buyer was told %s", got[0])
			}
			return nil
		})
		if d := s.Sell(t, s.Form()); d.Price != 10.5 || len(high.asked()) != 1 || !strings.Contains(askedOf(t, s, d.ID), "no_bid") {
			t.Errorf("a lead without a ping is %+v: %s, and %d were asked", d, askedOf(t, s, d.ID), len(high.asked()))
		}
		test := quote(t, s, "test", true)
		if asked := high.asked(); len(asked) != 2 || !strings.Contains(asked[1], `"test":true`) {
			t.Errorf("for a test they are asked %v", asked)
		}
		if a := s.Supplier.Must(t, "POST", "/api/leads", s.Form().With("ping_id", test.ID, "test", true)).Lead(); a.Status != "sold" || a.Price != 14 {
			t.Errorf("the test is %+v", a)
		}
		db.Settle()
		db.Audit()
	})
}

// The next bid at or above the quote takes a lead whose winner cannot take it any more; nobody does below.
func TestTheNextBidIsNotBelowTheQuote(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		a, b, c := bids(t, `{"bid":20}`), bids(t, `{"bid":20.00}`), bids(t, `{"bid":19.99}`)
		s, hands, db := startBidding(t, databaseURL, payout70, biddingAt(a.URL, 50), biddingAt(b.URL, 50), biddingAt(c.URL, 50))
		first, second := quote(t, s), quote(t, s)
		contract := "/v1/campaigns/" + s.CampaignID + "/contracts/"
		s.Program.Must(t, "POST", contract+s.ContractIDs[0]+"/pause", nil)
		l := s.Sell(t, s.Form().With("ping_id", first.ID))
		if l.Status != "sold" || l.Price != 14 || !slices.Equal(l.BuyerIDs, s.BuyerIDs[1:2]) {
			t.Errorf("the lead is %+v", l)
		}
		s.Program.Must(t, "PUT", contract+s.ContractIDs[1], apptest.Object{"price": 19.00})
		l = s.Sell(t, s.Form().With("ping_id", second.ID))
		if l.Status != "pending" || askedOf(t, s, l.ID) != "contract_paused below_quote below_quote" {
			t.Errorf("the lead is %+v: %s", l, askedOf(t, s, l.ID))
		}
		s.Program.Must(t, "POST", contract+s.ContractIDs[0]+"/resume", nil) // and now it can take it, while the quote holds
		soldOf(t, s, []string{l.ID}, 1)
		account(t, s, 0, 980, 0)
		third := quote(t, s)
		s.Program.Must(t, "POST", contract+s.ContractIDs[0]+"/pause", nil)
		l = s.Sell(t, s.Form().With("ping_id", third.ID))
		hands.Advance(5 * time.Minute)
		again := s.Program.Must(t, "POST", "/v1/marketplace/leads/"+l.ID+"/redistribute", nil).Data(t)
		if again["status"] != "pending" || askedOf(t, s, l.ID) != "no_bid no_bid contract_paused" {
			t.Errorf("behind its quote the lead is %v: %s", again["status"], askedOf(t, s, l.ID))
		}
		db.Settle()
		db.Audit()
	})
}

// What is bid beyond the price counts as the price; below the reserve, beyond the balance or the budget nobody takes part, nor who has the person already.
func TestWhoTakesPartInAnAuction(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		bid := func(amount string) string { return bids(t, `{"bid":`+amount+`}`).URL }
		never := bids(t, `{"bid":49}`)
		poor := biddingAt(bid("30"), 50)
		poor.Deposit = 29.99
		s, _, db := startBidding(t, databaseURL, apptest.Object{"reserve_price": 10.00, "auction_timeout_ms": 10_000, "dedupe": nil},
			biddingAt(bid("1000000"), 25), poor, biddingAt(bid("9.99"), 50), at(9.99, 1),
			biddingAt(bid("40"), 50, "caps", []apptest.Object{{"window": "total", "budget": 39.99}}),
			biddingAt(never.URL, 50, "filter", "lead.state == 'NY'"), biddingAt(never.URL, 9), biddingAt(never.URL, 50, "status", "paused"),
			biddingAt(bid("26"), 50, "dedupe", apptest.Object{"fields": []string{"phone"}, "window_days": 30}))
		p := quote(t, s)
		if *p.Price != 26 || len(never.asked()) != 0 {
			t.Errorf("promised is %v, and %d were asked who cannot take it", *p.Price, len(never.asked()))
		}
		form := s.Form().With("ping_id", p.ID)
		l := s.Sell(t, form)
		if l.Status != "sold" || l.Price != 26 || askedOf(t, s, l.ID) != "filter contract_paused budget_total insufficient_balance sold" {
			t.Errorf("the lead is %+v: %s", l, askedOf(t, s, l.ID))
		}
		again := bare(s).With("phone", form["phone"])
		if p := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", again)); !p.Success || *p.Price != 25 {
			t.Errorf("for a person that the buyer has promised is %+v, want the next one's price", p)
		}
		for range 40 { // until nobody can pay the reserve
			if s.Sell(t, s.Form().With("ping_id", quote(t, s).ID)).Status != "sold" {
				t.Error("a lead is not sold")
			}
			if s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[8], nil).Data(t)["balance"].(float64) < 26 {
				break
			}
		}
		if p := quote(t, s); *p.Price != 25 {
			t.Errorf("when the best cannot pay, promised is %v", *p.Price)
		}
		db.Settle()
		db.Audit()
	})
}

// Buyers that share a lead pay what each bid, and a buyer that is asked to confirm too may pay less than it bid: the supplier is paid what was promised.
func TestABuyerThatBidsAndConfirms(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		buyer := newBidder(t, func(w http.ResponseWriter, r *http.Request, _ *bidder) {
			if r.URL.Path == "/bid" {
				_, _ = io.WriteString(w, `{"bid":20,"reference":77}`)
				return
			}
			_, _ = io.WriteString(w, `{"status":"accepted","price":18.00,"reference":"sale"}`)
		})
		rejects := newBidder(t, func(w http.ResponseWriter, r *http.Request, _ *bidder) {
			if r.URL.Path == "/bid" {
				_, _ = io.WriteString(w, `{"bid":22}`)
				return
			}
			_, _ = io.WriteString(w, `{"status":"rejected"}`)
		})
		confirm := func(b *bidder) apptest.Object {
			return apptest.Object{"mode": "confirm", "url": b.URL + "/post", "price_from_answer": true}
		}
		s, _, db := startBidding(t, databaseURL, with(payout70, "distribution", apptest.Object{"mode": "shared", "max_sales": 2}),
			biddingAt(buyer.URL+"/bid", 50, "delivery", confirm(buyer)), biddingAt(rejects.URL+"/bid", 50, "delivery", confirm(rejects)), at(10, 1))
		p := quote(t, s)
		if *p.Price != 29.4 {
			t.Errorf("promised is %v, want 70 %% of 42", *p.Price)
		}
		l := s.Sell(t, s.Form().With("ping_id", p.ID))
		if l.Status != "sold" || l.Price != 29.4 || len(l.BuyerIDs) != 2 {
			t.Errorf("the lead is %+v", l)
		}
		account(t, s, 0, 980, 0) // what it bid, whatever it says now
		account(t, s, 1, 1000, 0)
		account(t, s, 2, 9990, 0)
		if asked := buyer.asked(); len(asked) != 2 || !strings.Contains(asked[1], `"bid_reference":"77"`) || !strings.Contains(asked[1], `"price":20.00`) {
			t.Errorf("the buyer was asked %v", asked)
		}
		db.Settle()
		db.Audit()
	})
}

// TestTheReserveHoldsForWhoIsAskedLater shares a lead with buyers of whom the first one rejects it: the next one that would take it pays less than the
// campaign's reserve price.
func TestTheReserveHoldsForWhoIsAskedLater(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		confirm := func(answer string) apptest.Object {
			return apptest.Object{"mode": "confirm", "url": bids(t, answer).URL}
		}
		s, _, db := startBidding(t, databaseURL, apptest.Object{
			"supplier_payout": apptest.Object{"type": "percent", "value": 40}, "distribution": apptest.Object{"mode": "shared", "max_sales": 2}, "reserve_price": 10,
		},
			at(12, 1, "delivery", confirm(`{"status":"rejected"}`)), at(11, 2, "delivery", confirm(`{"status":"accepted"}`)), at(5, 3))
		p := quote(t, s)
		if l := s.Sell(t, s.Form().With("ping_id", p.ID)); l.Status != "sold" || !slices.Equal(l.BuyerIDs, s.BuyerIDs[1:2]) || l.Price != *p.Price {
			t.Errorf("the lead is %+v, want it sold to the second buyer for %v", l, *p.Price)
		}
		account(t, s, 0, 10_000, 0)
		account(t, s, 1, 9989, 0)
		account(t, s, 2, 10_000, 0)
		db.Settle()
		db.Audit()
	})
}

// hostile are buyers whose answers are no bids, or never come.
func hostile() map[string]func(w http.ResponseWriter, r *http.Request, b *bidder) {
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	waits := func(r *http.Request, b *bidder) bool {
		select {
		case <-b.hang:
			return false
		case <-r.Context().Done():
			return false
		case <-time.After(20 * time.Millisecond):
			return true
		}
	}
	all := map[string]func(w http.ResponseWriter, r *http.Request, b *bidder){
		"hangs": func(_ http.ResponseWriter, r *http.Request, b *bidder) {
			for waits(r, b) {
			}
		},
		"drips": func(w http.ResponseWriter, r *http.Request, b *bidder) {
			for waits(r, b) {
				_, _ = io.WriteString(w, " ")
				flush(w)
			}
		},
		"endless": func(w http.ResponseWriter, r *http.Request, _ *bidder) {
			for chunk := strings.Repeat(" ", 32<<10); r.Context().Err() == nil; {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
		},
		"headers": func(w http.ResponseWriter, _ *http.Request, _ *bidder) {
			w.Header().Set("X-Large", strings.Repeat("x", 1<<20))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request, _ *bidder) {
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		},
		"gone": func(http.ResponseWriter, *http.Request, *bidder) { panic(http.ErrAbortHandler) },
	}
	for i, body := range []string{
		`{"bid":NaN}`, `{"bid":-1}`, `{"bid":1e400}`, `{"bid":1e9}`, `{"bid":"49"}`, `{"bid":true}`, `{"bid":[49]}`, `{"bid":49`, `{"bid":49}{"bid":49}`, `49`, `[{"bid":49}]`, `null`, ``,
		`<html>49</html>`, `{"bid":12.345}`, `{"bid":1e-999999999}`, `{"BID":49}`, "\x00\xff", strings.Repeat("[", 10_000), `{"bid":Infinity}`, `{"bid":0x31}`, `{"bid":null}`,
	} {
		all[fmt.Sprint("nonsense ", i)] = func(w http.ResponseWriter, _ *http.Request, _ *bidder) { _, _ = io.WriteString(w, body) }
	}
	return all
}

// Whatever hostile buyers do, the ping is answered when the time of the auction is over, by the bids of the others, while the hostile ones still hang.
func TestHostileBiddersDelayNobody(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		good := bids(t, `{"bid":11}`)
		buyers := []apptest.Buyer{biddingAt(good.URL, 50)}
		for _, answer := range hostile() {
			buyers = append(buyers, biddingAt(newBidder(t, answer).URL, 50))
		}
		s, _, db, registry := startMeasured(t, databaseURL, apptest.Object{"auction_timeout_ms": 3000}, buyers...)
		if s.Sell(t, s.Form().With("ping_id", quote(t, s).ID)).Price != 11 {
			t.Error("the lead is not sold for the bid")
		}
		apptest.Eventually(t, func() error { // what is given up is counted when it has ended
			values, _ := scrape(t, registry)
			for _, outcome := range []string{"bid", "unclear", "timeout", "unreachable", "refused"} {
				if values["leadmill_bids_total "+outcome] == 0 {
					return fmt.Errorf("no %s is counted", outcome)
				}
			}
			if n := values["leadmill_pings_total quoted"]; n != 1 {
				return fmt.Errorf("%v pings are counted", n)
			}
			return nil
		})
		db.Settle()
		db.Audit()
	})
}

// A buyer that fails again and again is not asked for a while, then once; others are asked as ever.
func TestADeadBidderIsSkipped(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		dead := newBidder(t, func(w http.ResponseWriter, _ *http.Request, b *bidder) {
			if len(b.asked()) <= 11 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			_, _ = io.WriteString(w, `{"bid":30}`)
		})
		well := bids(t, `{"bid":11}`)
		s, hands, _ := startBidding(t, databaseURL, nil, biddingAt(dead.URL, 50), biddingAt(well.URL, 50))
		for range 13 {
			quote(t, s)
		}
		if n, m := len(dead.asked()), len(well.asked()); n != 10 || m != 13 {
			t.Errorf("the dead one was asked %d times, the other %d", n, m)
		}
		for i, step := range []time.Duration{2 * time.Second, 3 * time.Second, time.Second} {
			hands.Advance(step)
			quote(t, s)
			if n, want := len(dead.asked()), []int{11, 11, 12}[i]; n != want {
				t.Errorf("after pause %d the dead one was asked %d times, want %d", i, n, want)
			}
		}
		if p := quote(t, s); *p.Price != 30 || len(dead.asked()) != 13 {
			t.Errorf("when it is well again, promised is %v", *p.Price)
		}
	})
}

// What a contract may ask for bids, and that it is shown.
func TestAContractThatBids(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, _ := startBidding(t, databaseURL, apptest.Object{"fields": []apptest.Object{{"name": "age", "type": "integer"}, {"name": "work_mail", "type": "email"}, {"name": "comment", "type": "text"}}},
			apptest.Buyer{Deposit: 10, Contract: apptest.Object{"price": 10.00}})
		path := "/v1/campaigns/" + s.CampaignID + "/contracts"
		const url = "https://buyer.example/bid"
		made := func(bid any) apptest.Answer {
			return s.Program.Do("POST", path, apptest.Object{"buyer_id": s.BuyerIDs[0], "price": 10.00, "bid": bid})
		}
		for want, bid := range map[string]apptest.Object{
			"bid.url":             {"timeout_ms": 500},
			"bid.url ":            {"url": "https://10.0.0.1/bid"},
			"bid.url   ":          {"url": "https://user:word@buyer.example/bid"},
			"bid.timeout_ms":      {"url": url, "timeout_ms": 99},
			"bid.timeout_ms ":     {"url": url, "timeout_ms": 10_001},
			"bid.fields.tel":      {"url": url, "fields": apptest.Object{"tel": "lead.phone"}},
			"bid.fields.mail":     {"url": url, "fields": apptest.Object{"mail": "lead.fields.work_mail"}},
			"bid.fields.text":     {"url": url, "fields": apptest.Object{"text": "lead.fields.comment"}},
			"bid.fields.name":     {"url": url, "fields": apptest.Object{"name": "lead.firstName"}},
			"bid.fields.unknown":  {"url": url, "fields": apptest.Object{"unknown": "lead.fields.unknown"}},
			"bid.fields.sale":     {"url": url, "fields": apptest.Object{"sale": "sale.price"}},
			"bid.fields.unknown ": {"url": url, "fields": apptest.Object{"unknown": "state"}},
		} {
			if a := made(bid); a.Status != 422 || !strings.Contains(string(a.Body), `"`+strings.TrimSpace(want)+`"`) {
				t.Errorf("the bid %v is answered %s, want %s", bid, a, want)
			}
		}
		if a := s.Program.Do("POST", path, apptest.Object{"buyer_id": s.BuyerIDs[0], "price": 0, "bid": apptest.Object{"url": url}}); a.Status != 422 || !strings.Contains(string(a.Body), "price") {
			t.Errorf("a contract that bids up to nothing is answered %s", a)
		}
		k := made(apptest.Object{"url": url, "fields": apptest.Object{"state": "lead.state", "years": "lead.fields.age", "id": "ping.id"}})
		if k.Status != 201 || fmt.Sprint(k.Data(t)["bid"]) != "map[fields:map[id:ping.id state:lead.state years:lead.fields.age] timeout_ms:500 url:"+url+"]" {
			t.Fatalf("it is made as %s", k)
		}
		one := path + "/" + k.Data(t)["id"].(string)
		change := func(bid any) any { return s.Program.Must(t, "PUT", one, apptest.Object{"bid": bid}).Data(t)["bid"] }
		if b := change(apptest.Object{"timeout_ms": 900, "fields": nil}); fmt.Sprint(b) != "map[timeout_ms:900 url:"+url+"]" {
			t.Errorf("it is changed to %v", b)
		}
		if b := s.Program.Must(t, "PUT", one, apptest.Object{"priority": 2}).Data(t)["bid"]; fmt.Sprint(b) != "map[timeout_ms:900 url:"+url+"]" {
			t.Errorf("what is not named became %v", b)
		}
		if b := change(nil); b != nil {
			t.Errorf("it is forgotten as %v", b)
		}
		c := s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"reserve_price": 12.5, "auction_timeout_ms": 100}).Data(t)
		if c["reserve_price"] != 12.5 || c["auction_timeout_ms"] != 100.0 {
			t.Errorf("the campaign is %v and %v", c["reserve_price"], c["auction_timeout_ms"])
		}
		for _, wrong := range []apptest.Object{{"reserve_price": -1}, {"reserve_price": 1_000_001}, {"auction_timeout_ms": 99}, {"auction_timeout_ms": 10_001}, {"reserve_price": "12"}} {
			if a := s.Program.Unchecked().Do("PUT", "/v1/campaigns/"+s.CampaignID, wrong); a.Status != 422 {
				t.Errorf("%v is answered %s", wrong, a)
			}
		}
	})
}

// What became personal since a contract was made is told to nobody.
func TestWhatBecamePersonalIsNotTold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := bids(t, `{"bid":11}`)
		buyer := biddingAt(b.URL, 50, "bid", apptest.Object{"url": b.URL, "timeout_ms": 10_000, "fields": apptest.Object{"ref": "lead.fields.ref", "st": "lead.state", "cur": "ping.currency", "cat": "lead.category", "t": "test"}})
		s, _, _ := startBidding(t, databaseURL, apptest.Object{"fields": []apptest.Object{{"name": "ref", "type": "string"}}}, buyer)
		quote(t, s, "ref", "abc")
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"fields": []apptest.Object{{"name": "ref", "type": "email"}}})
		quote(t, s, "ref", "jane@secret.example")
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"fields": []apptest.Object{}})
		quote(t, s, "ref", "whatever")
		asked := b.asked()
		if len(asked) != 3 || !strings.Contains(asked[0], `"ref":"abc","st":"TX","t":false}`) || !strings.HasPrefix(asked[0], `{"cat":"`) || !strings.Contains(asked[0], `"cur":"USD"`) {
			t.Fatalf("it was asked %v", asked)
		}
		for _, body := range asked[1:] {
			if !strings.Contains(body, `"ref":null`) {
				t.Errorf("it was asked %s", body)
			}
		}
	})
}

// Bids of a ping sell one lead, whoever posts with it at once and however often; nobody is asked again for what is repeated under a key.
func TestBidsSellOneLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := bids(t, `{"bid":20}`)
		s, _, db := startBidding(t, databaseURL, nil, biddingAt(b.URL, 50))
		key := []string{"Idempotency-Key", "ping-1"}
		first := s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s), key...)
		again := s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s), key...)
		if string(first.Body) != string(again.Body) || !again.Replayed() || len(b.asked()) != 1 {
			t.Errorf("the same ping again is answered %s, and the buyer was asked %d times", again, len(b.asked()))
		}
		id := pingOf(first).ID
		const n = 16
		answers := make([]apptest.Answer, n)
		client := s.Supplier.Unchecked()
		apptest.Parallel(n, func(i int) { answers[i] = client.Insist("POST", "/api/leads", s.Form().With("ping_id", id)) })
		sold := 0
		for _, a := range answers {
			if a.Status == 200 && a.Lead().Status == "sold" {
				sold++
			} else if a.Status != 409 {
				t.Errorf("a lead is answered %s", a)
			}
		}
		if sold != 1 {
			t.Errorf("%d were sold", sold)
		}
		account(t, s, 0, 980, 0)
		db.Settle()
		db.Audit()
	})
}

// A commit whose answer is lost makes neither a second promise nor a second sale, and nobody pays twice.
func TestALostCommitOfAPing(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(commit, rollback func() error) error{
		"after it was done":  func(commit, _ func() error) error { return apptest.OrLost(commit()) },
		"before it was sent": func(_, rollback func() error) error { return apptest.OrLost(rollback()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				b := bids(t, `{"bid":20}`)
				faults := &sqlstoretest.Faults{}
				app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Driver: faults.Wrap})
				s, db := apptest.NewShop(t, app, apptest.Object{"auction_timeout_ms": 10_000}, biddingAt(b.URL, 50)), apptest.Open(t, databaseURL)
				losing := func(stores string) {
					var lost atomic.Int64
					faults.Commit(func(statements []string, commit, rollback func() error) error {
						if slices.ContainsFunc(statements, func(q string) bool { return strings.HasPrefix(q, stores) }) && lost.Add(1) == 1 {
							return lose(commit, rollback)
						}
						return commit()
					})
				}
				send := func(path string, form apptest.Form, key string) apptest.Answer {
					t.Helper()
					first := s.Supplier.Do("POST", path, form, "Idempotency-Key", key)
					if first.Status != 200 && (first.Status != 503 || first.Header.Get("Retry-After") == "") {
						t.Errorf("a lost commit is answered %s", first)
					}
					again := s.Supplier.Must(t, "POST", path, form, "Idempotency-Key", key)
					if first.Status == 200 && string(first.Body) != string(again.Body) {
						t.Errorf("answered %s, then %s", first, again)
					}
					return again
				}
				losing("INSERT INTO pings ")
				p := pingOf(send("/api/leads/ping", bare(s), "ping"))
				if n := db.Number("SELECT COUNT(*) FROM pings"); n != 1 || *p.Price != 20 {
					t.Errorf("%d pings are stored, promised is %+v", n, p)
				}
				losing("INSERT INTO leads ")
				l := send("/api/leads", s.Form().With("ping_id", p.ID), "lead").Lead()
				if n := db.Number("SELECT COUNT(*) FROM sales"); n != 1 || l.Status != "sold" || l.Price != 20 {
					t.Errorf("%d sales are stored, the lead is %+v", n, l)
				}
				faults.Commit(nil)
				account(t, s, 0, 980, 0)
				db.Settle()
				db.Audit()
			})
		})
	}
}

// Nothing of the database is held while buyers are asked: leads are sold, and contracts changed, while one of them hangs.
func TestNothingIsHeldWhileBuyersBid(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := newBidder(t, func(w http.ResponseWriter, r *http.Request, b *bidder) {
			select {
			case <-b.hang:
			case <-r.Context().Done():
			}
			_, _ = io.WriteString(w, `{"bid":20}`)
		})
		s, _, db := startBidding(t, databaseURL, apptest.Object{"auction_timeout_ms": 10_000}, biddingAt(b.URL, 50), at(10, 1))
		answered := make(chan apptest.Answer, 1)
		client := s.Supplier.Unchecked()
		go func() { answered <- client.Insist("POST", "/api/leads/ping", bare(s)) }()
		apptest.Eventually(t, func() error {
			if len(b.asked()) == 0 {
				return fmt.Errorf("nobody is asked yet")
			}
			return nil
		})
		if l := s.Sell(t, s.Form()); l.Status != "sold" || l.Price != 10 {
			t.Errorf("a lead is %+v meanwhile", l)
		}
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID+"/contracts/"+s.ContractIDs[1], apptest.Object{"price": 11.00})
		s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/deposits", apptest.Object{"amount": 1.00})
		b.release()
		if p := pingOf(<-answered); !p.Success || *p.Price != 20 {
			t.Errorf("it is answered %+v", p)
		}
		db.Settle()
		db.Audit()
	})
}

// Up to fifty buyers are asked, those that pay most at the most.
func TestManyBiddersAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		var buyers []apptest.Buyer
		var all []*bidder
		for i := range 60 {
			b := bids(t, fmt.Sprintf(`{"bid":%d}`, i+1))
			all, buyers = append(all, b), append(buyers, biddingAt(b.URL, float64(100-i)))
		}
		s, _, _ := startBidding(t, databaseURL, apptest.Object{"auction_timeout_ms": 10_000}, buyers...)
		if p := quote(t, s); *p.Price != 50 {
			t.Errorf("promised is %v, want the best of 50", *p.Price)
		}
		for i, b := range all {
			if asked := len(b.asked()) == 1; asked != (i < 50) {
				t.Errorf("the buyer %d was asked: %v", i, asked)
			}
		}
	})
}
