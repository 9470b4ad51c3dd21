package apptest

import (
	"maps"
	"strings"
	"testing"
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
