package market_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// bulk posts leads together: each a JSON text.
func bulk(c *apptest.Client, leads []string, headers ...string) apptest.Answer {
	return c.Do("POST", "/api/leads/bulk", `{"leads":[`+strings.Join(leads, ",")+`]}`, headers...)
}

// items reads what became of each lead of a request.
func items(t *testing.T, a apptest.Answer) []apptest.Object {
	t.Helper()
	var body struct {
		Success bool             `json:"success"`
		Leads   []apptest.Object `json:"leads"`
	}
	if err := json.Unmarshal(a.Body, &body); err != nil || a.Status != 200 || !body.Success {
		t.Fatalf("answered %s", a)
	}
	return body.Leads
}

// text is a form as JSON.
func text(t *testing.T, f apptest.Form) string {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// forms are n leads of a seller as JSON.
func forms(t *testing.T, s *apptest.Shop, n int) []string {
	t.Helper()
	out := make([]string, n)
	for i := range out {
		out[i] = text(t, s.Form())
	}
	return out
}

// twins are two sellers with the same campaigns and buyers, whose leads are sent in two ways.
type twins struct {
	t     *testing.T
	rand  *rand.Rand
	shops [2]*apptest.Shop
	ids   [2]map[string]string // of leads and buyers, by how many there were before
	sent  []string             // with {seller} in place of the seller's code
	n     int
}

var anyID = regexp.MustCompile(`(lead|buyer)_[0-9A-Z]{26}`)

// told is an answer with the ids that both twins share, without what differs between one lead and many.
func (w *twins) told(of int, status any, body apptest.Object, replayed bool) string {
	w.t.Helper()
	for _, name := range []string{"request_id", "status_code", "replayed"} {
		delete(body, name)
	}
	b, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	shared := anyID.ReplaceAllStringFunc(string(b), func(id string) string {
		if w.ids[of][id] == "" {
			w.ids[of][id] = fmt.Sprint("#", len(w.ids[of]))
		}
		return w.ids[of][id]
	})
	return fmt.Sprintf("%v %s %t", status, shared, replayed)
}

// lead makes up a lead, or one that was sent before.
func (w *twins) lead() string {
	w.n++
	pick := func(of ...string) string { return of[w.rand.IntN(len(of))] }
	phone := fmt.Sprintf("+1212%07d", w.n)
	full := func(category, phone, more string) string {
		return `{"seller":"{seller}","category":"` + category + `","firstName":"John","lastName":"Doe","phone":"` + phone + `","state":"TX"` + more + `}`
	}
	category := pick(apptest.Category, "roofing", apptest.Category)
	switch w.rand.IntN(16) {
	case 0, 1:
		if len(w.sent) > 0 {
			return w.sent[w.rand.IntN(len(w.sent))] // a double click, or a duplicate
		}
	case 2:
		return full(category, fmt.Sprintf("+1212%07d", 1+w.rand.IntN(w.n)), `,"city":"`+fmt.Sprint(w.n)+`"`)
	case 3:
		return full(category, phone, fmt.Sprintf(`,"external_id":%d`, w.rand.IntN(6)))
	case 4:
		return full(category, phone, `,"test":`+pick(`true`, `"1"`, `"maybe"`, `false`))
	case 5:
		return `{"seller":"{seller}","category":"` + category + `","firstName":"John"}`
	case 6:
		return strings.Replace(full(category, phone, ""), "TX", "nowhere", 1)
	case 7:
		return full(pick("Nothing", "", strings.Repeat("x", 2000)), phone, "")
	case 8:
		return strings.Replace(full(category, phone, ""), "{seller}", pick("SOMEBODY", "", "acme"), 1)
	case 9:
		return pick(`1`, `"x"`, `null`, `[]`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{"a":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`, `{}`)
	case 10:
		return full(category, phone, pick(`,"ping_id":"ping_1"`, `,"api_key":"k"`, `,"X-API-Key":1`, `,"ping_id":""`))
	case 11:
		return full(category, phone, `,"note":"`+strings.Repeat("n", 66_000*w.rand.IntN(2))+`"`)
	case 12:
		return full(category, phone, `,"a\u0000b":1,"c":"\u0000","d":{"e":[1,{"f":null}]}`)
	}
	return full(category, phone, "")
}

// Many leads in a request are answered as they are one by one: whatever is wrong with some, whatever was sent before, and while campaigns
// change.
func TestManyLeadsAreAnsweredAsTheyAreOneByOne(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		other := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		seed := rand.Uint64()
		w := &twins{t: t, rand: rand.New(rand.NewPCG(seed, 1))}
		t.Logf("the seed is %d", seed)
		roofing := [2]string{}
		for i := range w.shops {
			w.ids[i] = map[string]string{}
			s := apptest.NewShop(t, app, apptest.Object{"distribution": apptest.Object{"strategy": "round_robin"}},
				apptest.Buyer{Deposit: 500, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "leads": 40}}}},
				apptest.Buyer{Deposit: 905.00, Contract: apptest.Object{"price": 15.50}})
			w.shops[i] = s
			roofing[i] = fmt.Sprint(s.Program.Must(t, "POST", "/v1/campaigns", apptest.Object{
				"name": "Roofing", "category": "Roofing", "fields": []apptest.Object{{"name": "lastName", "type": "string"}},
			}).Data(t)["id"])
			s.Program.Must(t, "POST", "/v1/campaigns/"+roofing[i]+"/contracts", apptest.Object{"buyer_id": s.BuyerIDs[0], "price": 3.00})
		}
		decided := map[string]int{}
		for round := range 8 {
			n := 40
			if round == 3 {
				n = 300 // more than share a transaction
			}
			leads := make([]string, n)
			for i := range leads {
				leads[i] = w.lead()
				w.sent = append(w.sent, leads[i])
			}
			own := func(of int) []string {
				out := make([]string, len(leads))
				for i := range leads {
					out[i] = strings.ReplaceAll(leads[i], "{seller}", w.shops[of].Code)
				}
				return out
			}
			var together []string
			for from, all := 0, own(0); from < len(all); { // a request has no more than 1 MiB
				to, size := from, 0
				for to < len(all) && size+len(all[to]) < 1_000_000 {
					size += len(all[to]) + 1
					to++
				}
				for _, o := range items(t, bulk(w.shops[0].Supplier, all[from:to])) {
					_, replayed := o["replayed"]
					together = append(together, w.told(0, o["status_code"], o, replayed))
				}
				from = to
			}
			for i, lead := range own(1) {
				a := w.shops[1].Supplier.Unchecked().Do("POST", "/api/leads", lead)
				var body apptest.Object
				if err := json.Unmarshal(a.Body, &body); err != nil {
					t.Fatalf("answered %s", a)
				}
				alone := w.told(1, a.Status, body, a.Replayed())
				if alone != together[i] {
					t.Fatalf("lead %d of round %d\n%s\nis answered\n%s, with others\n%s", i, round, lead, alone, together[i])
				}
				decided[fmt.Sprint(a.Status, body["status"], body["code"])]++
			}
			for i, s := range w.shops { // by another instance, so that this one remembers what is not so any more
				program := s.Program.At(other)
				switch round % 4 {
				case 0:
					program.Must(t, "PUT", "/v1/campaigns/"+roofing[i], apptest.Object{"fields": []apptest.Object{{"name": "lastName", "type": "string", "required": false}}})
				case 1:
					program.Must(t, "POST", "/v1/campaigns/"+roofing[i]+"/pause", nil)
				case 2:
					program.Must(t, "POST", "/v1/campaigns/"+roofing[i]+"/resume", nil)
				}
			}
			hands.Advance(time.Duration(w.rand.IntN(90)) * time.Second)
		}
		for _, want := range []string{"200soldnil", "200pendingnil", "200duplicateduplicate_lead", "400nilmissing_required_field", "400nilinvalid_field", "400nilno_matching_campaign", "401nilinvalid_api_key", "400nilinvalid_request_body", "413nilbody_too_large"} {
			if decided[strings.ReplaceAll(want, "nil", "<nil>")] == 0 && decided[strings.ReplaceAll(want, "nil", " <nil>")] == 0 {
				t.Errorf("no lead is answered %s: %v", want, decided)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

// The same request many times at once under one Idempotency-Key has one effect and one answer, and its key is for no other request.
func TestManyLeadsAreTakenOnceUnderAKey(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app, other := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}), apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		clients := []*apptest.Client{s.Supplier, s.Supplier.At(other)}
		leads := forms(t, s, 600)
		leads[1], leads[299], leads[300] = leads[0], `{"seller":"`+s.Code+`"}`, leads[0]
		answers := make([]apptest.Answer, 16)
		apptest.Parallel(len(answers), func(i int) {
			for answers[i] = bulk(clients[i%2], leads, "Idempotency-Key", "bulk-1"); answers[i].Status == 409 || answers[i].Status == 503; {
				answers[i] = bulk(clients[i%2], leads, "Idempotency-Key", "bulk-1")
			}
		})
		for _, a := range answers {
			if a.Status != 200 || !bytes.Equal(a.Body, answers[0].Body) {
				t.Fatalf("answered\n%.300s and\n%.300s", answers[0], a)
			}
		}
		all := items(t, answers[0])
		if len(all) != 600 || all[1]["lead_id"] != all[0]["lead_id"] || all[1]["replayed"] != true || all[300]["lead_id"] != all[0]["lead_id"] || all[299]["code"] != "missing_required_field" {
			t.Errorf("a double click is answered %v, %v and %v", all[0], all[1], all[300])
		}
		again := bulk(s.Supplier, leads, "Idempotency-Key", `"bulk-1"`)
		if !again.Replayed() || !bytes.Equal(again.Body, answers[0].Body) {
			t.Errorf("the replay is %.300s", again)
		}
		hands.Advance(time.Hour)
		if a := bulk(clients[1], leads, "Idempotency-Key", "bulk-1"); !a.Replayed() || !bytes.Equal(a.Body, answers[0].Body) {
			t.Errorf("an hour later the replay is %.300s", a)
		}
		s.Sell(t, s.Form(), "Idempotency-Key", "single-1")
		for what, a := range map[string]apptest.Answer{
			"another request":        bulk(s.Supplier, leads[:599], "Idempotency-Key", "bulk-1"),
			"a single lead":          s.Supplier.Do("POST", "/api/leads", s.Form(), "Idempotency-Key", "bulk-1"),
			"the key of single lead": bulk(s.Supplier, leads[:1], "Idempotency-Key", "single-1"),
		} {
			if a.Status != 422 || a.Lead().Code != "idempotency_key_reused" {
				t.Errorf("%s is answered %.300s", what, a)
			}
		}
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 600-3+1 {
			t.Errorf("there are %d leads", n)
		}
		db.Audit()
		hands.Advance(24 * time.Hour)
		if a := items(t, bulk(s.Supplier, leads[:2], "Idempotency-Key", "bulk-1")); a[0]["status"] != "duplicate" {
			t.Errorf("a day later the key is answered %v", a)
		}
		db.Audit()
	})
}

// A request of which the database did a part is gone on with under its Idempotency-Key, whether the answer to the commit in which it stopped
// was lost or the commit.
func TestManyLeadsCutOffGoOn(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(commit, rollback func() error) error{
		"after a commit":  func(commit, _ func() error) error { return apptest.OrLost(commit()) },
		"before a commit": func(_, rollback func() error) error { return apptest.OrLost(rollback()) },
	} {
		again := int64(3) // the commit of the third part
		if name == "before a commit" {
			again = 4 // behind a second one of the second part
		}
		for _, key := range [][]string{nil, {"Idempotency-Key", "cut"}} {
			t.Run(fmt.Sprint(name, ", ", len(key)/2, " keys"), func(t *testing.T) {
				t.Parallel()
				apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
					d := &sqlstoretest.Faults{}
					app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap})
					s := apptest.NewShop(t, app, nil, apptest.Rich)
					leads := forms(t, s, 600)
					var commits atomic.Int64
					d.Commit(func(statements []string, commit, rollback func() error) error {
						if !apptest.StoresLeads(statements) {
							return commit()
						}
						switch n := commits.Add(1); {
						case n == 2:
							return lose(commit, rollback)
						case n >= again && n < again+4: // all tries of the third part
							return apptest.OrLost(rollback())
						default:
							return commit()
						}
					})
					was := items(t, bulk(s.Supplier, leads, key...))
					if was[599]["status_code"] != 503.0 || was[0]["status"] != "sold" {
						t.Fatalf("after %d commits: %v and %v", commits.Load(), was[0], was[599])
					}
					d.Commit(nil)
					now := items(t, bulk(s.Supplier, leads, key...))
					for i := range now {
						if now[i]["status"] != "sold" || was[i]["status"] == "sold" && was[i]["lead_id"] != now[i]["lead_id"] {
							t.Fatalf("lead %d was answered %v and then %v", i, was[i], now[i])
						}
					}
					db := apptest.Open(t, databaseURL)
					if n := db.Number("SELECT COUNT(*) FROM leads"); n != 600 {
						t.Errorf("there are %d leads", n)
					}
					db.Audit()
				})
			})
		}
	}
}

// A lead at which a rule panics, or that the database refuses, fails alone.
func TestAPoisonedLeadOfManyFailsAlone(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("test",
			leadmill.AsIntakeRule(func() apptest.PanickingRule { return apptest.PanickingRule{} })))
		db := apptest.Open(t, databaseURL)
		if _, err := db.Writer.ExecContext(context.Background(), map[string]string{
			"sqlite": "CREATE TRIGGER poison BEFORE INSERT ON leads WHEN NEW.external_id = 'Poison' BEGIN SELECT RAISE(ABORT, 'poison'); END",
			"mysql": "CREATE TRIGGER poison BEFORE INSERT ON leads FOR EACH ROW IF NEW.external_id = 'Poison' THEN " +
				"SIGNAL SQLSTATE '22001' SET MYSQL_ERRNO = 1406, MESSAGE_TEXT = 'Data too long'; END IF",
		}[db.Name()]); err != nil {
			t.Fatal(err)
		}
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		leads := forms(t, s, 50)
		leads[7], leads[23] = text(t, s.Form().With("firstName", apptest.Poison)), text(t, s.Form().With("external_id", apptest.Poison))
		a := bulk(s.Supplier, leads, "Idempotency-Key", "poison")
		for i, o := range items(t, a) {
			want := "sold 200"
			if i == 7 || i == 23 {
				want = "<nil> 500"
			}
			if got := fmt.Sprint(o["status"], " ", o["status_code"]); got != want {
				t.Errorf("lead %d is %s: %v", i, got, o)
			}
		}
		if b := bulk(s.Supplier, leads, "Idempotency-Key", "poison"); b.Replayed() || !bytes.Equal(a.Body, b.Body) {
			t.Errorf("sent again it is answered %.300s", b)
		}
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 48 {
			t.Errorf("there are %d leads", n)
		}
		if phone := phones.FindString(app.Logs.String()); phone != "" || !strings.Contains(app.Logs.String(), "leads of a request could not be decided") {
			t.Errorf("the log holds the phone number %q", phone)
		}
		db.Audit()
	})
}

// Leads of one request are limited by themselves: a request beyond the limit is refused as a whole, and single leads count for nothing.
func TestManyLeadsHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil)
		made := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "partner": apptest.Object{"id": s.PartnerID}, "name": "limited"}).Data(t)
		limited := s.Program.With(fmt.Sprint(made["key"]))
		nothing := make([]string, 1000)
		for i := range nothing {
			nothing[i] = "{}"
		}
		for i, n := range []int{1000, 1000, 1000, 1000, 999} {
			if a := bulk(limited, nothing[:n]); a.Status != 200 || a.Header.Get("X-RateLimit-Limit") != "5000" || a.Header.Get("X-RateLimit-Remaining") != fmt.Sprint(max(1, 4000-1000*i)) {
				t.Fatalf("request %d is answered %d %v", i, a.Status, a.Header)
			}
		}
		if a := bulk(limited, nothing[:2]); a.Status != 429 || a.Lead().Code != "rate_limit_exceeded" || a.Header.Get("Retry-After") == "" || a.Header.Get("X-RateLimit-Remaining") != "1" {
			t.Errorf("2 leads of 1 that is left are answered %s %v", a, a.Header)
		}
		if a := limited.Do("POST", "/api/leads/bulk", "["); a.Status != 400 {
			t.Errorf("what cannot be read is answered %s", a)
		}
		if a := limited.Do("POST", "/api/leads/bulk", strings.Repeat(" ", 2<<20)); a.Status != 429 {
			t.Errorf("with nothing left it is answered %s", a)
		}
		if a := limited.Do("POST", "/api/leads", s.Form()); a.Status != 200 || a.Header.Get("X-RateLimit-Remaining") != "59" {
			t.Errorf("a single lead is answered %s %v", a, a.Header)
		}
		hands.Advance(time.Minute)
		if a := bulk(limited, nothing); a.Status != 200 {
			t.Errorf("a minute later it is answered %s", a)
		}
		for range 6 {
			if a := bulk(s.Supplier, nothing); a.Status != http.StatusOK || a.Header.Get("X-RateLimit-Limit") != "" {
				t.Errorf("a key without a limit is answered %.300s %v", a, a.Header)
			}
		}
	})
}
