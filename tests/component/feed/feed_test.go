package feed_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

type page struct {
	Data []map[string]any `json:"data"`
	Next int64            `json:"next"`
}

func feed(t *testing.T, c *apptest.Client, query string) (p page) {
	t.Helper()
	a := c.Must(t, "GET", "/v1/events?"+query, nil)
	if err := json.Unmarshal(a.Body, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheFeedTellsEverythingInOrderAndWakes(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		var unwoken sync.WaitGroup
		t.Cleanup(unwoken.Wait) // after the instances ended, which ends their polls
		here := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		there := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, here, nil, apptest.Rich)
		other := apptest.NewShop(t, here, nil, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		db.Settle()
		start := feed(t, s.Program, "limit=1000").Next
		for name, instance := range map[string]*apptest.App{"the same instance": here, "another instance": there} {
			waiting := make(chan page, 1)
			failed := make(chan string, 1)
			at := feed(t, s.Program, fmt.Sprintf("after=%d&limit=1000", start)).Next
			// A poll for what never happens answers when its wait is over: what wakes another one comes before that.
			over := make(chan apptest.Answer, 1)
			unwoken.Go(func() {
				over <- s.Program.Do("GET", fmt.Sprintf("/v1/events?after=%d&wait=20&types=lead.rejected.v1", at), nil)
			})
			go func() {
				a := s.Program.Do("GET", fmt.Sprintf("/v1/events?after=%d&wait=25&types=lead.sold.v1", at), nil)
				var p page
				if a.Status != 200 || json.Unmarshal(a.Body, &p) != nil {
					failed <- a.String()
					return
				}
				waiting <- p
			}()
			other.Sell(t, other.Form()) // wakes nobody of this seller
			sold := s.Supplier.At(instance).Must(t, "POST", "/api/leads", s.Form()).Lead()
			select {
			case p := <-waiting:
				if len(p.Data) != 1 || p.Data[0]["subject"] != sold.ID || p.Data[0]["type"] != "lead.sold.v1" {
					t.Errorf("the feed woke with %v, want the sale of %s", p.Data, sold.ID)
				}
			case a := <-failed:
				t.Fatalf("the feed answered %s", a)
			case a := <-over:
				t.Fatalf("a commit of %s did not wake the feed; a poll for something else is answered %v", name, a)
			}
			db.Settle()
		}
		for range 30 {
			s.Sell(t, s.Form())
		}
		db.Settle()
		var all, paged []string
		last := ""
		for _, e := range feed(t, s.Program, "limit=1000").Data {
			sequence, _ := e["sequence"].(string)
			if sequence <= last || len(sequence) != 20 {
				t.Errorf("the sequence %q follows %q", sequence, last)
			}
			last = sequence
			all = append(all, fmt.Sprint(e["id"]))
		}
		for after := int64(0); ; {
			p := feed(t, s.Program, fmt.Sprintf("after=%d&limit=7", after))
			for _, e := range p.Data {
				paged = append(paged, fmt.Sprint(e["id"]))
			}
			if p.Next == after {
				break
			}
			after = p.Next
		}
		if fmt.Sprint(all) != fmt.Sprint(paged) {
			t.Errorf("in pages the feed has %d events, at once %d", len(paged), len(all))
		}
		public := 0
		for _, e := range db.Events() {
			kind, _, _ := strings.Cut(e.Type, ".")
			if db.Number("SELECT COUNT(*) FROM sellers WHERE id = ? AND code = ?", e.SellerID, s.Code) == 1 && kind != "seller" && kind != "api_key" && kind != "key" {
				public++
			}
		}
		if len(all) != public {
			t.Errorf("the feed has %d events, the log %d", len(all), public)
		}
	})
}

func TestNoPersonalDataLeavesTheLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.LogLevel = slog.LevelDebug }, leadmill.StartOptions{}, leadmill.NewModule("test",
			leadmill.AsIntakeRule(func() apptest.PanickingRule { return apptest.PanickingRule{} })))
		s := apptest.NewShop(t, app, apptest.Object{"dedupe": apptest.Object{"fields": []string{"phone", "email"}, "match": "any", "window_days": 30}}, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		canaries := []string{"Zaphodius", "Beeblebroxon", "2025550143", "202-555-0143", "zaphodius", "Magratheastreet", "crm-canary", "Trillianova", "supplier@shop.example"}
		form := apptest.Form{
			"seller": s.Code, "category": apptest.Category, "firstName": "Zaphodius", "lastName": "Beeblebroxon",
			"phone": "202-555-0143", "email": "zaphodius@beeblebroxon.example", "state": "TX", "street": "42 Magratheastreet", "external_id": "crm-canary",
		}
		sold := s.Sell(t, form)
		if sold.Status != "sold" {
			t.Fatalf("answered %+v", sold)
		}
		s.Sell(t, form)                                                              // a double click
		s.Sell(t, form.With("city", "x", "external_id", nil))                        // a duplicate
		s.Sell(t, form.With("test", true))                                           // a test
		s.Sell(t, form.With("city", "y"), "Idempotency-Key", "Zaphodius-2025550143") // a key of the client's own making
		q := url.Values{}
		for k, v := range form {
			q.Set(k, fmt.Sprint(v))
		}
		for _, a := range []apptest.Answer{
			s.Supplier.Do("POST", "/api/leads?"+q.Encode(), nil),
			s.Supplier.Do("POST", "/api/leads", form.With("firstName", apptest.Poison+"Zaphodius")),
			s.Supplier.Do("POST", "/api/leads", form.With("state", "Zaphodius")),
			s.Supplier.Do("POST", "/api/leads", form.With("phone", "2025550143 Zaphodius")),
			s.Supplier.Do("POST", "/api/leads", `{"firstName":"Zaphodius","phone":"202-555-0143"`),
			s.Supplier.Do("POST", "/api/leads/Zaphodius", form),
			s.Supplier.Do("GET", "/api/leads/Zaphodius?phone=2025550143", nil),
			s.Program.Do("GET", "/v1/partners/x?email=zaphodius@beeblebroxon.example", nil),
			s.Program.Do("POST", "/v1/partners", apptest.Object{"email": "zaphodius@beeblebroxon.example", "name": "Zaphodius", "surname": "Trillianova", "password": "Trillianova1"}),
			s.Program.Do("POST", "/v1/partners", apptest.Object{"email": "zaphodius@beeblebroxon.example"}),
			s.Program.Do("GET", "/Zaphodius/2025550143", nil),
		} {
			if a.Status >= 400 {
				for _, canary := range canaries {
					if strings.Contains(string(a.Body), canary) {
						t.Errorf("an error repeats %q: %v", canary, a)
					}
				}
			}
		}
		db.Audit()
		look := func(where, text string) {
			for _, canary := range canaries {
				for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary))} {
					if at := strings.Index(text, form); at >= 0 {
						t.Errorf("%s holds %q: …%s…", where, canary, text[max(0, at-200):min(len(text), at+100)])
					}
				}
			}
		}
		if !strings.Contains(app.Logs.String(), "level=DEBUG") || !strings.Contains(app.Logs.String(), "panic") {
			t.Errorf("the log does not tell of requests and panics:\n%s", app.Logs.Tail())
		}
		look("the log", app.Logs.String())
		look("the feed", string(s.Program.Must(t, "GET", "/v1/events?limit=1000", nil).Body))
		look("the report", string(s.Program.Must(t, "GET", "/v1/reports/campaigns?group_by=supplier", nil).Body))
		events := db.Events()
		for _, e := range events {
			look("an event", fmt.Sprintf("%s %+v", e.Payload, e))
		}
		if len(events) == 0 {
			t.Fatal("there are no events")
		}
		if !strings.Contains(fmt.Sprint(s.Lead(t, sold.ID)["fields"]), "Zaphodius") {
			t.Error("the lead itself lacks its fields")
		}
	})
}
