package market_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestAnIdempotencyKeyAtOnceHasOneEffect(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		other := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		clients := []*apptest.Client{s.Supplier, s.Supplier.At(other)}
		form := s.Form()
		const n = 50
		answers := make([]apptest.Answer, n)
		apptest.Parallel(n, func(i int) {
			answers[i] = clients[i%2].Do("POST", "/api/leads", form, "Idempotency-Key", "k-1")
		})
		firsts := 0
		var body []byte
		for _, a := range answers {
			switch {
			case a.Status == 409 && a.Lead().Code == "idempotency_in_progress" && a.Header.Get("Retry-After") == "1":
				continue // it waited for 5 seconds on a slow machine
			case a.Status != 200:
				t.Fatalf("answered %v", a)
			case !a.Replayed():
				firsts++
			}
			if body == nil {
				body = a.Body
			}
			if !bytes.Equal(a.Body, body) {
				t.Errorf("answered %s and %s", body, a.Body)
			}
		}
		if firsts != 1 {
			t.Errorf("%d requests had an effect, want 1", firsts)
		}
		if a := s.Supplier.Do("POST", "/api/leads", form.With("city", "Dallas"), "Idempotency-Key", `"k-1"`); a.Status != 422 || a.Lead().Code != "idempotency_key_reused" {
			t.Errorf("another body under the key is answered %v", a)
		}
		if a := s.Supplier.Do("POST", "/api/leads?city=Dallas", form, "Idempotency-Key", "k-1"); a.Status != 422 {
			t.Errorf("another query under the key is answered %v", a)
		}
		if a := s.Supplier.Do("POST", "/api/leads", form, "Idempotency-Key", `"k-1"`); a.Status != 200 || !a.Replayed() || !bytes.Equal(a.Body, body) {
			t.Errorf("the key in quotes is answered %v, want the replay", a)
		}
		elsewhere, _ := s.NewSupplier(t)
		if a := elsewhere.Do("POST", "/api/leads", s.Form(), "Idempotency-Key", "k-1"); a.Status != 200 || a.Replayed() || a.Lead().Status != "sold" {
			t.Errorf("another API key's Idempotency-Key is answered %v, want a sale of its own", a)
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 2 {
			t.Errorf("%d leads, want 2", n)
		}
	})
}

func TestManagementCommandsHappenOnceUnderAKey(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		other := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Buyer{})
		path := "/v1/buyers/" + s.BuyerIDs[0] + "/deposits"
		clients := []*apptest.Client{s.Program, s.Program.At(other)}
		const n = 20
		answers := make([]apptest.Answer, n)
		apptest.Parallel(n, func(i int) {
			answers[i] = clients[i%2].Do("POST", path, apptest.Object{"amount": 5.00}, "Idempotency-Key", "wire-1")
		})
		for _, a := range answers {
			if a.Status != 201 || !bytes.Equal(a.Body, answers[0].Body) {
				t.Errorf("answered %v and %v", answers[0], a)
			}
		}
		if a := s.Program.Do("POST", path, apptest.Object{"amount": 6.00}, "Idempotency-Key", "wire-1"); a.Status != 422 {
			t.Errorf("another amount under the key is answered %v", a)
		}
		if balance := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[0], nil).Data(t)["balance"]; balance != 5.00 {
			t.Errorf("the balance is %v, want 5", balance)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestReplaysEndWithTheirTime(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		post := func(f apptest.Form, headers ...string) apptest.Answer {
			t.Helper()
			return s.Supplier.Must(t, "POST", "/api/leads", f, headers...)
		}
		expect := func(what string, a apptest.Answer, status string, replayed bool) {
			t.Helper()
			if a.Lead().Status != status || a.Replayed() != replayed {
				t.Errorf("%s is answered %v (replayed: %t), want %s, replayed: %t", what, a, a.Replayed(), status, replayed)
			}
		}
		keyed, clicked := s.Form(), s.Form()
		expect("a lead under a key", post(keyed, "Idempotency-Key", "day"), "sold", false)
		first := post(clicked)
		expect("a lead", first, "sold", false)
		hands.Advance(59 * time.Second)
		second := post(clicked)
		expect("a double click", second, "sold", true)
		if !bytes.Equal(first.Body, second.Body) {
			t.Errorf("a double click is answered %s, want %s", second.Body, first.Body)
		}
		expect("a click with a new key", post(clicked, "Idempotency-Key", "new"), "duplicate", false)
		expect("other fields", post(clicked.With("city", "Dallas")), "duplicate", false)
		hands.Advance(2 * time.Second) // 61 s after the first acceptance; the replay did not extend it
		expect("the same after a minute", post(clicked), "duplicate", false)
		expect("its double click", post(clicked), "duplicate", true)
		hands.Advance(24*time.Hour - 62*time.Second)
		expect("a key after nearly 24 hours", post(keyed, "Idempotency-Key", "day"), "sold", true)
		hands.Advance(2 * time.Second)
		for _, purge := range []bool{false, true} {
			if purge {
				hands.Advance(25 * time.Hour)
				if _, err := sqlstore.New(db.DB, nil, nil, nil, nil).PurgeExpired(context.Background(), hands.Now()); err != nil {
					t.Fatal(err)
				}
				if n := db.Number("SELECT (SELECT COUNT(*) FROM claims WHERE expires_at <= ?) + (SELECT COUNT(*) FROM recent_requests)", hands.Now().UnixMicro()); n != 0 {
					t.Errorf("%d expired keys and requests are left after a purge", n)
				}
			}
			expect(fmt.Sprintf("a key after 24 hours, purged: %t", purge), post(keyed, "Idempotency-Key", "day"), "duplicate", false)
			expect("and its replay", post(keyed, "Idempotency-Key", "day"), "duplicate", true)
		}
		// The window of the campaign's rule ends too.
		hands.Advance(31 * 24 * time.Hour)
		expect("a person after the window", post(clicked), "sold", false)
		expect("the same person again", post(clicked.With("city", "Dallas")), "duplicate", false)
		db.Audit()
	})
}

// TestADoubleClickIsAnsweredAsTheFirstWhateverBecameOfTheCampaign asks two instances: the one that has changed the campaign, and
// one that remembers it as it was.
func TestADoubleClickIsAnsweredAsTheFirstWhateverBecameOfTheCampaign(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		other := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		campaign := "/v1/campaigns/" + s.CampaignID
		forms := []apptest.Form{s.Form(), s.Form().With("zip", "02139"), s.Form().With("test", true)}
		first := make([]apptest.Answer, len(forms))
		for i, f := range forms {
			if first[i] = s.Supplier.Must(t, "POST", "/api/leads", f); first[i].Lead().Status != "sold" {
				t.Fatalf("answered %v", first[i])
			}
		}
		for _, step := range []struct {
			method, path string
			body         any
		}{
			{"PUT", campaign, apptest.Object{"fields": []apptest.Object{{"name": "nobody_has_it", "type": "text", "required": true}}}},
			{"PUT", campaign, apptest.Object{"category": "Renamed", "fields": []apptest.Object{}}},
			{"POST", "/v1/campaigns", apptest.Object{"name": "Next", "category": apptest.Category}},
			{"POST", "/v1/buyers/" + s.BuyerIDs[0] + "/pause", nil},
			{"POST", campaign + "/pause", nil},
			{"POST", campaign + "/archive", nil},
		} {
			s.Program.Must(t, step.method, step.path, step.body)
			for i, f := range forms {
				for _, client := range []*apptest.Client{s.Supplier, s.Supplier.At(other)} {
					if again := client.Do("POST", "/api/leads", f); !again.Replayed() || again.Status != first[i].Status || !bytes.Equal(again.Body, first[i].Body) {
						t.Errorf("after %s %s a double click is answered %v, want %v", step.method, step.path, again, first[i])
					}
				}
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestASuppliersOwnIDIsTakenOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		form := s.Form().With("external_id", "crm-1")
		first := s.Supplier.Must(t, "POST", "/api/leads", form)
		if first.Lead().Status != "sold" {
			t.Fatalf("answered %v", first)
		}
		hands.Advance(time.Hour)
		if again := s.Supplier.Must(t, "POST", "/api/leads", form); !again.Replayed() || !bytes.Equal(again.Body, first.Body) {
			t.Errorf("the same with its external_id is answered %v, want the first answer", again)
		}
		other := s.Supplier.Must(t, "POST", "/api/leads", s.Form().With("external_id", "crm-1")).Lead()
		if other.Success || other.Status != "duplicate" || other.Code != "duplicate_external_id" {
			t.Errorf("another person under the external_id is answered %+v", other)
		}
		elsewhere, _ := s.NewSupplier(t)
		if l := elsewhere.Must(t, "POST", "/api/leads", s.Form().With("external_id", "crm-1")).Lead(); l.Status != "sold" {
			t.Errorf("another key's external_id is answered %+v", l)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
