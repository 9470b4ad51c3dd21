package markethttp

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/returns"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestRoom(t *testing.T) {
	t.Parallel()
	routes, err := handlers(nil).Routes()
	if err != nil {
		t.Fatal(err)
	}
	porttest.Room{New: newApp, Routes: routes, Fragments: "openapi*.yaml", Examples: examples, Strict: []string{"/v1/buyers", "/v1/campaigns"}}.Check(t)
}

func TestRoutesNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Handlers{}.Routes()
	for _, name := range []string{"handler SubmitLead", "handler CampaignReport"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// What each body becomes.
func TestBinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, key, body string
		want                    func(any) (got, want any)
	}{
		"buyer": {
			path: "/v1/buyers", key: "program", body: `{"name":"Best","email":"a@b.example","credit_limit":0.50,"time_zone":""}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.CreateBuyer).Details, buyer.Details{Name: new("Best"), Email: new("a@b.example"), TimeZone: new(""), CreditLimit: new(money.Micros(500_000))}
			},
		},
		"buyer, nothing": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"name":null}`,
			want: func(c any) (any, any) { return c.(marketcommand.UpdateBuyer).Details, buyer.Details{} },
		},
		"buyer, low balance": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"low_balance":100.50}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateBuyer).Details, buyer.Details{LowBalance: &buyer.Threshold{On: true, At: 100_500_000}}
			},
		},
		"buyer, no low balance": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"low_balance":null}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateBuyer).Details, buyer.Details{LowBalance: &buyer.Threshold{}}
			},
		},
		"buyer, what its people may do": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"portal":{"pause_contracts":true,"change_caps":false}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateBuyer).Details, buyer.Details{Portal: &buyer.Portal{PauseContracts: true}}
			},
		},
		"buyer, its people may do nothing": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"portal":null}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateBuyer).Details, buyer.Details{Portal: &buyer.Portal{}}
			},
		},
		"buyer, returns": {
			path: "/v1/buyers", key: "program", body: `{"name":"Best","return_window_days":0,"returns":{"auto_approve":{"share_percent":12.5,"reasons":["duplicate","other"],"days":30}}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.CreateBuyer).Details, buyer.Details{
					Name: new("Best"), ReturnWindow: &buyer.ReturnWindow{Own: true},
					AutoApprove: &buyer.AutoApprove{Share: 125_000, Reasons: []returns.Reason{returns.Duplicate, returns.Other}, Days: 30},
				}
			},
		},
		"buyer, no rules of returns": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"return_window_days":null,"returns":null}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateBuyer).Details, buyer.Details{ReturnWindow: &buyer.ReturnWindow{}, AutoApprove: &buyer.AutoApprove{}}
			},
		},
		"return": {
			path: "/v1/sales/s1/returns", key: "program", body: `{"reason":"out_of_area","note":"far away"}`,
			want: func(c any) (any, any) {
				m := c.(marketcommand.RequestReturn)
				return []any{m.SaleID, m.Reason, m.Note}, []any{"s1", "out_of_area", "far away"}
			},
		},
		"approval": {
			path: "/v1/returns/r1/approve", key: "program", body: `{"note":"so be it","redistribute":true}`,
			want: func(c any) (any, any) {
				m := c.(marketcommand.ApproveReturn)
				return []any{m.ID, m.Note, m.Redistribute}, []any{"r1", "so be it", true}
			},
		},
		"rejection": {
			path: "/v1/returns/r1/reject", key: "program", body: `{"note":"no"}`,
			want: func(c any) (any, any) {
				m := c.(marketcommand.RejectReturn)
				return []any{m.ID, m.Note}, []any{"r1", "no"}
			},
		},
		"redistribution": {
			path: "/v1/marketplace/leads/l1/redistribute", key: "program",
			want: func(c any) (any, any) { return c.(marketcommand.RedistributeLead).ID, "l1" },
		},
		"price of a lead": {
			method: "PUT", path: "/v1/marketplace/leads/l1/price", key: "program", body: `{"price":12.50,"was":null}`,
			want: func(c any) (any, any) {
				m := c.(marketcommand.ChangeLeadPrice)
				return []any{m.ID, m.Price, m.Was}, []any{"l1", new(money.Micros(12_500_000)), (*money.Micros)(nil)}
			},
		},
		"rejected lead": {
			path: "/v1/marketplace/leads/l1/reject", key: "program",
			want: func(c any) (any, any) { return c.(marketcommand.RejectMarketLead).ID, "l1" },
		},
		"resume": {
			path: "/v1/buyers/b1/resume", key: "program",
			want: func(c any) (any, any) {
				return c.(marketcommand.ResumeBuyer).ID, "b1"
			},
		},
		"deposit": {
			path: "/v1/buyers/b1/deposits", key: "program", body: `{"amount":1000.00,"note":"wire 42"}`,
			want: func(c any) (any, any) {
				m := c.(marketcommand.Deposit)
				return []any{m.BuyerID, m.Amount, m.Note}, []any{"b1", money.Micros(1000_000_000), "wire 42"}
			},
		},
		"withdrawal": {
			path: "/v1/buyers/b1/withdrawals", key: "program", body: `{"amount":1e2}`,
			want: func(c any) (any, any) {
				m := c.(marketcommand.Withdraw)
				return []any{m.BuyerID, m.Amount}, []any{"b1", money.Micros(100_000_000)}
			},
		},
		"campaign": {
			path: "/v1/campaigns", key: "program", body: documentedCampaign,
			want: func(c any) (any, any) {
				n := c.(marketcommand.CreateCampaign)
				return []any{n.Status, n.Definition}, []any{"active", campaign.Definition{
					Name: new("Auto"), Category: new("Auto Insurance"),
					Fields: &[]field.Rule{{Name: "zip", Type: "zip", Required: true}, {Name: "homeowner", Type: "boolean", Dimension: true}},
					Mode:   new("exclusive"), MaxSales: new(1), Strategy: new("priority"),
					Dedupe:     &campaign.Dedupe{Fields: []string{"phone", "email"}, Match: "any", WindowDays: 30},
					PendingTTL: new(72), PriceShown: new(campaign.ShowPayout), Payout: &campaign.Payout{Type: "percent", Percent: 700_000},
					FieldMap: &map[string]string{"first_name": "firstName", "/contact/phone": "phone"}, RedirectURL: new("https://www.example.com/thanks"),
				}}
			},
		},
		"campaign, cleared": {
			method: "PUT", path: "/v1/campaigns/c1", key: "program", body: `{"dedupe":null,"supplier_payout":null,"fields":[],"field_map":null,"redirect_url":null}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateCampaign).Definition, campaign.Definition{Dedupe: &campaign.Dedupe{}, Payout: &campaign.Payout{}, Fields: &[]field.Rule{}, FieldMap: &map[string]string{}, RedirectURL: new("")}
			},
		},
		"campaign, fixed payout": {
			method: "PUT", path: "/v1/campaigns/c1", key: "program", body: `{"supplier_payout":{"type":"fixed","value":12.5}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateCampaign).Definition.Payout, &campaign.Payout{Type: "fixed", Fixed: 12_500_000}
			},
		},
		"campaign, shared": {
			method: "PUT", path: "/v1/campaigns/c1", key: "program", body: `{"distribution":{"mode":"shared","max_sales":3,"strategy":"weighted"},"caps":[{"window":"day","leads":5,"budget":2.5}]}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateCampaign).Definition, campaign.Definition{
					Mode: new("shared"), MaxSales: new(3), Strategy: new("weighted"),
					Caps: &[]campaign.Cap{{Window: "day", HasLeads: true, Leads: 5, HasBudget: true, Budget: 2_500_000}},
				}
			},
		},
		"caps of a buyer": {
			method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"caps":[{"window":"month","budget":100}]}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateBuyer).Details, marketcommand.BuyerDetails{Caps: &[]campaign.Cap{{Window: "month", HasBudget: true, Budget: 100_000_000}}}
			},
		},
		"archive": {
			path: "/v1/campaigns/c1/archive", key: "program", body: "{}",
			want: func(c any) (any, any) { return c.(marketcommand.ArchiveCampaign).ID, "c1" },
		},
		"contract": {
			path: "/v1/campaigns/c1/contracts", key: "program", body: `{"buyer_id":"buyer_1","price":45.00,"priority":2,"weight":3,"status":"paused","time_zone":"America/Chicago",
			"filter":null,"caps":[{"window":"day","leads":100},{"window":"month","budget":5000.00}],"schedule":null,"dedupe":null,"delivery":{"mode":"notify","url":null,"format":"json"}}`,
			want: func(c any) (any, any) {
				k := c.(marketcommand.CreateContract)
				return []any{k.CampaignID, k.BuyerID, k.Status, k.Terms}, []any{"c1", "buyer_1", "paused", campaign.Terms{
					Price: new(money.Micros(45_000_000)), Priority: new(int64(2)), Weight: new(int64(3)), TimeZone: new("America/Chicago"),
					Caps:   &[]campaign.Cap{{Window: "day", HasLeads: true, Leads: 100}, {Window: "month", HasBudget: true, Budget: 5000_000_000}},
					Filter: new(""), Schedule: &calendar.ScheduleSpec{}, Dedupe: &campaign.Dedupe{},
					Delivery: &campaign.DeliveryTerms{Mode: new("notify"), URL: new(""), Format: new("json")},
				}}
			},
		},
		"contract, delivery": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"delivery":{"mode":"notify","url":"https://b.example","email":null,"fields":null,"static":{"a":"b"},"headers":{"X-A":"v","X-B":null},"timeout_ms":null}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Delivery: &campaign.DeliveryTerms{
					Mode: new("notify"), URL: new("https://b.example"), Email: new(""), Fields: &map[string]string{}, Static: &map[string]string{"a": "b"},
					Headers: &[]campaign.HeaderTerms{{Name: "X-A", Value: new("v")}, {Name: "X-B"}}, TimeoutMS: new(int64(5000)),
				}}
			},
		},
		"contract, asking": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"delivery":{"mode":"confirm","price_from_answer":true,"response":{"accepted":{"path":"$.r","equals":"OK"},
			"rejected":{"contains":"NO"},"price":{"path":"$.p"},"reference":{"path":"$.i"}}}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Delivery: &campaign.DeliveryTerms{Mode: new("confirm"), PriceFromAnswer: new(true), Response: &campaign.Response{
					Accepted: campaign.Sign{Path: "$.r", Equals: "OK"}, Rejected: campaign.Sign{Contains: "NO"}, Price: "$.p", Reference: "$.i",
				}}}
			},
		},
		"contract, asking as we ask for": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"delivery":{"response":null,"price_from_answer":null}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Delivery: &campaign.DeliveryTerms{PriceFromAnswer: new(false), Response: &campaign.Response{}}}
			},
		},
		"contract, bid": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"bid":{"url":"https://b.example","timeout_ms":null,"fields":{"st":"lead.state"}}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Bid: &campaign.BidTerms{URL: new("https://b.example"), TimeoutMS: new(int64(500)), Fields: &map[string]string{"st": "lead.state"}}}
			},
		},
		"contract, no bid": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"bid":null}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Bid: &campaign.BidTerms{Forget: true}}
			},
		},
		"campaign, auction": {
			method: "PUT", path: "/v1/campaigns/c1", key: "program", body: `{"reserve_price":12.5,"auction_timeout_ms":250}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateCampaign).Definition, campaign.Definition{ReservePrice: new(money.Micros(12_500_000)), AuctionTimeoutMS: new(int64(250))}
			},
		},
		"contract, no delivery": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"delivery":null}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Delivery: &campaign.DeliveryTerms{Mode: new("none")}}
			},
		},
		"redeliver": {
			path: "/v1/deliveries/d1/redeliver", key: "program", body: "",
			want: func(c any) (any, any) { return c.(marketcommand.Redeliver).ID, "d1" },
		},
		"contract, update": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"update":{"caps":[]}}`,
			want: func(c any) (any, any) {
				k := c.(marketcommand.UpdateContract)
				return []any{k.CampaignID, k.ID, k.Terms}, []any{"c1", "k1", campaign.Terms{Caps: &[]campaign.Cap{}}}
			},
		},
		"contract with a filter and a schedule": {
			method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program",
			body: `{"filter":"lead.state == 'TX'","schedule":{"hours":[{"days":["mon","tue"],"from":"09:00","to":"17:00"},{"days":["fri"],"from":"22:00","to":"02:00"}],"zone":"lead"}}`,
			want: func(c any) (any, any) {
				return c.(marketcommand.UpdateContract).Terms, campaign.Terms{Filter: new("lead.state == 'TX'"), Schedule: &calendar.ScheduleSpec{
					Zone: "lead", Hours: []calendar.Hours{{Days: []string{"mon", "tue"}, From: "09:00", To: "17:00"}, {Days: []string{"fri"}, From: "22:00", To: "02:00"}},
				}}
			},
		},
		"preview": {
			path: "/v1/campaigns/c1/preview", key: "program", body: `{"lead":{"state":"TX","homeowner":true,"age":34,"tags":[1,{"a":"é"}],"test":"1","category":"x"},"partner_id":"partner_1"}`,
			want: func(c any) (any, any) {
				q := c.(marketcommand.PreviewLead)
				return []any{q.CampaignID, q.PartnerID, q.Test, q.Fields}, []any{"c1", "partner_1", true, field.Set{
					"state": field.TextValue("TX"), "homeowner": {Kind: field.Bool, Text: "true"}, "age": {Kind: field.Number, Text: "34"}, "tags": {Kind: field.Other, Text: `[1,{"a":"é"}]`},
				}}
			},
		},
		"erasure by email": {
			path: "/v1/erasures", key: "program", body: `{"email":" John@Email.com"}`,
			want: func(c any) (any, any) {
				e := c.(marketcommand.RequestErasure)
				return []string{e.Email, e.Phone, e.Customer}, []string{" John@Email.com", "", ""}
			},
		},
		"erasure of a customer": {
			path: "/v1/erasures", key: "program", body: `{"customer":17,"phone":null}`,
			want: func(c any) (any, any) {
				e := c.(marketcommand.RequestErasure)
				return []string{e.Email, e.Phone, e.Customer}, []string{"", "", "17"}
			},
		},
		"lead, erase": {
			method: "DELETE", path: "/v1/marketplace/leads/l1", key: "program",
			want: func(c any) (any, any) { return c.(marketcommand.EraseLead).ID, "l1" },
		},
		"contract, delete": {
			method: "DELETE", path: "/v1/campaigns/c1/contracts/k1", key: "program",
			want: func(c any) (any, any) {
				k := c.(marketcommand.DeleteContract)
				return []any{k.CampaignID, k.ID}, []any{"c1", "k1"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body})
			if w.Code >= 300 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			got, want := c.want(a.Take())
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every violation of a body is told, under the member's path.
func TestViolations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]porttest.Refusal{
		"no body":        {Path: "/v1/buyers", Status: 400, Code: "invalid_body"},
		"no JSON":        {Path: "/v1/buyers", Body: `{"name"`, Status: 400, Code: "invalid_body"},
		"no object":      {Path: "/v1/buyers", Body: `["name"]`, Status: 400, Code: "invalid_body"},
		"duplicate":      {Path: "/v1/buyers", Body: `{"name":"a","name":"b"}`, Status: 400, Code: "invalid_body"},
		"trailing":       {Path: "/v1/buyers", Body: `{"name":"a"}x`, Status: 400, Code: "invalid_body"},
		"junk on action": {Path: "/v1/buyers/b1/pause", Body: `x`, Status: 400, Code: "invalid_body"},
		"wrong types": {
			Path: "/v1/buyers", Body: `{"name":1,"email":true,"credit_limit":"0","time_zone":[]}`, Status: 422, Code: "wrong_type",
			Errors: map[string][]string{"name": {"must be a string"}, "email": {"must be a string"}, "credit_limit": {"must be a number"}, "time_zone": {"must be a string"}},
		},
		"unknown": {
			Path: "/v1/buyers", Body: `{"name":"a","balance":5,"` + strings.Repeat("é", 40) + `":1}`, Status: 422, Code: "unknown_field",
			Errors: map[string][]string{"balance": {"is not a known member"}, strings.Repeat("é", 32) + "…": {"is not a known member"}},
		},
		"unknown on action": {Path: "/v1/buyers/b1/pause", Body: `{"force":true}`, Status: 422, Code: "unknown_field", Errors: map[string][]string{"force": {"is not a known member"}}},
		"mixed": {
			Path: "/v1/buyers", Body: `{"name":1,"credit_limit":0.001,"x":1}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"name": {"must be a string"}, "credit_limit": {"must have at most 2 decimals"}, "x": {"is not a known member"}},
		},
		"update beside others": {Method: "PUT", Path: "/v1/buyers/b1", Body: `{"update":{"name":"a"},"name":"b"}`, Status: 422, Code: "unknown_field", Errors: map[string][]string{"update": {"is not a known member"}}},
		"erasure of nobody":    {Path: "/v1/erasures", Body: `{}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"email": {"is required, unless something else names the person"}}},
		"erasure of two":       {Path: "/v1/erasures", Body: `{"email":"a@b.example","phone":"5551234567","customer":"c"}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"phone": {"must not be given beside email"}, "customer": {"must not be given beside email"}}},
		"erasure, unknown": {
			Path: "/v1/erasures", Body: `{"email":"no address","name":"x"}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"email": {"must be an email address"}, "name": {"is not a known member"}},
		},
		"erasure, no phone":   {Path: "/v1/erasures", Body: `{"phone":"12"}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"phone": {"must have 7 to 15 digits"}}},
		"erasure, wrong type": {Path: "/v1/erasures", Body: `{"email":7}`, Status: 422, Code: "wrong_type", Errors: map[string][]string{"email": {"must be a string"}}},
		"unknown on erasing":  {Method: "DELETE", Path: "/v1/marketplace/leads/l1", Body: `{"force":true}`, Status: 422, Code: "unknown_field", Errors: map[string][]string{"force": {"is not a known member"}}},
		"amount missing":      {Path: "/v1/buyers/b1/deposits", Body: `{}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"amount": {"is required"}}},
		"amount zero":         {Path: "/v1/buyers/b1/deposits", Body: `{"amount":0.00}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"amount": {"must be greater than 0"}}},
		"amount huge":         {Path: "/v1/buyers/b1/deposits", Body: `{"amount":1e400}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"amount": {"is too large"}}},
		"credit limit":        {Path: "/v1/buyers", Body: `{"name":"a","credit_limit":-1}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"credit_limit": {"must not be negative"}}},
		"campaign": {
			Path: "/v1/campaigns", Body: `{"fields":[{"name":"a","options":[1]},"b",{"required":"yes","label":"x"}],"distribution":{"mode":1,"max_sales":1.5},"dedupe":{"window_days":1},"supplier_payout":{"type":"half"}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{
				"fields.0.options.0": {"must be a string"}, "fields.1": {"must be an object"}, "fields.2.required": {"must be true or false"}, "fields.2.label": {"is not a known member"},
				"distribution.mode": {"must be a string"}, "distribution.max_sales": {"must be a whole number"}, "dedupe.fields": {"is required"}, "supplier_payout.type": {"must be percent or fixed"}, "supplier_payout.value": {"is required"},
			},
		},
		"campaign payout": {Path: "/v1/campaigns", Body: `{"supplier_payout":{"type":"percent","value":101}}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"supplier_payout.value": {"must be between 0 and 100"}}},
		"campaign by PUT": {Method: "PUT", Path: "/v1/campaigns/c1", Body: `{"status":"paused"}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"status": {"is changed by pause, resume and archive"}}},
		"contract by PUT": {Method: "PUT", Path: "/v1/campaigns/c1/contracts/k1", Body: `{"status":"paused","buyer_id":"b"}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"status": {"is changed by pause and resume"}, "buyer_id": {"never changes"}}},
		"contract, delivery": {
			Path: "/v1/campaigns/c1/contracts", Body: `{"buyer_id":"b","price":1,"delivery":{"mode":1,"url":[],"format":{},"fields":{"a":1},"static":[],"headers":{"X-A":1,"X-B":"b","X-C":null},"timeout_ms":"1","secret":"x"}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{
				"delivery.mode": {"must be a string"}, "delivery.url": {"must be a string"}, "delivery.format": {"must be a string"}, "delivery.fields.a": {"must be a string"},
				"delivery.static": {"must be an object"}, "delivery.headers.X-A": {"must be a string"}, "delivery.timeout_ms": {"must be a whole number"}, "delivery.secret": {"is not a known member"},
			},
		},
		"contract, bid": {
			Path: "/v1/campaigns/c1/contracts", Body: `{"buyer_id":"b","price":1,"bid":{"url":1,"timeout_ms":"1","fields":{"a":1},"secret":"x"}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"bid.url": {"must be a string"}, "bid.fields.a": {"must be a string"}, "bid.timeout_ms": {"must be a whole number"}, "bid.secret": {"is not a known member"}},
		},
		"campaign, auction": {
			Method: "PUT", Path: "/v1/campaigns/c1", Body: `{"reserve_price":1.001,"auction_timeout_ms":1.5}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"reserve_price": {"must have at most 2 decimals"}, "auction_timeout_ms": {"must be a whole number"}},
		},
		"contract, schedule": {
			Path: "/v1/campaigns/c1/contracts", Body: `{"buyer_id":"b","price":1,"filter":1,"schedule":{"hours":[{"days":"mon","from":9},1],"zone":1,"x":1}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{
				"filter": {"must be a string"}, "schedule.hours.0.days": {"must be a list"}, "schedule.hours.0.from": {"must be a string"}, "schedule.hours.1": {"must be an object"},
				"schedule.zone": {"must be a string"}, "schedule.x": {"is not a known member"},
			},
		},
		"contract, schedule without hours": {
			Path: "/v1/campaigns/c1/contracts", Body: `{"buyer_id":"b","price":1,"schedule":{}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"schedule.hours": {"is required"}},
		},
		"contract, caps": {
			Path: "/v1/campaigns/c1/contracts", Body: `{"buyer_id":"b","price":"1","caps":[{"window":1,"leads":"1","budget":1.001},3]}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"price": {"must be a number"}, "caps.0.window": {"must be a string"}, "caps.0.leads": {"must be a whole number"}, "caps.0.budget": {"must have at most 2 decimals"}, "caps.1": {"must be an object"}},
		},
		"contract, cap": {
			Path: "/v1/campaigns/c1/contracts", Body: `{"buyer_id":"b","price":1,"caps":[{"window":"day","leads":"1","budget":1.001,"x":1}]}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"caps.0.leads": {"must be a whole number"}, "caps.0.budget": {"must have at most 2 decimals"}, "caps.0.x": {"is not a known member"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Check(t, newApp(t))
		})
	}
}

// Answers byte for byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const at = `"created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z"`
	contract := `{"id":"contract_1","campaign_id":"campaign_1","buyer_id":"buyer_1","status":"active","price":45.00,"priority":1,"weight":1,"time_zone":"America/Chicago","filter":null,"caps":[{"window":"day","leads":100},{"window":"month","budget":5000.00}],"schedule":null,"dedupe":null,"delivery":{"mode":"none"},` + at + `,"bid":null}`
	attempted := `{"id":"delivery_1","sale_id":"sale_1","lead_id":"lead_1","campaign_id":"campaign_1","contract_id":"contract_1","buyer_id":"buyer_1","status":"pending","tried":2,"next_at":"2025-04-30T16:44:13.000000Z",` + at +
		`,"attempts":[{"number":2,"at":"2025-04-30T16:44:13.000000Z","duration_ms":1,"status":500,"reason":"refused","request":"{\"lead_id\":\"lead_1\"}","answer":"***"},{"number":1,"at":"2025-04-30T16:44:13.000000Z","duration_ms":1000,"reason":"timeout","verdict":"unknown","reference":"ref"}],"deadline_at":"2025-04-30T16:44:13.000000Z","reference":"ref"}`
	for _, c := range []struct{ method, path, key, body, want string }{
		{"GET", "/v1/buyers/buyer_1", "program", "", `{"data":{"id":"buyer_1","name":"Best Insurance","email":"leads@best.example","status":"active","balance":1000.00,"held":0.00,"credit_limit":0.50,"time_zone":"America/New_York",` + at + `,"caps":[{"window":"day","leads":7}]},"status":1}`},
		{"POST", "/v1/buyers/buyer_1/deposits", "program", `{"amount":1000}`, `{"data":{"id":"entry_1","type":"deposit","amount":1000.00,"balance_after":1000.00,"note":"wire 42","created_at":"2025-04-30T16:44:13.000000Z"},"status":1}`},
		{"GET", "/v1/campaigns/c", "program", "", `{"data":{"id":"campaign_1","name":"Auto","category":"Auto Insurance","status":"active","fields":[{"name":"zip","type":"zip","required":true,"dimension":false},{"name":"kind","type":"enum","required":false,"options":["a"],"dimension":true}],"distribution":{"mode":"exclusive","max_sales":1,"strategy":"priority"},"dedupe":{"fields":["phone"],"match":"any","window_days":30},"pending_ttl_hours":72,"price_shown":"payout","supplier_payout":{"type":"percent","value":70.5},` + at + `,"field_map":{"first_name":"firstName"},"redirect_url":"https://www.example.com/thanks","return_window_days":0,"resell_returned":false,"caps":[{"window":"hour","leads":9}],"reserve_price":12.50,"auction_timeout_ms":1000},"status":1}`},
		{"GET", "/v1/deliveries/delivery_1", "program", "", `{"data":` + attempted + `,"status":1}`},
		{"GET", "/v1/marketplace/leads/l/deliveries", "program", "", `{"data":[` + attempted + `],"status":1}`},
		{"POST", "/v1/deliveries/delivery_1/redeliver", "program", "", `{"data":` + attempted + `,"status":1}`},
		{"POST", "/v1/campaigns/c/contracts/k/test-delivery", "program", "", `{"data":{"number":2,"at":"2025-04-30T16:44:13.000000Z","duration_ms":1,"status":500,"reason":"refused","request":"{\"lead_id\":\"lead_1\"}","answer":"***"},"status":1}`},
		{"POST", "/v1/campaigns/c/contracts/k/rotate-secret", "program", "", `{"data":{"id":"contract_2","campaign_id":"campaign_1","buyer_id":"buyer_1","status":"active","price":0.00,"priority":0,"weight":1,"time_zone":"","filter":null,"caps":[],"schedule":null,"dedupe":null,"delivery":{"mode":"confirm","url":"https://buyer.example/leads","format":"form","fields":{"tel":"lead.phone"},"static":{"source":"acme"},"headers":{"X-Key":null},"timeout_ms":5000,"secret":"whsec_made","response":{"accepted":{"path":"$.result","equals":"OK"},"rejected":{"contains":"NO"},"price":{"path":"$.price"},"reference":{"path":"$.id"}},"price_from_answer":true},` + at + `,"bid":{"url":"https://buyer.example/bid","timeout_ms":500,"fields":{"st":"lead.state"}}},"status":1}`},
		{"GET", "/v1/campaigns/c/contracts/k", "program", "", `{"data":` + contract + `,"status":1}`},
		{"POST", "/v1/campaigns/c/preview", "program", `{"lead":{"state":"TX"}}`, `{"data":{"outcome":"sold","buyers":["buyer_1"],"code":null,"reason":null,"trace":{"considered":[{"contract_id":"contract_2","buyer_id":"buyer_2","reason":"cap_day","price":50.00,"of":"buyer"},{"contract_id":"contract_1","buyer_id":"buyer_1","reason":"sold","price":45.00}],"more":{"cap":3}}},"status":1}`},
		{"DELETE", "/v1/campaigns/c/contracts/k", "program", "", `{"status":1}`},
		{"DELETE", "/v1/marketplace/leads/l", "program", "", ""},
		{"POST", "/v1/erasures", "program", `{"phone":5551234567}`, `{"data":{"id":"erasure_1"},"status":1}`},
		{"GET", "/v1/erasures/e", "program", "", `{"data":{"id":"erasure_1","subject":"email","state":"done","requested_at":"2025-04-30T16:44:13.000000Z","finished_at":"2025-04-30T16:44:13.000000Z","erased":{"leads":1,"form_answers":2,"customers":3,"mails":4,"answers":5,"claims":6,"recent_requests":7},"leads":["lead_1"],"customers":[]},"status":1}`},
		{"GET", "/v1/campaigns/c/contracts/k/usage", "program", "", `{"data":[{"window":"day","leads":{"used":3,"limit":100},"budget":{"used":135.00,"limit":5.00},"resets_at":"2025-04-30T16:44:13.000000Z"},{"window":"total","leads":{"used":3,"limit":null},"budget":{"used":135.00,"limit":null},"resets_at":null}],"status":1}`},
		{"GET", "/v1/buyers/b/usage", "program", "", `{"data":[{"window":"day","leads":{"used":1,"limit":7},"budget":{"used":45.00,"limit":null},"resets_at":"2025-04-30T16:44:13.000000Z"}],"status":1}`},
		{"GET", "/v1/campaigns/c/usage", "program", "", `{"data":[{"window":"hour","leads":{"used":2,"limit":9},"budget":{"used":90.00,"limit":null},"resets_at":"2025-04-30T16:44:13.000000Z"}],"status":1}`},
		{"GET", "/v1/marketplace/leads/l", "program", "", `{"data":{"id":"lead_1","origin":"supplier","status":"sold","campaign_id":"campaign_1","category":"Auto Insurance","partner_id":"partner_123","api_key_id":"k1","external_id":"x","test":true,"code":"c","reason":"r","state":"TX","price":45.00,"payout":31.50,"sales":[{"id":"sale_1","contract_id":"contract_1","buyer_id":"buyer_1","buyer_name":"Best Insurance","status":"captured","price":45.00,"sold_at":"2025-04-30T16:44:13.000000Z","delivery":"delivered"}],"asking_price":12.50,` + at + `,"pending_until":"2025-04-30T16:44:13.000000Z","fields":{"a":"\"q\"","b":1.50,"c":true,"d":null,"e":[1,{"x":2}]},"trace":{"considered":[{"contract_id":"contract_2","buyer_id":"buyer_2","reason":"cap_day","price":50.00,"of":"buyer"},{"contract_id":"contract_1","buyer_id":"buyer_1","reason":"sold","price":45.00}],"more":{"cap":3}},"ping_id":"ping_1"},"status":1}`},
		{"GET", "/v1/reports/campaigns", "program", "", `{"data":[{"day":"2025-04-30","leads":{"duplicate":0,"pending":1,"rejected":0,"returned":0,"sold":2,"submitted":3,"unsold":0},"sold_gross":2,"sold_net":2,"revenue":90.00,"payout":63.00,"margin":27.00,"returned":{"sales":0,"revenue":0.00,"payout":0.00},"acceptance_rate":0.6667}],"status":1}`},
		{"GET", "/v1/buyers", "program", "", `{"data":[],"links":{"first":"http://localhost:8080/v1/buyers?page=1","last":null,"prev":null,"next":null},"meta":{"current_page":1,"from":null,"path":"http://localhost:8080/v1/buyers","per_page":15,"to":null},"status":1}`},
		{"GET", "/v1/campaigns/c/contracts?limit=1&page=2", "program", "", `{"data":[` + contract + `],"links":{"first":"http://localhost:8080/v1/campaigns/c/contracts?limit=1&page=1","last":null,"prev":"http://localhost:8080/v1/campaigns/c/contracts?limit=1&page=1","next":null},"meta":{"current_page":2,"from":2,"path":"http://localhost:8080/v1/campaigns/c/contracts","per_page":1,"to":2},"status":1}`},
	} {
		if w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body}); w.Body.String() != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.method, c.path, w.Body, c.want)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for contentType, want := range map[string]int{"": 400, "application/json": 400, "application/vnd.api+json": 400, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "text/plain": 415} {
		if w := a.Do(porttest.Request{Path: "/v1/buyers", Key: "program", Body: "name=a", Header: http.Header{"Content-Type": {contentType}}}); w.Code != want {
			t.Errorf("%q: %d", contentType, w.Code)
		}
		if w := a.Do(porttest.Request{Path: "/v1/buyers", Key: "program", Body: `{"name":"a"}`, Header: http.Header{"Content-Type": {contentType}}}); w.Code != 201 {
			t.Errorf("%q with JSON: %d", contentType, w.Code)
		}
	}
}

// Errors that a use case tells, as /v1 writes them.
func TestErrorsOfCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{partner.Taken("email"), 422, `{"status":0,"message":"The given data was invalid.","code":"validation_failed","errors":{"email":["Email already exists"]},"request_id":"req_1"}`},
		{partner.ErrUnknownReferring, 400, `{"status":0,"message":"Referring partner not found.","code":"unknown_referring_partner","request_id":"req_1"}`},
		{buyer.ErrNotFound, 404, `{"status":0,"message":"Buyer not found.","code":"buyer_not_found","request_id":"req_1"}`},
		{buyer.ErrInsufficientBalance, 400, `{"status":0,"message":"The balance and credit limit do not cover this amount.","code":"insufficient_balance","request_id":"req_1"}`},
		{application.ErrConcurrentChange, 409, `{"status":0,"message":"The object was changed at the same time. Try again.","code":"concurrent_change","request_id":"req_1"}`},
		{application.ErrKeyReused, 422, `{"status":0,"message":"The Idempotency-Key was used for another request","code":"idempotency_key_reused","request_id":"req_1"}`},
	} {
		a := newApp(t)
		a.Fail = c.err
		w := a.Do(porttest.Request{Path: "/v1/buyers/b1/deposits", Key: "program", Body: `{"amount":1}`})
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestIdempotencyOfWrites(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	send := func(path, body, key string) application.Once[marketquery.LedgerEntry] {
		a.Do(porttest.Request{Path: path, Key: "program", Body: body, Header: http.Header{"Idempotency-Key": {key}}})
		switch c := a.Take().(type) {
		case marketcommand.Deposit:
			return c.Once
		case marketcommand.Withdraw:
			return c.Once
		default:
			t.Fatalf("%s became %T", path, c)
			panic("not reached")
		}
	}
	first := send("/v1/buyers/b1/deposits", `{"amount":1}`, `"k1"`)
	if first.Key != "k1" {
		t.Errorf("key %q", first.Key)
	}
	if send("/v1/buyers/b1/deposits", `{"amount":1}`, "k2").Fingerprint != first.Fingerprint {
		t.Error("the same request has another fingerprint")
	}
	for name, other := range map[string]application.Once[marketquery.LedgerEntry]{
		"body": send("/v1/buyers/b1/deposits", `{"amount":1.0}`, "k1"),
		"path": send("/v1/buyers/b2/deposits", `{"amount":1}`, "k1"), "verb": send("/v1/buyers/b1/withdrawals", `{"amount":1}`, "k1"), "query": send("/v1/buyers/b1/deposits?x", `{"amount":1}`, "k1"),
	} {
		if other.Fingerprint == first.Fingerprint {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
	if w := a.Do(porttest.Request{Path: "/v1/buyers/b1/pause", Key: "program", Header: http.Header{"Idempotency-Key": {"a b"}}}); w.Code != 400 || porttest.CodeIn(t, w) != "invalid_idempotency_key" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	a.Again = true
	if w := a.Do(porttest.Request{Path: "/v1/buyers/b1/pause", Key: "program"}); w.Header().Get("Idempotent-Replayed") != "true" {
		t.Error("a replay does not say so")
	}
}

// Headers of a contract are secret: what is stored of a request that holds them cannot be guessed without its Idempotency-Key.
func TestTheFingerprintOfASecretNeedsItsKey(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	send := func(method, path, key string) application.Once[marketquery.Contract] {
		a.Do(porttest.Request{Method: method, Path: path, Key: "program", Body: `{"delivery":{"headers":{"X-A":"1"}}}`, Header: http.Header{"Idempotency-Key": {key}}})
		switch c := a.Take().(type) {
		case marketcommand.CreateContract:
			return c.Once
		case marketcommand.UpdateContract:
			return c.Once
		default:
			t.Fatalf("%s became %T", path, c)
			panic("not reached")
		}
	}
	for method, path := range map[string]string{"POST": "/v1/campaigns/c1/contracts", "PUT": "/v1/campaigns/c1/contracts/k1"} {
		first := send(method, path, "k1")
		if send(method, path, "k2").Fingerprint == first.Fingerprint {
			t.Errorf("%s: the fingerprint does not depend on the key", method)
		}
		if send(method, path, "k1").Fingerprint != first.Fingerprint {
			t.Errorf("%s: the same request has another fingerprint", method)
		}
	}
}

// Following links.next asks for what comes after the last item.
func TestPaging(t *testing.T) {
	t.Parallel()
	a := newAppWith(t, func(*porttest.App, *Handlers) {}, porttest.At("https://leads.example.com"))
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/buyers/b1/ledger?limit=2&sort=asc", Key: "program"})
	var list struct {
		Links struct{ Next, Prev *string }
		Meta  struct{ From, To int }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if list.Links.Next == nil || *list.Links.Next != "https://leads.example.com/v1/buyers/b1/ledger?cursor=ZW50cnlfMg&limit=2&page=2&sort=asc" || list.Meta.From != 1 || list.Meta.To != 2 {
		t.Fatalf("%s", w.Body)
	}
	w = a.Do(porttest.Request{Method: "GET", Path: strings.TrimPrefix(*list.Links.Next, "https://leads.example.com"), Key: "program"})
	if got, want := a.Take().(marketquery.Ledger).Page, (application.Page{Limit: 2, Number: 2, After: "entry_2", Ascending: true}); got != want {
		t.Errorf("page %+v", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || list.Links.Prev != nil || list.Meta.From != 3 || list.Meta.To != 4 {
		t.Errorf("%v %s", err, w.Body)
	}
	w = a.Do(porttest.Request{Method: "GET", Path: "/v1/sales?buyer=%26&limit=1", Key: "program"})
	if !strings.Contains(w.Body.String(), `"first":"https://leads.example.com/v1/sales?buyer=%26&limit=1&page=1"`) {
		t.Errorf("a link without its filter: %s", w.Body)
	}
	for params, wrong := range map[string]string{
		"limit=0": "limit", "limit=251": "limit", "limit=x": "limit", "limit=-1": "limit", "page=0": "page", "page=x": "page", "page=99999999999999999999": "page",
		"page=1000000000": "page", "limit=250&page=41": "page", "sort=up": "sort", "cursor=!": "cursor", "cursor=AA": "cursor",
	} {
		w := a.Do(porttest.Request{Method: "GET", Path: "/v1/buyers?" + params, Key: "program"})
		if w.Code != 422 || !strings.Contains(w.Body.String(), `"errors":{"`+wrong+`":`) {
			t.Errorf("%s: %d %s", params, w.Code, w.Body)
		}
	}
	w = a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?limit=0&status=x&from=y&to=z", Key: "program"})
	for _, name := range []string{"limit", "status", "from", "to"} {
		if !strings.Contains(w.Body.String(), `"`+name+`":[`) {
			t.Errorf("%s is not named: %s", name, w.Body)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?status=sold&category=Auto+Insurance&from=2025-04-01&to=2025-04-30", Key: "program"})
	q := a.Take().(marketquery.MarketplaceLeads)
	if q.Status != "sold" || q.Category != "Auto Insurance" || !q.From.Equal(time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)) || !q.To.Equal(time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", q)
	}
	a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?from=2025-04-01T10:00:00%2B02:00", Key: "program"})
	if q := a.Take().(marketquery.MarketplaceLeads); !q.From.Equal(time.Date(2025, 4, 1, 8, 0, 0, 0, time.UTC)) || !q.To.IsZero() {
		t.Errorf("%+v", q)
	}
	a.Do(porttest.Request{Method: "GET", Path: "/v1/reports/campaigns?from=2025-04-01&to=2025-04-30&group_by=buyer", Key: "program"})
	if q := a.Take().(marketquery.CampaignReport); q.From != "2025-04-01" || q.To != "2025-04-30" || q.GroupBy != "buyer" || q.SellerID != "seller_1" {
		t.Errorf("%+v", q)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/reports/campaigns?from=x&group_by=hour%2Chour", Key: "program"}); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestReportsAsCSV(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/reports/campaigns?group_by=day,supplier", Key: "program", Header: acceptCSV})
	if q := a.Take().(marketquery.CampaignReport); q.GroupBy != "day,supplier" || !strings.HasSuffix(w.Body.String(), "2025-04-30,,,,,,,,,3,1,2,0,0,0,0,2,2,90.00,63.00,27.00,0.00,0.00,USD,0.6667\r\n") {
		t.Errorf("%+v %s", q, w.Body)
	}
	w = a.Do(porttest.Request{Method: "GET", Path: "/v1/partners/partner_1/earnings?from=2025-04-01&to=2025-04-30", Key: "program", Header: acceptCSV})
	if q := a.Take().(marketquery.Earnings); q.PartnerID != "partner_1" || !strings.HasSuffix(w.Body.String(), "2025-04-30,campaign_1,'=Auto,3,2,94.50,31.50,63.00,USD\r\n2025-05-01,campaign_1,,0,-1,0.00,1.00,-1.00,USD\r\n") {
		t.Errorf("%+v %s", q, w.Body)
	}
	w = a.Do(porttest.Request{Method: "GET", Path: "/v1/partners/partner_1/earnings?from=2025-04-01&to=2025-04-30", Key: "program"})
	if !strings.Contains(w.Body.String(), `"partner_id":"partner_1","from":"2025-04-01","to":"2025-04-30","currency":"USD","earned":94.50,"returned":32.50,"owed":62.00,"earnings":[{"day":"2025-04-30"`) {
		t.Errorf("%s", w.Body)
	}
	for _, path := range []string{"/v1/reports/campaigns?group=day", "/v1/partners/p/earnings?since=1"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "program"}); w.Code != 422 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for path, want := range map[string]string{
		"/v1/buyers/b1/": "b1", "/v1/buyers/b%31": "b1", "/v1/buyers/b1%2F": "/", "/v1/buyers/%FF": "/", "/v1/buyers/a%20b": "/",
		"/v1/buyers/" + strings.Repeat("x", 101): "/", "/v1/buyers/-": "-",
	} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "program"}); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		} else if got := a.Take().(marketquery.BuyerByID).ID; got != want {
			t.Errorf("%s: id %q, want %q", path, got, want)
		}
	}
}

// PHP writes an empty object as an empty list, which is none where members are not forgiven.
func TestEmptyListsForObjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		errors             map[string]string
	}{
		"distribution": {"PUT", "/v1/campaigns/c1", `{"distribution":[]}`, map[string]string{"distribution": "must be an object"}},
		"update":       {"PUT", "/v1/buyers/b1", `{"update":[]}`, map[string]string{"update": "is not a known member"}},
	} {
		t.Run("strict "+name, func(t *testing.T) {
			t.Parallel()
			porttest.CheckViolations(t, newApp(t), porttest.Request{Method: c.method, Path: c.path, Body: c.body, Key: "program"}, c.errors)
		})
	}
}

// Nothing personal of a request is in an error or in the log, wherever it was.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	const canary = porttest.Canary
	body := strings.NewReplacer("John", canary, "555-123-4567", canary).Replace(leadBody)
	header := http.Header{"Idempotency-Key": {canary}, "Referer": {canary}, "User-Agent": {canary}, "Traceparent": {canary}, "X-Request-Id": {canary}}
	a := newApp(t)
	porttest.CheckNoPersonalData(t, a, []porttest.Request{
		{Path: "/api/leads?email=" + canary, Key: "supplier", Body: body, Header: header},
		{Path: "/api/leads?email=" + canary + "&email=x", Key: "supplier", Body: body, Header: header},
		{Path: "/api/leads", Key: canary, Body: body},
		{Path: "/api/leads", Key: "supplier", Body: `{"seller":"` + canary + `","category":"c","external_id":[],"phone":"` + canary + `"}`},
		{Path: "/api/leads", Key: "supplier", Body: `{"test":"` + canary + `","seller":"ACME1234","category":"` + canary + `"}`},
		{Path: "/api/leads", Key: "supplier", Body: `{"a":"` + canary + `",`},
		{Path: "/api/leads/" + canary, Method: "GET", Key: "supplier"},
		{Path: "/api/" + canary, Method: "GET", Key: "supplier"},
		{Path: "/v1/buyers", Key: "program", Body: `{"email":"` + canary + `","credit_limit":"` + canary + `"}`},
		{Path: "/v1/buyers", Key: "program", Body: `{"email":"` + canary + `"}`, Header: header},
		{Path: "/v1/marketplace/leads?status=" + canary + "&from=" + canary + "&cursor=" + canary, Method: "GET", Key: "program"},
	})
	if log := a.Logged(); !strings.Contains(log, `"route":"/api/leads/:lead_id"`) {
		t.Errorf("logged: %s", log)
	}
}

// All of the market is built: nothing that it is asked for comes later.
func TestNothingOfTheMarketComesLater(t *testing.T) {
	t.Parallel()
	routes, err := handlers(nil).Routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if r.Later {
			t.Errorf("%s %s comes later", r.Method, r.Path)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"NotYet(", "Later:", "NotSupported", "ErrNotImplemented"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s says of something that it is not supported yet: %s", name, word)
			}
		}
	}
}
