package feed_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

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

func startTelling(t *testing.T, databaseURL string) (*apptest.Shop, *clock.Manual, *apptest.Database) {
	t.Helper()
	hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
	app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Clock: hands})
	return apptest.NewShop(t, app, nil, apptest.Rich), hands, apptest.Open(t, databaseURL)
}

// listening makes a webhook that is told of types of events, and returns its path and its secret.
func listening(t *testing.T, c *apptest.Client, url string, types ...string) (path, secret string) {
	t.Helper()
	w := c.Must(t, "POST", "/v1/webhooks", apptest.Object{"name": "Test", "url": url, "events": types}).Data(t)
	return "/v1/webhooks/" + fmt.Sprint(w["id"]), fmt.Sprint(w["key"])
}

// toldOf waits until a webhook has so many deliveries of a status, and returns them.
func toldOf(t *testing.T, c *apptest.Client, path, status string, n int) []apptest.Object {
	t.Helper()
	var list []apptest.Object
	apptest.Eventually(t, func() error {
		if list = c.Must(t, "GET", path+"/deliveries?limit=250&status="+status, nil).List(t); len(list) != n {
			return fmt.Errorf("%d deliveries are %s, want %d: %v", len(list), status, n, c.Must(t, "GET", path+"/deliveries", nil).List(t))
		}
		return nil
	})
	return list
}

func TestAWebhookIsToldOfEvents(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		s, hands, db := startTelling(t, databaseURL)
		path, secret := listening(t, s.Program, sink.URL+"/hook?token=in-the-query", "lead.sold.v1")
		sink.Answer(http.StatusOK, "text/plain", "thanks for "+secret+" and in-the-query")
		l := s.Sell(t, s.Form())
		got := sink.WaitFor(t, 1)[0]
		var e map[string]any
		if err := json.Unmarshal(got.Body, &e); err != nil {
			t.Fatal(err)
		}
		data, _ := e["data"].(map[string]any)
		if e["type"] != "lead.sold.v1" || data["lead_id"] != l.ID || got.Header.Get("Webhook-Id") != e["id"] || got.Header.Get("Content-Type") != "application/cloudevents+json" {
			t.Errorf("the receiver got %s with %v", got.Body, got.Header)
		}
		page := feed(t, s.Program, "types=lead.sold.v1&limit=1000")
		if same, _ := json.Marshal(page.Data[len(page.Data)-1]); string(same) != compactJSON(t, got.Body) {
			t.Errorf("the receiver got %s, and the feed has %s", got.Body, same)
		}
		if err := webhook.Verify(secret, got.Header, hands.Now(), got.Body); err != nil {
			t.Error(err)
		}
		if _, err := standardwebhooks.NewWebhook(secret); err != nil {
			t.Error(err)
		}
		d := toldOf(t, s.Program, path, "delivered", 1)[0]
		one := s.Program.Must(t, "GET", path+"/deliveries/"+fmt.Sprint(d["event_id"]), nil).Data(t)
		attempts := one["attempts"].([]any)
		answer := attempts[0].(map[string]any)["answer"].(string)
		if len(attempts) != 1 || strings.Contains(answer, secret) || strings.Contains(answer, "in-the-query") || !strings.Contains(answer, "thanks for ***") {
			t.Errorf("kept is %v", attempts)
		}
		shown := s.Program.Must(t, "GET", path, nil).Data(t)
		if shown["key"] != nil || shown["status"] != "active" || shown["is_active"] != true {
			t.Errorf("the webhook shows %v", shown)
		}
		if len(sink.Requests()) != 1 {
			t.Error("it was told of other events")
		}
		db.Audit()
	})
}

func compactJSON(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestAWebhookThatFailsIsTriedAgainAndDisabled(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink, well := leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusInternalServerError, -1)
		s, hands, db := startTelling(t, databaseURL)
		path, _ := listening(t, s.Program, sink.URL, "lead.sold.v1")
		other, _ := listening(t, s.Program, well.URL, "lead.sold.v1")
		s.Sell(t, s.Form())
		waitTried := func(n float64) apptest.Object {
			t.Helper()
			var d apptest.Object
			apptest.Eventually(t, func() error {
				list := s.Program.Must(t, "GET", path+"/deliveries", nil).List(t)
				if len(list) == 0 {
					return fmt.Errorf("nothing was told")
				}
				if d = list[0]; d["tried"] != n {
					return fmt.Errorf("it was tried %v times, want %v", d["tried"], n)
				}
				return nil
			})
			return d
		}
		d := waitTried(1)
		next, err := time.Parse(time.RFC3339, fmt.Sprint(d["next_at"]))
		if wait := next.Sub(hands.Now()); err != nil || wait < 5*time.Second || wait > 6*time.Second || d["status"] != "pending" {
			t.Errorf("it is tried in %v", wait)
		}
		if w := s.Program.Must(t, "GET", path, nil).Data(t); w["failing_since"] == nil {
			t.Errorf("the webhook shows %v", w)
		}
		hands.Advance(6 * time.Second)
		waitTried(2)
		toldOf(t, s.Program, other, "delivered", 1)
		hands.Advance(5*24*time.Hour + time.Minute)
		apptest.Eventually(t, func() error {
			if w := s.Program.Must(t, "GET", path, nil).Data(t); w["status"] != "disabled" || w["disabled_reason"] != "failing" || w["disabled_at"] == nil || w["is_active"] != false {
				return fmt.Errorf("the webhook shows %v", w)
			}
			return nil
		})
		s.Sell(t, s.Form()) // while it is disabled
		toldOf(t, s.Program, other, "delivered", 2)
		if a := s.Program.Do("POST", path+"/replay", apptest.Object{"from": "2020-01-01T00:00:00Z"}); a.Status != 409 {
			t.Errorf("a replay is answered %s", a)
		}
		sink.Recover()
		if w := s.Program.Must(t, "POST", path+"/enable", nil).Data(t); w["status"] != "active" || w["disabled_reason"] != nil || w["failing_since"] != nil {
			t.Errorf("the webhook shows %v", w)
		}
		hands.Advance(24 * time.Hour) // what it was tried last of is due by then
		toldOf(t, s.Program, path, "delivered", 2)
		if n := len(sink.Accepted()); n != 2 {
			t.Errorf("it took %d events, want 2", n)
		}
		db.Audit()
	})
}

func TestAReceiverThatIsGoneIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusGone, 1)
		s, _, db := startTelling(t, databaseURL)
		path, _ := listening(t, s.Program, sink.URL, "lead.sold.v1")
		s.Sell(t, s.Form())
		if d := toldOf(t, s.Program, path, "failed", 1)[0]; d["reason"] != "gone" {
			t.Errorf("the delivery is %v", d)
		}
		if w := s.Program.Must(t, "GET", path, nil).Data(t); w["status"] != "disabled" || w["disabled_reason"] != "gone" {
			t.Errorf("the webhook is %v", w)
		}
		s.Program.Must(t, "PUT", path, apptest.Object{"is_active": true, "name": "Again"})
		s.Sell(t, s.Form())
		toldOf(t, s.Program, path, "delivered", 1)
		db.Audit()
	})
}

func TestTheSecretOfAWebhookIsRotated(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		s, hands, _ := startTelling(t, databaseURL)
		own := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("s"), 32))
		w := s.Program.Must(t, "POST", "/v1/webhooks", apptest.Object{"name": "Own", "url": sink.URL, "events": []string{"lead.sold.v1"}, "key": own}).Data(t)
		if w["key"] != own {
			t.Errorf("the webhook shows %v", w)
		}
		path := "/v1/webhooks/" + fmt.Sprint(w["id"])
		second := fmt.Sprint(s.Program.Must(t, "POST", path+"/rotate-secret", nil).Data(t)["key"])
		s.Sell(t, s.Form())
		got := sink.WaitFor(t, 1)[0]
		for _, secret := range []string{own, second} {
			if err := webhook.Verify(secret, got.Header, hands.Now(), got.Body); err != nil {
				t.Error(err)
			}
		}
		hands.Advance(25 * time.Hour)
		s.Sell(t, s.Form())
		got = sink.WaitFor(t, 2)[1]
		if webhook.Verify(own, got.Header, hands.Now(), got.Body) == nil || webhook.Verify(second, got.Header, hands.Now(), got.Body) != nil {
			t.Error("it is not signed by the new secret alone")
		}
	})
}

func TestAReplayTellsAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink, late := leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t)
		s, hands, db := startTelling(t, databaseURL)
		path, _ := listening(t, s.Program, sink.URL, "lead.sold.v1", "lead.submitted.v1")
		before := hands.Now()
		s.Sell(t, s.Form())
		toldOf(t, s.Program, path, "delivered", 2)
		hands.Advance(time.Hour)
		s.Sell(t, s.Form())
		list := toldOf(t, s.Program, path, "delivered", 4)
		requests := 4
		for _, c := range []struct {
			body apptest.Object
			more int
		}{
			{apptest.Object{"event_id": list[0]["event_id"]}, 1},
			{apptest.Object{"from": before.Format(time.RFC3339), "until": before.Add(time.Minute).Format(time.RFC3339)}, 2},
			{apptest.Object{"from": before.Format(time.RFC3339), "types": []string{"lead.sold.v1"}}, 2},
		} {
			s.Program.Must(t, "POST", path+"/replay", c.body)
			requests += c.more
			sink.WaitFor(t, requests)
			toldOf(t, s.Program, path, "delivered", 4)
		}
		if n := len(sink.Requests()); n != requests || len(sink.Counts()) != 4 {
			t.Errorf("%d requests came under %d ids, want %d under 4", n, len(sink.Counts()), requests)
		}
		after, _ := listening(t, s.Program, late.URL, "lead.sold.v1")
		s.Program.Must(t, "POST", after+"/replay", apptest.Object{"from": before.Format(time.RFC3339)})
		toldOf(t, s.Program, after, "delivered", 2)
		for name, body := range map[string]apptest.Object{
			"from": {}, "event_id": {"event_id": "x"}, "types": {"from": before.Format(time.RFC3339), "types": []string{"lead.unsold.v1"}},
			"until": {"from": before.Format(time.RFC3339), "until": before.Format(time.RFC3339)}, "types[0]": {"from": before.Format(time.RFC3339), "types": []string{"lead.eaten.v1"}},
		} {
			if a := s.Program.Do("POST", path+"/replay", body); a.Status != 422 || !strings.Contains(string(a.Body), `"`+name+`":`) {
				t.Errorf("%v is answered %s", body, a)
			}
		}
		db.Audit()
	})
}

func TestADeletedWebhookLeavesNothing(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Fail(http.StatusInternalServerError, -1)
		s, hands, db := startTelling(t, databaseURL)
		path, _ := listening(t, s.Program, sink.URL, "lead.sold.v1")
		s.Sell(t, s.Form())
		toldOf(t, s.Program, path, "pending", 1)
		s.Program.Must(t, "DELETE", path, nil)
		for _, c := range [][2]string{{"GET", path}, {"PUT", path}, {"DELETE", path}, {"GET", path + "/deliveries"}, {"POST", path + "/enable"}, {"POST", path + "/test"}, {"POST", path + "/replay"}} {
			if a := s.Program.Do(c[0], c[1], apptest.Object{}); a.Status != 404 {
				t.Errorf("%v is answered %s", c, a)
			}
		}
		hands.Advance(2 * time.Minute) // what is left is deleted with what else is over
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT (SELECT COUNT(*) FROM webhook_deliveries) + (SELECT COUNT(*) FROM webhook_queue) + (SELECT COUNT(*) FROM webhook_attempts)"); n != 0 {
				return fmt.Errorf("%d rows are left", n)
			}
			return nil
		})
		if n := len(s.Program.Must(t, "GET", "/v1/webhooks", nil).List(t)); n != 0 {
			t.Errorf("%d webhooks are listed", n)
		}
		db.Audit()
	})
}

// The requests are those of Partnero's node for n8n.
func TestPartnerosTrigger(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		s, _, db := startTelling(t, databaseURL)
		if a := s.Program.Do("GET", "/v1/webhooks/NSpBI1qWSE4J", nil); a.Status != 404 {
			t.Errorf("an unknown key is answered %s", a)
		}
		refused := s.Program.Do("POST", "/v1/webhooks", apptest.Object{"name": "n8n – workflow", "url": sink.URL + "/webhook", "events": []string{"transaction.created", "partner.created"}, "is_active": true})
		if refused.Status != 422 || !strings.Contains(string(refused.Body), "transaction.created") {
			t.Errorf("an event that there is not is answered %s", refused)
		}
		w := s.Program.Must(t, "POST", "/v1/webhooks", apptest.Object{
			"name": "n8n – workflow", "url": sink.URL + "/webhook", "events": []string{"partner.created", "customer.created", "lead.submitted"}, "is_active": true,
		}).Data(t)
		key, signature := fmt.Sprint(w["key"]), fmt.Sprint(w["signature"])
		if len(key) != 12 || len(signature) < 16 || w["format"] != "partnero" || fmt.Sprint(w["events"]) != "[customer.created lead.submitted partner.created]" {
			t.Errorf("the webhook is %v", w)
		}
		if again := s.Program.Must(t, "GET", "/v1/webhooks/"+key, nil).Data(t); again["signature"] != signature || again["name"] != "n8n – workflow" {
			t.Errorf("the webhook shows %v", again)
		}
		s.Sell(t, s.Form()) // a lead of a supplier, which Partnero does not have
		p := s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"email": "hook@example.com", "name": "Hook"}).Data(t)
		var got leadmilltest.HTTPRequest
		apptest.Eventually(t, func() error { // it may be told of what happened shortly before it was made
			all := sink.Requests()
			i := slices.IndexFunc(all, func(r leadmilltest.HTTPRequest) bool {
				return strings.Contains(string(r.Body), fmt.Sprintf("%q", p["id"]))
			})
			if i < 0 {
				return fmt.Errorf("%d requests came, none of the partner", len(all))
			}
			got = all[i]
			return nil
		})
		mac := hmac.New(sha256.New, []byte(signature))
		mac.Write(got.Body)
		if got.Header.Get("Signature") != hex.EncodeToString(mac.Sum(nil)) || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the receiver got %v", got.Header)
		}
		var body struct {
			Event      string         `json:"event"`
			URL        string         `json:"url"`
			WebhookKey string         `json:"webhook_key"`
			CreatedAt  string         `json:"created_at"`
			Data       map[string]any `json:"data"`
		}
		if err := json.Unmarshal(got.Body, &body); err != nil || body.Event != "partner.created" || body.URL != sink.URL+"/webhook" || body.WebhookKey != key || body.Data["id"] != p["id"] || body.CreatedAt == "" {
			t.Errorf("the receiver got %s: %v", got.Body, err)
		}
		if strings.Contains(string(got.Body), "hook@example.com") {
			t.Error("what is personal was sent")
		}
		if n := strings.Count(fmt.Sprint(sink.Requests()), "lead.submitted"); n != 0 {
			t.Errorf("it was told of %d leads of suppliers", n)
		}
		s.Program.Must(t, "DELETE", "/v1/webhooks/"+key, nil)
		db.Audit()
	})
}

func TestWhatAWebhookMayBe(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, _ := startTelling(t, databaseURL)
		whole := func(change apptest.Object) apptest.Object {
			o := apptest.Object{"name": "Hook", "url": "https://hooks.example.com/x", "events": []string{"lead.sold.v1"}}
			maps.Copy(o, change)
			return o
		}
		for field, change := range map[string]apptest.Object{
			"name": {"name": " "}, "url": {"url": "https://10.0.0.1/x"}, "events": {"events": []string{}}, "events[1]": {"events": []string{"lead.sold.v1", "lead.eaten.v1"}},
			"format": {"format": "xml"}, "key": {"key": "short"}, "seller_id": {"seller_id": "seller_2"}, "is_active": {"is_active": "yes"},
		} {
			if a := s.Program.Do("POST", "/v1/webhooks", whole(change)); a.Status != 422 || !strings.Contains(string(a.Body), `"`+field+`":`) {
				t.Errorf("%v is answered %s", change, a)
			}
		}
		for _, url := range []string{"https://127.1.1.1.nip.io@x", "https://user:pass@hooks.example.com", "https://169.254.169.254/", "https://[fd00::1]/", "ftp://hooks.example.com"} {
			if a := s.Program.Do("POST", "/v1/webhooks", whole(apptest.Object{"url": url})); a.Status != 422 || !strings.Contains(string(a.Body), `"url":`) {
				t.Errorf("%s is answered %s", url, a)
			}
		}
		first := s.Program.Must(t, "POST", "/v1/webhooks", whole(apptest.Object{"format": "partnero", "events": []string{"lead.submitted"}, "key": "my-key"})).Data(t)
		if a := s.Program.Do("POST", "/v1/webhooks", whole(apptest.Object{"format": "partnero", "events": []string{"lead.submitted"}, "key": "my-key"})); a.Status != 409 {
			t.Errorf("the same key is answered %s", a)
		}
		if a := s.Program.Do("PUT", "/v1/webhooks/my-key", apptest.Object{"format": "standard"}); a.Status != 422 {
			t.Errorf("another format is answered %s", a)
		}
		paused := s.Program.Must(t, "PUT", "/v1/webhooks/my-key", apptest.Object{"is_active": false}).Data(t)
		if paused["id"] != first["id"] || paused["status"] != "paused" || paused["signature"] != first["signature"] {
			t.Errorf("the webhook is %v", paused)
		}
	})
}

// Webhooks that are dead, hang and drip hold up no other, however many of their events wait.
func TestDeadWebhooksDelayNoOther(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		dead, hangs, well := leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t)
		dead.Fail(http.StatusInternalServerError, -1)
		hangs.Hang()
		s, _, db := startTelling(t, databaseURL)
		bad := make([]string, 6)
		for i := range bad {
			bad[i], _ = listening(t, s.Program, []string{dead.URL, hangs.URL}[i%2], "lead.sold.v1")
		}
		const most = 2_000 // that wait for each of them
		for _, path := range bad {
			id := strings.TrimPrefix(path, "/v1/webhooks/")
			var seller string
			if err := db.Reader.GetContext(t.Context(), &seller, "SELECT seller_id FROM webhooks WHERE id = ?", id); err != nil {
				t.Fatal(err)
			}
			rows := make([]string, most)
			for i := range rows {
				rows[i] = fmt.Sprintf("('%s', '%s', 'evt_0%05d', 'lead.sold.v1', 'pending', 0, 0, %d, '', '{}', 1, 1, 1, 0)", seller, id, i, i+1)
			}
			for _, statement := range []string{
				"INSERT INTO webhook_deliveries (seller_id, webhook_id, event_id, type, state, attempts, tries, next_at, reason, body, happened_at, created_at, updated_at, ended_at) VALUES " +
					strings.ReplaceAll(strings.Join(rows, ", "), "'{}'", "X'7B7D'"),
				"INSERT INTO webhook_queue (seller_id, webhook_id, next_at, event_id) SELECT seller_id, webhook_id, next_at, event_id FROM webhook_deliveries WHERE webhook_id = '" + id + "'",
			} {
				if _, err := db.Writer.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		}
		path, _ := listening(t, s.Program, well.URL, "lead.sold.v1")
		const leads = 20
		for range leads {
			s.Sell(t, s.Form())
		}
		toldOf(t, s.Program, path, "delivered", leads)
		if n := len(dead.Requests()) + len(hangs.Requests()); n > 200 {
			t.Errorf("dead receivers got %d requests", n)
		}
	})
}
