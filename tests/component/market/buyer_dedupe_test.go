package market_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// once is a contract's rule that its buyer buys nobody again within some days.
func once(days int, fields ...string) apptest.Object {
	return apptest.Object{"fields": fields, "window_days": days}
}

// reasonsInOrder returns why contracts were passed over for a lead, and "sold" for those that took it.
func reasonsInOrder(t *testing.T, s *apptest.Shop, id string) (all []string) {
	t.Helper()
	trace, _ := s.Lead(t, id)["trace"].(map[string]any)
	considered, _ := trace["considered"].([]any)
	for _, c := range considered {
		all = append(all, fmt.Sprint(c.(map[string]any)["reason"]))
	}
	return all
}

// A buyer is passed over for somebody whom it bought within its contract's window, by whichever of its contracts; another buyer is not.
func TestABuyerBuysNobodyTwice(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, apptest.Object{"dedupe": nil, "pending_ttl_hours": 8760},
			apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 20.00, "priority": 1, "dedupe": once(90, "phone", "email")}},
			apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "priority": 3}})
		short := s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 15.00, "priority": 2, "dedupe": once(30, "phone")})
		if k := s.Program.Must(t, "GET", s.ContractPath(short), nil).Data(t)["dedupe"]; fmt.Sprint(k) != "map[fields:[phone] match:any window_days:30]" {
			t.Errorf("the contract's rule is %v", k)
		}
		phone := apptest.Phone()
		sell := func(email string, more ...any) apptest.Lead {
			hands.Advance(time.Minute) // the same again is no double click
			return s.Sell(t, s.Form().With("phone", phone, "email", email).With(more...))
		}
		expect := func(what string, l apptest.Lead, price float64, want string) {
			t.Helper()
			if got := reasonsInOrder(t, s, l.ID); l.Price != price || fmt.Sprint(got) != want {
				t.Errorf("%s: it is %+v: %q", what, l, got)
			}
		}
		expect("new", sell("jane@free.example"), 20, "[sold]")
		expect("the same phone", sell("other@free.example"), 10, "[duplicate_buyer duplicate_buyer sold]")
		other := s.Sell(t, s.Form().With("email", "jane@free.example"))
		expect("the same email, which one contract looks at", other, 15, "[duplicate_buyer sold]")
		expect("a test lead", sell("x@free.example", "test", true), 10, "[duplicate_buyer duplicate_buyer sold]")
		hands.Advance(31 * 24 * time.Hour)
		expect("after the shorter window", sell("third@free.example"), 15, "[duplicate_buyer sold]")
		hands.Advance(20 * 24 * time.Hour)
		expect("which begins anew", sell("fourth@free.example"), 10, "[duplicate_buyer duplicate_buyer sold]")
		hands.Advance(60 * 24 * time.Hour)
		expect("80 days after the last purchase, by the other contract", sell("fifth@free.example"), 15, "[duplicate_buyer sold]")
		hands.Advance(91 * 24 * time.Hour)
		expect("after the longer one", sell("seventh@free.example"), 20, "[sold]")

		for what, body := range map[string]apptest.Object{
			"a field":   {"dedupe": once(30, "city")},
			"no window": {"dedupe": apptest.Object{"fields": []string{"phone"}}},
			"a window":  {"dedupe": once(0, "phone")},
		} {
			if a := s.Program.Do("PUT", s.ContractPath(short), body); a.Status != 422 {
				t.Errorf("%s is answered %s", what, a)
			}
		}
		s.Program.Must(t, "PUT", s.ContractPath(short), apptest.Object{"dedupe": nil})
		expect("without a rule", sell("sixth@free.example"), 15, "[duplicate_buyer sold]")
		hands.Advance(89 * 24 * time.Hour)
		expect("which buys the person again", sell("eighth@free.example"), 15, "[duplicate_buyer sold]")
		hands.Advance(89 * 24 * time.Hour)
		expect("so that the other contract counts from then", sell("ninth@free.example"), 15, "[duplicate_buyer sold]")
		apptest.Open(t, databaseURL).Audit()
	})
}

// Leads of one person at once, in one batch or in several, are bought once; so are those that waited for the buyer.
func TestABuyerBuysNobodyTwiceAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		apps := []*apptest.App{apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Start(t, databaseURL, leadmill.StartOptions{})}
		s := apptest.NewShop(t, apps[0], apptest.Object{"dedupe": nil}, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 1.00, "dedupe": once(30, "phone")}})
		db := apptest.Open(t, databaseURL)
		phones := []string{apptest.Phone(), apptest.Phone(), apptest.Phone()}
		apptest.Parallel(24, func(i int) {
			at := s.At(apps[i%2])
			if a := at.Supplier.Insist("POST", "/api/leads", s.Form().With("phone", phones[i%3], "city", fmt.Sprint("City ", i))); a.Status != 200 {
				t.Errorf("answered %s", a)
			}
		})
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != 3 {
			t.Errorf("%d leads of three persons are sold", n)
		}
		s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/pause", nil)
		waiting := apptest.Phone()
		for i := range 4 {
			if l := s.Sell(t, s.Form().With("phone", waiting, "city", fmt.Sprint("Town ", i))); l.Status != "pending" {
				t.Errorf("it is %+v", l)
			}
		}
		s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/resume", nil)
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM sales"); n != 4 {
				return fmt.Errorf("%d leads are sold", n)
			}
			return nil
		})
		db.Settle() // whoever was told that the buyer is back has seen all that waited
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != 4 {
			t.Errorf("%d leads of four persons are sold", n)
		}
		if n := db.Number("SELECT COUNT(*) FROM claims WHERE lead_id IN (SELECT lead_id FROM sales)"); n != 4 {
			t.Errorf("%d claims are held", n)
		}
		db.Audit()
	})
}

// With more buyers than whose claims are read for a lead at once, each still buys a person once, in the order of the campaign.
func TestManyBuyersBuyNobodyTwice(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const many, first = 45, 5
		buyers := make([]apptest.Buyer, many)
		for i := range buyers {
			buyers[i] = apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 1.00 + float64(i), "priority": i + 1, "dedupe": once(30, "phone")}}
		}
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Object{"dedupe": nil}, buyers...)
		db := apptest.Open(t, databaseURL)
		phone := apptest.Phone()
		post := func(i int) apptest.Lead {
			return s.Sell(t, s.Form().With("phone", phone, "city", fmt.Sprint("City ", i)))
		}
		for i := range first {
			if l := post(i); l.Price != 1.00+float64(i) {
				t.Errorf("the lead %d is %+v", i, l)
			}
		}
		apptest.Parallel(many+3-first, func(i int) { post(first + i) })
		if n := db.Number("SELECT COUNT(DISTINCT buyer_id) FROM sales"); n != many || n != db.Number("SELECT COUNT(*) FROM sales") {
			t.Errorf("%d of %d buyers bought %d leads of a person", n, many, db.Number("SELECT COUNT(*) FROM sales"))
		}
		fresh, _ := s.AddBuyer(t, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 90.00, "priority": many + 1, "dedupe": once(30, "phone")}})
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM sales WHERE buyer_id = '" + fresh + "'"); n != 1 {
				return fmt.Errorf("%d leads are sold to the new buyer", n)
			}
			return nil
		})
		db.Settle()
		if n := db.Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'"); n != 2 {
			t.Errorf("%d leads wait", n)
		}
		db.Audit()
	})
}
