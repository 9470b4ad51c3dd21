package program_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// refusingRule is an intake rule that refuses one last name.
type refusingRule struct{}

func (refusingRule) Code() fault.Code { return "test_refuses" }
func (refusingRule) Order() int       { return 1 }
func (refusingRule) Check(f lead.Facts) error {
	if f.Fields()["lastName"].Text == "Unwanted" {
		return errors.New("is not wanted")
	}
	return nil
}

// offering is a shop whose form leads are offered in its campaign.
type offering struct {
	*apptest.Shop

	t  *testing.T
	db *apptest.Database
}

func newOffering(t *testing.T, databaseURL string, buyers ...apptest.Buyer) *offering {
	t.Helper()
	return newOfferingWith(t, databaseURL, leadmill.StartOptions{}, nil, nil, buyers...)
}

func newOfferingWith(t *testing.T, databaseURL string, options leadmill.StartOptions, more []leadmill.Extension, campaign apptest.Object, buyers ...apptest.Buyer) *offering {
	t.Helper()
	more = append(more, leadmill.AsIntakeRule(func() refusingRule { return refusingRule{} }))
	app := apptest.Start(t, databaseURL, options, leadmill.NewModule("test", more...))
	o := &offering{apptest.NewShop(t, app, campaign, buyers...), t, apptest.Open(t, databaseURL)}
	o.Program.Must(t, "PUT", "/v1/leads/details", apptest.Object{"leads_custom_form_fields": []apptest.Object{
		{"id": 1, "type": "input", "title": "Phone"},
		{"id": 2, "type": "select", "title": "State", "options": []string{"TX", "CA"}},
	}})
	o.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"lead_campaign": apptest.Object{
		"campaign_id": o.CampaignID,
		"fields":      apptest.Object{"firstName": "first_name", "lastName": "last_name", "email": "email", "phone": "1", "state": 2},
	}})
	return o
}

// submit submits a form lead that must be taken and returns it.
func (o *offering) submit(name, phone string) map[string]any {
	o.t.Helper()
	a := o.Program.Must(o.t, "POST", "/v1/leads", apptest.Object{
		"name": name, "email": "alice@offer.example", "partner": apptest.Object{"id": o.PartnerID},
		"cfields": apptest.Object{"1": phone, "2": "TX"},
	}).Data(o.t)
	if a["status"] != "submitted" {
		o.t.Fatalf("the new lead is %v", a)
	}
	return a
}

// get asks for a form lead.
func (o *offering) get(id any) map[string]any {
	o.t.Helper()
	return o.Program.Must(o.t, "GET", fmt.Sprintf("/v1/leads/%v", id), nil).Data(o.t)
}

// await waits until a form lead has a market status.
func (o *offering) await(id, status any) {
	o.t.Helper()
	apptest.Eventually(o.t, func() error {
		if l := o.get(id); l["market_status"] != status {
			return fmt.Errorf("lead %v is %v, want %v", id, l["market_status"], status)
		}
		return nil
	})
}

// expect checks a form lead's statuses.
func (o *offering) expect(what string, l map[string]any, status, market any) {
	o.t.Helper()
	if l["status"] != status || l["market_status"] != market {
		o.t.Errorf("%s is %v and %v in the market, want %v and %v", what, l["status"], l["market_status"], status, market)
	}
}

// told returns the types of the events of a form lead, with the id it has inside; every one must say that it is of a form.
func (o *offering) told(number any) (id string, types []string) {
	o.t.Helper()
	o.db.Settle()
	events := o.Program.Must(o.t, "GET", "/v1/events?limit=1000", nil).List(o.t)
	for _, e := range events {
		data, _ := e["data"].(map[string]any)
		if e["type"] == "lead.submitted.v1" && data["number"] == number {
			id, _ = e["subject"].(string)
		}
	}
	for _, e := range events {
		if e["subject"] != id {
			continue
		}
		types = append(types, fmt.Sprint(e["type"]))
		if data, _ := e["data"].(map[string]any); data["origin"] != "form" || data["partner_id"] != o.PartnerID {
			o.t.Errorf("the event %v is not of a form lead of the partner", e)
		}
	}
	return id, types
}

func (o *offering) expectTold(what string, number any, want ...string) (id string) {
	o.t.Helper()
	id, types := o.told(number)
	for i := range want {
		want[i] = "lead." + want[i] + ".v1"
	}
	if !slices.Equal(types, want) {
		o.t.Errorf("of %s the feed tells %v, want %v", what, types, want)
	}
	return id
}

// balance is what a buyer has left.
func (o *offering) balance() any {
	o.t.Helper()
	return o.Program.Must(o.t, "GET", "/v1/buyers/"+o.BuyerIDs[0], nil).Data(o.t)["balance"]
}

func TestAFormLeadIsOfferedAndSold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		// Without the sweep a lead is sold only if something told that it waits.
		unswept := []leadmill.Extension{leadmill.AsInterceptor(func() *apptest.Unswept { return &apptest.Unswept{} })}
		o := newOfferingWith(t, databaseURL, leadmill.StartOptions{}, unswept, nil, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00}})
		const n = 4
		for range n {
			l := o.submit("Alice Brown", apptest.Phone())
			o.expect("a new lead", l, "submitted", "pending")
			o.await(l["id"], "sold")
			o.expect("a sold lead", o.get(l["id"]), "submitted", "sold")
		}
		id := o.expectTold("a sold lead", 1.0, "submitted", "pending", "sold")
		if b := o.balance(); b != 960.00 {
			t.Errorf("the buyer has %v left, want 960", b)
		}
		if sold := o.Lead(t, id); sold["status"] != "sold" || sold["origin"] != "form" {
			t.Errorf("the marketplace shows %v", sold)
		}
		if all := o.Program.Must(t, "GET", "/v1/marketplace/leads?status=sold", nil).List(t); len(all) != n {
			t.Errorf("the marketplace lists %d leads, want %d", len(all), n)
		}
		rows := o.Program.Must(t, "GET", "/v1/reports/campaigns?group_by=supplier", nil).List(t)
		if len(rows) != 1 || rows[0]["sold_net"] != float64(n) || rows[0]["revenue"] != 40.00 || fmt.Sprint(rows[0]["leads"]) != "map[duplicate:0 pending:0 rejected:0 returned:0 sold:4 submitted:4 unsold:0]" {
			t.Errorf("the report is %v", rows)
		}
		if a := o.Program.Must(t, "POST", "/v1/leads/convert", apptest.Object{"id": 1}).Data(t); a["market_status"] != "sold" || a["status"] != "converted" {
			t.Errorf("a sold lead converted is %v", a)
		}
		o.db.Audit()
	})
}

func TestFormLeadsAndSuppliersLeadsAreDuplicatesOfEachOther(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		o := newOffering(t, databaseURL, apptest.Rich)
		phone := apptest.Phone()
		first := o.submit("Alice Brown", phone)
		if l := o.Sell(t, o.Form().With("phone", phone)); l.Status != "duplicate" || l.Code != "duplicate_lead" {
			t.Errorf("a supplier's lead of a form lead's phone is answered %+v", l)
		}
		second := o.submit("Bob Brown", phone)
		o.expect("a form lead of a form lead's phone", second, "submitted", "duplicate")
		o.expectTold("a duplicate", second["id"], "submitted", "duplicate")
		o.await(first["id"], "sold")
		o.expect("a duplicate later", o.get(second["id"]), "submitted", "duplicate")

		form := o.Form()
		if l := o.Sell(t, form); l.Status != "sold" {
			t.Fatalf("a supplier's lead is answered %+v", l)
		}
		third := o.submit("Carol Brown", form["phone"].(string))
		o.expect("a form lead of a supplier's lead's phone", third, "submitted", "duplicate")
		if a := o.Program.Must(t, "POST", "/v1/leads/convert", apptest.Object{"id": third["id"]}).Data(t); a["status"] != "converted" || a["market_status"] != "duplicate" {
			t.Errorf("a duplicate converted is %v", a)
		}
		// From both sides at once: one of all is taken.
		same := apptest.Phone()
		var statuses [20]string
		apptest.Parallel(len(statuses), func(i int) {
			if i%2 == 0 {
				// No two are one double click.
				statuses[i] = o.Supplier.Do("POST", "/api/leads", o.Form().With("phone", same, "city", fmt.Sprintf("Dallas %d", i))).Lead().Status
				return
			}
			statuses[i] = fmt.Sprint(o.Program.Do("POST", "/v1/leads", apptest.Object{
				"name": "Dave Brown", "email": "dave@offer.example",
				"partner": apptest.Object{"id": o.PartnerID}, "cfields": apptest.Object{"1": same, "2": "CA"},
			}).Object()["market_status"])
		})
		count := map[string]int{}
		for _, s := range statuses {
			count[s]++
		}
		if count["sold"]+count["pending"] != 1 || count["duplicate"] != len(statuses)-1 {
			t.Errorf("one phone at once from both sides is %v", count)
		}
		apptest.Eventually(t, func() error {
			if n := o.db.Number("SELECT COUNT(*) FROM sales"); n != 3 {
				return fmt.Errorf("%d sales, want 3", n)
			}
			return nil
		})
		o.db.Audit()
	})
}

func TestFormLeadsThatAreNotOffered(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		o := newOffering(t, databaseURL, apptest.Rich)
		campaign := "/v1/campaigns/" + o.CampaignID
		var not []any
		check := func(what, name, phone string) {
			t.Helper()
			l := o.submit(name, phone)
			o.expect(what, l, "submitted", nil)
			not = append(not, l["id"])
		}
		check("a lead without a phone", "Alice Brown", "")
		check("a lead with half a phone", "Alice Brown", "555")
		check("a lead without a last name", "Alice", apptest.Phone())
		o.Program.Must(t, "POST", campaign+"/pause", nil)
		check("a lead of a paused campaign", "Alice Brown", apptest.Phone())
		o.Program.Must(t, "POST", campaign+"/resume", nil)
		o.Program.Must(t, "PUT", campaign, apptest.Object{"fields": []apptest.Object{{"name": "zip", "type": "zip", "required": true}}})
		check("a lead without the campaign's own field", "Alice Brown", apptest.Phone())
		o.Program.Must(t, "PUT", campaign, apptest.Object{"fields": []apptest.Object{}})

		refused := o.submit("Alice Unwanted", apptest.Phone())
		o.expect("a lead that a rule refuses", refused, "submitted", "rejected")
		id := o.expectTold("a lead that a rule refuses", refused["id"], "submitted", "rejected")
		if l := o.Lead(t, id); l["code"] != "test_refuses" {
			t.Errorf("the marketplace shows %v", l)
		}
		if refused["can_be_converted"] != true {
			t.Errorf("a lead that a rule refuses is %v", refused)
		}
		if a := o.Program.Must(t, "POST", "/v1/leads/convert", apptest.Object{"id": refused["id"]}).Data(t); a["status"] != "converted" || a["market_status"] != "rejected" {
			t.Errorf("a lead that a rule refused is converted to %v", a)
		}

		good := o.submit("Alice Brown", apptest.Phone())
		o.await(good["id"], "sold")
		o.Program.Must(t, "POST", "/v1/leads/reject", apptest.Object{"id": not[0]})
		o.expectTold("a lead that was not offered and was rejected", not[0], "submitted", "rejected")
		for _, id := range not[1:] {
			o.expect("a lead that was not offered", o.get(id), "submitted", nil)
			o.expectTold("a lead that was not offered", id, "submitted")
		}
		// Only what is in the market is in its lists and its report.
		if all := o.Program.Must(t, "GET", "/v1/marketplace/leads", nil).List(t); len(all) != 2 {
			t.Errorf("the marketplace lists %v", all)
		}
		o.Program.Must(t, "POST", campaign+"/archive", nil)
		check("a lead of an archived campaign", "Alice Brown", apptest.Phone())
		o.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"lead_campaign": nil})
		check("a lead of a program without a campaign", "Alice Brown", apptest.Phone())
		o.db.Audit()
	})
}

func TestAFormLeadThatWaitsIsReviewedMeanwhile(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		o := newOffering(t, databaseURL, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		deleted, converted, rejected, last := o.submit("Doomed Brown", apptest.Phone()), o.submit("Converted Brown", apptest.Phone()),
			o.submit("Rejected Brown", apptest.Phone()), o.submit("Last Brown", apptest.Phone())
		o.db.Settle()
		for _, l := range []map[string]any{deleted, converted, rejected, last} {
			o.expect("a lead without a buyer", o.get(l["id"]), "submitted", "pending")
		}
		id, _ := o.told(deleted["id"])
		o.Program.Must(t, "DELETE", fmt.Sprintf("/v1/leads/%v", deleted["id"]), nil)
		a := o.Program.Must(t, "POST", "/v1/leads/convert", apptest.Object{"id": converted["id"]}).Data(t)
		o.expect("a lead converted while it waits", a, "converted", "pending")
		a = o.Program.Must(t, "POST", "/v1/leads/reject", apptest.Object{"id": rejected["id"]}).Data(t)
		o.expect("a lead rejected while it waits", a, "rejected", "unsold")

		o.Deposit(t, o.BuyerIDs[0], 100)
		o.await(last["id"], "sold")
		o.expect("a lead converted before it was sold", o.get(converted["id"]), "converted", "sold")
		o.expect("a lead rejected before it was sold", o.get(rejected["id"]), "rejected", "unsold")
		o.expectTold("a rejected lead", rejected["id"], "submitted", "pending", "unsold", "rejected")
		o.expectTold("a deleted lead", deleted["id"], "submitted", "pending", "unsold")
		if l := o.Lead(t, id); l["status"] != "unsold" || fmt.Sprint(l["fields"]) != "map[]" {
			t.Errorf("the marketplace shows of a deleted lead %v", l)
		}
		if n := o.db.Number("SELECT COUNT(*) FROM sales WHERE lead_id = ?", id); n != 0 {
			t.Errorf("a deleted lead has %d sales", n)
		}
		if n := o.db.Number("SELECT COUNT(*) FROM leads WHERE id = ? AND LENGTH(fields) > 2", id); n != 0 {
			t.Error("a deleted lead has fields")
		}
		if a := o.Program.Do("GET", fmt.Sprintf("/v1/leads/%v", deleted["id"]), nil); a.Status != 404 {
			t.Errorf("a deleted lead is answered %v", a)
		}
		o.expectTold("a converted lead", converted["id"], "submitted", "pending", "converted", "sold")
		if b := o.balance(); b != 80.00 {
			t.Errorf("the buyer has %v left, want 80", b)
		}

		// What was sold stays visible to the buyer's accounts, without what is personal.
		soldID, _ := o.told(last["id"])
		if l := o.Lead(t, soldID); len(l["fields"].(map[string]any)) == 0 {
			t.Errorf("the marketplace shows of a sold lead %v", l)
		}
		o.Program.Must(t, "DELETE", fmt.Sprintf("/v1/leads/%v", last["id"]), nil)
		l := o.Lead(t, soldID)
		if sales, _ := l["sales"].([]any); l["status"] != "sold" || len(sales) != 1 || fmt.Sprint(l["fields"]) != "map[]" {
			t.Errorf("the marketplace shows of a lead that was sold and deleted %v", l)
		}
		if all := o.Program.Must(t, "GET", "/v1/marketplace/leads", nil).List(t); len(all) != 4 {
			t.Errorf("the marketplace lists %v", all)
		}
		o.db.Audit()
	})
}

func TestFormLeadsAreReviewedWhileTheyAreSold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		o := newOffering(t, databaseURL, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		o.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"unique_customer_email": false}) // the leads are one person's
		const n = 24
		var ids [n]any
		for i := range ids {
			ids[i] = o.submit("Waiting Brown", apptest.Phone())["id"]
		}
		o.db.Settle()
		apptest.Parallel(n+1, func(i int) {
			if i == n {
				o.Deposit(t, o.BuyerIDs[0], 1000)
				return
			}
			var a apptest.Answer
			switch i % 3 {
			case 0:
				a = o.Program.Do("POST", "/v1/leads/convert", apptest.Object{"id": ids[i]})
			case 1:
				a = o.Program.Do("POST", "/v1/leads/reject", apptest.Object{"id": ids[i]})
			default:
				a = o.Program.Do("DELETE", fmt.Sprintf("/v1/leads/%v", ids[i]), nil)
			}
			if a.Status != 200 {
				t.Errorf("answered %v", a)
			}
		})
		apptest.Eventually(t, func() error {
			if left := o.db.Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'"); left != 0 {
				return fmt.Errorf("%d leads still wait", left)
			}
			return nil
		})
		for i, id := range ids {
			switch i % 3 {
			case 0:
				o.expect("a lead converted while it was sold", o.get(id), "converted", "sold")
			case 1:
				if l := o.get(id); l["status"] != "rejected" || l["market_status"] != "sold" && l["market_status"] != "unsold" {
					t.Errorf("a lead rejected while it was sold is %v", l)
				}
			}
		}
		sales := o.db.Number("SELECT COUNT(*) FROM sales")
		if sales < n/3 || o.db.Number("SELECT COUNT(*) FROM leads WHERE status = 'unsold'") != n-sales {
			t.Errorf("%d sales of %d leads", sales, n)
		}
		o.db.Audit()
	})
}

func TestAFormLeadDoesNotWaitForItsCampaign(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		o := newOffering(t, databaseURL, apptest.Rich)
		held, err := o.db.Reader.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = held.Rollback() }()
		var id string
		if err := held.GetContext(t.Context(), &id, "SELECT id FROM campaigns WHERE id = ?"+o.db.ForUpdate(), o.CampaignID); err != nil {
			t.Fatal(err)
		}
		l := o.submit("Alice Brown", apptest.Phone())
		o.expect("a lead of a campaign that is busy", l, "submitted", "pending")
		if err := held.Rollback(); err != nil {
			t.Fatal(err)
		}
		o.await(l["id"], "sold")
		o.db.Audit()
	})
}

// A lead that waits sees what becomes of its campaign only when it is matched.
func TestAFormLeadWhoseCampaignEnds(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		o := newOfferingWith(t, databaseURL, leadmill.StartOptions{Clock: hands}, nil, apptest.Object{"pending_ttl_hours": 2}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		campaign := "/v1/campaigns/" + o.CampaignID
		first, second := o.submit("First Brown", apptest.Phone()), o.submit("Second Brown", apptest.Phone())
		o.Program.Must(t, "POST", campaign+"/pause", nil)
		o.Deposit(t, o.BuyerIDs[0], 10) // is enough for one
		o.db.Settle()
		o.expect("a lead of a campaign that was paused", o.get(first["id"]), "submitted", "pending")
		o.Program.Must(t, "POST", campaign+"/resume", nil)
		o.await(first["id"], "sold")

		o.Program.Must(t, "POST", campaign+"/archive", nil)
		o.Deposit(t, o.BuyerIDs[0], 1000)
		hands.Advance(2*time.Hour - time.Second)
		o.db.Settle()
		o.expect("a lead of a campaign that was archived", o.get(second["id"]), "submitted", "pending")
		hands.Advance(time.Second)
		o.await(second["id"], "unsold")
		o.expectTold("a lead of a campaign that was archived", second["id"], "submitted", "pending", "unsold")
		if b := o.balance(); b != 1000.00 {
			t.Errorf("the buyer has %v left, want 1000", b)
		}
		o.db.Audit()
	})
}
