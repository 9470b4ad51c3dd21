package market_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
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
		sink.Answer(http.StatusOK, "application/json", `{"ok":true,"who":"John","phone":"(202) 555-0100"}`)
		s, hands, db := startDelivering(t, databaseURL, apptest.Object{"delivery": apptest.Object{"mode": "notify", "url": sink.URL + "/leads?key=1", "headers": apptest.Object{"X-Api-Key": "hidden-key"}}})
		contract := "/v1/campaigns/" + s.CampaignID + "/contracts/" + s.ContractIDs[0]
		secret := s.Program.Must(t, "POST", contract+"/rotate-secret", nil).Data(t)["delivery"].(map[string]any)["secret"].(string)
		leadID, saleID := sold(t, s)
		d := deliveryOf(t, s, leadID, "delivered")
		got := sink.WaitFor(t, 1)[0]
		var body struct {
			LeadID string         `json:"lead_id"`
			SaleID string         `json:"sale_id"`
			Price  float64        `json:"price"`
			Test   bool           `json:"test"`
			Fields map[string]any `json:"fields"`
		}
		if err := json.Unmarshal(got.Body, &body); err != nil || body.LeadID != leadID || body.SaleID != saleID || body.Price != 10 || body.Fields["firstName"] == "" || body.Fields["phone"] == nil {
			t.Errorf("the receiver got %s: %v", got.Body, err)
		}
		if err := webhook.Verify(secret, got.Header, hands.Now(), got.Body); err != nil {
			t.Errorf("the signature: %v", err)
		}
		if got.Header.Get("Webhook-Id") != d["id"] || got.Header.Get("Idempotency-Key") != saleID || got.Header.Get("X-Api-Key") != "hidden-key" || got.Query.Get("key") != "1" {
			t.Errorf("the receiver got the headers %v", got.Header)
		}
		attempt := d["attempts"].([]any)[0].(map[string]any)
		text := fmt.Sprint(attempt["request"], attempt["answer"])
		for _, personal := range []string{fmt.Sprint(body.Fields["firstName"]), fmt.Sprint(body.Fields["phone"])} {
			if strings.Contains(text, personal) {
				t.Errorf("%q is kept in %s", personal, text)
			}
		}
		if !strings.Contains(text, saleID) || !strings.Contains(text, `{"ok":true`) || fmt.Sprint(attempt["status"]) != "200" {
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
