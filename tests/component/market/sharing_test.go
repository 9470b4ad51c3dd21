package market_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// shared is a campaign whose leads go to up to three buyers.
func shared(more apptest.Object) apptest.Object {
	c := apptest.Object{"distribution": apptest.Object{"mode": "shared", "max_sales": 3, "strategy": "priority"}}
	maps.Copy(c, more)
	return c
}

func priced(price float64, priority int) apptest.Buyer {
	return apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": price, "priority": priority}}
}

func soldEvents(t *testing.T, db *apptest.Database) (all []eventsv1.LeadSold) {
	t.Helper()
	for _, e := range db.Events("lead.sold.v1") {
		var sold eventsv1.LeadSold
		if err := json.Unmarshal(e.Payload, &sold); err != nil {
			t.Fatal(err)
		}
		all = append(all, sold)
	}
	return all
}

func TestASharedLeadIsSoldToSeveralBuyersAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, shared(apptest.Object{"supplier_payout": apptest.Object{"type": "percent", "value": 33.33}}),
			priced(30, 1), priced(20, 2), priced(10, 4), priced(5, 5))
		s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 25, "priority": 3}) // of a buyer who has the lead already
		l := s.Sell(t, s.Form())
		if l.Status != "sold" || l.Price != 20.00 || !slices.Equal(l.BuyerIDs, s.BuyerIDs[:3]) {
			t.Fatalf("answered %+v, want three buyers in rank order and 10.00 + 6.67 + 3.33", l)
		}
		if again := s.Supplier.Must(t, "GET", "/api/leads/"+l.ID, nil).Lead(); again.Price != 20.00 || !slices.Equal(again.BuyerIDs, s.BuyerIDs[:3]) {
			t.Errorf("the supplier reads %+v", again)
		}
		var reasons []string
		for _, c := range s.Lead(t, l.ID)["trace"].(apptest.Object)["considered"].([]any) {
			reasons = append(reasons, c.(apptest.Object)["reason"].(string))
		}
		if want := []string{"sold", "sold", "duplicate_buyer", "sold"}; !slices.Equal(reasons, want) {
			t.Errorf("the trace has %v, want %v", reasons, want)
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		events := soldEvents(t, db)
		if len(events) != 1 || len(events[0].Sales) != 3 {
			t.Fatalf("told of %+v, want one event with three sales", events)
		}
		var payouts []string
		for _, sale := range events[0].Sales {
			payouts = append(payouts, string(sale.Payout))
		}
		if got := strings.Join(payouts, " ") + " = " + string(events[0].Payout); got != "10.00 6.67 3.33 = 20.00" {
			t.Errorf("the supplier earns %s", got)
		}
		if n := db.Number("SELECT SUM(payout) FROM report_sales"); n != 20_000_000 {
			t.Errorf("the report has a payout of %d", n)
		}
		test := s.Sell(t, s.Form().With("test", true))
		if test.Status != "sold" || test.Price != 20.00 || len(test.BuyerIDs) != 3 {
			t.Errorf("a test lead is answered %+v", test)
		}
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != 3 {
			t.Errorf("%d sales", n)
		}
		db.Audit()
	})
}

func TestAFixedPayoutIsPaidOnceForASharedLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, shared(apptest.Object{"supplier_payout": apptest.Object{"type": "fixed", "value": 10}, "price_shown": "sale"}),
			priced(30, 1), priced(20, 2), priced(10, 3))
		if l := s.Sell(t, s.Form()); l.Price != 60.00 || len(l.BuyerIDs) != 3 {
			t.Fatalf("answered %+v, want the sum of the prices", l)
		}
		db := apptest.Open(t, databaseURL)
		for slot, want := range map[int]int64{1: 3_340_000, 2: 3_330_000, 3: 3_330_000} {
			if n := db.Number("SELECT payout FROM sales WHERE slot = ?", slot); n != want {
				t.Errorf("sale %d earns %d, want %d", slot, n, want)
			}
		}
		db.Audit()
	})
}

func TestAPendingLeadIsSharedWhenItIsMatchedLater(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, shared(nil))
		ids := wait(t, s, 2)
		first, _ := s.AddBuyer(t, apptest.Buyer{Deposit: 1000})
		second, _ := s.AddBuyer(t, apptest.Buyer{Deposit: 1000})
		s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/pause", nil)
		s.AddContract(t, first, apptest.Object{"price": 10, "priority": 2})
		s.AddContract(t, second, apptest.Object{"price": 10, "priority": 1})
		s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/resume", nil)
		soldOf(t, s, ids, 2)
		for _, id := range ids {
			if l := s.Supplier.Must(t, "GET", "/api/leads/"+id, nil).Lead(); !slices.Equal(l.BuyerIDs, []string{second, first}) {
				t.Errorf("sold to %v, want both in rank order", l.BuyerIDs)
			}
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		if events := soldEvents(t, db); len(events) != 2 {
			t.Errorf("%d events for two leads", len(events))
		}
	})
}

func TestWeightsGoOnOverInstancesAndBatches(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		apps := []*apptest.App{apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Start(t, databaseURL, leadmill.StartOptions{})}
		var buyers []apptest.Buyer
		for _, weight := range []int{5, 3, 2} {
			buyers = append(buyers, apptest.Buyer{Deposit: 100_000, Contract: apptest.Object{"price": 1, "weight": weight}})
		}
		s := apptest.NewShop(t, apps[0], apptest.Object{"distribution": apptest.Object{"strategy": "weighted"}}, buyers...)
		won := map[string]int{}
		for n := range 20 {
			won[s.At(apps[n%2]).Sell(t, s.Form()).BuyerIDs[0]]++
			if n == 9 {
				apps[1] = apptest.Start(t, databaseURL, leadmill.StartOptions{})
			}
		}
		answers := make([]apptest.Lead, 80)
		apptest.Parallel(len(answers), func(i int) { answers[i] = s.At(apps[i%2]).Sell(t, s.Form()) })
		for _, l := range answers {
			won[l.BuyerIDs[0]]++
		}
		for i, want := range []int{50, 30, 20} {
			if won[s.BuyerIDs[i]] != want {
				t.Errorf("buyer %d won %d of 100, want %d", i, won[s.BuyerIDs[i]], want)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

// statuses posts leads and returns what became of them.
func statuses(t *testing.T, s *apptest.Shop, n int) (got string) {
	t.Helper()
	for range n {
		got += s.Sell(t, s.Form()).Status[:1]
	}
	return got
}

func TestCapsOfABuyerHoldForAllItsContracts(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, priced(10, 1))
		s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 20, "priority": 2})
		if got := statuses(t, s, 1); got != "s" {
			t.Fatalf("answered %s", got)
		}
		path := "/v1/buyers/" + s.BuyerIDs[0]
		put := func(caps ...apptest.Object) {
			s.Program.Must(t, "PUT", path, apptest.Object{"caps": append([]apptest.Object{}, caps...)})
		}
		put(apptest.Object{"window": "day", "leads": 3}, apptest.Object{"window": "total", "budget": 30})
		if got := statuses(t, s, 3); got != "ssp" {
			t.Errorf("what was sold before counts: %s", got)
		}
		usage := s.Program.Must(t, "GET", path+"/usage", nil).List(t)
		if got, want := fmt.Sprint(usage[0]["leads"], usage[1]["budget"], len(usage)), "map[limit:3 used:3] map[limit:30 used:30] 2"; got != want {
			t.Errorf("used %s, want %s", got, want)
		}
		pending := s.Program.Must(t, "GET", "/v1/marketplace/leads?status=pending", nil).List(t)
		considered, _ := json.Marshal(s.Lead(t, pending[0]["id"].(string))["trace"])
		if !strings.Contains(string(considered), `"of":"buyer"`) || !strings.Contains(string(considered), `"reason":"cap_day"`) {
			t.Errorf("the trace does not say whose cap it was: %s", considered)
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		put(apptest.Object{"window": "day", "leads": 4}) // takes effect at once, for the lead that waits too
		soldOf(t, s, []string{pending[0]["id"].(string)}, 1)
		if got := statuses(t, s, 1); got != "p" {
			t.Errorf("more than the raised cap: %s", got)
		}
		// Midnight in Tokyo was three hours before noon in UTC: in its zone the leads are of another day.
		hands.Advance(4 * time.Hour)
		s.Program.Must(t, "PUT", path, apptest.Object{"time_zone": "Asia/Tokyo"})
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'"); n > 0 {
				return fmt.Errorf("%d leads wait", n)
			}
			return nil
		})
		if n := db.Number("SELECT used FROM contract_counters WHERE owner = 'buyer'"); n != 1 {
			t.Errorf("%d leads count for the day in Tokyo, want 1", n)
		}
		db.Audit()
		put()
		if n := db.Number("SELECT COUNT(*) FROM contract_counters WHERE owner = 'buyer'"); n != 0 {
			t.Errorf("%d counters are left of caps that are gone", n)
		}
		if list := s.Program.Must(t, "GET", path+"/usage", nil).List(t); len(list) != 0 {
			t.Errorf("used %v without caps", list)
		}
	})
}

func TestCapsOfACampaignHoldForAllItsContracts(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, shared(apptest.Object{"caps": []apptest.Object{{"window": "day", "leads": 5}}}), priced(10, 1), priced(20, 2), priced(5, 3))
		path := "/v1/campaigns/" + s.CampaignID
		first, second := s.Sell(t, s.Form()), s.Sell(t, s.Form())
		if len(first.BuyerIDs) != 3 || len(second.BuyerIDs) != 2 {
			t.Errorf("sold to %d and %d buyers, want 3 and then the 2 that the cap leaves", len(first.BuyerIDs), len(second.BuyerIDs))
		}
		if got := statuses(t, s, 1); got != "p" {
			t.Errorf("above the cap: %s", got)
		}
		usage := s.Program.Must(t, "GET", path+"/usage", nil).List(t)
		if got, want := fmt.Sprint(usage[0]["leads"], usage[0]["budget"]), "map[limit:5 used:5] map[limit:<nil> used:65]"; got != want {
			t.Errorf("used %s, want %s", got, want)
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		// The seller's zone is the campaign's: there it is the day after.
		hands.Advance(4 * time.Hour)
		s.Admin.Must(t, "PUT", "/v1/sellers/"+s.Code, apptest.Object{"time_zone": "Asia/Tokyo"})
		if n := db.Number("SELECT used FROM contract_counters WHERE owner = 'campaign'"); n != 0 && n != 3 {
			t.Errorf("%d sales count for the day in Tokyo", n)
		}
		if l := s.Sell(t, s.Form()); l.Status != "sold" {
			t.Errorf("answered %+v on another day", l)
		}
		db.Audit()
		s.Program.Must(t, "PUT", path, apptest.Object{"caps": []apptest.Object{{"window": "total", "leads": 100}}})
		if n := db.Number("SELECT used FROM contract_counters WHERE owner = 'campaign'"); n != db.Number("SELECT COUNT(*) FROM sales") {
			t.Errorf("%d sales count in total", n)
		}
		db.Audit()
	})
}

func TestCapsFollowTheClocksChanges(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for name, c := range map[string]struct {
		zone  string
		start time.Time // just before midnight of the day of the change, which lasts hours
		hours int
	}{
		"Chicago, forward": {"America/Chicago", at("2026-03-08T05:59:59.9Z"), 23},
		"Chicago, back":    {"America/Chicago", at("2026-11-01T04:59:59.9Z"), 25},
		"Berlin, forward":  {"Europe/Berlin", at("2026-03-28T22:59:59.9Z"), 23},
		"Berlin, back":     {"Europe/Berlin", at("2026-10-24T21:59:59.9Z"), 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				hands := clock.NewManual(c.start)
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				s := apptest.NewShop(t, app, apptest.Object{"pending_ttl_hours": 1}, priced(1, 1))
				s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], apptest.Object{"time_zone": c.zone, "caps": []apptest.Object{{"window": "day", "leads": 2}}})
				if got := statuses(t, s, 3); got != "ssp" {
					t.Fatalf("on the day before: %s", got)
				}
				hands.Advance(2 * time.Hour) // past midnight, and past the wait of the lead
				apptest.Eventually(t, func() error {
					if n := apptest.Open(t, databaseURL).Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'"); n > 0 {
						return fmt.Errorf("%d leads wait", n)
					}
					return nil
				})
				sold := apptest.Open(t, databaseURL).Number("SELECT COUNT(*) FROM sales") - 2 // the lead that waited may be sold on the new day
				if got := statuses(t, s, int(2-sold)); strings.Trim(got, "s") != "" {
					t.Errorf("on the day of the change: %s", got)
				}
				hands.Advance(c.start.Add(100 * time.Millisecond).Add(time.Duration(c.hours)*time.Hour - time.Second).Sub(hands.Now()))
				if got := statuses(t, s, 1); got != "p" {
					t.Errorf("in its last second: %s, the day has %d hours", got, c.hours)
				}
				s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/pause", nil)
				hands.Advance(time.Second)
				s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], apptest.Object{"caps": []apptest.Object{{"window": "hour", "leads": 1}, {"window": "day", "leads": 5}}})
				apptest.Open(t, databaseURL).Audit()
				if got := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[0]+"/usage", nil).List(t)[1]["leads"]; fmt.Sprint(got) != "map[limit:5 used:0]" {
					t.Errorf("the day after begins with %v", got)
				}
			})
		})
	}
}

func TestTheRepeatedHourIsTwoBuckets(t *testing.T) {
	t.Parallel()
	for zone, before := range map[string]time.Time{
		"America/Chicago": time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC),  // 01:30, and again an hour later
		"Europe/Berlin":   time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), // 02:30, and again an hour later
	} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				hands := clock.NewManual(before)
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				s := apptest.NewShop(t, app, apptest.Object{"caps": []apptest.Object{{"window": "hour", "leads": 1}}}, priced(1, 1))
				s.Admin.Must(t, "PUT", "/v1/sellers/"+s.Code, apptest.Object{"time_zone": zone})
				for range 3 {
					if got := statuses(t, s, 1); got != "s" {
						t.Errorf("the first of an hour: %s", got)
					}
					hands.Advance(time.Hour)
				}
				if n := apptest.Open(t, databaseURL).Number("SELECT COUNT(*) FROM contract_counters WHERE owner = 'campaign'"); n != 3 {
					t.Errorf("%d buckets, want 3", n)
				}
				apptest.Open(t, databaseURL).Audit()
			})
		})
	}
}
