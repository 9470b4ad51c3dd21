package apptest

import (
	"maps"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
)

// addProgram gives the seller a partner program with something on each of its pages: partners of each status, a customer, form leads.
func (d *ConsoleData) addProgram(t testing.TB) {
	t.Helper()
	tag := strings.ToLower(d.CampaignID[len(d.CampaignID)-6:])
	ada := "partner_" + tag + "_ada"
	d.Partner(t, ada, Object{"name": "Ada", "surname": "Byron", "tags": []string{"solar", "north"}})
	d.Program.Must(t, "POST", "/v1/partners:invite", Object{"email": "eve-" + tag + "@partners.example", "name": "Eve"})
	d.Customer(t, "c_"+tag, ada, Object{"email": "bo-" + tag + "@customers.example", "name": "Bo", "surname": "Li"})
	for _, name := range []string{"Mia", "Noa"} {
		d.Program.Must(t, "POST", "/v1/leads", Object{"name": name, "email": name + "-" + tag + "@leads.example", "partner": Object{"id": ada}})
	}
	maps.Copy(d.Examples, map[string]string{
		"/console/partners/:id":       "/console/partners/" + ada,
		"/console/customers/:id":      "/console/customers/c_" + tag,
		"/console/form-leads/:number": "/console/form-leads/1",
	})
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
	hook := d.Program.Must(t, "POST", "/v1/webhooks", Object{"name": "CRM", "url": "https://hooks.example.com/crm", "events": []string{"partner.approved.v1"}}).Data(t)
	d.App.Settle(t)
	event := d.Program.Must(t, "GET", "/v1/events?limit=1", nil).List(t)[0]
	maps.Copy(d.Examples, map[string]string{
		"/console/events/:position": "/console/events/" + strings.TrimLeft(text(t, event["sequence"]), "0"),
		"/console/webhooks/:id":     "/console/webhooks/" + text(t, hook["id"]),
		"/console/keys/:id":         "/console/keys/" + text(t, key["id"]),
		"/console/people/:id":       "/console/people/" + invited.PersonID,
	})
}

func text(t testing.TB, value any) string {
	t.Helper()
	s, is := value.(string)
	if !is {
		t.Fatalf("%v is no text", value)
	}
	return s
}
