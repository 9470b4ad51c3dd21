package market_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// Leads are erased by two instances, by requests and by jobs, while they are sold, converted and sent anew. Each is erased once and sold once
// at most, and nobody who was there when it was asked is left.
func TestErasureWhileLeadsAreSold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const each = 30
		hands := clock.NewManual(time.Now())
		apps := []*apptest.App{apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}), apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})}
		s := apptest.NewShop(t, apps[0], apptest.Object{"dedupe": nil}, apptest.Buyer{Deposit: 1_000_000})
		partner := apptest.Object{"id": s.PartnerID}
		jane := apptest.Object{"email": "jane@race.example"}
		ids, forms := make([]string, 2*each), make([]any, each)
		for i := range ids { // half of them are hers
			form := s.Form()
			if i < each {
				form = form.With("email", jane["email"])
			}
			ids[i] = s.Sell(t, form).ID
		}
		for i := range forms {
			forms[i] = s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "Jane Roe", "email": jane["email"], "partner": partner}).Data(t)["id"]
		}
		asked := make([]any, 2)
		for i := range asked {
			asked[i] = s.Program.Must(t, "POST", "/v1/erasures", jane).Data(t)["id"]
		}
		var all sync.WaitGroup
		answer := func(a apptest.Answer, fine ...int) {
			if !slices.Contains(fine, a.Status) {
				t.Errorf("answered %s", a)
			}
		}
		all.Go(func() { s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 10.00}) }) // which sells what waits
		for i, app := range apps {
			program, supplier := s.Program.At(app), s.Supplier.At(app)
			all.Go(func() {
				for range 3 {
					a := program.Insist("POST", "/v1/erasures", jane)
					answer(a, 202)
				}
			})
			all.Go(func() {
				for _, id := range ids[each:] { // both delete the others
					answer(program.Insist("DELETE", "/v1/marketplace/leads/"+id, nil), 204)
				}
			})
			all.Go(func() {
				for n := range forms {
					if n%2 == i {
						answer(program.Insist("POST", "/v1/leads/convert", apptest.Object{"id": forms[n]}), 200, 400)
					}
				}
			})
			all.Go(func() {
				for range each {
					if l := supplier.Insist("POST", "/api/leads", s.Form()); l.Status != 200 {
						t.Errorf("answered %s", l)
					}
				}
			})
		}
		all.Go(func() {
			for range 10 {
				hands.Advance(11 * time.Second) // the jobs of both are due
			}
		})
		all.Wait()
		db := apptest.Open(t, databaseURL)
		apptest.Eventually(t, func() error {
			hands.Advance(11 * time.Second)
			if n := db.Number("SELECT COUNT(*) FROM open_erasures"); n > 0 {
				return fmt.Errorf("%d erasures are open", n)
			}
			return nil
		})
		for _, id := range ids {
			if l := s.Lead(t, id); fmt.Sprint(l["fields"]) != "map[]" || l["status"] != "sold" && l["status"] != "unsold" {
				t.Errorf("a lead is left: %v", l)
			}
		}
		if n := db.Number("SELECT COUNT(*) FROM lead_reviews WHERE email <> '' OR name <> ''"); n > 0 {
			t.Errorf("%d form leads are left", n)
		}
		if n := db.Number("SELECT COUNT(*) FROM customers WHERE status <> 'deleted'"); n > 0 {
			t.Errorf("%d customers are left", n)
		}
		erased := map[string]int{}
		for _, e := range db.Events("lead.erased.v1") {
			if erased[e.AggregateID]++; erased[e.AggregateID] > 1 {
				t.Errorf("the lead %s was erased twice", e.AggregateID)
			}
		}
		if len(erased) != 3*each {
			t.Errorf("%d leads were erased, want %d", len(erased), 3*each)
		}
		sum := "SELECT SUM(leads) FROM erasures"
		if n := db.Number(sum); n != 3*each {
			t.Errorf("the receipts count %d leads", n)
		}
		db.Audit()
	})
}
