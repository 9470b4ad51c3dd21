package market_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// asks returns the fields of a campaign that filters ask about.
func asks() apptest.Object {
	return apptest.Object{"fields": []apptest.Object{
		{"name": "zip", "type": "zip"}, {"name": "homeowner", "type": "boolean"}, {"name": "loan_amount", "type": "number"},
	}}
}

func filtered(filter string, more ...any) apptest.Buyer {
	k := apptest.Object{"price": 10.00, "filter": filter}
	for i := 0; i < len(more); i += 2 {
		k[more[i].(string)] = more[i+1]
	}
	return apptest.Buyer{Deposit: 10_000, Contract: k}
}

// reasons are the reasons in the trace of a lead by contract.
func reasons(t *testing.T, s *apptest.Shop, leadID string) map[string]string {
	t.Helper()
	out := map[string]string{}
	trace, _ := s.Lead(t, leadID)["trace"].(apptest.Object)
	list, _ := trace["considered"].([]any)
	for _, c := range list {
		o := c.(apptest.Object)
		out[o["contract_id"].(string)] = o["reason"].(string)
	}
	return out
}

func TestAContractTakesOnlyLeadsThatPassItsFilter(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), asks(),
			filtered("lead.state in ['TX', 'CA'] && lead.fields.homeowner == true", "priority", 1),
			filtered("lead.fields.loan_amount > 100000", "priority", 2), filtered("lead.zip.startsWith('75')", "priority", 3))
		for _, c := range []struct {
			form  apptest.Form
			taker int // 3: nobody
			want  []string
		}{
			{s.Form().With("state", "TX", "homeowner", true), 0, []string{"sold"}},
			{s.Form().With("state", "NY", "homeowner", true, "loan_amount", 100000.01), 1, []string{"filter", "sold"}},
			{s.Form().With("state", "TX", "zip", "75001-1234"), 2, []string{"filter", "filter", "sold"}},
			{s.Form().With("state", "NY"), 3, []string{"filter", "filter", "filter"}},
		} {
			l := s.Sell(t, c.form)
			if c.taker == 3 && l.Status != "pending" || c.taker < 3 && !slices.Equal(l.BuyerIDs, s.BuyerIDs[c.taker:c.taker+1]) {
				t.Errorf("%v: answered %+v", c.form, l)
			}
			got := reasons(t, s, l.ID)
			for i, want := range c.want {
				if got[s.ContractIDs[i]] != want || len(got) != len(c.want) {
					t.Errorf("%v: the trace says %v", c.form, got)
				}
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestAFilterIsChangedAndTakenAway(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), asks(), filtered("lead.state == 'TX'"))
		path := s.ContractPath(s.ContractIDs[0])
		if k := s.Program.Must(t, "GET", path, nil).Data(t); k["filter"] != "lead.state == 'TX'" || k["schedule"] != nil {
			t.Errorf("shown as %v", k)
		}
		waiting := s.Sell(t, s.Form().With("state", "NY"))
		if waiting.Status != "pending" {
			t.Fatalf("answered %+v, want pending", waiting)
		}
		s.Program.Must(t, "PUT", path, apptest.Object{"filter": "lead.state == 'NY'"})
		soldOf(t, s, []string{waiting.ID}, 1)
		if l := s.Sell(t, s.Form().With("state", "TX")); l.Status != "pending" {
			t.Errorf("the old filter is obeyed: %+v", l)
		}
		s.Program.Must(t, "PUT", path, apptest.Object{"price": 11.00})
		if k := s.Program.Must(t, "GET", path, nil).Data(t); k["filter"] != "lead.state == 'NY'" {
			t.Errorf("a change of the price changed the filter: %v", k)
		}
		s.Program.Must(t, "PUT", path, apptest.Object{"filter": nil})
		if l := s.Sell(t, s.Form().With("state", "TX")); l.Status != "sold" {
			t.Errorf("without a filter: %+v", l)
		}
	})
}

func TestAWrongFilterIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), asks(), filtered("lead.fields.homeowner == true"))
		create := "/v1/campaigns/" + s.CampaignID + "/contracts"
		for _, c := range []struct {
			method, path string
			body         apptest.Object
			want         map[string]string
		}{
			{"POST", create, apptest.Object{"buyer_id": s.BuyerIDs[0], "price": 1, "filter": "lead.state = 'TX'"}, map[string]string{"filter": "line 1, column 12: write == to compare"}},
			{"POST", create, apptest.Object{"buyer_id": "nobody", "price": 2_000_000, "filter": "lead.stat"}, map[string]string{"filter": "line 1, column 5: there is no 'stat'; perhaps state is meant", "buyer_id": "is not a buyer of yours", "price": ""}},
			{"PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"filter": "lead.fields.income > 5"}, map[string]string{"filter": "line 1, column 12: the campaign has no field 'income'"}},
			{"PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"schedule": apptest.Object{"hours": []apptest.Object{{"days": []string{"mon"}, "from": "09:00", "to": "25:00"}}}}, map[string]string{"schedule.hours.0.to": "must be a time from 00:00 to 24:00"}},
			{"PUT", "/v1/campaigns/" + s.CampaignID, apptest.Object{"fields": []apptest.Object{{"name": "zip", "type": "zip"}}}, map[string]string{
				"fields": "the filter of the contract " + s.ContractIDs[0] + " needs them as they are: line 1, column 12: the campaign has no field 'homeowner'",
			}},
			{"PUT", "/v1/campaigns/" + s.CampaignID, apptest.Object{"fields": []apptest.Object{{"name": "homeowner", "type": "string"}}}, map[string]string{
				"fields": "the filter of the contract " + s.ContractIDs[0] + " needs them as they are: line 1, column 23: == does not go between a text and yes or no",
			}},
		} {
			a := s.Program.Unchecked().Do(c.method, c.path, c.body)
			if a.Status != 422 {
				t.Errorf("%v: %s", c.body, a)
			}
			for field, message := range c.want {
				if got := a.Refusal().Errors[field]; len(got) != 1 || message != "" && got[0] != message {
					t.Errorf("%v: %s: %v, want %q", c.body, field, got, message)
				}
			}
		}
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"fields": []apptest.Object{{"name": "homeowner", "type": "boolean"}, {"name": "more", "type": "string"}}})
	})
}

// The consent fields that a campaign asks for are fields of its filters, and can no more be taken away than others.
func TestConsentThatAFilterAsksAboutStays(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		asked := asks()
		asked["consent"] = apptest.Object{"required": []string{"consent_text"}}
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), asked, filtered("lead.fields.consent_text != null"))
		path := "/v1/campaigns/" + s.CampaignID
		for name, consent := range map[string]any{"nothing required": apptest.Object{"required": []string{}}, "null": nil} {
			a := s.Program.Unchecked().Do("PUT", path, apptest.Object{"consent": consent})
			want := "the filter of the contract " + s.ContractIDs[0] + " needs them as they are: line 1, column 12: the campaign has no field 'consent_text'"
			if got := a.Refusal().Errors["consent.required"]; a.Status != 422 || len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s", name, a)
			}
		}
		s.Program.Must(t, "PUT", path, apptest.Object{"consent": apptest.Object{"required": []string{"ip_address"}}})
		l := s.Sell(t, s.Form().With("consent_text", "Call me", "ip_address", "192.0.2.1"))
		if l.Status != "sold" {
			t.Errorf("a lead with consent is %+v", l)
		}
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"filter": nil})
		s.Program.Must(t, "PUT", path, apptest.Object{"consent": nil})
	})
}

// A filter whose work grows with what comes from outside stops at its limit and does not take the lead; the contract behind it does.
func TestAFilterThatCostsTooMuchFailsAlone(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		lines := field.Set{"lines": {Kind: field.Other, Text: "[" + strings.Repeat(`"a",`, 99_999) + `"a"]`}}
		long := newScore(func(context.Context, lead.Facts) (field.Set, error) { return lines, nil })
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("test", leadmill.AsFacts(func() *score { return long })))
		s := apptest.NewShop(t, app, asks(),
			filtered("facts.score.lines.all(l, l != 'x')", "priority", 1), filtered("facts.score.lines.size() > 10", "priority", 2))
		l := s.Sell(t, s.Form())
		if !slices.Equal(l.BuyerIDs, s.BuyerIDs[1:]) {
			t.Errorf("answered %+v", l)
		}
		if got := reasons(t, s, l.ID); got[s.ContractIDs[0]] != "filter" {
			t.Errorf("the trace says %v", got)
		}
	})
}

// hours opens for an hour from so long after now on.
func hours(now time.Time, in time.Duration, zone *time.Location) apptest.Object {
	from := now.In(zone).Add(in)
	to := from.Add(time.Hour)
	day := strings.ToLower(from.Weekday().String()[:3])
	return apptest.Object{"hours": []apptest.Object{{"days": []string{day}, "from": from.Format("15:04"), "to": to.Format("15:04")}}}
}

// Leads that came while a schedule was closed are sold when it opens, oldest first, each once, whichever of two instances does it.
func TestPendingLeadsAreMatchedWhenAScheduleOpens(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]apptest.Object{"contract": {}, "lead": {"zone": "lead"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
				hands := clock.NewManual(now)
				schedule := hours(now, 2*time.Hour, zone)
				maps.Copy(schedule, spec)
				one := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				s := apptest.NewShop(t, one, nil, apptest.Buyer{Deposit: 20, Contract: apptest.Object{"price": 10.00, "time_zone": "America/New_York", "schedule": schedule}})
				apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				var ids []string
				for range 3 {
					l := s.Sell(t, s.Form().With("state", "NY"))
					if l.Status != "pending" {
						t.Fatalf("answered %+v, want pending", l)
					}
					if got := reasons(t, s, l.ID); got[s.ContractIDs[0]] != "schedule_closed" {
						t.Errorf("the trace says %v", got)
					}
					ids = append(ids, l.ID)
				}
				hands.Advance(2 * time.Hour)
				if places := soldOf(t, s, ids, 2); !slices.Equal(places, []int{0, 1}) {
					t.Errorf("sold are %v, want the oldest", places)
				}
				s.Deposit(t, s.BuyerIDs[0], 20)
				soldOf(t, s, ids, 3)
				hands.Advance(time.Hour)
				if l := s.Sell(t, s.Form().With("state", "NY")); l.Status != "pending" {
					t.Errorf("after it closed: %+v", l)
				}
				db := apptest.Open(t, databaseURL)
				db.Audit()
				if n := db.Number("SELECT COUNT(*) FROM sales"); n != 3 {
					t.Errorf("%d sales, want 3", n)
				}
			})
		})
	}
}

// A lead's own calling hours are those of its state: open only where every clock of the state says so.
func TestCallingHoursAreThoseOfTheLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Date(2026, 11, 24, 14, 30, 0, 0, time.UTC)) // 9:30 in New York, 8:30 in Dallas, 7:30 in El Paso
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}), nil, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "schedule": apptest.Object{
			"zone": "lead", "hours": []apptest.Object{{"days": []string{"mon", "tue", "wed", "thu", "fri"}, "from": "08:00", "to": "21:00"}},
		}}})
		for state, want := range map[string]string{"NY": "sold", "IL": "sold", "CA": "pending", "TX": "pending", "AE": "pending"} {
			if l := s.Sell(t, s.Form().With("state", state)); l.Status != want {
				t.Errorf("%s: answered %s, want %s", state, l.Status, want)
			}
		}
		hands.Advance(31 * time.Minute)
		if l := s.Sell(t, s.Form().With("state", "TX")); l.Status != "sold" {
			t.Errorf("TX at 8:01 in El Paso: %+v", l)
		}
	})
}

// A stored filter that does not compile takes nothing, and the doctor names its contract.
func TestDoctorFindsAFilterThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), asks(), filtered("lead.state == 'TX'"), filtered("lead.state == 'NY'"))
		db := apptest.Open(t, databaseURL)
		db.Settle()
		if _, err := db.Writer.ExecContext(t.Context(), "UPDATE contracts SET rules = ? WHERE id = ?", `{"filter":"lead.fields.gone == 1"}`, s.ContractIDs[0]); err != nil {
			t.Fatal(err)
		}
		doctor := apptest.Launch(t, databaseURL, []string{"doctor"})
		code, said := doctor.Wait(t), doctor.Output.String()
		if code != 1 || !strings.Contains(said, "filter_compiles") || !strings.Contains(said, s.ContractIDs[0]) || strings.Contains(said, s.ContractIDs[1]) ||
			!strings.Contains(said, "line 1, column 12: the campaign has no field 'gone'") {
			t.Errorf("doctor ended with %d and says\n%s", code, said)
		}
		if l := s.Sell(t, s.Form().With("state", "TX")); l.Status != "pending" || reasons(t, s, l.ID)[s.ContractIDs[0]] != "filter" {
			t.Errorf("answered %+v", l)
		}
	})
}
