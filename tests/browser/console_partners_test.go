package browser_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

const notice = "document.querySelector('main .notice')?.textContent ?? ''"

// inEachLook does a task in every look, and looks at the page that it ends on.
func (b *tab) inEachLook(name string, task func(i int)) {
	b.t.Helper()
	source := axe(b.t)
	for i, l := range looks {
		b.as(l.width, l.height, l.scheme)
		task(i)
		b.examine(fmt.Sprintf("%s at %d px, %s", name, l.width, l.scheme), source)
	}
}

// unfold opens what stands folded behind a text.
func (b *tab) unfold(text string) {
	b.t.Helper()
	b.do("[...document.querySelectorAll('main details')].find(e => e.textContent.includes(" + quoted(text) + ")).open = true")
}

// A partner is added, approved and found again by name, and gets a link; it is given a customer, and a lead that it submitted becomes one.
func TestPartnersAreRunOnPages(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	data.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"approval": "manual"})
	b.inEachLook("partners", func(i int) {
		key := fmt.Sprintf("zoe-%d", i)
		b.open(data.App.URL + "/console/partners")
		b.follow("main .actions", "Add a partner")
		b.send(map[string]string{"email": key + "@partners.example", "name": "Zoë", "surname": key, "key": key}, "Add the partner")
		b.wait(heading, "Zoë "+key+" Pending")
		b.follow("main .actions", "Approve")
		b.wait(heading, "Zoë "+key+" Active")
		b.unfold("Add a link")
		b.send(map[string]string{"key": key + ".spring"}, "Add the link")
		b.wait(notice, "The link is added.")
		b.want("[...document.querySelectorAll('main code')].some(e => e.textContent.endsWith('="+key+".spring'))", true)

		b.open(data.App.URL + "/console/partners")
		b.send(map[string]string{"search": "zoë " + key}, "Filter")
		b.wait("document.querySelector('[name=search]')?.value ?? ''", "zoë "+key)
		b.wait("document.querySelectorAll('#rows tbody tr').length", float64(1))
		b.want("location.pathname + location.search", "/console/partners")
		b.follow("#rows", "Zoë "+key)

		b.open(data.App.URL + "/console/customers")
		b.send(map[string]string{"search": data.Examples["/console/customers/:id"][len("/console/customers/"):]}, "Find")
		b.wait(heading, "Bo Li Active")
		b.unfold("Give to another partner")
		b.send(map[string]string{"partner": key}, "Give the customer")
		b.wait(notice, "The customer is the partner's now.")
		b.want("document.querySelectorAll('#history li').length", float64(i+3))

		number := fmt.Sprint(data.Program.Must(t, "POST", "/v1/leads", apptest.Object{
			"name": "Lea " + key, "email": key + "@leads.example", "partner": apptest.Object{"key": key},
		}).Data(t)["id"])
		b.open(data.App.URL + "/console/form-leads")
		b.follow("#rows", number)
		b.send(map[string]string{"amount": "12.50"}, "Convert into a customer")
		b.wait(notice, "The lead is a customer of its partner now.")
		b.want("document.querySelector('h1 .status').textContent", "Converted")
	})
}
