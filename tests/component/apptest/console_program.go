package apptest

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
)

// addProgram gives the seller a partner program with something on each of its pages: partners of each status, a customer, form leads.
// The first form lead has a name that no random token of a page contains by chance.
func (d *ConsoleData) addProgram(t testing.TB) {
	t.Helper()
	tag := strings.ToLower(d.CampaignID[len(d.CampaignID)-6:])
	ada := "partner_" + tag + "_ada"
	d.Partner(t, ada, Object{"name": "Ada", "surname": "Byron", "tags": []string{"solar", "north"}})
	d.Program.Must(t, "POST", "/v1/partners:invite", Object{"email": "eve-" + tag + "@partners.example", "name": "Eve"})
	d.Customer(t, "c_"+tag, ada, Object{"email": "bo-" + tag + "@customers.example", "name": "Bo", "surname": "Li"})
	for _, name := range []string{"Philippa", "Noa"} {
		d.Program.Must(t, "POST", "/v1/leads", Object{"name": name, "email": name + "-" + tag + "@leads.example", "partner": Object{"id": ada}})
	}
	maps.Copy(d.Examples, map[string]string{
		"/console/partners/:id":       "/console/partners/" + ada,
		"/console/customers/:id":      "/console/customers/c_" + tag,
		"/console/form-leads/:number": "/console/form-leads/1",
	})
}

// addReturn gives the seller a return of a lead that is decided: nothing of it is paid back.
func (d *ConsoleData) addReturn(t testing.TB, leadID string) {
	t.Helper()
	sales, _ := d.Program.Must(t, "GET", "/v1/marketplace/leads/"+leadID, nil).Data(t)["sales"].([]any)
	if len(sales) != 1 {
		t.Fatalf("the lead has the sales %v", sales)
	}
	sale, _ := sales[0].(Object)
	made := d.Program.Must(t, "POST", "/v1/sales/"+text(t, sale["id"])+"/returns", Object{"reason": "duplicate"}).Data(t)
	d.Program.Must(t, "POST", "/v1/returns/"+text(t, made["id"])+"/reject", nil)
	d.Examples["/console/returns/:id"] = "/console/returns/" + text(t, made["id"])
}

// addAccount gives the seller keys and somebody who was invited.
func (d *ConsoleData) addAccount(t testing.TB) {
	t.Helper()
	key := d.Program.Must(t, "POST", "/v1/api-keys", Object{"scope": "site", "name": "Shop", "origins": []string{"https://shop.example"}}).Data(t)
	invited, err := application.Send[accountcommand.PersonInvited](t.Context(), d.console.operations, accountcommand.InvitePerson{
		Actor: application.Actor{Scope: "program", SellerID: d.sellerID, SellerCode: d.Code, Role: application.Owner, PersonID: "person_none", KeyID: "person_none"},
		Email: "invited@" + d.Slug + ".example", Role: "viewer", Link: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	hook := d.Program.Must(t, "POST", "/v1/webhooks", Object{"name": "CRM", "url": "http://127.0.0.1:9/crm", "events": []string{"partner.updated.v1"}}).Data(t)
	d.Program.Must(t, "PUT", "/v1/partners/"+strings.TrimPrefix(d.Examples["/console/partners/:id"], "/console/partners/"), Object{"surname": "Lovelace"})
	d.App.Settle(t)
	event := d.Program.Must(t, "GET", "/v1/events?limit=1", nil).List(t)[0]
	maps.Copy(d.Examples, map[string]string{
		"/console/events/:position":               "/console/events/" + strings.TrimLeft(text(t, event["sequence"]), "0"),
		"/console/webhooks/:id":                   "/console/webhooks/" + text(t, hook["id"]),
		"/console/webhooks/:id/deliveries/:event": "/console/webhooks/" + text(t, hook["id"]) + "/deliveries/" + d.told(t, text(t, hook["id"])),
		"/console/keys/:id":                       "/console/keys/" + text(t, key["id"]),
		"/console/people/:id":                     "/console/people/" + invited.PersonID,
	})
}

// told waits until a webhook was told of an event, in vain as nobody listens there, and returns the event's id.
func (d *ConsoleData) told(t testing.TB, webhookID string) (eventID string) {
	t.Helper()
	Eventually(t, func() error {
		all := d.Program.Must(t, "GET", "/v1/webhooks/"+webhookID+"/deliveries", nil).List(t)
		if len(all) == 0 || fmt.Sprint(all[0]["tried"]) == "0" {
			return errors.New("the webhook was told of nothing")
		}
		eventID = text(t, all[0]["event_id"])
		return nil
	})
	return eventID
}

func text(t testing.TB, value any) string {
	t.Helper()
	s, is := value.(string)
	if !is {
		t.Fatalf("%v is no text", value)
	}
	return s
}
