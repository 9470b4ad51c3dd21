package market_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// wait posts leads that nobody takes and returns their ids, oldest first.
func wait(t *testing.T, s *apptest.Shop, n int) (ids []string) {
	t.Helper()
	for range n {
		l := s.Sell(t, s.Form())
		if l.Status != "pending" || !l.Success || l.BuyerIDs != nil {
			t.Fatalf("answered %+v, want pending", l)
		}
		ids = append(ids, l.ID)
	}
	return ids
}

// soldOf waits until n of the leads are sold and returns their places.
func soldOf(t *testing.T, s *apptest.Shop, ids []string, n int) (places []int) {
	t.Helper()
	apptest.Eventually(t, func() error {
		places = nil
		for i, id := range ids {
			if s.Lead(t, id)["status"] == "sold" {
				places = append(places, i)
			}
		}
		if len(places) < n {
			return fmt.Errorf("%d of %d leads are sold, want %d", len(places), len(ids), n)
		}
		return nil
	})
	return places
}

func TestPendingLeadsAreMatchedAgain(t *testing.T) {
	t.Parallel()
	poor := apptest.Buyer{Contract: apptest.Object{"price": 10.00}}
	capped := apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "day", "leads": 1}}}}
	for name, c := range map[string]struct {
		buyers []apptest.Buyer
		full   int // leads sold before none is
		change func(t *testing.T, s *apptest.Shop, hands *clock.Manual)
		sold   int // of 3 that wait
	}{
		"buyer funded": {buyers: []apptest.Buyer{poor}, sold: 2, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			s.Deposit(t, s.BuyerIDs[0], 29.99)
		}},
		"credit given": {buyers: []apptest.Buyer{poor}, sold: 3, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], apptest.Object{"credit_limit": 30.00})
		}},
		"buyer resumed": {buyers: []apptest.Buyer{{Deposit: 20}}, sold: 2, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/pause", nil)
			s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 10.00})
			s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/resume", nil)
		}},
		"campaign resumed": {buyers: []apptest.Buyer{poor}, sold: 2, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			campaign := "/v1/campaigns/" + s.CampaignID
			s.Program.Must(t, "POST", campaign+"/pause", nil)
			s.Deposit(t, s.BuyerIDs[0], 20)
			apptest.Open(t, s.App.DatabaseURL).Settle()
			if sold := s.Program.Must(t, "GET", "/v1/marketplace/leads?status=sold", nil).List(t); len(sold) != 0 {
				t.Errorf("a paused campaign sold %v", sold)
			}
			s.Program.Must(t, "POST", campaign+"/resume", nil)
		}},
		"contract created": {buyers: []apptest.Buyer{{Deposit: 20}}, sold: 2, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 10.00})
		}},
		"contract resumed": {
			buyers: []apptest.Buyer{{Deposit: 20, Contract: apptest.Object{"price": 10.00, "status": "paused"}}}, sold: 2,
			change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
				s.Program.Must(t, "POST", s.ContractPath(s.ContractIDs[0])+"/resume", nil)
			},
		},
		"price lowered": {
			buyers: []apptest.Buyer{{Deposit: 20, Contract: apptest.Object{"price": 30.00}}}, sold: 2,
			change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
				s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"price": 10.00})
			},
		},
		"cap raised": {buyers: []apptest.Buyer{capped}, full: 1, sold: 2, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"caps": []apptest.Object{{"window": "day", "leads": 3}}})
		}},
		"sale returned": {buyers: []apptest.Buyer{{Deposit: 10, Contract: apptest.Object{"price": 10.00}}}, full: 1, sold: 1, change: func(t *testing.T, s *apptest.Shop, _ *clock.Manual) {
			sale := s.Program.Must(t, "GET", "/v1/sales", nil).List(t)[0]["id"].(string)
			s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "duplicate")+"/approve", nil)
		}},
		"cap reset": {buyers: []apptest.Buyer{capped}, full: 1, sold: 1, change: func(_ *testing.T, _ *apptest.Shop, hands *clock.Manual) {
			hands.Advance(24 * time.Hour)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				hands := clock.NewManual(time.Now())
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				s := apptest.NewShop(t, app, nil, c.buyers...)
				for range c.full {
					if l := s.Sell(t, s.Form()); l.Status != "sold" {
						t.Fatalf("answered %+v, want sold", l)
					}
				}
				ids := wait(t, s, 3)
				c.change(t, s, hands)
				places := soldOf(t, s, ids, c.sold)
				if want := []int{0, 1, 2}[:c.sold]; !slices.Equal(places, want) {
					t.Errorf("sold are %v, want the oldest first: %v", places, want)
				}
				if l := s.Supplier.Must(t, "GET", "/api/leads/"+ids[0], nil).Lead(); l.Status != "sold" || l.Price != 10.00 || len(l.BuyerIDs) != 1 {
					t.Errorf("the supplier is told %+v of the lead sold later", l)
				}
				db := apptest.Open(t, databaseURL)
				db.Audit()
				if n := db.Number("SELECT COUNT(*) FROM sales"); n != int64(c.full+c.sold) {
					t.Errorf("%d sales, want %d", n, c.full+c.sold)
				}
			})
		})
	}
}

// pickyStrategy has a buyer for one last name only.
type pickyStrategy struct{}

func (pickyStrategy) Code() string { return "test_picky" }
func (pickyStrategy) Order() int   { return 9 }
func (pickyStrategy) Rank(f lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	if f.Fields()["lastName"].Text != "Wanted" {
		return nil
	}
	return c
}

// However many older leads nobody wants, a form lead is offered when it comes.
func TestAFormLeadIsOfferedBehindManyThatNobodyWants(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		u, hands := &apptest.Unswept{}, clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}, leadmill.NewModule("test",
			leadmill.AsStrategy(func() pickyStrategy { return pickyStrategy{} }), leadmill.AsInterceptor(func() *apptest.Unswept { return u })))
		s := apptest.NewShop(t, app, apptest.Object{"distribution": apptest.Object{"strategy": "test_picky"}}, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		s.Program.Must(t, "PUT", "/v1/leads/details", apptest.Object{"leads_custom_form_fields": []apptest.Object{
			{"id": 1, "type": "input", "title": "Phone"},
			{"id": 2, "type": "input", "title": "State"},
		}})
		s.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"lead_campaign": apptest.Object{
			"campaign_id": s.CampaignID,
			"fields":      apptest.Object{"firstName": "first_name", "lastName": "last_name", "phone": "1", "state": "2"},
		}})
		submit := func(name string) (path string) {
			t.Helper()
			l := s.Program.Must(t, "POST", "/v1/leads", apptest.Object{
				"name": name, "email": "a@offer.example", "partner": apptest.Object{"id": s.PartnerID},
				"cfields": apptest.Object{"1": apptest.Phone(), "2": "TX"},
			}).Data(t)
			return fmt.Sprintf("/v1/leads/%v", l["id"])
		}
		await := func(path, status string) {
			t.Helper()
			apptest.Eventually(t, func() error {
				if l := s.Program.Must(t, "GET", path, nil).Data(t); l["market_status"] != status {
					return fmt.Errorf("%s is %v, want %s", path, l["market_status"], status)
				}
				return nil
			})
		}
		pending := func() int64 { return db.Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'") }

		const older = 150
		ids := make([]string, older)
		apptest.Parallel(10, func(w int) {
			for i := w; i < older; i += 10 {
				ids[i] = s.Supplier.Do("POST", "/api/leads", s.Form()).Lead().ID
			}
		})
		unwanted := submit("Alice Brown")
		if n := pending(); n != older+1 {
			t.Fatalf("%d leads wait, want %d", n, older+1)
		}
		await(submit("Bob Wanted"), "sold")
		db.Settle()
		await(unwanted, "pending")
		if n := pending(); n != older+1 {
			t.Errorf("%d leads still wait, want %d", n, older+1)
		}

		// One whose time ran out before it was offered is not sold any more, and says nothing of the others.
		u.Matching.Lock()
		late := submit("Carol Wanted")
		hands.Advance(365 * 24 * time.Hour)
		u.Matching.Unlock()
		await(late, "unsold")
		if n := pending(); n != older+1 {
			t.Errorf("%d leads still wait, want %d: of one lead alone was told", n, older+1)
		}
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != 1 {
			t.Errorf("%d sales, want 1", n)
		}
		db.Audit()
	})
}

func TestTwoInstancesMatchEachPendingLeadOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		one := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		two := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, one, nil, apptest.Buyer{Contract: apptest.Object{"price": 10.00}}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		const n, affordable = 120, 60
		ids := make([]string, n)
		clients := []*apptest.Client{s.Supplier, s.Supplier.At(two)}
		apptest.Parallel(n, func(i int) { ids[i] = clients[i%2].Do("POST", "/api/leads", s.Form()).Lead().ID })
		slices.Sort(ids)
		// Everything at once, from both sides, while new leads arrive.
		apptest.Parallel(affordable/5+20, func(i int) {
			if i < affordable/5 {
				s.Program.At([]*apptest.App{one, two}[i%2]).Do("POST", "/v1/buyers/"+s.BuyerIDs[i%2]+"/deposits", apptest.Object{"amount": 50.00})
				return
			}
			clients[i%2].Do("POST", "/api/leads", s.Form())
		})
		db := apptest.Open(t, databaseURL)
		apptest.Eventually(t, func() error {
			if sold := db.Number("SELECT COUNT(*) FROM sales"); sold != affordable {
				return fmt.Errorf("%d sales, want %d", sold, affordable)
			}
			return nil
		})
		db.Audit()
		if held := db.Number("SELECT SUM(balance) FROM buyers"); held != 0 {
			t.Errorf("%d micro-units are left, want all spent", held)
		}
	})
}

func TestALeadWhoseTimeRanOutIsUnsold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, apptest.Object{"pending_ttl_hours": 2}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		old := wait(t, s, 1)[0]
		hands.Advance(time.Hour)
		young := wait(t, s, 1)[0]
		hands.Advance(time.Hour)
		apptest.Eventually(t, func() error {
			if l := s.Lead(t, old); l["status"] != "unsold" {
				return fmt.Errorf("the lead is %v", l["status"])
			}
			return nil
		})
		s.Deposit(t, s.BuyerIDs[0], 1000)
		soldOf(t, s, []string{young}, 1)
		if l := s.Lead(t, old); l["status"] != "unsold" {
			t.Errorf("an unsold lead became %v", l["status"])
		}
		if l := s.Supplier.Must(t, "GET", "/api/leads/"+old, nil).Lead(); l.Status != "unsold" {
			t.Errorf("the supplier is told %+v", l)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
