package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/leadmill/leadmill/tests/chromium"
)

// shopHost is where the pages of sellers are: the browser finds it on this machine, and knows it from the server's address.
const shopHost = "shop.test"

type object = map[string]any

// account is a seller on a server, with a partner, a campaign and a buyer who takes every lead.
type account struct {
	t                *testing.T
	server, key      string
	campaign, origin string
}

// ask sends a request and returns the members of its answer's data.
func (a *account) ask(method, path string, body object) (status int, data object) {
	a.t.Helper()
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			a.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.server+path, &text)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var got struct{ Data any }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	data, _ = got.Data.(object)
	if list, ok := got.Data.([]any); ok {
		data = object{"list": list}
	}
	return answer.StatusCode, data
}

func (a *account) must(method, path string, body object) object {
	a.t.Helper()
	status, data := a.ask(method, path, body)
	if status >= http.StatusMultipleChoices {
		a.t.Fatalf("%s %s answers %d", method, path, status)
	}
	return data
}

func (a *account) id(method, path string, body object) string {
	a.t.Helper()
	id, _ := a.must(method, path, body)["id"].(string)
	return id
}

// published makes a key that stands in the pages of the seller.
func (a *account) published(scope string, more object) string {
	a.t.Helper()
	body := object{"scope": scope, "origins": []string{a.origin}}
	maps.Copy(body, more)
	key, _ := a.must(http.MethodPost, "/v1/api-keys", body)["key"].(string)
	return key
}

// open makes a seller whose website shows page at every path; page is asked when the seller is there.
func open(t *testing.T, page func(a *account) string) *account {
	t.Helper()
	a := &account{t: t, server: serve(t), key: adminKey}
	text := ""
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/thanks" {
			_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Thanks</title>")
			return
		}
		_, _ = fmt.Fprint(w, text)
	}))
	t.Cleanup(website.Close)
	a.origin = strings.Replace(website.URL, "127.0.0.1", shopHost, 1)
	made, _ := a.must(http.MethodPost, "/v1/sellers", object{"name": "Shop", "website": a.origin})["api_key"].(object)
	a.key, _ = made["key"].(string)
	a.id(http.MethodPost, "/v1/partners", object{"id": "partner_123", "key": "ref_123", "email": "pat@partners.example"})
	a.campaign = a.id(http.MethodPost, "/v1/campaigns", object{"name": "Solar", "category": "Solar", "redirect_url": a.origin + "/thanks"})
	buyer := a.id(http.MethodPost, "/v1/buyers", object{"name": "Best"})
	a.must(http.MethodPost, "/v1/buyers/"+buyer+"/deposits", object{"amount": 1000})
	a.must(http.MethodPost, "/v1/campaigns/"+a.campaign+"/contracts", object{"buyer_id": buyer, "price": 45})
	text = page(a)
	return a
}

// visit opens a page of the seller's in a browser.
func (a *account) visit(path string) (do func(script string)) {
	a.t.Helper()
	browser, err := chromium.Start(shopHost, patience)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := chromium.Close(browser, patience); err != nil {
			a.t.Error(err)
		}
	})
	run := func(what string, action chromedp.Action[chromedp.Void]) {
		a.t.Helper()
		ctx, cancel := context.WithTimeout(browser, patience)
		defer cancel()
		if err := chromedp.Do(ctx, action); err != nil {
			a.t.Fatalf("%s: %v", what, err)
		}
	}
	run(path, chromedp.Navigate(a.origin+path))
	return func(script string) { a.t.Helper(); run(script, chromedp.Evaluate[chromedp.Void](script)) }
}

// eventually waits until the server has what a page made.
func (a *account) eventually(what string, is func() bool) {
	a.t.Helper()
	deadline, pause := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer pause.Stop()
	for !is() {
		select {
		case <-deadline:
			a.t.Fatalf("%s is not there", what)
		case <-pause.C:
		}
	}
}

func TestPartnerosDocumentedSnippet(t *testing.T) {
	t.Parallel()
	snippet, err := os.ReadFile("../browser/testdata/partnero-snippet.html")
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, func(a *account) string {
		changed := strings.NewReplacer("https://app.partnero.com", a.server, "PUBLIC_PROGRAM_ID", a.published("site", nil)).Replace(string(snippet))
		return "<!DOCTYPE html><html><head>" + changed + "</head></html>"
	})
	do := a.visit("/?aff=ref_123")
	do(`po('customers', 'signup', {data: {key: 'account_1', email: 'alice@customers.example', name: 'Alice Brown'}})`)
	a.eventually("the customer", func() bool {
		status, customer := a.ask(http.MethodGet, "/v1/customer?key=account_1", nil)
		return status == http.StatusOK && customer["partner"] == "partner_123" && customer["email"] == "alice@customers.example"
	})
}

func TestAPlainForm(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/suppliers.md")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?s)<form method="post" action="https://leads.example.com/api/forms/YOUR_FORM_KEY">.*?</form>`).FindString(string(guide))
	if form == "" {
		t.Fatal("the guide has no form")
	}
	a := open(t, func(a *account) string {
		key := a.published("form", object{"campaign_id": a.campaign})
		return "<!DOCTYPE html><title>Form</title>" + strings.NewReplacer("https://leads.example.com", a.server, "YOUR_FORM_KEY", key).Replace(form)
	})
	do := a.visit("/")
	for name, text := range map[string]string{"firstName": "Jane", "lastName": "Doe", "phone": "(604) 785-0001", "state": "new york", "zip": "501"} {
		do(`document.querySelector('[name=` + name + `]').value = '` + text + `'`)
	}
	do("document.querySelector('button').click()")
	a.eventually("the lead", func() bool {
		leads, _ := a.must(http.MethodGet, "/v1/marketplace/leads?status=sold", nil)["list"].([]any)
		return len(leads) == 1
	})
}
