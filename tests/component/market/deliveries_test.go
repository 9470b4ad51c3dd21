package market_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/webhook"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// outward lets an App reach servers of the test, and keep secrets.
func outward(c *leadmill.Config) {
	c.OutboundAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.SecretKey = strings.Repeat("k", 40)
}

// startDelivering starts an App with a seller whose buyers have contracts that deliver.
func startDelivering(t *testing.T, databaseURL string, contracts ...apptest.Object) (*apptest.Shop, *clock.Manual, *apptest.Database) {
	t.Helper()
	hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
	app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Clock: hands})
	buyers := make([]apptest.Buyer, len(contracts))
	for i, k := range contracts {
		k["price"] = 10.00
		buyers[i] = apptest.Buyer{Deposit: 1_000_000, Contract: k}
	}
	return apptest.NewShop(t, app, nil, buyers...), hands, apptest.Open(t, databaseURL)
}

func notify(url string) apptest.Object {
	return apptest.Object{"delivery": apptest.Object{"mode": "notify", "url": url}}
}

// deliveryOf waits until the only delivery of a lead has a status, and returns it.
func deliveryOf(t *testing.T, s *apptest.Shop, leadID, status string) apptest.Object {
	t.Helper()
	var found apptest.Object
	apptest.Eventually(t, func() error {
		list := s.Program.Must(t, "GET", "/v1/marketplace/leads/"+leadID+"/deliveries", nil).List(t)
		if len(list) != 1 {
			return fmt.Errorf("the lead has %d deliveries, want 1", len(list))
		}
		if found = list[0]; found["status"] != status {
			return fmt.Errorf("the delivery is %v, want %s", found, status)
		}
		return nil
	})
	return found
}

func TestASaleIsDelivered(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		s, hands, db := startDelivering(t, databaseURL, apptest.Object{"delivery": apptest.Object{
			"mode": "notify", "url": sink.URL + "/leads?key=key-of-the-query", "headers": apptest.Object{"X-Api-Key": "hidden-key"}, "static": apptest.Object{"token": "hidden-static"},
		}})
		contract := "/v1/campaigns/" + s.CampaignID + "/contracts/" + s.ContractIDs[0]
		secret := s.Program.Must(t, "POST", contract+"/rotate-secret", nil).Data(t)["delivery"].(map[string]any)["secret"].(string)
		form := s.Form()
		phone := fmt.Sprint(form["phone"])
		digits := strings.TrimPrefix(phone, "+1")
		if len(digits) != 10 || fmt.Sprint(form["firstName"]) == "" {
			t.Fatalf("the form is %v", form)
		}
		written := []string{
			phone, digits, fmt.Sprintf("(%s) %s-%s", digits[:3], digits[3:6], digits[6:]), strings.ToUpper(fmt.Sprint(form["firstName"])), "hidden-key", "hidden-static",
			"key-of-the-query", secret,
		}
		answer, _ := json.Marshal(apptest.Object{"ok": true, "got": written})
		sink.Answer(http.StatusOK, "application/json", string(answer))
		l := s.Sell(t, form)
		leadID := l.ID
		d := deliveryOf(t, s, leadID, "delivered")
		saleID := fmt.Sprint(d["sale_id"])
		got := sink.WaitFor(t, 1)[0]
		var body struct {
			LeadID string         `json:"lead_id"`
			SaleID string         `json:"sale_id"`
			Price  float64        `json:"price"`
			Test   bool           `json:"test"`
			Fields map[string]any `json:"fields"`
		}
		if err := json.Unmarshal(got.Body, &body); err != nil || body.LeadID != leadID || body.SaleID != saleID || body.Price != 10 || body.Fields["firstName"] != form["firstName"] || body.Fields["phone"] != phone {
			t.Errorf("the receiver got %s: %v", got.Body, err)
		}
		if err := webhook.Verify(secret, got.Header, hands.Now(), got.Body); err != nil {
			t.Errorf("the signature: %v", err)
		}
		if got.Header.Get("Webhook-Id") != d["id"] || got.Header.Get("Idempotency-Key") != saleID || got.Header.Get("X-Api-Key") != "hidden-key" || got.Query.Get("key") != "key-of-the-query" {
			t.Errorf("the receiver got the headers %v", got.Header)
		}
		attempt := d["attempts"].([]any)[0].(map[string]any)
		text := fmt.Sprint(attempt["request"], attempt["answer"])
		for _, hidden := range append(written, fmt.Sprint(form["firstName"])) {
			if strings.Contains(text, hidden) {
				t.Errorf("%q is kept in %s", hidden, text)
			}
		}
		if !strings.Contains(text, saleID) || !strings.Contains(text, `"ok":true}`) || strings.Count(fmt.Sprint(attempt["answer"]), "***") != len(written) || fmt.Sprint(attempt["status"]) != "200" {
			t.Errorf("kept is %v", attempt)
		}
		if sale := s.Program.Must(t, "GET", "/v1/sales/"+saleID, nil).Data(t); sale["delivery"] != "delivered" {
			t.Errorf("the sale is %v", sale)
		}
		if k := s.Program.Must(t, "GET", contract, nil).Data(t)["delivery"].(map[string]any); k["secret"] != nil || fmt.Sprint(k["headers"]) != "map[X-Api-Key:<nil>]" {
			t.Errorf("the contract shows %v", k)
		}
		s.App.WaitFor(t, 1, "sale.delivered.v1")
		db.Audit()
	})
}

func TestADeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink, early := leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusInternalServerError, 2)
		s, hands, db := startDelivering(t, databaseURL, notify(sink.URL))
		leadID, _ := sold(t, s)
		sink.WaitFor(t, 1)
		waitTried(t, s, leadID, 1)
		hands.Advance(4900 * time.Millisecond)
		_, other := s.AddBuyer(t, apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{"price": 20.00, "delivery": apptest.Object{"mode": "notify", "url": early.URL}}})
		s.Program.Must(t, "POST", s.ContractPath(s.ContractIDs[0])+"/pause", nil)
		sold(t, s) // what is due is looked for now
		early.WaitFor(t, 1)
		deliveries(t, s, other, "delivered", 1)
		if n := len(sink.Requests()); n != 1 {
			t.Errorf("%d requests came within 4.9 s, want 1", n)
		}
		hands.Advance(700 * time.Millisecond) // 5 s and a tenth of them at most
		sink.WaitFor(t, 2)
		d := waitTried(t, s, leadID, 2)
		if at, _ := time.Parse(time.RFC3339, fmt.Sprint(d["next_at"])); at.Sub(hands.Now()) < 299*time.Second || at.Sub(hands.Now()) > 331*time.Second {
			t.Errorf("it is tried at %v, now is %v", at, hands.Now())
		}
		hands.Advance(331 * time.Second)
		d = deliveryOf(t, s, leadID, "delivered")
		for _, r := range sink.WaitFor(t, 3) {
			if r.Header.Get("Webhook-Id") != d["id"] {
				t.Errorf("sent as %s, want %s each time", r.Header.Get("Webhook-Id"), d["id"])
			}
		}
		if a := s.Program.Do("POST", "/v1/deliveries/delivery_x/redeliver", nil); a.Status != 404 {
			t.Errorf("an unknown delivery: %v", a)
		}
		db.Audit()
	})
}

// deliveries waits until so many deliveries of a contract have a status.
func deliveries(t *testing.T, s *apptest.Shop, contractID, status string, n int) {
	t.Helper()
	apptest.Eventually(t, func() error {
		if got := len(s.Program.Must(t, "GET", "/v1/deliveries?contract="+contractID+"&status="+status, nil).List(t)); got != n {
			return fmt.Errorf("%d deliveries are %s, want %d", got, status, n)
		}
		return nil
	})
}

// waitTried waits until the only delivery of a lead was tried so often.
func waitTried(t *testing.T, s *apptest.Shop, leadID string, n int) (d apptest.Object) {
	t.Helper()
	apptest.Eventually(t, func() error {
		d = s.Program.Must(t, "GET", "/v1/marketplace/leads/"+leadID+"/deliveries", nil).List(t)[0]
		if fmt.Sprint(d["tried"]) != fmt.Sprint(n) {
			return fmt.Errorf("the delivery is %v, want %d tries", d, n)
		}
		return nil
	})
	return d
}

func TestADeliveryFailsForGoodAndIsSentAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusGone, 1)
		s, _, db := startDelivering(t, databaseURL, notify(sink.URL))
		leadID, saleID := sold(t, s)
		d := deliveryOf(t, s, leadID, "failed")
		if d["reason"] != "gone" || fmt.Sprint(d["tried"]) != "1" {
			t.Errorf("the delivery is %v", d)
		}
		s.App.WaitFor(t, 1, "sale.delivery_failed.v1")
		if sale := s.Program.Must(t, "GET", "/v1/sales/"+saleID, nil).Data(t); sale["delivery"] != "failed" {
			t.Errorf("the sale is %v", sale)
		}
		again := "/v1/deliveries/" + fmt.Sprint(d["id"]) + "/redeliver"
		if now := s.Program.Must(t, "POST", again, nil).Data(t); now["status"] != "pending" || now["id"] != d["id"] {
			t.Errorf("the delivery is %v", now)
		}
		deliveryOf(t, s, leadID, "delivered")
		s.App.WaitFor(t, 1, "sale.delivered.v1")
		s.Program.Must(t, "POST", again, nil) // of one that is delivered too
		apptest.Eventually(t, func() error {
			if n := len(sink.Requests()); n != 3 {
				return fmt.Errorf("%d requests came, want 3", n)
			}
			return nil
		})
		deliveryOf(t, s, leadID, "delivered")
		listed := s.Program.Must(t, "GET", "/v1/deliveries", nil).List(t)[0]["attempts"].([]any)
		if last := listed[0].(map[string]any); len(listed) != 1 || fmt.Sprint(last["number"]) != "3" || last["request"] != nil || last["answer"] != nil {
			t.Errorf("the list shows the attempts %v, want the last without texts", listed)
		}
		for query, n := range map[string]int{"status=delivered": 1, "status=failed": 0, "contract=" + s.ContractIDs[0]: 1, "contract=" + s.ContractIDs[0] + "&status=pending": 0, "": 1} {
			if got := len(s.Program.Must(t, "GET", "/v1/deliveries?"+query, nil).List(t)); got != n {
				t.Errorf("%s lists %d, want %d", query, got, n)
			}
		}
		if got := s.Program.Must(t, "GET", "/v1/deliveries/"+fmt.Sprint(d["id"]), nil).Data(t); len(got["attempts"].([]any)) != 3 {
			t.Errorf("the delivery is %v", got)
		}
		db.Audit()
	})
}

// A dead receiver is only probed after five failures in a row, and what waits for it delays nobody else.
func TestADeadReceiverDelaysNobody(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		dead, alive := leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t)
		dead.Fail(http.StatusServiceUnavailable, -1)
		s, hands, db := startDelivering(t, databaseURL, notify(dead.URL))
		const waiting = 40
		for range waiting {
			sold(t, s)
		}
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM delivery_attempts"); n < 5 {
				return fmt.Errorf("%d attempts, want 5", n)
			}
			return nil
		})
		_, contract := s.AddBuyer(t, apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{"price": 10.00, "priority": 1, "delivery": apptest.Object{"mode": "notify", "url": alive.URL}}})
		s.Program.Must(t, "POST", s.ContractPath(s.ContractIDs[0])+"/pause", nil)
		for range 20 {
			sold(t, s)
		}
		alive.WaitFor(t, 20)
		s.Program.Must(t, "GET", "/v1/deliveries?contract="+contract+"&status=delivered", nil)
		if n := len(dead.Requests()); n > 5+2 { // what was under way when the fifth failed
			t.Errorf("the dead receiver got %d requests, want about 5", n)
		}
		tried := len(dead.Requests())
		hands.Advance(5 * time.Second)
		dead.WaitFor(t, tried+1)
		hands.Advance(4 * time.Second) // the next probe is after ten
		for range 3 {
			sold(t, s)
		}
		alive.WaitFor(t, 23)
		if n := len(dead.Requests()); n != tried+1 {
			t.Errorf("the dead receiver got %d requests, want one probe more than %d", n, tried)
		}
		dead.Recover()
		hands.Advance(5 * time.Minute)
		apptest.Eventually(t, func() error {
			hands.Advance(10 * time.Minute)
			if n := db.Number("SELECT COUNT(*) FROM deliveries WHERE state = 'delivered'"); n != waiting+23 {
				return fmt.Errorf("%d are delivered, want %d", n, waiting+23)
			}
			return nil
		})
		db.Audit()
	})
}

// What a return, an erasure or a contract that stops delivering makes of a delivery that waits.
func TestAPendingDeliveryIsEnded(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusInternalServerError, -1)
		sink.Answer(http.StatusOK, "text/plain", "thanks")
		s, hands, db := startDelivering(t, databaseURL, notify(sink.URL))
		returned, saleID := sold(t, s)
		erased, _ := sold(t, s)
		waitTried(t, s, returned, 1)
		waitTried(t, s, erased, 1)
		s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, saleID, "invalid_contact")+"/approve", nil)
		s.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+erased, nil)
		sink.Recover()
		hands.Advance(6 * time.Second)
		if d := deliveryOf(t, s, returned, "failed"); d["reason"] != "sale_returned" || fmt.Sprint(d["tried"]) != "1" {
			t.Errorf("of a returned sale: %v", d)
		}
		d := deliveryOf(t, s, erased, "failed")
		if a := d["attempts"].([]any)[0].(map[string]any); d["reason"] != "lead_erased" || a["request"] != nil || a["answer"] != nil {
			t.Errorf("of an erased lead: %v", d)
		}
		sink.Fail(http.StatusInternalServerError, -1)
		stopped, _ := sold(t, s)
		waitTried(t, s, stopped, 1)
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"delivery": nil})
		hands.Advance(6 * time.Second)
		if d := deliveryOf(t, s, stopped, "failed"); d["reason"] != "not_configured" {
			t.Errorf("of a contract that delivers no more: %v", d)
		}
		later, _ := sold(t, s)
		if l := s.Lead(t, later)["sales"].([]any)[0].(map[string]any); l["delivery"] != "none" {
			t.Errorf("the sale is %v", l)
		}
		db.Audit()
	})
}

// A lead that is erased while its buyer is told of it: what was sent and answered is not kept.
func TestALeadIsErasedWhileItIsDelivered(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		arrived, release := make(chan struct{}, 1), make(chan struct{})
		free := sync.OnceFunc(func() { close(release) })
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			arrived <- struct{}{}
			<-release
			_, _ = io.WriteString(w, "thanks")
		}))
		t.Cleanup(receiver.Close)
		t.Cleanup(free) // before the server closes, which waits for its handlers
		how := notify(receiver.URL)
		how["delivery"].(apptest.Object)["timeout_ms"] = 30_000
		s, _, db := startDelivering(t, databaseURL, how)
		leadID, _ := sold(t, s)
		<-arrived
		s.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+leadID, nil)
		free()
		a := deliveryOf(t, s, leadID, "delivered")["attempts"].([]any)[0].(map[string]any)
		if fmt.Sprint(a["status"]) != "200" || a["request"] != nil || a["answer"] != nil {
			t.Errorf("kept is %v", a)
		}
		other, _ := sold(t, s)
		if a := deliveryOf(t, s, other, "delivered")["attempts"].([]any)[0].(map[string]any); a["request"] == nil || a["answer"] != "thanks" {
			t.Errorf("of a lead that is there: %v", a)
		}
		db.Audit()
	})
}

func TestADeliveryByMail(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startDelivering(t, databaseURL, apptest.Object{"delivery": apptest.Object{"mode": "notify", "email": "leads@buyer.example", "fields": apptest.Object{"tel": "lead.phone", "price": "sale.price"}, "static": apptest.Object{"source": "acme"}}})
		form := s.Form()
		l := s.Sell(t, form)
		deliveryOf(t, s, l.ID, "delivered")
		m := s.App.Mails.WaitFor(t, 1, "leads@buyer.example")[0]
		if want := "price: 10.00\ntel: " + fmt.Sprint(form["phone"]) + "\nsource: acme\n"; strings.ReplaceAll(m.Text, "\r", "") != want {
			t.Errorf("the mail says %q, want %q", m.Text, want)
		}
		db.Audit()
	})
}

func TestADeliveryIsTested(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusTeapot, 1)
		s, _, db := startDelivering(t, databaseURL, apptest.Object{"delivery": apptest.Object{"mode": "notify", "url": sink.URL, "format": "xml", "fields": apptest.Object{"tel": "lead.phone", "is_test": "test"}}}, apptest.Object{})
		path := s.ContractPath(s.ContractIDs[0]) + "/test-delivery"
		if a := s.Program.Must(t, "POST", path, nil).Data(t); fmt.Sprint(a["status"]) != "418" || a["reason"] != "refused" {
			t.Errorf("answered %v", a)
		}
		if a := s.Program.Must(t, "POST", path, nil).Data(t); fmt.Sprint(a["status"]) != "200" || a["reason"] != nil || !strings.Contains(fmt.Sprint(a["request"]), "<is_test>true</is_test><tel>***</tel>") {
			t.Errorf("answered %v", a)
		}
		if got := string(sink.Requests()[1].Body); !strings.Contains(got, "<is_test>true</is_test><tel>+12025550123</tel>") {
			t.Errorf("sent %s", got)
		}
		refused(t, s.Program.Do("POST", s.ContractPath(s.ContractIDs[1])+"/test-delivery", nil), "contract_not_delivering")
		refused(t, s.Program.Do("POST", s.ContractPath(s.ContractIDs[1])+"/rotate-secret", nil), "contract_has_no_secret")
		if n := db.Number("SELECT (SELECT COUNT(*) FROM deliveries) + (SELECT COUNT(*) FROM delivery_attempts)"); n != 0 {
			t.Errorf("%d rows are stored", n)
		}
	})
}

// Receivers that redirect, hang, break off, never end or lie get one attempt each, and no other receiver waits for them.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		inside := leadmilltest.NewHTTPSink(t) // where a redirect leads to
		mux := http.NewServeMux()
		mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
		})
		mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else it is not seen that the client goes away
			<-r.Context().Done()
		})
		mux.HandleFunc("/reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
			for line := []byte(strings.Repeat("x", 1<<12)); ; {
				if _, err := w.Write(line); err != nil || r.Context().Err() != nil {
					return
				}
			}
		})
		mux.HandleFunc("/later", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		mux.HandleFunc("/binary", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x00\x1f\x8b\xff")) })
		hostile := httptest.NewServer(mux)
		t.Cleanup(hostile.Close)
		good := leadmilltest.NewHTTPSink(t)
		want := map[string]string{"/redirect": "refused 307", "/hang": "timeout <nil>", "/reset": "unreachable <nil>", "/later": "refused 429", "/binary": "<nil> 200", "/endless": "<nil> 200"}
		paths := slices.Sorted(maps.Keys(want))
		var contracts []apptest.Object
		for i, path := range paths {
			contracts = append(contracts, apptest.Object{"priority": i + 1, "caps": []apptest.Object{{"window": "day", "leads": 1}}, "delivery": apptest.Object{"mode": "notify", "url": hostile.URL + path, "timeout_ms": 300}})
		}
		good1 := notify(good.URL)
		good1["priority"] = 100
		s, hands, _ := startDelivering(t, databaseURL, append(contracts, good1)...)
		leads := map[string]string{}
		for _, path := range paths {
			leads[path], _ = sold(t, s)
		}
		last, _ := sold(t, s)
		deliveryOf(t, s, last, "delivered")
		for path, leadID := range leads {
			d := waitTried(t, s, leadID, 1)
			a := d["attempts"].([]any)[0].(map[string]any)
			if got := fmt.Sprint(a["reason"], " ", a["status"]); got != want[path] || len(fmt.Sprint(a["answer"])) > 4096 {
				t.Errorf("%s: %s, want %s", path, got, want[path])
			}
			if path == "/later" {
				if at, _ := time.Parse(time.RFC3339, fmt.Sprint(d["next_at"])); at.Sub(hands.Now()) < time.Hour-time.Second {
					t.Errorf("it is tried at %v, now is %v", at, hands.Now())
				}
			}
		}
		if n := len(inside.Requests()); n != 0 {
			t.Errorf("%d redirects were followed", n)
		}
		if a := s.Program.Do("PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"delivery": apptest.Object{"url": "http://169.254.169.254/latest"}}); a.Status != 422 || !strings.Contains(fmt.Sprint(a.Refusal()), "delivery.url") {
			t.Errorf("the address of metadata is answered %v", a)
		}
	})
}

// A contract is changed while its delivery is: what is secret stays until it is said otherwise, and is never shown again.
func TestWhatIsSecretOfADelivery(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		s, _, db := startDelivering(t, databaseURL, apptest.Object{})
		path := s.ContractPath(s.ContractIDs[0])
		headers := apptest.Object{"Authorization": "Bearer secret-token", "X-A": "1"}
		made := s.Program.Must(t, "PUT", path, apptest.Object{"delivery": apptest.Object{"mode": "notify", "url": sink.URL, "headers": headers}}).Data(t)["delivery"].(map[string]any)
		secret := fmt.Sprint(made["secret"])
		if !strings.HasPrefix(secret, "whsec_") {
			t.Fatalf("the delivery is %v", made)
		}
		shown := s.Program.Must(t, "PUT", path, apptest.Object{"delivery": apptest.Object{"headers": apptest.Object{"Authorization": nil}, "timeout_ms": 1000}}).Data(t)["delivery"].(map[string]any)
		if shown["secret"] != nil || fmt.Sprint(shown["headers"]) != "map[Authorization:<nil>]" || fmt.Sprint(shown["timeout_ms"]) != "1000" {
			t.Errorf("the delivery is %v", shown)
		}
		for _, column := range []string{"SELECT COUNT(*) FROM contracts WHERE delivery LIKE '%secret-token%'", "SELECT COUNT(*) FROM contracts WHERE delivery LIKE '%whsec_%'"} {
			if n := db.Number(column); n != 0 {
				t.Errorf("%s: %d", column, n)
			}
		}
		rotated := fmt.Sprint(s.Program.Must(t, "POST", path+"/rotate-secret", nil).Data(t)["delivery"].(map[string]any)["secret"])
		sold(t, s)
		got := sink.WaitFor(t, 1)[0]
		if got.Header.Get("Authorization") != "Bearer secret-token" || got.Header.Get("X-A") != "" {
			t.Errorf("the receiver got %v", got.Header)
		}
		if n := len(strings.Fields(got.Header.Get("Webhook-Signature"))); n != 2 || rotated == secret {
			t.Errorf("%d signatures, want one by each secret", n)
		}
		if a := s.Program.Do("PUT", path, apptest.Object{"delivery": apptest.Object{"headers": apptest.Object{"X-New": nil}}}); a.Status != 422 {
			t.Errorf("a header without a value: %v", a)
		}
	})
}
