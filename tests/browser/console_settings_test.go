package browser_test

import (
	"fmt"
	"testing"
)

// A key is made, looked at and revoked, somebody is invited, and the program's settings and its form are changed.
func TestASellerIsSetUpOnPages(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	b.inEachLook("settings", func(i int) {
		name := fmt.Sprintf("Shop %d", i)
		b.open(data.App.URL + "/console/keys")
		b.follow("main .actions", "Make a key")
		b.send(map[string]string{"scope": "site", "name": name, "origins": "https://shop.example"}, "Make the key")
		b.wait("(document.querySelector('#made-key')?.textContent.length ?? 0) > 20", true)
		b.follow("main", "I have it")
		b.follow("#rows", name)
		b.want(heading, name)
		b.want("document.querySelector('#trail td[data-label=\"What\"]').textContent", "Create API key")
		b.follow("main .actions", "Revoke")
		b.follow("main form", "Revoke the key")
		b.wait(notice, "The key is revoked.")
		b.want("document.querySelector('#rows').textContent.includes("+quoted(name)+")", false)

		b.open(data.App.URL + "/console/people")
		b.follow("main .actions", "Invite somebody")
		b.do("document.querySelector('#f-link').checked = true")
		b.send(map[string]string{"email": fmt.Sprintf("vera-%d@acme.example", i), "role": "viewer"}, "Invite")
		b.wait("document.querySelector('main pre')?.textContent.includes('/join/') ?? false", true)

		b.open(data.App.URL + "/console/settings")
		b.send(map[string]string{"program_name": fmt.Sprintf("Program %d", i)}, "Save the settings")
		b.wait("document.querySelector('main .notice.good') !== null", true)
		b.want("document.querySelector('[name=program_name]').value", fmt.Sprintf("Program %d", i))

		b.follow(".tabs", "Lead form")
		question := fmt.Sprintf("Question %d?", i)
		b.do("[...document.querySelectorAll('main fieldset input[id$=\"title\"]')].find(e => e.value === '').value = " + quoted(question))
		b.follow("main form", "Only show how it looks")
		b.want("document.querySelector('section[aria-label=Preview]').textContent.includes("+quoted(question)+")", true)
		b.follow("main form", "Save the form")
		b.wait("document.querySelector('main .notice.good') !== null", true)
		b.want("document.querySelector('section[aria-label=Preview]').textContent.includes("+quoted(question)+")", true)

		b.open(data.App.URL + "/console/system")
		b.follow("main form", "Audit now")
		b.wait("document.querySelector('main .notice.good')?.textContent.startsWith('The audit begins') ?? false", true)
	})
}
