package market_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// askedBuyer is a buyer that is asked. What it does is said by the number of the request, from 1.
type askedBuyer struct {
	URL string

	mu    sync.Mutex
	sales []string // what came, by Idempotency-Key
	hang  chan struct{}
}

// gone closes the connection without an answer.
const gone = "gone"

// hangs answers when the buyer is released, and then accepts.
const hangs = "hangs"

func says(verdict string) string { return fmt.Sprintf(`{"status":%q,"reference":"ref"}`, verdict) }

func newAskedBuyer(t *testing.T, do func(n int) string) *askedBuyer {
	t.Helper()
	b := &askedBuyer{hang: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		b.mu.Lock()
		b.sales = append(b.sales, r.Header.Get("Idempotency-Key"))
		n := len(b.sales)
		b.mu.Unlock()
		answer := do(n)
		switch answer {
		case gone:
			panic(http.ErrAbortHandler)
		case hangs:
			select {
			case <-b.hang:
			case <-r.Context().Done():
				return
			}
			answer = says("accepted")
		}
		_, _ = io.WriteString(w, answer)
	}))
	b.URL = server.URL
	t.Cleanup(func() {
		b.release()
		server.Close()
	})
	return b
}

func (b *askedBuyer) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.hang:
	default:
		close(b.hang)
	}
}

func (b *askedBuyer) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sales)
}

func always(answer string) func(int) string { return func(int) string { return answer } }

func confirming(url string, priority int, more ...any) apptest.Buyer {
	d := apptest.Object{"mode": "confirm", "url": url}
	for i := 0; i < len(more); i += 2 {
		d[more[i].(string)] = more[i+1]
	}
	return apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "priority": priority, "delivery": d}}
}

func startAsking(t *testing.T, databaseURL string, campaign apptest.Object, buyers ...apptest.Buyer) (*apptest.Shop, *apptest.Database) {
	t.Helper()
	app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{})
	return apptest.NewShop(t, app, campaign, buyers...), apptest.Open(t, databaseURL)
}

// account asserts what a buyer of a shop has and what of it is held.
func account(t *testing.T, s *apptest.Shop, i int, balance, held float64) {
	t.Helper()
	if b := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[i], nil).Data(t); b["balance"] != balance || b["held"] != held {
		t.Errorf("the buyer %d has %v of which %v is held, want %v and %v", i, b["balance"], b["held"], balance, held)
	}
}

func TestABuyerConfirms(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := newAskedBuyer(t, always(says("accepted")))
		s, db := startAsking(t, databaseURL, nil, confirming(b.URL, 1))
		form := s.Form()
		first := s.Supplier.Must(t, "POST", "/api/leads", form, "Idempotency-Key", "one")
		l := first.Lead()
		if l.Status != "sold" || !slices.Equal(l.BuyerIDs, s.BuyerIDs) {
			t.Fatalf("answered %s, want sold", first)
		}
		again := s.Supplier.Must(t, "POST", "/api/leads", form, "Idempotency-Key", "one")
		if string(again.Body) != string(first.Body) || !again.Replayed() {
			t.Errorf("replayed %s, want %s", again, first)
		}
		account(t, s, 0, 990, 0)
		d := deliveryOf(t, s, l.ID, "delivered")
		if d["reference"] != "ref" || !slices.Equal(b.asked(), []string{fmt.Sprint(d["sale_id"])}) || saleOf(t, s, l.ID) != d["sale_id"] {
			t.Errorf("the delivery is %v, the buyer was asked about %v", d, b.asked())
		}
		s.Program.Must(t, "POST", fmt.Sprint("/v1/deliveries/", d["id"], "/redeliver"), nil)
		apptest.Eventually(t, func() error {
			if n := len(b.asked()); n != 2 {
				return fmt.Errorf("the buyer was told %d times, want 2", n)
			}
			return nil
		})
		deliveryOf(t, s, l.ID, "delivered")
		account(t, s, 0, 990, 0)
		db.Audit()
	})
}

func TestTheNextBuyerIsAsked(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		no, knows, yes := newAskedBuyer(t, always(says("rejected"))), newAskedBuyer(t, always(says("duplicate"))), newAskedBuyer(t, always(says("accepted")))
		s, db := startAsking(t, databaseURL, nil, confirming(no.URL, 1), confirming(knows.URL, 2), confirming(yes.URL, 3))
		l := s.Sell(t, s.Form())
		if l.Status != "sold" || !slices.Equal(l.BuyerIDs, s.BuyerIDs[2:]) {
			t.Fatalf("answered %+v, want sold to the third", l)
		}
		account(t, s, 0, 1000, 0)
		account(t, s, 1, 1000, 0)
		account(t, s, 2, 990, 0)
		found := map[any]any{}
		for _, d := range s.Program.Must(t, "GET", "/v1/marketplace/leads/"+l.ID+"/deliveries", nil).List(t) {
			found[d["contract_id"]] = fmt.Sprint(d["status"], d["reason"])
		}
		if found[s.ContractIDs[0]] != "failedbuyer_rejected" || found[s.ContractIDs[1]] != "failedbuyer_duplicate" || found[s.ContractIDs[2]] != "delivered<nil>" {
			t.Errorf("the deliveries are %v", found)
		}
		s.App.WaitFor(t, 2, "sale.released.v1")
		db.Audit()
	})
}

// A buyer whose answer is lost or late is asked again under the same id, and charged once.
func TestABuyerIsAskedAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		for name, first := range map[string]string{"lost": gone, "late": hangs, "nonsense": "<html>Thank you!"} {
			t.Run(name, func(t *testing.T) {
				b := newAskedBuyer(t, func(n int) string {
					if n == 1 {
						return first
					}
					return says("accepted")
				})
				s, db := startAsking(t, databaseURL, nil, confirming(b.URL, 1, "timeout_ms", 1000))
				l := s.Sell(t, s.Form()) // sold, unless the machine is too busy for that in 5 s
				d := deliveryOf(t, s, l.ID, "delivered")
				soldOf(t, s, []string{l.ID}, 1)
				if asked := b.asked(); len(asked) < 2 || len(slices.Compact(asked)) != 1 || asked[0] != d["sale_id"] || fmt.Sprint(d["tried"]) == "1" {
					t.Errorf("the buyer was asked about %v, the delivery is %v", b.asked(), d)
				}
				account(t, s, 0, 990, 0)
				db.Audit()
			})
		}
	})
}

// manually starts an App whose clock the test has in hand.
func manually(t *testing.T, databaseURL string, buyers ...apptest.Buyer) (*apptest.Shop, *clock.Manual, *apptest.Database) {
	t.Helper()
	hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
	app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Clock: hands})
	return apptest.NewShop(t, app, nil, buyers...), hands, apptest.Open(t, databaseURL)
}

// sellLate posts a lead whose buyers do not answer in time, and returns what its supplier is answered.
func sellLate(t *testing.T, s *apptest.Shop, hands *clock.Manual, form apptest.Form, b *askedBuyer) (leadID, body string) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a := s.Supplier.Insist("POST", "/api/leads", form, "Idempotency-Key", "late")
		leadID, body = a.Lead().ID, string(a.Body)
	}()
	apptest.Eventually(t, func() error {
		if len(b.asked()) == 0 {
			return fmt.Errorf("the buyer was not asked")
		}
		return nil
	})
	hands.Advance(5 * time.Second)
	<-done
	if l := s.Lead(t, leadID); l["status"] != "pending" {
		t.Errorf("the lead is %v, want pending", l)
	}
	return leadID, body
}

// Who does not answer pays nothing, and the lead goes on waiting, for others.
func TestABuyerThatIsSilent(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := newAskedBuyer(t, always(hangs))
		s, hands, db := manually(t, databaseURL, confirming(b.URL, 1, "timeout_ms", 500))
		leadID, _ := sellLate(t, s, hands, s.Form(), b)
		account(t, s, 0, 1000, 10)
		apptest.Eventually(t, func() error {
			d := s.Program.Must(t, "GET", "/v1/marketplace/leads/"+leadID+"/deliveries", nil).List(t)[0]
			if d["status"] != "unknown" {
				return fmt.Errorf("the delivery is %v, want unknown", d)
			}
			return nil
		})
		hands.Advance(30 * time.Second)
		d := deliveryOf(t, s, leadID, "failed")
		if d["reason"] != "timeout" {
			t.Errorf("the delivery is %v", d)
		}
		account(t, s, 0, 1000, 0)
		if l := s.Lead(t, leadID); l["status"] != "pending" {
			t.Errorf("the lead is %v, want pending", l)
		}
		_, contract := s.AddBuyer(t, apptest.Rich)
		soldOf(t, s, []string{leadID}, 1)
		if sale := s.Program.Must(t, "GET", "/v1/sales/"+saleOf(t, s, leadID), nil).Data(t); sale["contract_id"] != contract {
			t.Errorf("the lead went to %v, want the one that was not asked", sale)
		}
		db.Audit()
	})
}

// What a buyer answers after its supplier's time is up is sold, and the supplier's answer stays what it was.
func TestASupplierDoesNotWaitForLong(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := newAskedBuyer(t, always(hangs))
		s, hands, db := manually(t, databaseURL, confirming(b.URL, 1, "timeout_ms", 20_000))
		form := s.Form()
		leadID, body := sellLate(t, s, hands, form, b)
		b.release()
		soldOf(t, s, []string{leadID}, 1)
		account(t, s, 0, 990, 0)
		if again := s.Supplier.Must(t, "POST", "/api/leads", form, "Idempotency-Key", "late"); string(again.Body) != body || again.Lead().Status != "pending" {
			t.Errorf("replayed %s, want %s", again, body)
		}
		if got := s.Supplier.Must(t, "GET", "/api/leads/"+leadID, nil).Lead(); got.Status != "sold" {
			t.Errorf("the supplier sees %+v, want sold", got)
		}
		db.Audit()
	})
}

func TestASharedLeadOfWhichOneBuyerIsAsked(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		no, yes := newAskedBuyer(t, always(says("rejected"))), newAskedBuyer(t, always(says("accepted")))
		s, db := startAsking(t, databaseURL, shared(nil), confirming(no.URL, 1), confirming(yes.URL, 2), apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "priority": 3}})
		l := s.Sell(t, s.Form())
		if l.Status != "sold" || !slices.Equal(l.BuyerIDs, s.BuyerIDs[1:]) {
			t.Fatalf("answered %+v, want sold to the second and third", l)
		}
		account(t, s, 0, 1000, 0)
		account(t, s, 1, 990, 0)
		account(t, s, 2, 990, 0)
		if all := soldEvents(t, db); len(all) != 1 {
			t.Errorf("%d leads were sold, want one event", len(all))
		}
		db.Audit()
	})
}

func TestAnswersAreMapped(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := newAskedBuyer(t, func(n int) string {
			return []string{`{"result":{"code":"OK","pays":7.50}}`, `{"result":{"code":"OK","pays":99}}`, `{"result":{"code":"NO"}}`}[min(n, 3)-1]
		})
		s, db := startAsking(t, databaseURL, nil, confirming(b.URL, 1, "price_from_answer", true, "response", apptest.Object{
			"accepted": apptest.Object{"path": "$.result.code", "equals": "OK"}, "rejected": apptest.Object{"contains": `"NO"`}, "price": apptest.Object{"path": "$.result.pays"},
		}))
		for i, want := range []float64{992.50, 982.50, 982.50} {
			if l := s.Sell(t, s.Form()); (l.Status == "sold") != (i < 2) {
				t.Fatalf("lead %d: answered %+v", i, l)
			}
			account(t, s, 0, want, 0)
		}
		test := s.Program.Must(t, "POST", s.ContractPath(s.ContractIDs[0])+"/test-delivery", nil).Data(t)
		if test["reason"] != "buyer_rejected" || test["verdict"] != "rejected" {
			t.Errorf("the test is answered %v", test)
		}
		shown := s.Program.Must(t, "GET", s.ContractPath(s.ContractIDs[0]), nil).Data(t)["delivery"].(map[string]any)
		if fmt.Sprint(shown["mode"], shown["price_from_answer"], shown["response"]) != `confirmtrue map[accepted:map[equals:OK path:$.result.code] price:map[path:$.result.pays] rejected:map[contains:"NO"]]` {
			t.Errorf("the contract shows %v", shown)
		}
		db.Audit()
	})
}

// TestWhatAPingPromisedIsPaidWhoeverConfirms with buyers that say no, or that pay less than their contracts say, and never at a loss of the seller's.
func TestWhatAPingPromisedIsPaidWhoeverConfirms(t *testing.T) {
	t.Parallel()
	sharing := func(percent float64) apptest.Object {
		return apptest.Object{"supplier_payout": apptest.Object{"type": "percent", "value": percent}, "distribution": apptest.Object{"mode": "shared", "max_sales": 2, "strategy": "priority"}}
	}
	confirms := func(t *testing.T) apptest.Buyer { return confirming(newAskedBuyer(t, always(says("accepted"))).URL, 2) }
	for name, c := range map[string]struct {
		campaign apptest.Object
		first    string
		more     []any
		other    func(t *testing.T) apptest.Buyer
		quote    float64
		status   string
		trace    string
		balances []float64
	}{
		"nobody below the quote is asked": {
			campaign: payout70, first: says("rejected"), other: func(*testing.T) apptest.Buyer { return at(5, 2) },
			quote: 7, status: "pending", trace: "buyer_rejected below_quote", balances: []float64{1000, 10_000},
		},
		"one pays less": {
			campaign: payout70, first: `{"status":"accepted","price":7.50}`, more: []any{"price_from_answer", true}, other: func(*testing.T) apptest.Buyer { return at(5, 2) },
			quote: 7, status: "sold", trace: "sold", balances: []float64{992.50, 10_000},
		},
		"one pays less than was promised": {
			campaign: payout70, first: `{"status":"accepted","price":4.00}`, more: []any{"price_from_answer", true}, other: func(*testing.T) apptest.Buyer { return at(5, 2) },
			quote: 7, status: "pending", trace: "below_quote", balances: []float64{1000, 10_000},
		},
		"one of two says no": {
			campaign: sharing(50), first: says("rejected"), other: confirms, quote: 10, status: "sold", trace: "buyer_rejected sold", balances: []float64{1000, 990},
		},
		"the other pays less than was promised": {
			campaign: sharing(70), first: says("rejected"), other: confirms, quote: 14, status: "pending", trace: "buyer_rejected below_quote", balances: []float64{1000, 1000},
		},
		"the other was not asked": {
			campaign: sharing(50), first: says("rejected"), other: func(*testing.T) apptest.Buyer {
				return at(10, 2, "caps", []apptest.Object{{"window": "day", "leads": 5, "budget": 50}})
			},
			quote: 10, status: "pending", trace: "buyer_rejected below_quote", balances: []float64{1000, 10_000},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				first := newAskedBuyer(t, always(c.first))
				s, db := startAsking(t, databaseURL, c.campaign, confirming(first.URL, 1, c.more...), c.other(t))
				p := quote(t, s)
				if *p.Price != c.quote {
					t.Fatalf("promised are %v, want %v", *p.Price, c.quote)
				}
				l := s.Sell(t, s.Form().With("ping_id", p.ID))
				apptest.Eventually(t, func() error {
					if status := s.Lead(t, l.ID)["status"]; status != c.status || len(first.asked()) == 0 {
						return fmt.Errorf("the lead is %v", status)
					}
					if trace := askedOf(t, s, l.ID); trace != c.trace {
						return fmt.Errorf("its trace is %s", trace)
					}
					return nil
				})
				if c.status == "sold" {
					if got := s.Supplier.Must(t, "GET", "/api/leads/"+l.ID, nil).Lead(); got.Price != c.quote {
						t.Errorf("its supplier is told %v, want %v", got.Price, c.quote)
					}
				}
				for i, balance := range c.balances {
					account(t, s, i, balance, 0)
				}
				for _, d := range s.Program.Must(t, "GET", "/v1/marketplace/leads/"+l.ID+"/deliveries", nil).List(t) {
					if c.status == "sold" || d["reason"] != "below_quote" {
						continue
					}
					if r := s.Program.Do("POST", fmt.Sprint("/v1/deliveries/", d["id"], "/redeliver"), nil); r.Status != 422 || r.Refusal().Code != "sale_released" {
						t.Errorf("to deliver what was not sold answers %s", r)
					}
				}
				if n := db.Number("SELECT COUNT(*) FROM deliveries WHERE state = 'delivered'"); c.status != "sold" && n != 0 {
					t.Errorf("%d deliveries of what was not sold are shown as delivered", n)
				}
				db.Settle()
				db.Audit()
			})
		})
	}
}

// A lead that is reserved when its quote is over earns what any other does.
func TestAQuoteThatIsOverIsNotMadeUpFor(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startBidding(t, databaseURL, payout70, at(45, 1))
		p := quote(t, s)
		s.Program.Must(t, "POST", s.ContractPath(s.ContractIDs[0])+"/pause", nil)
		l := s.Sell(t, s.Form().With("ping_id", p.ID))
		if l.Status != "pending" {
			t.Fatalf("the lead is %+v, want pending", l)
		}
		hands.Advance(5 * time.Minute)
		s.AddBuyer(t, confirming(newAskedBuyer(t, always(says("accepted"))).URL, 2))
		soldOf(t, s, []string{l.ID}, 1)
		if got := s.Lead(t, l.ID); fmt.Sprint(got["payout"]) != "7" {
			t.Errorf("after the quote it earns %v, want 70 %% of 10", got["payout"])
		}
		db.Settle()
		db.Audit()
	})
}

// Whatever hostile buyers do that are asked, the lead is sold to those who answer when its time is over, and they are charged nothing.
func TestHostileBuyersThatConfirm(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		all, names := hostile(), []string{"hangs", "drips", "endless", "headers", "redirect", "gone", "nonsense 3", "nonsense 17"}
		var buyers []apptest.Buyer
		for i, name := range names {
			if all[name] == nil {
				t.Fatalf("nobody is %s", name)
			}
			buyers = append(buyers, confirming(newBidder(t, all[name]).URL, i+1, "timeout_ms", 300))
		}
		good := newAskedBuyer(t, always(says("accepted")))
		hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
		app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, apptest.Object{"distribution": apptest.Object{"mode": "shared", "max_sales": len(names) + 1}}, append(buyers, confirming(good.URL, 100))...)
		db := apptest.Open(t, databaseURL)
		leadID, _ := sellLate(t, s, hands, s.Form(), good)
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM deliveries WHERE state = 'pending' AND tries > 0"); n != int64(len(names)) {
				return fmt.Errorf("%d hostile buyers were asked, want %d", n, len(names))
			}
			return nil
		})
		hands.Advance(30 * time.Second)
		soldOf(t, s, []string{leadID}, 1)
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != 1 {
			t.Errorf("it was sold %d times, want once", n)
		}
		for i := range names {
			account(t, s, i, 1000, 0)
		}
		account(t, s, len(names), 990, 0)
		db.Settle()
		db.Audit()
	})
}
