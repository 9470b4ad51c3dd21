package browser_test

import (
	"testing"
)

// The main task of each of the market's pages, as somebody does it who does not program.
func TestMoneyIsAddedAndAContractMadeOnPages(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	source := axe(t)
	b.inEachLook("a report by hour", func(int) {
		b.open(data.App.URL + "/console/buyers/" + data.BuyerIDs[0])
		b.do(`document.querySelector('#f-amount').value = '1,000'; document.querySelector('form[action$="/deposit"] button').click()`)
		b.wait(`document.querySelector('.notice.good')?.textContent.startsWith('$1,000.00 were added')`, true)
		b.wait(`document.querySelector('#now').textContent.includes('Leads waiting for money0')`, true) // what waited is sold, and the page follows

		b.open(data.App.URL + "/console/campaigns/" + data.CampaignID + "/new-contract")
		b.do(`const set = (id, value) => { const f = document.getElementById('f-' + id); f.value = value; f.dispatchEvent(new Event('input', {bubbles: true})); f.dispatchEvent(new Event('change', {bubbles: true})) };
			set('price', '12.50'); set('filter_mode', 'rows'); set('filter_0_field', 'state'); set('filter_0_op', 'in'); set('filter_0_value', 'TX, CA')`)
		b.wait(`document.querySelector('#filter-check pre')?.textContent`, "lead.state in ['TX', 'CA']")
		b.do(`document.getElementById('f-filter_mode').value = 'cel'; const text = document.getElementById('f-filter'); text.value = "lead.state = 'TX'"; text.dispatchEvent(new Event('input', {bubbles: true}))`)
		b.wait(`document.querySelector('#filter-check .wrong')?.textContent.includes('line 1, column 12')`, true)
		b.examine("a filter with a mistake", source)
		b.do(`text.value = "lead.state == 'TX'"; [...document.querySelectorAll('#contract > .actions button')].pop().click()`)
		b.wait(`document.querySelector('main pre')?.textContent`, "lead.state == 'TX'")
		b.examine("the new contract", source)

		b.open(data.App.URL + "/console/campaigns/" + data.CampaignID + "/dry-run")
		b.do(`document.getElementById('f-lead').value = 'firstName: Jane\nlastName: Doe\nphone: 214-555-0199\nstate: TX'; document.querySelector('main form button').click()`)
		b.wait(`document.querySelector('#result h2')?.textContent.includes('It would be sold to')`, true)
		b.examine("a dry run", source)

		b.open(data.App.URL + "/console/reports?by=hour")
		b.wait(`document.querySelectorAll('main table.rows, main .table.rows tbody tr').length > 0`, true)
	})
}
