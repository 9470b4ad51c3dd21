package apptest

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
)

// PartnerCookie is that of the sessions of partners.
const PartnerCookie = "leadmill_portal"

// SignInPartner signs a partner in and returns its session, the value of PartnerCookie. The partner is one of the seller's, by its id.
func (d *ConsoleData) SignInPartner(t testing.TB, id string) string {
	t.Helper()
	link, _ := d.Program.Must(t, "POST", "/v1/partners:sign-in-url", Object{"id": id}).Data(t)["url"].(string)
	token := link[strings.LastIndex(link, "/")+1:]
	session, err := application.Send[programcommand.Session](t.Context(), d.console.operations, programcommand.OpenSession{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return session.Token
}

// BrowseAsPartner returns how a partner who is signed in reaches pages, as Browse does.
func (d *ConsoleData) BrowseAsPartner(t testing.TB, id string) *Browser {
	t.Helper()
	b := d.Browse(t, "")
	b.cookie = PartnerCookie + "=" + d.SignInPartner(t, id)
	return b
}

// In returns how pages are reached by a browser that asks for a language.
func (b *Browser) In(language string) *Browser {
	c := *b
	c.language = language
	return &c
}

// fill adds what a form of the page at the address carries unseen, but what it says was seen when the form has that.
func (b *Browser) fill(t testing.TB, path string, form map[string][]string) {
	t.Helper()
	page := b.Get(t, path).Body
	if token := formToken.FindStringSubmatch(page); token != nil {
		form["_token"] = []string{token[1]}
	}
	if seen := formSeen.FindStringSubmatch(page); seen != nil && form["_seen"] == nil {
		form["_seen"] = []string{html.UnescapeString(seen[1])}
	}
}

var formSeen = regexp.MustCompile(`name="_seen" value="([^"]*)"`)

// Send sends a form with the token of the page at the address, and as somebody who sees that page.
func (b *Browser) Send(t testing.TB, path string, form map[string][]string) Page {
	t.Helper()
	b.fill(t, path, form)
	return b.do(t, http.MethodPost, path, form)
}

// SendFile is Send of a form of several parts, with a file.
func (b *Browser) SendFile(t testing.TB, path, field string, file []byte, form map[string][]string) Page {
	t.Helper()
	b.fill(t, path, form)
	return b.post(t, path, field, file, form)
}
