package market_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// of is a contract for the leads of a state, under a cap of so many; 0: without.
func of(state string, priority, leads int) apptest.Object {
	k := apptest.Object{"price": 10.00, "priority": priority, "filter": "lead.state == '" + state + "'"}
	if leads > 0 {
		k["caps"] = []apptest.Object{{"window": "total", "leads": leads}}
	}
	return k
}

// lockedBuyers is how many buyers each statement locked in the transactions that store leads.
type lockedBuyers struct {
	mu  sync.Mutex
	all []int
}

func locksBuyers(query string) bool {
	return strings.HasPrefix(query, "SELECT ") && strings.Contains(query, " FROM buyers") && strings.Contains(query, "ORDER BY seller_id, id")
}

func (l *lockedBuyers) see(statements []sqlstoretest.Statement) {
	var some []int
	stores := false
	for _, s := range statements {
		stores = stores || strings.HasPrefix(s.Query, "INSERT INTO leads ")
		if locksBuyers(s.Query) {
			n := 0
			for _, a := range s.Args {
				if id, is := a.Value.(string); is && strings.HasPrefix(id, "buyer_") {
					n++
				}
			}
			some = append(some, n)
		}
	}
	if stores {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, some...)
	}
}

func (l *lockedBuyers) since() (some []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	some, l.all = l.all, nil
	return some
}

// Of a campaign with very many contracts those that are asked first are read first, for all leads of a batch together, and more for those leads alone that these refuse.
func TestWhoIsAskedFirstIsReadFirst(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d, locked := &sqlstoretest.Faults{}, &lockedBuyers{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap})
		var buyers []apptest.Buyer
		for i := range 8 {
			buyers = append(buyers, apptest.Buyer{Deposit: 1000, Contract: of("TX", 1+i, 0)})
		}
		buyers[2].Deposit = 5
		for i := range 3 {
			buyers = append(buyers, apptest.Buyer{Deposit: 1000, Contract: of("CA", 1+i, 0)})
		}
		s := apptest.NewShop(t, app, nil, buyers...)
		for len(s.ContractIDs) <= 100 {
			s.AddContract(t, s.BuyerIDs[0], of("WY", 1, 0))
		}
		d.Committing(locked.see)
		post := func(states string) (taken string, ids []string) {
			var leads []string
			for state := range strings.FieldsSeq(states) {
				leads = append(leads, text(t, s.Form().With("state", state)))
			}
			for _, l := range items(t, bulk(s.Supplier, leads)) {
				id := l["lead_id"].(string)
				ids = append(ids, id)
				for contract, reason := range reasons(t, s, id) {
					if reason == "sold" {
						taken += fmt.Sprint(slices.Index(s.ContractIDs, contract), " ")
					}
				}
			}
			return taken, ids
		}
		check := func(states, want string, reads ...int) []string {
			t.Helper()
			taken, ids := post(states)
			if taken != want {
				t.Errorf("%s are taken by %s, want %s", states, taken, want)
			}
			if got := locked.since(); !slices.Equal(got, reads) {
				t.Errorf("%s: %v buyers are locked, want %v", states, got, reads)
			}
			return ids
		}
		locked.since()
		check("TX CA TX TX CA", "0 8 0 0 8 ", 4)
		check("TX", "0 ", 2)
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), of("TX", 1, 1))
		s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[1]+"/pause", nil)
		locked.since()
		ids := check("CA TX CA TX TX", "8 3 8 3 3 ", 4, 6)
		want := map[string]string{s.ContractIDs[0]: "cap_total", s.ContractIDs[1]: "buyer_paused", s.ContractIDs[2]: "insufficient_balance", s.ContractIDs[3]: "sold"}
		got := reasons(t, s, ids[1])
		maps.DeleteFunc(got, func(_, reason string) bool { return reason == "filter" })
		if !maps.Equal(got, want) {
			t.Errorf("the trace says %v, want %v", got, want)
		}
		// Those that are asked first can take one lead only, and of the next ones the first two more.
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[8]), of("CA", 1, 7))
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[9]), of("CA", 2, 1))
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[3]), of("TX", 4, 5))
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[4]), of("TX", 5, 3))
		locked.since()
		check("CA TX CA TX CA TX CA CA CA", "8 3 8 3 8 4 9 10 10 ", 4, 6, 1)
		// After a deadlock nothing is locked out of order: all is locked at once.
		if !strings.HasPrefix(databaseURL, "sqlite:") {
			var n atomic.Int64
			d.Before(func(query string) error {
				if locksBuyers(query) && n.Add(1) == 2 {
					return sqlstoretest.Deadlock()
				}
				return nil
			})
			check("TX CA", "4 10 ", 11)
			d.Before(nil)
			if n.Load() != 3 {
				t.Errorf("buyers were locked %d times, want 3", n.Load())
			}
		}
		// Where wins decide who is asked first, all are read.
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"distribution": apptest.Object{"strategy": "round_robin"}})
		locked.since()
		check("TX TX", "5 6 ", 8)
		apptest.Open(t, databaseURL).Audit()
	})
}

// Two campaigns have the same buyers under caps of one, and the leads of both come to two instances at once: each contract sells one lead, each buyer as many as
// it may, and every lead is answered.
func TestVeryManyContractsUnderCapsOfOne(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		apps := []*apptest.App{apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Start(t, databaseURL, leadmill.StartOptions{})}
		const takers, buyers = 30, 10
		states := []string{"TX", "CA", "NY"}
		var list []apptest.Buyer
		for i := range buyers {
			list = append(list, apptest.Buyer{Deposit: 1000, Contract: of(states[i%3], 1+i/3, 1)})
		}
		s := apptest.NewShop(t, apps[0], nil, list...)
		for _, id := range s.BuyerIDs[:5] {
			s.Program.Must(t, "PUT", "/v1/buyers/"+id, apptest.Object{"caps": []apptest.Object{{"window": "total", "leads": 4}}})
		}
		first := s.CampaignID
		fill := func(from int) {
			for i := from; i <= 100; i++ {
				if i < takers {
					s.AddContract(t, s.BuyerIDs[(3*i+i/buyers)%buyers], of(states[i%3], 1+i/3, 1))
				} else {
					s.AddContract(t, s.BuyerIDs[0], of("WY", 1, 1))
				}
			}
		}
		fill(buyers)
		s.CampaignID, _ = s.Program.Must(t, "POST", "/v1/campaigns", apptest.Object{"name": "Other", "category": "other", "status": "active"}).Data(t)["id"].(string)
		fill(0)
		db := apptest.Open(t, databaseURL)
		want := db.Number("SELECT COUNT(*) FROM contracts WHERE rules NOT LIKE '%WY%'")
		var mu sync.Mutex
		count := map[string]int{}
		apptest.Parallel(24, func(i int) {
			client := s.Supplier.At(apps[i%2]).Unchecked()
			for n := range 6 {
				f := s.Form().With("state", states[(i+n)%3])
				if (i/2+n)%2 == 0 {
					f = f.With("category", "other")
				}
				a := client.Insist("POST", "/api/leads", f)
				if a.Err != nil || a.Status != 200 {
					t.Errorf("a lead was answered %v", a)
					return
				}
				mu.Lock()
				count[a.Lead().Status]++
				mu.Unlock()
			}
		})
		db.Audit()
		if count["sold"]+count["pending"] != 24*6 || want != 2*takers {
			t.Errorf("answered %v, want %d; %d contracts take leads", count, 24*6, want)
		}
		if over := db.Number("SELECT COUNT(*) FROM (SELECT contract_id FROM sales GROUP BY contract_id HAVING COUNT(*) > 1) x"); over != 0 {
			t.Errorf("%d contracts are oversold", over)
		}
		left := int64(0)
		for _, id := range s.BuyerIDs {
			n := db.Number("SELECT COUNT(*) FROM contracts WHERE buyer_id = ? AND rules NOT LIKE '%WY%'", id)
			if slices.Contains(s.BuyerIDs[:5], id) {
				n = min(n, 4)
			}
			left += n
			if sales := db.Number("SELECT COUNT(*) FROM sales WHERE buyer_id = ?", id); sales != n {
				t.Errorf("buyer %s took %d leads, want %d", id, sales, n)
			}
		}
		if int64(count["sold"]) != left || first == s.CampaignID {
			t.Errorf("answered %v, want %d sold", count, left)
		}
	})
}
