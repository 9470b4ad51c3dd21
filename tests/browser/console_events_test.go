package browser_test

import (
	"fmt"
	"testing"
)

// A webhook is added, tested, looked after, edited and deleted; events appear in the open list and are looked at.
func TestEventsAndWebhooksOnPages(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	b.inEachLook("webhooks and events", func(i int) {
		name := fmt.Sprintf("ERP %d", i)
		b.open(data.App.URL + "/console/webhooks")
		b.follow("main .actions", "Add a webhook")
		b.do("document.querySelector('[name=events][value=\"lead.sold.v1\"]').checked = true")
		b.send(map[string]string{"name": name, "url": "http://127.0.0.1:9/erp"}, "Add the webhook")
		b.wait("document.querySelector('#made-secret')?.textContent.startsWith('whsec_') ?? false", true)
		b.follow("main .actions", "Send a test")
		b.wait("document.querySelector('.notice.bad')?.textContent.startsWith('The test failed') ?? false", true)
		b.follow("main .actions", "Edit")
		b.want("document.querySelector('[name=events][value=\"lead.sold.v1\"]').checked", true)
		b.send(map[string]string{"name": name + " of old"}, "Save")
		b.wait(notice, "The webhook is changed, from the next request on.")
		b.follow("main .actions", "Disable")
		b.wait("document.querySelector('h1 .status').textContent", "Paused")
		b.follow("main .actions", "Enable")
		b.wait("document.querySelector('h1 .status').textContent", "Active")
		b.follow("main .actions", "Delete")
		b.follow("main form", "Delete the webhook")
		b.wait(notice, "The webhook is deleted.")

		b.follow("main", "CRM")
		b.follow("#rows", "partner.updated.v1")
		b.want("document.querySelectorAll('main td[data-label=\"It said\"]').length > 0", true)
		b.follow("main .actions", "Tell it again")
		b.wait("document.querySelector('main .notice.good')?.textContent", "It will be told again.")

		b.open(data.App.URL + "/console/events?type=lead.submitted.v1")
		rows := "document.querySelectorAll('#rows tbody tr').length"
		before, _ := b.read(rows).(float64)
		data.Sell(t, data.Form())
		b.wait(rows, before+1)
		b.follow("#rows", "lead.submitted.v1")
		b.want("document.querySelector('main pre').textContent.includes('lead_id')", true)
	})
}
