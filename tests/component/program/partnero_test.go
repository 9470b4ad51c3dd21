package program_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// partnero sends requests as Partnero's own clients do (docs/partner-program.md): paths put together as texts behind
// a base URL, parameters of GET and DELETE in the query, everything else as JSON. An answer is decoded only when its content
// type is exactly application/json, and one whose status is falsy is a failure whatever the HTTP status says.
type partnero struct {
	t         testing.TB
	base, key string // all that a user of Partnero changes
	code      string // of the seller whose program it is
	http      *http.Client
}

var programs atomic.Int64

// newProgram makes a seller with a website and returns a client of its program.
func newProgram(t testing.TB, app *apptest.App, website string) *partnero {
	t.Helper()
	n := programs.Add(1)
	code := fmt.Sprintf("PROG%04d", n)
	made := app.Client(t, apptest.AdminKey).Must(t, "POST", "/v1/sellers", apptest.Object{
		"name": fmt.Sprintf("Program %d", n), "code": code,
		"slug": fmt.Sprintf("program-%d", n), "currency": "USD", "time_zone": "UTC", "website": website,
	}).Data(t)
	key, _ := made["api_key"].(map[string]any)
	token, _ := key["key"].(string)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &partnero{t: t, base: app.URL + "/v1/", key: token, code: code, http: &http.Client{
		Timeout:   time.Minute,
		Transport: apptest.Spec(t).Transport(transport, func(err error) { t.Errorf("not as openapi.yaml says: %v", err) }),
		// A redirect would lose the body and the key.
		CheckRedirect: func(r *http.Request, _ []*http.Request) error { return fmt.Errorf("redirected to %s", r.URL) },
	}}
}

// with is the client with another key.
func (p *partnero) with(key string) *partnero {
	other := *p
	other.key = key
	return &other
}

// reply is what a client knows of an answer.
type reply struct {
	t      testing.TB
	call   string
	status int
	text   string
	body   map[string]any // nil unless it was decoded
}

// send sends a request. A body of nil is none, a string is sent as it is.
func (p *partnero) send(method, uri string, body any) reply {
	p.t.Helper()
	to := uri
	if !strings.HasPrefix(uri, "http") {
		to = strings.TrimRight(p.base, "/") + "/" + uri
	}
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			p.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, to, content)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json") // also without a body
	if p.key != "" {
		r.Header.Set("Authorization", "Bearer "+p.key)
	}
	response, err := p.http.Do(r)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, uri, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, uri, err)
	}
	got := reply{t: p.t, call: method + " " + uri, status: response.StatusCode, text: string(text)}
	if response.Header.Get("Content-Type") == "application/json" {
		_ = json.Unmarshal(text, &got.body)
	}
	return got
}

// query puts parameters behind a path as PHP's http_build_query does.
func query(uri string, pairs []string) string {
	if len(pairs) == 0 {
		return uri
	}
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return uri + "?" + values.Encode()
}

func (p *partnero) get(uri string, pairs ...string) reply {
	p.t.Helper()
	return p.send("GET", query(uri, pairs), nil)
}

func (p *partnero) delete(uri string, pairs ...string) reply {
	p.t.Helper()
	return p.send("DELETE", query(uri, pairs), nil)
}

func (p *partnero) post(uri string, body any) reply {
	p.t.Helper()
	return p.send("POST", uri, body)
}

func (p *partnero) put(uri string, body any) reply {
	p.t.Helper()
	return p.send("PUT", uri, body)
}

// did checks for success; a create answers 201 and everything else 200.
func (r reply) did(status int) reply {
	r.t.Helper()
	if r.status != status || r.body["status"] != 1.0 {
		r.t.Fatalf("%s is answered %d %s, want %d and a status of 1", r.call, r.status, r.text, status)
	}
	return r
}

// done checks for the answer of an action, which has no data.
func (r reply) done() {
	r.t.Helper()
	if r.status != 200 || r.text != `{"status":1}` {
		r.t.Errorf(`%s is answered %d %s, want 200 {"status":1}`, r.call, r.status, r.text)
	}
}

// data is the object of a success.
func (r reply) data() map[string]any {
	r.t.Helper()
	object, ok := r.did(map[bool]int{true: 201, false: 200}[r.status == 201]).body["data"].(map[string]any)
	if !ok {
		r.t.Fatalf("%s is answered without an object: %s", r.call, r.text)
	}
	return object
}

// list is the objects of a list.
func (r reply) list() []map[string]any {
	r.t.Helper()
	items, ok := r.did(200).body["data"].([]any)
	if !ok {
		r.t.Fatalf("%s is answered without a list: %s", r.call, r.text)
	}
	out := make([]map[string]any, len(items))
	for i, item := range items {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// fails checks for a failure that a client can tell its user: status, code, a message, and with 422 the fields at fault.
func (r reply) fails(status int, code string, fields ...string) {
	r.t.Helper()
	message, _ := r.body["message"].(string)
	if r.status != status || r.body["status"] != 0.0 || r.body["code"] != code || message == "" {
		r.t.Errorf("%s is answered %d %s, want %d with the code %s and a message", r.call, r.status, r.text, status, code)
		return
	}
	errs, _ := r.body["errors"].(map[string]any)
	if (len(errs) > 0) != (len(fields) > 0) {
		r.t.Errorf("%s is answered %s, want errors of %v", r.call, r.text, fields)
	}
	for _, f := range fields {
		if told, _ := errs[f].([]any); len(told) == 0 {
			r.t.Errorf("%s is answered %s, which says nothing of %s", r.call, r.text, f)
		}
	}
}

// has checks members of the object of a success.
func (r reply) has(pairs ...any) map[string]any {
	r.t.Helper()
	object := r.data()
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		if got := object[name]; !reflect.DeepEqual(got, pairs[i+1]) {
			r.t.Errorf("%s answers %s %v, want %v", r.call, name, got, pairs[i+1])
		}
	}
	return object
}

// holds checks that a list has exactly some values of a member, in any order.
func (r reply) holds(member string, want ...string) {
	r.t.Helper()
	got := []string{}
	for _, item := range r.list() {
		got = append(got, fmt.Sprint(item[member]))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("%s lists the %s %v, want %v", r.call, member, got, want)
	}
}

func tagsOf(object map[string]any) []string {
	list, _ := object["tags"].([]any)
	tags := []string{}
	for _, item := range list {
		tag, _ := item.(map[string]any)
		tags = append(tags, fmt.Sprint(tag["value"]))
	}
	slices.Sort(tags)
	return tags
}

func (r reply) tagged(want ...string) {
	r.t.Helper()
	if got := tagsOf(r.data()); !slices.Equal(got, append([]string{}, want...)) {
		r.t.Errorf("%s answers the tags %v, want %v", r.call, got, want)
	}
}

const theirWebsite = "https://yourcompany.com"

func TestAPartneroClientWithAnotherBaseURL(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		db := apptest.Open(t, databaseURL)
		t.Cleanup(db.Audit)
		for name, part := range map[string]func(*testing.T, *apptest.App, *partnero){
			"credentials and failures":  credentialsAndFailures,
			"partners made and found":   partnersMadeAndFound,
			"partners changed":          partnersChanged,
			"partners steered":          partnersSteered,
			"referral links":            referralLinks,
			"customers":                 customersMadeAndFound,
			"customers changed":         customersChanged,
			"customers touched again":   customersTouchedAgain,
			"leads":                     leadsOfTheForm,
			"program":                   programCalls,
			"pages":                     pagesWalked,
			"examples of the documents": documentedExamples,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				part(t, app, newProgram(t, app, theirWebsite))
			})
		}
	})
}

func credentialsAndFailures(t *testing.T, app *apptest.App, p *partnero) {
	tested := p.get("test").data()
	if program, _ := tested["program"].(map[string]any); program["type"] != "affiliate" || program["currency"] != "USD" || program["website"] != theirWebsite {
		t.Errorf("the test of the credentials tells %v", tested)
	}
	// The WordPress plugin works only when it is told a public id, of which it makes its customers' keys.
	if program, _ := tested["program"].(map[string]any); fmt.Sprint(program["pub_id"]) != p.code {
		t.Errorf("the program's pub_id is %v, want %s", program["pub_id"], p.code)
	}
	p.get("partners", "limit", "1").holds("id")
	p.with("").get("test").fails(401, "invalid_api_key")
	p.with("pk_live_of_partnero").get("test").fails(401, "invalid_api_key")
	p.with("pk_live_of_partnero").post("partners", apptest.Object{"email": "john@example.com"}).fails(401, "invalid_api_key")
	p.with(apptest.AdminKey).get("partners").fails(403, "forbidden")
	shop := apptest.NewShop(t, app, nil)
	p.with(shop.Supplier.Key).get("partners").fails(403, "forbidden")

	p.get("partners/nobody").fails(404, "partner_not_found")
	p.get("partners/nobody", "key", "nobody").fails(404, "partner_not_found")
	p.get("partners/", "email", "nobody@example.com").fails(404, "partner_not_found")
	p.get("partners/supplier").fails(404, "partner_not_found") // of another seller
	p.get("customers/nobody").fails(404, "customer_not_found")
	p.get("leads/4711").fails(404, "lead_not_found")
	p.get("partner_referral_links/nobody").fails(404, "referral_link_not_found")
	p.get("unknown").fails(404, "not_found")
	p.send("DELETE", "leads", nil).fails(405, "method_not_allowed")
	for _, body := range []string{`{"email":`, `[1]`, `"x"`, ``} {
		p.post("partners", body).fails(400, "invalid_body")
	}
	p.post("partners", "[]").fails(422, "validation_failed", "email") // PHP's empty object
	p.post("partners", apptest.Object{}).fails(422, "validation_failed", "email")
	p.post("partners", `{"email":7,"name":[],"tags":"x","id":true}`).fails(422, "wrong_type", "email", "name", "tags", "id")
	// What Partnero's clients know and we do not is no mistake.
	p.post("partners", `{"email":"more@example.com","coupon":{"a":[1]},"metadata":null,"name":null}`).has("email", "more@example.com", "name", "")
}

func partnersMadeAndFound(t *testing.T, _ *apptest.App, p *partnero) {
	p.post("partners", `{"email":"john@example.com","name":"John","surname":"Doe","tags":["new","premium"]}`).tagged("new", "premium")
	// A model of the PHP client: its id is a number.
	p.post("partners", `{"id":4711,"key":"ref-php","email":"php@example.com","name":"P","surname":"HP","password":"Passw0rd"}`).
		has("id", "4711", "status", "active", "approved", true, "tos", false, "referrals_count", 0.0,
			"referral_link", theirWebsite+"?aff=ref-php", "referral_links", []any{theirWebsite + "?aff=ref-php"})
	p.post("partner", `{"email":"alias@example.com","key":"ref-alias","referring_partner":{"id":4711}}`).has("name", "", "surname", "")

	for _, found := range []reply{
		p.get("partners/4711"),
		p.get("partners/ref-php", "key", "ref-php"),                     // PHP: find("ref-php")
		p.get("partners/", "email", "php@example.com"),                  // PHP: find(null, "php@example.com")
		p.get("partners/", "email", "PHP@Example.com"),                  // compared without case
		p.get("partner", "key", "ref-php"),                              // n8n
		p.get("partner", "id", "4711"),                                  // n8n
		p.get("partner", "email", "php@example.com"),                    // n8n
		p.get("partner/", "key", "ref-php", "email", "php@example.com"), // PHP, deprecated: both
	} {
		object := found.has("id", "4711", "email", "php@example.com", "name", "P", "surname", "HP", "custom_fields", []any{},
			"referrals", map[string]any{"clicks": 0.0, "signups": 0.0, "revenue": []any{}, "sales_count": 0.0, "paid_accounts": 0.0},
			"commissions", map[string]any{"paid": []any{}, "pending": []any{}, "not_paid": []any{}}, "custom_field_values", []any{})
		if _, told := object["password"]; told {
			t.Errorf("%s tells a password", found.call)
		}
	}
	p.get("partners/ref-php").has("id", "4711") // PHP, its page of examples
	p.get("partners/ref-php/referral_links").holds("key", "ref-php")
	p.put("partners/ref-php", `{"name":"X"}`).fails(404, "partner_not_found") // writes take the id
	p.delete("partners/ref-php").fails(404, "partner_not_found")
	p.get("partners/", "key", "REF-PHP").fails(404, "partner_not_found")
	p.get("partner").fails(422, "validation_failed", "key")

	p.get("partners").holds("email", "john@example.com", "php@example.com", "alias@example.com")
	p.get("partners/", "limit", "250").holds("email", "john@example.com", "php@example.com", "alias@example.com")
	p.get("partners:search", "key", "ref-").holds("email", "php@example.com", "alias@example.com")
	p.get("partners:search", "key", "-PHP").holds("email")
	p.get("partners:search", "id", "471").holds("id", "4711")
	p.get("partners:search", "email", "EXAMPLE", "limit", "10").holds("email", "john@example.com", "php@example.com", "alias@example.com")
	p.get("partners:search", "email", "example", "key", "alias").holds("email", "alias@example.com")
	p.get("partners:search", "key", "100%_").holds("email") // no wildcards

	for body, field := range map[string]string{
		`{"email":"PHP@example.com"}`:                       "email",
		`{"email":"x@example.com","id":"4711"}`:             "id",
		`{"email":"x@example.com","id":4711}`:               "id",
		`{"email":"x@example.com","key":"ref-php"}`:         "key",
		`{"email":"x@example.com","key":"a b"}`:             "key",
		`{"email":"x@example.com","password":"short"}`:      "password",
		`{"email":"x@example.com","password":"alllower1"}`:  "password",
		`{"email":"x@example.com","password":"NoDigitsIn"}`: "password",
		`{"email":"[email protected]"}`:                     "email",
		`{"email":"x@example.com","referring_partner":{}}`:  "referring_partner",
	} {
		p.post("partners", body).fails(422, "validation_failed", field)
	}
	p.post("partners", `{"email":"bad","id":"a b","password":"x"}`).fails(422, "validation_failed", "email", "id", "password")
	p.post("partners", `{"email":"x@example.com","referring_partner":{"key":"nobody"}}`).fails(400, "unknown_referring_partner")
	// Of id, key and email the first decides.
	p.post("partners", `{"email":"x@example.com","referring_partner":{"id":"nobody","key":"ref-php"}}`).fails(400, "unknown_referring_partner")
}

func partnersChanged(t *testing.T, _ *apptest.App, p *partnero) {
	p.post("partners", `{"id":"one","key":"key-1","email":"one@example.com","name":"N","surname":"S","tags":["a","b"]}`).did(201)
	p.post("partners", `{"id":2,"key":"key-2","email":"two@example.com"}`).did(201)

	p.put("partners/one", `{"name":"Flat"}`).has("name", "Flat", "surname", "S", "email", "one@example.com")                 // n8n
	p.put("partners/one", `{"update":{"name":"Wrapped"}}`).has("name", "Wrapped", "surname", "S")                            // the documents
	p.put("partners", `{"update":{"surname":"By key"},"key":"key-1"}`).has("id", "one", "surname", "By key")                 // PHP
	p.put("partners", `{"update":{"surname":"By email"},"email":"one@example.com"}`).has("id", "one", "surname", "By email") // PHP, of a model without key
	p.put("partners", `{"update":{"surname":"By id"},"id":2}`).has("id", "2", "surname", "By id")
	p.put("partners", `{"key":"key-2","surname":"Flat by key"}`).has("id", "2", "surname", "Flat by key")
	p.put("partner", `{"key":"key-2","update":{"name":"Alias"}}`).has("id", "2", "name", "Alias") // PHP, deprecated
	p.send("PUT", "partner?id=one", `{"name":"Query"}`).has("id", "one", "name", "Query")
	p.send("PUT", "partners/?email=two%40example.com", `{"update":{"name":"Slash"}}`).has("id", "2", "name", "Slash")
	// A whole model of the PHP client, its number and its key with it.
	p.put("partners", `{"update":{"id":2,"key":"key-2","name":"Model","surname":"M","email":"two@example.com"},"key":"key-2"}`).
		has("id", "2", "name", "Model", "referral_links", []any{theirWebsite + "?aff=key-2"})

	p.get("partners/one").tagged("a", "b")
	p.put("partners/one", `{"update":{"tags":null,"name":"X"}}`).tagged("a", "b")
	p.put("partners/one", `{"name":"Y"}`).tagged("a", "b")
	p.put("partners/one", `{"update":{"tags":["c"]}}`).tagged("c")
	p.put("partners/one", `{"tags":[]}`).tagged()
	p.get("partners/one").tagged()

	// A new key becomes the default, and the old one goes on to lead to the partner.
	p.put("partners/one", `{"update":{"key":"key-new"}}`).has("referral_link", theirWebsite+"?aff=key-new",
		"referral_links", []any{theirWebsite + "?aff=key-new", theirWebsite + "?aff=key-1"})
	p.get("partner", "key", "key-1").has("id", "one")
	p.get("partner", "key", "key-new").has("id", "one")
	// A key that only says whom to change does not become the default.
	p.put("partners", `{"key":"key-1","name":"Y"}`).has("name", "Y", "referral_link", theirWebsite+"?aff=key-new")
	p.put("partners/one", `{"update":{"email":"uno@example.com","password":"N3w-password"}}`).has("email", "uno@example.com")
	p.get("partners/", "email", "one@example.com").fails(404, "partner_not_found")

	p.put("partners/one", `{"email":"TWO@example.com"}`).fails(422, "validation_failed", "email")
	p.put("partners/one", `{"update":{"key":"key-2"}}`).fails(422, "validation_failed", "key")
	p.put("partners/one", `{"update":{"password":"weak","email":"x"}}`).fails(422, "validation_failed", "password", "email")
	p.put("partners/one", `{"update":{"name":7}}`).fails(422, "wrong_type", "name")
	p.put("partners/nobody", `{"name":"X"}`).fails(404, "partner_not_found")
	p.put("partners", `{"update":{"name":"X"},"key":"nobody"}`).fails(404, "partner_not_found")
	p.put("partners", `{"update":{"name":"X"}}`).fails(422, "validation_failed", "key")
	p.put("partners/one", `{"referring_partner":{"id":2}}`).did(200)
	p.put("partners/2", `{"referring_partner":{"key":"key-1"}}`).fails(422, "validation_failed", "referring_partner")
	p.put("partners/2", `{"referring_partner":{"id":"2"}}`).fails(422, "validation_failed", "referring_partner")
	p.get("partners/one").has("name", "Y", "email", "uno@example.com")

	// What says nothing changes nothing.
	before := p.get("partners/one").data()
	p.put("partners/one", `{}`).did(200)
	p.put("partners/one", `{"update":{}}`).did(200)
	p.put("partner_referral_links/key-1", `{}`).did(200)
	p.put("partner_referral_links/key-new", `{"key":"key-new","default":true}`).did(200)
	if after := p.get("partners/one").data(); !reflect.DeepEqual(after, before) {
		t.Errorf("the partner was %v and is %v", before, after)
	}
}

func partnersSteered(t *testing.T, _ *apptest.App, p *partnero) {
	add := func(id string) {
		t.Helper()
		p.post("partners", fmt.Sprintf(`{"id":%q,"key":"key-%s","email":"%s@example.com","name":"N","tags":["t"]}`, id, id, id)).did(201)
	}
	add("kept")
	p.post("partners/kept/archive", nil).done()
	p.get("partners/kept").has("status", "archived", "approved", true)
	p.post("partners/kept/archive", "{}").fails(400, "partner_action_not_possible")
	p.post("partners/kept/revoke-archive", "{}").done()
	p.get("partners/kept").has("status", "active", "approved", true)
	p.post("partners/kept/revoke-archive", nil).fails(400, "partner_action_not_possible")
	p.post("partners/kept/approve", nil).fails(400, "partner_action_not_possible")
	p.post("partners/nobody/archive", nil).fails(404, "partner_not_found")
	p.post("partners/key-kept/archive", nil).fails(404, "partner_not_found")

	p.put("settings", `{"settings":{"approval":"manual"}}`).has("approval", "manual")
	add("asked")
	p.get("partners/asked").has("status", "pending", "approved", false)
	p.post("partners/asked/reject", nil).done()
	p.get("partners/asked").has("status", "rejected", "approved", false)
	p.post("partners/asked/reject", nil).fails(400, "partner_action_not_possible")
	p.post("partners/asked/approve", nil).done()
	p.get("partners/asked").has("status", "active", "approved", true)
	p.put("settings", `{"settings":{"approval":"auto"}}`).did(200)

	for id, remove := range map[string]func(id string) reply{
		"by-path":       func(id string) reply { return p.delete("partners/" + id) },
		"by-query-key":  func(id string) reply { return p.delete("partners", "key", "key-"+id) },               // PHP: delete($key)
		"by-query-mail": func(id string) reply { return p.delete("partners", "email", id+"@example.com") },     // PHP: delete(null, $email)
		"by-body-key":   func(id string) reply { return p.send("DELETE", "partners", `{"key":"key-`+id+`"}`) }, // the documents
		"by-body-mail":  func(id string) reply { return p.send("DELETE", "partners", `{"email":"`+id+`@example.com"}`) },
		"by-alias":      func(id string) reply { return p.delete("partner", "key", "key-"+id) }, // PHP, deprecated
		"by-path-key":   func(id string) reply { return p.delete("partners/anything", "key", "key-"+id) },
	} {
		add(id)
		remove(id).done()
		p.get("partners/"+id).fails(404, "partner_not_found")
		p.get("partner", "key", "key-"+id).fails(404, "partner_not_found")
		remove(id).fails(404, "partner_not_found")
		p.post("partners", fmt.Sprintf(`{"email":"%s@example.com"}`, id)).did(201) // the email is free again
		p.post("partners", fmt.Sprintf(`{"id":%q,"email":"again-%s@example.com"}`, id, id)).fails(422, "validation_failed", "id")
		p.post("partners", fmt.Sprintf(`{"key":"key-%s","email":"again-%s@example.com"}`, id, id)).fails(422, "validation_failed", "key")
	}
	p.send("DELETE", "partners", "{}").fails(422, "validation_failed", "key")
	p.delete("partners", "key", "nobody").fails(404, "partner_not_found")
	p.get("partners:search", "id", "by-").holds("id")
}

func referralLinks(t *testing.T, app *apptest.App, p *partnero) {
	p.post("partners", `{"id":"one","key":"first","email":"one@example.com"}`).did(201)
	p.post("partners", `{"id":7,"key":"seven","email":"seven@example.com"}`).did(201)
	link := func(key string, standard bool) []any {
		return []any{
			"id", key, "key", key, "url", theirWebsite + "?aff=" + key, "default", standard, "is_additional", false,
			"direct_tracking", false, "direct_tracking_redirect", false, "direct_tracking_redirect_url", nil,
		}
	}
	// As the PHP client merges a link, a domain and a partner.
	p.post("partner_referral_links", `{"key":"second","domain_id":null,"is_additional":false,"partner":{"key":"first"}}`).has(link("second", false)...)
	p.post("partner_referral_links", `{"key":"third","partner":{"id":"one"}}`).has(link("third", false)...)
	p.post("partner_referral_links", `{"key":"of-seven","partner":{"id":7,"key":"seven","email":"seven@example.com"}}`).did(201)
	p.post("partner_referral_links", `{"key":42,"partner":{"email":"seven@example.com"}}`).has(link("42", false)...)

	p.get("partners/one/referral_links").holds("key", "first", "second", "third")
	p.get("partners/7/referral_links", "limit", "10").holds("key", "seven", "of-seven", "42")
	p.get("partner_referral_links").holds("key", "first", "second", "third", "seven", "of-seven", "42")
	p.get("partner_referral_links/first").has(link("first", true)...)
	p.get("partner_referral_links/second").has(link("second", false)...)
	p.get("partner_referral_links:search", "key", "ir").holds("key", "first", "third")
	p.get("partner_referral_links:search", "id", "seven").holds("key", "seven", "of-seven")
	p.get("partner_referral_links:search", "key", "none").holds("key")
	domains := p.get("partner_referral_links:domains").list()
	if want := []map[string]any{{"id": nil, "domain": "yourcompany.com", "url": theirWebsite, "is_additional": false}}; !reflect.DeepEqual(domains, want) {
		t.Errorf("the domains are %v, want %v", domains, want)
	}

	p.put("partner_referral_links/third", `{"key":"renamed"}`).has(link("renamed", false)...)
	p.get("partner_referral_links/third").fails(404, "referral_link_not_found")
	p.put("partner_referral_links/renamed", `{"update":{"default":true}}`).has(link("renamed", true)...)
	p.get("partners/one").has("referral_link", theirWebsite+"?aff=renamed")
	p.get("partner_referral_links/first").has(link("first", false)...)
	p.post("partner_referral_links", `{"key":"third","partner":{"id":"one"}}`).fails(422, "validation_failed", "key") // retired
	p.post("partner_referral_links", `{"key":"seven","partner":{"id":"one"}}`).fails(422, "validation_failed", "key")
	p.post("partner_referral_links", `{"key":"first","partner":{"id":"one"}}`).fails(422, "validation_failed", "key")
	p.post("partner_referral_links", `{}`).fails(422, "validation_failed", "key", "partner")
	p.post("partner_referral_links", `{"key":"x","domain_id":3,"is_additional":true,"partner":{"id":"one"}}`).fails(422, "validation_failed", "domain_id")
	p.post("partner_referral_links", `{"key":"x","partner":{"id":"nobody"}}`).fails(400, "unknown_partner")
	p.post("partner_referral_links", `{"key":"x y","partner":{"id":"one"}}`).fails(422, "validation_failed", "key")

	p.delete("partner_referral_links/second").done()
	p.get("partner_referral_links/second").fails(404, "referral_link_not_found")
	p.delete("partner_referral_links/second").fails(404, "referral_link_not_found")
	p.delete("partner_referral_links/first").done()
	p.delete("partner_referral_links/renamed").fails(400, "last_referral_link")
	p.get("partners/one/referral_links").holds("key", "renamed")
	p.get("partners/nobody/referral_links").fails(404, "partner_not_found")

	// The parameter's name is a setting, and the website may have a query of its own.
	p.put("settings", `{"settings":{"link_parameter":"via","website":"https://yourcompany.com/start?lang=en"}}`).did(200)
	p.get("partner_referral_links/renamed").has("url", "https://yourcompany.com/start?lang=en&via=renamed")
	stranger := newProgram(t, app, theirWebsite)
	stranger.get("partner_referral_links/renamed").fails(404, "referral_link_not_found")
	stranger.delete("partner_referral_links/renamed").fails(404, "referral_link_not_found")
}

func customersMadeAndFound(t *testing.T, app *apptest.App, p *partnero) {
	p.post("partners", `{"id":"partner-1","key":"ref-1","email":"one@example.com"}`).did(201)
	p.post("partners", `{"id":12,"key":"ref-2","email":"two@example.com"}`).did(201)
	customer := func(key, partner string) []any {
		return []any{"key", key, "partner", partner, "deleted", false, "status", "active", "deleted_at", nil}
	}
	flat := p.post("customers", `{"partner":{"key":"ref-1"},"key":"flat","email":"alice.brown@example.com","name":"Alice","surname":"Brown","tags":["new"]}`)
	flat.has(append(customer("flat", "partner-1"), "name", "Alice", "surname", "Brown", "email", "alice.brown@example.com")...)
	flat.tagged("new")
	p.post("customers", `{"partner":{"id":12},"customer":{"key":"nested","name":"Bob","email":"bob@example.com","tags":["x"]}}`).
		has(append(customer("nested", "12"), "name", "Bob", "surname", "")...) // WordPress
	p.post("customer", `{"customer":{"key":"alias"},"partner":{"id":12,"key":"ref-2","email":"two@example.com"}}`).has(customer("alias", "12")...) // PHP, deprecated
	p.post("customers", `{"key":4711,"partner":{"email":"ONE@example.com"}}`).has(customer("4711", "partner-1")...)
	p.post("customers", `{"key":"by/url ä","options":{"referral_url":"https://yourcompany.com/pricing?x=1&aff=ref-2#top"}}`).has(customer("by/url ä", "12")...)
	p.post("customers", `{"key":"both","partner":{"id":"partner-1"},"options":{"referral_url":"https://yourcompany.com?aff=ref-2"}}`).has(customer("both", "partner-1")...)
	p.post("customers", `{"key":"mail+tag@example.com","email":"mail+tag@example.com","partner":{"key":"ref-1"}}`).did(201)

	for _, found := range []reply{
		p.get("customers/flat"), p.get("customers/alice.brown@example.com"), p.get("customer", "key", "flat"), p.get("customer", "email", "Alice.Brown@example.com"),
		p.get("customers/flat/"),
	} {
		found.has(append(customer("flat", "partner-1"), "name", "Alice")...)
	}
	p.get("customers/by%2Furl%20%C3%A4").has(customer("by/url ä", "12")...)
	p.get("customers/mail+tag@example.com").has("email", "mail+tag@example.com")
	p.get("customer").fails(422, "validation_failed", "key")
	p.get("customers").holds("key", "flat", "nested", "alias", "4711", "by/url ä", "both", "mail+tag@example.com")
	p.get("customers", "partner[key]", "ref-2").holds("key", "nested", "alias", "by/url ä")
	p.get("customers", "partner[id]", "partner-1", "limit", "10").holds("key", "flat", "4711", "both", "mail+tag@example.com")
	p.get("customers", "partner[email]", "two@example.com").holds("key", "nested", "alias", "by/url ä")
	p.get("customers", "partner_key", "ref-2").holds("key", "nested", "alias", "by/url ä")             // n8n
	p.get("customers", "partner_email", "two@example.com").holds("key", "nested", "alias", "by/url ä") // n8n
	p.get("customers", "partner_key", "nobody").holds("key")
	p.get("customers", "partner[key]", "nobody").holds("key")
	p.get("customers:search", "key", "flat").holds("key", "flat")
	p.get("customers:search", "key", "7").holds("key", "4711")
	p.get("customers:search", "email", "BROWN@").holds("key", "flat")
	p.get("customers:search", "key", "%").holds("key")

	p.post("customers", `{"key":"flat","partner":{"key":"ref-2"}}`).fails(422, "validation_failed", "key")
	p.post("customers", `{"partner":{"key":"ref-1"}}`).fails(422, "validation_failed", "key")
	p.post("customers", `{"email":"bad"}`).fails(422, "validation_failed", "key", "email", "partner")
	p.post("customers", `{"key":"x"}`).fails(422, "validation_failed", "partner")
	p.post("customers", `{"key":"x","partner":{}}`).fails(422, "validation_failed", "partner")
	p.post("customers", `{"key":"x","partner":{"key":"nobody"}}`).fails(400, "unknown_partner")
	p.post("customers", `{"key":"x","partner":{"id":"nobody","key":"ref-1"}}`).fails(400, "unknown_partner")
	p.post("customers", `{"key":"x","options":{"referral_url":"https://yourcompany.com?aff=nobody"}}`).fails(400, "unknown_partner")
	p.post("customers", `{"key":"x","email":"One@Example.com","partner":{"key":"ref-1"}}`).fails(422, "validation_failed", "email") // itself
	p.post("partners/partner-1/archive", nil).done()
	p.post("customers", `{"key":"x","partner":{"key":"ref-1"}}`).fails(400, "partner_not_active")
	p.get("customers/x").fails(404, "customer_not_found")
	newProgram(t, app, theirWebsite).get("customers/flat").fails(404, "customer_not_found")
}

func customersChanged(t *testing.T, _ *apptest.App, p *partnero) {
	p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com"}`).did(201)
	p.post("partners", `{"id":"two","key":"ref-2","email":"two@example.com"}`).did(201)
	add := func(key string) {
		t.Helper()
		p.post("customers", fmt.Sprintf(`{"key":%q,"email":"%s@example.com","name":"N","tags":["a","b"],"partner":{"key":"ref-1"}}`, key, key)).did(201)
	}
	add("c")
	p.put("customers/c", `{"name":"Flat"}`).has("key", "c", "name", "Flat", "email", "c@example.com")                 // n8n
	p.put("customers/c", `{"update":{"name":"Wrapped"}}`).has("name", "Wrapped")                                      // the documents
	p.put("customers", `{"key":"c","update":{"surname":"PHP"}}`).has("key", "c", "name", "Wrapped", "surname", "PHP") // PHP
	p.put("customers", `{"key":"c","surname":"Flat"}`).has("key", "c", "surname", "Flat")
	p.put("customers", `{"customer":{"key":"c","surname":"Nested"}}`).has("key", "c", "surname", "Nested")
	p.put("customer", `{"key":"c","update":{"surname":"Alias"}}`).has("surname", "Alias") // PHP, deprecated
	p.put("customers/c@example.com", `{"surname":"By email"}`).has("surname", "By email")
	p.put("customers/c", `{"tags":null}`).tagged("a", "b")
	p.put("customers/c", `{"update":{"tags":["z"]}}`).tagged("z")
	p.put("customers/c", `{"tags":[]}`).tagged()
	p.put("customers", `{"key":"c","update":{"key":"renamed"}}`).has("key", "renamed", "surname", "By email")
	p.get("customers/c").fails(404, "customer_not_found")
	p.get("customers/renamed").has("partner", "one")

	p.put("customers/renamed", `{"email":"renamed@example.com"}`).has("email", "renamed@example.com")
	add("c")
	p.put("customers/c", `{"key":"renamed"}`).fails(422, "validation_failed", "key")
	p.put("customers/c", `{"email":"bad"}`).fails(422, "validation_failed", "email")
	p.put("customers", `{"update":{"name":"X"}}`).fails(422, "validation_failed", "key")
	p.put("customers/nobody", `{"name":"X"}`).fails(404, "customer_not_found")
	p.put("customers", `{"key":"nobody","update":{"name":"X"}}`).fails(404, "customer_not_found")

	// A later visit does not take a customer away; the operator does, and in a program of the last touch so does the visit.
	p.put("customers/c", `{"options":{"referral_url":"https://yourcompany.com?aff=ref-2"}}`).has("partner", "one")
	p.put("customers/c", `{"update":{"name":"X"},"partner":{"key":"ref-2"}}`).has("partner", "two", "name", "X")
	p.put("settings", `{"settings":{"attribution":"last_touch"}}`).did(200)
	p.put("customers/c", `{"options":{"referral_url":"https://yourcompany.com?aff=ref-1"}}`).has("partner", "one")
	p.put("customers/c", `{"partner":{"id":"nobody"}}`).fails(400, "unknown_partner")

	p.post("customers/c/archive", nil).done()
	p.get("customers/c").has("status", "archived", "deleted", false, "deleted_at", nil)
	p.post("customers/c/archive", "{}").fails(400, "customer_action_not_possible")
	p.post("customers/c/revoke-archive", "{}").done()
	p.get("customers/c").has("status", "active")
	p.post("customers/c/revoke-archive", nil).fails(400, "customer_action_not_possible")
	p.post("customers/c@example.com/archive", nil).done()
	p.post("customers/nobody/archive", nil).fails(404, "customer_not_found")
	for key, remove := range map[string]func(key string) reply{
		"path":       func(key string) reply { return p.delete("customers/" + key) },                          // PHP
		"path-email": func(key string) reply { return p.delete("customers/" + key + "@example.com") },         // n8n
		"wordpress":  func(key string) reply { return p.send("DELETE", "customers/"+key, `{"key":"other"}`) }, // a body as well
		"alias":      func(key string) reply { return p.delete("customer", "key", key) },                      // PHP, deprecated
		"alias-body": func(key string) reply { return p.send("DELETE", "customer", `{"key":"`+key+`"}`) },
		"alias-mail": func(key string) reply { return p.delete("customer", "email", key+"@example.com") },
	} {
		add(key)
		remove(key).done()
		p.get("customers/"+key).fails(404, "customer_not_found")
		p.get("customer", "email", key+"@example.com").fails(404, "customer_not_found")
		remove(key).fails(404, "customer_not_found")
		add(key) // the key is free again
	}
	p.delete("customer").fails(422, "validation_failed", "key")
}

// customersTouchedAgain: whose customer somebody is when it is touched and changed later.
func customersTouchedAgain(_ *testing.T, _ *apptest.App, p *partnero) {
	p.put("settings", `{"settings":{"attribution":"last_touch","allow_self_referral":true}}`).did(200)
	for _, id := range []string{"one", "two", "three"} {
		p.post("partners", fmt.Sprintf(`{"id":%q,"key":"ref-%s","email":"%s@example.com"}`, id, id, id)).did(201)
	}
	click := func(partner, day string) string {
		return fmt.Sprintf(`{"options":{"referral_url":"https://yourcompany.com?aff=ref-%s","clicked_at":"2026-01-%sT00:00:00Z"}}`, partner, day)
	}
	// The touch that happened last counts, not the one that was told last.
	p.post("customers", `{"key":"c","email":"c@example.com","options":{"referral_url":"https://yourcompany.com?aff=ref-one","clicked_at":"2026-01-10T00:00:00Z"}}`).did(201)
	p.put("customers/c", click("two", "09")).has("partner", "one")
	p.put("customers/c", click("two", "11")).has("partner", "two")
	p.put("customers/c", click("one", "10")).has("partner", "two")
	p.put("customers/c", click("two", "15")).has("partner", "two")
	p.put("customers/c", click("one", "13")).has("partner", "two")
	p.put("customers/c", `{"partner":{"id":"three"},"options":{"clicked_at":"2026-01-01T00:00:00Z"}}`).has("partner", "three") // by the operator, now
	p.put("customers/c", click("one", "16")).has("partner", "three")

	// Nothing is asked about what stays as it is.
	p.post("customers", `{"key":"self","email":"one@example.com","partner":{"id":"one"}}`).did(201)
	p.put("settings", `{"settings":{"allow_self_referral":false}}`).did(200)
	p.put("customers/self", `{"email":" ONE@example.com","name":"N"}`).has("name", "N", "partner", "one")
	p.put("customers/self", `{"partner":{"key":"ref-one"}}`).has("partner", "one")
	p.put("customers/self", click("one", "01")).has("partner", "one")
	p.put("customers/self", `{"email":"other@example.com"}`).has("email", "other@example.com")
	p.put("customers/self", `{"email":"one@example.com"}`).fails(422, "validation_failed", "email")
	p.put("customers/self", `{"email":"one@example.com","partner":{"id":"one"}}`).fails(422, "validation_failed", "email")
	p.put("customers/self", `{"email":"two@example.com","partner":{"id":"two"}}`).fails(422, "validation_failed", "email")
	p.put("customers/self", `{"email":"one@example.com","partner":{"id":"two"}}`).has("partner", "two", "email", "one@example.com")
	p.put("customers/self", `{"email":""}`).has("partner", "two")

	// A partner that is out keeps what it has.
	p.post("partners/two/archive", nil).done()
	p.put("customers/self", `{"partner":{"id":"two"},"email":"new@example.com"}`).has("partner", "two", "email", "new@example.com")
	p.delete("partners/two").done()
	p.put("customers/self", `{"email":"newer@example.com"}`).has("email", "newer@example.com")
}

// ownSelfReferral replaces self_referral: a partner may refer itself, but nobody an internal address.
type ownSelfReferral struct{}

func (ownSelfReferral) Code() string { return "self_referral" }
func (ownSelfReferral) Order() int   { return 100 }
func (ownSelfReferral) Decide(f attribution.Facts) attribution.Verdict {
	if strings.HasSuffix(f.CustomerEmail, "@internal.example") {
		return attribution.Refuse(errors.New("internal addresses are nobody's customers"))
	}
	return attribution.Verdict{}
}

func TestAModulesSelfReferralDecidesAboutEveryEmail(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("test", leadmill.ReplacePolicy("self_referral", func() ownSelfReferral { return ownSelfReferral{} })))
		p := newProgram(t, app, theirWebsite)
		p.post("partners", `{"id":"one","email":"one@example.com"}`).did(201)
		p.post("customers", `{"key":"c","email":"one@example.com","partner":{"id":"one"}}`).did(201)
		p.put("customers/c", `{"email":"c@example.com"}`).did(200)
		p.put("customers/c", `{"email":"one@example.com"}`).has("email", "one@example.com")
		p.put("customers/c", `{"email":"c@internal.example"}`).fails(400, "self_referral")
		p.get("customers/c").has("email", "one@example.com")
		apptest.Open(t, databaseURL).Audit()
	})
}

// theirForm is a lead form with the fields of the documents' example.
const theirForm = `{"leads_enabled":true,"leads_custom_form_fields":[
	{"id":88,"type":"text","title":"About","text":"<p>Tell us more</p>"},
	{"id":89,"type":"input","title":"Company","description":"The company's name","required":true,"options":[]},
	{"id":90,"type":"textarea","title":"Notes","description":"","required":false},
	{"id":91,"type":"checkbox","title":"Features","options":["feature1","feature2","feature3"]},
	{"id":92,"type":"radio","title":"Size","options":["small","large"]},
	{"id":93,"type":"select","title":"Plan","options":["basic","pro"]},
	{"id":94,"type":"countries","title":"Country"}]}`

func leadsOfTheForm(t *testing.T, app *apptest.App, p *partnero) {
	p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com","name":"John","surname":"Doe"}`).did(201)
	p.post("partners", `{"id":2,"key":"ref-2","email":"two@example.com"}`).did(201)
	p.get("leads/details").has("leads_enabled", "true", "program_leads_commission_type", "follow_program_settings", "leads_custom_form_fields", []any{})
	p.put("leads/details", theirForm).did(200)
	details := p.get("leads/details").has("leads_enabled", "true")
	fields, _ := details["leads_custom_form_fields"].([]any)
	if len(fields) != 7 || !reflect.DeepEqual(fields[1], map[string]any{
		"id": 89.0, "type": "input", "title": "Company", "text": "",
		"description": "The company's name", "required": true, "options": []any{},
	}) {
		t.Errorf("the form is told as %v", fields)
	}
	if commission, _ := details["leads_commission"].(map[string]any); commission["currency"] != "USD" || commission["commission_type"] != "percent" {
		t.Errorf("the commission is told as %v", commission)
	}

	submit := func(more string) map[string]any {
		t.Helper()
		return p.post("leads", `{"name":"Alice Brown","email":"alice@example.com","partner":{"key":"ref-1"},"cfields":{"89":"Acme"`+more+`}}`).has(
			"status", "submitted", "converted_to", nil, "can_be_converted", true, "can_be_rejected", true,
			"lead_info", map[string]any{"name": "Alice Brown", "email": "alice@example.com"},
			"submitter", map[string]any{"id": "one", "name": "John Doe", "email": "one@example.com"})
	}
	full := submit(`,"94":"DE","91":["feature3","feature1"],"93":"pro","92":"large","90":"Two\nlines","88":null`)
	var form []string
	for _, item := range full["submission_form"].([]any) {
		answer, _ := item.(map[string]any)
		form = append(form, fmt.Sprintf("%v=%v", answer["question"], answer["answer"]))
	}
	if want := []string{
		"Name=Alice Brown", "Email address=alice@example.com", "Company=Acme", "Notes=Two\nlines", "Features=feature3, feature1",
		"Size=large", "Plan=pro", "Country=DE",
	}; !slices.Equal(form, want) {
		t.Errorf("the submitted form is %q, want %q", form, want)
	}
	if full["id"] != 1.0 {
		t.Errorf("the first lead has the id %v, want 1", full["id"])
	}
	for range 6 {
		submit("")
	}
	p.get("leads").holds("id", "1", "2", "3", "4", "5", "6", "7")
	if newest := p.get("leads", "limit", "2").list(); newest[0]["id"] != 7.0 || newest[1]["id"] != 6.0 {
		t.Errorf("the newest leads are %v", newest)
	}
	if oldest := p.get("leads", "limit", "1", "sort", "asc").list(); oldest[0]["id"] != 1.0 {
		t.Errorf("the oldest lead is %v", oldest)
	}
	p.get("leads/1").has("status", "submitted", "submission_form", full["submission_form"])

	converted := func(r reply, id float64) {
		t.Helper()
		lead := r.has("id", id, "status", "converted", "can_be_converted", false, "can_be_rejected", false)
		to, _ := lead["converted_to"].(map[string]any)
		key, _ := to["key"].(string)
		if !regexp.MustCompile(`^[A-Za-z0-9]{12}$`).MatchString(key) || to["name"] != "Alice Brown" || to["email"] != "alice@example.com" {
			t.Errorf("%s converts to %v", r.call, to)
		}
		p.get("customers/"+key).has("partner", "one", "name", "Alice", "surname", "Brown", "email", "alice@example.com", "status", "active")
		p.get(fmt.Sprintf("leads/%.0f", id)).has("status", "converted", "converted_to", lead["converted_to"])
	}
	p.put("settings", `{"unique_customer_email":false}`).did(200) // the leads are one person's
	converted(p.post("leads/convert", `{"id":1,"commission_transaction_amount":99.5}`), 1)
	converted(p.post("leads/convert", `{"id":"2","commission_transaction_amount":0}`), 2) // n8n sends 0 when nothing was said
	converted(p.get("leads/convert", "id", "3", "commission_transaction_amount", "1200.50"), 3)
	converted(p.get("leads/convert", "id", "4"), 4)
	p.post("leads/reject", `{"id":5}`).has("id", 5.0, "status", "rejected", "converted_to", nil, "can_be_converted", false, "can_be_rejected", false)
	p.get("leads/reject", "id", "6").has("id", 6.0, "status", "rejected")
	p.get("leads/6").has("status", "rejected")
	p.post("leads/convert", `{"id":1}`).fails(400, "lead_already_converted")
	p.get("leads/reject", "id", "1").fails(400, "lead_already_converted")
	p.get("leads/convert", "id", "5").fails(400, "lead_already_rejected")
	p.post("leads/reject", `{"id":5}`).fails(400, "lead_already_rejected")
	p.post("leads/convert", `{"id":4711}`).fails(404, "lead_not_found")
	p.get("leads/reject", "id", "4711").fails(404, "lead_not_found")
	p.post("leads/convert", `{}`).fails(422, "validation_failed", "id")
	p.get("leads/reject").fails(422, "validation_failed", "id")
	p.post("leads/convert", `{"id":7,"commission_transaction_amount":-1}`).fails(422, "validation_failed", "commission_transaction_amount")
	p.get("customers").holds("name", "Alice", "Alice", "Alice", "Alice")

	p.delete("leads/7").done()
	p.get("leads/7").fails(404, "lead_not_found")
	p.delete("leads/7").fails(404, "lead_not_found")
	p.post("leads/convert", `{"id":7}`).fails(404, "lead_not_found")
	p.get("leads").holds("id", "1", "2", "3", "4", "5", "6")
	if next := submit(""); next["id"] != 8.0 {
		t.Errorf("the number of a deleted lead is given again: %v", next["id"])
	}

	for body, fields := range map[string][]string{
		`{}`: {"name", "email", "partner", "cfields.89"},
		`{"name":"A","email":"a@example.com","partner":{},"cfields":{"89":"x"}}`:                                       {"partner"},
		`{"name":"A","email":"bad","partner":{"id":2},"cfields":{"89":"x"}}`:                                           {"email"},
		`{"name":"A","email":"a@example.com","partner":{"id":2},"cfields":{"89":"","91":["other"],"94":"Germany"}}`:    {"cfields.89", "cfields.91", "cfields.94"},
		`{"name":"A","email":"a@example.com","partner":{"id":2},"cfields":{"88":"x","89":"x","92":["small","large"]}}`: {"cfields.88", "cfields.92"},
	} {
		p.post("leads", body).fails(422, "validation_failed", fields...)
	}
	p.post("leads", `{"name":"A","email":"a@example.com","partner":{"id":2},"cfields":{"89":"x","95":"y"}}`).fails(422, "unknown_field", "cfields.95")
	p.post("leads", `{"name":"A","email":"a@example.com","partner":{"key":"nobody"},"cfields":{"89":"x"}}`).fails(400, "unknown_partner")
	if next := submit(""); next["id"] != 9.0 {
		t.Errorf("after refused leads the next number is %v, want 9", next["id"])
	}
	// A lead keeps the questions it was asked.
	p.put("leads/details", `{"leads_custom_form_fields":[{"id":89,"type":"input","title":"Firm"}]}`).has("leads_enabled", "true")
	p.get("leads/1").has("submission_form", full["submission_form"])
	p.put("leads/details", `{"leads_enabled":false}`).has("leads_enabled", "false")
	p.post("leads", `{"name":"A","email":"a@example.com","partner":{"id":2}}`).fails(400, "leads_disabled")
	newProgram(t, app, theirWebsite).get("leads/1").fails(404, "lead_not_found")
}

func programCalls(t *testing.T, app *apptest.App, p *partnero) {
	p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com","name":"John"}`).did(201)
	p.post("customers", `{"key":"c","partner":{"key":"ref-1"}}`).did(201)
	p.post("leads", `{"name":"A","email":"a@example.com","partner":{"key":"ref-1"}}`).did(201)

	p.post("partners:invite", `{"email":"jane@example.com","name":"Jane","surname":"Smith"}`).done()
	p.get("partners/", "email", "jane@example.com").has("status", "pending", "approved", false, "name", "Jane", "surname", "Smith")
	p.post("partners:invite", `{"email":"JANE@example.com","name":"Jane"}`).done()
	p.post("partners:invite", `{"email":"one@example.com","name":"John"}`).fails(422, "validation_failed", "email")
	p.post("partners:invite", `{"surname":"Smith"}`).fails(422, "validation_failed", "email", "name")
	p.get("partners").holds("email", "one@example.com", "jane@example.com")

	for _, body := range []string{`{"key":"ref-1"}`, `{"email":"one@example.com","expires_in":30}`, `{"key":"ref-1","expires_in":900}`} {
		link := p.post("partners:sign-in-url", body).did(200).data()
		address, _ := link["url"].(string)
		until, err := time.Parse("2006-01-02T15:04:05.000000Z", fmt.Sprint(link["expires_at"]))
		if !strings.HasPrefix(address, app.URL+"/portal/sign-in/") || err != nil || time.Until(until) > 901*time.Second || time.Until(until) < 0 {
			t.Errorf("%s is answered %v", body, link)
		}
	}
	for body, fields := range map[string][]string{`{"key":"ref-1","expires_in":29}`: {"expires_in"}, `{"key":"ref-1","expires_in":901}`: {"expires_in"}, `{}`: {"key"}} {
		p.post("partners:sign-in-url", body).fails(422, "validation_failed", fields...)
	}
	p.post("partners:sign-in-url", `{"key":"nobody"}`).fails(400, "unknown_partner")
	p.post("partners:sign-in-url", `{"email":"jane@example.com"}`).fails(400, "partner_action_not_possible")

	p.get("settings").has("program_name", p.name(), "website", theirWebsite, "currency", "USD", "time_zone", "UTC", "approval", "auto", "link_parameter", "aff",
		"cookie_lifetime", 30.0, "attribution", "first_touch", "attribution_window", 0.0, "allow_self_referral", false, "lead_campaign", nil, "lead_retention_days", 0.0, "unique_customer_email", true)
	p.put("settings", `{"settings":{"cookie_lifetime":60,"program_name":"Acme Partners","unknown":1}}`).has("cookie_lifetime", 60.0, "program_name", "Acme Partners", "approval", "auto")
	p.put("settings", `{"update":{"attribution_window":30}}`).has("attribution_window", 30.0, "cookie_lifetime", 60.0)
	p.put("settings", `{"allow_self_referral":true,"program_name":null}`).has("allow_self_referral", true, "program_name", "Acme Partners")
	p.put("settings", `{"settings":{"cookie_lifetime":0,"approval":"maybe","link_parameter":"a b","attribution":"x","attribution_window":-1,"lead_retention_days":3651}}`).
		fails(422, "validation_failed", "cookie_lifetime", "approval", "link_parameter", "attribution", "attribution_window", "lead_retention_days")

	apptest.Eventually(t, func() error {
		overview := p.get("program/overview").data()
		for name, want := range map[string]any{
			"total_partners": 1.0, "total_signups": 1.0, "total_leads": 1.0, "total_clicks": 0.0,
			"total_purchases": 0.0, "total_revenue": []any{}, "total_reward": []any{}, "total_paid": []any{}, "total_paid_accounts": 0.0,
		} {
			if growth, told := overview[name+"_growth"]; !reflect.DeepEqual(overview[name], want) || !told || growth != nil {
				return fmt.Errorf("the overview tells %s %v and a growth of %v, want %v and nil: %v", name, overview[name], growth, want, overview)
			}
		}
		settings, _ := overview["overview_program_current_settings"].(map[string]any)
		for name, want := range map[string]any{
			"program_name": "Acme Partners", "program_type_title": "Affiliate program", "currency": "USD",
			"commission_description": "", "cookie_lifetime": 60.0, "payout_threshold": nil, "partner_portal_url": app.URL + "/portal",
		} {
			if settings[name] != want {
				return fmt.Errorf("the overview tells the setting %s %v, want %v", name, settings[name], want)
			}
		}
		detail := p.get("partners/one").has("referrals_count", 1.0)
		if referrals, _ := detail["referrals"].(map[string]any); referrals["signups"] != 1.0 {
			return fmt.Errorf("the partner's referrals are %v", referrals)
		}
		return nil
	})
}

// name is the name newProgram gave the program.
func (p *partnero) name() string {
	var n int
	_, _ = fmt.Sscanf(p.code, "PROG%d", &n)
	return fmt.Sprintf("Program %d", n)
}

func pagesWalked(t *testing.T, _ *apptest.App, p *partnero) {
	added := 0
	adders := map[string]func() string{
		"partners": func() string {
			added++
			return p.post("partners", fmt.Sprintf(`{"id":"p%d","key":"k%d","email":"p%d@example.com"}`, added, added, added)).data()["id"].(string)
		},
		"customers": func() string {
			added++
			return p.post("customers", fmt.Sprintf(`{"key":"c%d","partner":{"key":"root"}}`, added)).data()["key"].(string)
		},
		"leads": func() string {
			added++
			return fmt.Sprint(p.post("leads", fmt.Sprintf(`{"name":"L%d","email":"l%d@example.com","partner":{"key":"root"}}`, added, added)).data()["id"])
		},
	}
	names := map[string]string{"partners": "id", "customers": "key", "leads": "id"}
	p.post("partners", `{"id":"root","key":"root","email":"root@example.com"}`).did(201)
	for _, list := range []string{"partners", "customers", "leads"} {
		for _, order := range []string{"desc", "asc"} {
			walk(t, p, list, names[list], order, adders[list])
		}
	}
	p.post("partners", `{"id":"linked","key":"l0","email":"linked@example.com"}`).did(201)
	links := 0
	for _, order := range []string{"desc", "asc"} {
		walk(t, p, "partners/linked/referral_links", "key", order, func() string {
			links++
			return p.post("partner_referral_links", fmt.Sprintf(`{"key":"l%d","partner":{"id":"linked"}}`, links)).data()["key"].(string)
		})
	}

	for _, list := range []string{"partners", "customers", "leads", "partners:search", "customers:search", "partner_referral_links", "partners/linked/referral_links"} {
		for _, limit := range []string{"0", "251", "-1", "x", "1.5", "99999999999999999999"} {
			p.get(list, "limit", limit).fails(422, "validation_failed", "limit")
		}
		for _, page := range []string{"0", "-1", "x", "99999999999999999999"} {
			p.get(list, "page", page).fails(422, "validation_failed", "page")
		}
		p.get(list, "limit", "250", "page", "40").list()
		p.get(list, "limit", "250", "page", "41").fails(422, "validation_failed", "page")
		p.get(list, "sort", "up").fails(422, "validation_failed", "sort")
		p.get(list, "cursor", "%%%").fails(422, "validation_failed", "cursor")
		if n := len(p.get(list, "limit", "250").list()); n < 16 {
			t.Errorf("%s lists only %d", list, n)
		}
		if n := len(p.get(list).list()); n != 15 {
			t.Errorf("%s lists %d without a limit, want 15", list, n)
		}
	}
}

// walk follows links.next as the n8n node does, while rows are added, and looks for any that comes twice or not at all.
func walk(t *testing.T, p *partnero, list, member, order string, add func() string) {
	t.Helper()
	const limit, pages = 10, 3
	for len(p.get(list, "limit", "250").list()) < limit*(pages-1)+4 {
		add()
	}
	var before []string
	for _, item := range p.get(list, "limit", "250", "sort", order).list() {
		before = append(before, fmt.Sprint(item[member]))
	}
	second := p.get(list, "limit", "10", "page", "2", "sort", order)
	path := strings.TrimRight(p.base, "/") + "/" + list
	if meta, _ := second.body["meta"].(map[string]any); meta["current_page"] != 2.0 || meta["from"] != 11.0 || meta["to"] != 20.0 ||
		meta["per_page"] != 10.0 || meta["path"] != path {
		t.Errorf("%s tells the page as %v", second.call, meta)
	}
	var seen []string
	next := query(path, []string{"limit", "10", "sort", order})
	for n := 1; next != ""; n++ {
		if !strings.HasPrefix(next, path+"?") || n > 10 {
			t.Fatalf("page %d of %s is at %s", n, list, next)
		}
		r := p.get(next)
		for _, item := range r.list() {
			seen = append(seen, fmt.Sprint(item[member]))
		}
		links, _ := r.body["links"].(map[string]any)
		meta, _ := r.body["meta"].(map[string]any)
		if last, told := links["last"]; !told || last != nil || !strings.HasPrefix(fmt.Sprint(links["first"]), path+"?") || meta["current_page"] != float64(n) {
			t.Errorf("page %d of %s has the links %v and is told as %v", n, list, links, meta)
		}
		if n == 1 && links["prev"] != nil {
			t.Errorf("the first page of %s has one before it: %v", list, links)
		}
		next, _ = links["next"].(string)
		if n < pages {
			add()
			add()
		}
	}
	// What is added meanwhile comes behind in rising order, and before the first page in falling order; links are by their key.
	there := slices.DeleteFunc(slices.Clone(seen), func(id string) bool { return !slices.Contains(before, id) })
	if !slices.Equal(there, before) || order == "desc" && !strings.HasSuffix(list, "referral_links") && len(seen) != len(before) {
		t.Errorf("%s in pages, %s, are\n%v, at once\n%v", list, order, seen, before)
	}
	slices.Sort(seen)
	if n := len(slices.Compact(slices.Clone(seen))); n != len(seen) {
		t.Errorf("%s, %s: %d of %d rows came twice", list, order, len(seen)-n, len(seen))
	}
}

// The documents' examples, as they are in the seeds.
const (
	createPartnerRequest = `{
    "email": "[email protected]",
    "name": "John",
    "surname": "Doe",
    "tags": ["new", "premium"]
  }`
	createPartnerAnswer = `{
  "data": {
    "email": "[email protected]",
    "created_at": "2025-04-30T16:44:13.000000Z",
    "updated_at": "2025-04-30T16:44:13.000000Z",
    "name": "John",
    "id": "partner_123",
    "surname": "Doe",
    "tos": false,
    "approved": true,
    "status": "active",
    "custom_fields": [],
    "referrals_count": 0,
    "tags": [
      {
        "value": "premium"
      },
      {
        "value": "new"
      }
    ],
    "referral_link": "https://yourcompany.com?aff=ref_123",
    "referral_links": [
      "https://yourcompany.com?aff=ref_123"
    ]
  },
  "status": 1
}`
	inviteRequest = `{
    "email": "[email protected]",
    "name": "Jane",
    "surname": "Smith"
  }`
	createCustomerRequest = `{
    "partner": {
      "key": "ref_123"
    },
    "key": "customer_123",
    "email": "alice.brown@example.com",
    "name": "Alice",
    "surname": "Brown",
    "tags": ["new"]
  }`
	createCustomerAnswer = `{
    "data": {
      "key": "customer_123",
      "partner": "partner_123",
      "deleted": false,
      "name": "Alice",
      "surname": "Brown",
      "email": "alice.brown@example.com",
      "status": "active",
      "created_at": "2025-05-02T16:12:39.000000Z",
      "updated_at": "2025-05-02T16:12:39.000000Z",
      "deleted_at": null,
      "tags": [
        {
          "value": "new"
        }
      ]
    },
    "status": 1
  }`
	createLeadRequest = `{
    "name": "Alice Brown",
    "email": "alice.brown@partnero.com",
    "partner": {
      "key": "ref_123"
    },
    "cfields": {
      "89": "Acme Inc",
      "90": "Looking for enterprise plan",
      "91": ["feature1", "feature3"],
      "94": "US"
    }
  }`
	createLeadAnswer = `{
    "data": {
      "id": 44,
      "status": "submitted",
      "created_at": "2025-05-16",
      "lead_info": {
        "name": "Alice Brown",
        "email": "alice.brown@partnero.com"
      },
      "converted_to": null,
      "submitter": {
        "id": "partner_123",
        "name": "John Doe",
        "email": "john.doe@partnero.com"
      },
      "submission_form": [
        {
          "question": "Name",
          "answer": "Alice Brown"
        },
        {
          "question": "Email address",
          "answer": "alice.brown@partnero.com"
        },
        {
          "question": "Company",
          "answer": "Acme Inc"
        },
        {
          "question": "Notes",
          "answer": "Looking for enterprise plan"
        }
      ],
      "can_be_converted": true,
      "can_be_rejected": true
    },
    "status": 1
  }`
)

func documentedExamples(t *testing.T, _ *apptest.App, p *partnero) {
	const hidden, address = "[email protected]", "john.doe@partnero.com"
	// The example as it is printed makes an id and a key; with those of the answer it answers to the letter.
	made := comparison{
		free: map[string]string{
			"data.created_at": timePattern, "data.updated_at": timePattern, "data.id": `^[A-Za-z0-9._~-]{1,64}$`,
			"data.referral_link": `^https://yourcompany\.com\?aff=[A-Za-z0-9]{12}$`, "data.referral_links.0": `^https://yourcompany\.com\?aff=[A-Za-z0-9]{12}$`,
		},
		unordered: "data.tags",
	}
	first := p.post("partners", strings.Replace(createPartnerRequest, hidden, "first@partnero.com", 1)).did(201)
	made.check(t, "create-partner", first.text, strings.Replace(createPartnerAnswer, hidden, "first@partnero.com", 1))
	delete(made.free, "data.id")
	delete(made.free, "data.referral_link")
	delete(made.free, "data.referral_links.0")
	handled := strings.Replace(strings.Replace(createPartnerRequest, hidden, address, 1), "{", `{"id":"partner_123","key":"ref_123",`, 1)
	made.check(t, "create-partner with id and key", p.post("partners", handled).did(201).text, strings.Replace(createPartnerAnswer, hidden, address, 1))
	p.post("partners:invite", strings.Replace(inviteRequest, hidden, "jane.smith@partnero.com", 1)).done()

	customer := comparison{free: map[string]string{"data.created_at": timePattern, "data.updated_at": timePattern}}
	customer.check(t, "create-customer", p.post("customers", createCustomerRequest).did(201).text, createCustomerAnswer)
	customer.check(t, "the customer again", p.get("customers/customer_123").did(200).text, createCustomerAnswer)

	p.put("leads/details", strings.Replace(theirForm, `"required":true`, `"required":false`, 1)).did(200)
	lead := comparison{
		free:   map[string]string{"data.id": `^[0-9]+$`, "data.created_at": `^\d{4}-\d\d-\d\d$`},
		longer: "data.submission_form",
	} // the example leaves out what it was sent for 91 and 94
	lead.check(t, "create-lead", p.post("leads", createLeadRequest).did(201).text, createLeadAnswer)
	lead.check(t, "the lead again", p.get("leads/1").did(200).text, createLeadAnswer)
	short := strings.Replace(createLeadRequest, `,
      "91": ["feature1", "feature3"],
      "94": "US"`, "", 1)
	lead.longer = ""
	lead.check(t, "create-lead without what its answer lacks", p.post("leads", short).did(201).text, createLeadAnswer)

	for what, r := range map[string]reply{
		"422 Email already exists": p.post("partners", strings.Replace(createPartnerRequest, hidden, address, 1)),
		"422 ID already exists":    p.post("partners", `{"email":"x@partnero.com","id":"partner_123"}`),
		"422 Key already exists":   p.post("partners", `{"email":"x@partnero.com","key":"ref_123"}`),
		"400 Referring partner not found": p.post("partners",
			`{"email":"x@partnero.com","referring_partner":{"id":"nobody"}}`),
	} {
		status, message, _ := strings.Cut(what, " ")
		if fmt.Sprint(r.status) != status || r.body["status"] != 0.0 || !strings.Contains(r.text, message) {
			t.Errorf("%s is answered %d %s", what, r.status, r.text)
		}
	}
}

const timePattern = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`

// comparison compares an answer with a documented one, member by member and in order. Values must be equal but those of free,
// which must match a pattern and have the documented type; the list unordered may have another order, the list longer more
// items.
type comparison struct {
	free              map[string]string
	unordered, longer string
}

func (c comparison) check(t *testing.T, what, got, want string) {
	t.Helper()
	a, err := parseOrdered(got)
	b, err2 := parseOrdered(want)
	if err := errors.Join(err, err2); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var wrong []string
	c.compare("", a, b, &wrong)
	if len(wrong) > 0 {
		t.Errorf("%s is answered\n%s\nwhich differs from the documents:\n%s", what, got, strings.Join(wrong, "\n"))
	}
}

type member struct {
	name  string
	value any
}

func (c comparison) compare(path string, got, want any, wrong *[]string) {
	tell := func() {
		*wrong = append(*wrong, fmt.Sprintf("%s is %v (%T), want %v (%T)", path, got, got, want, want))
	}
	if reflect.TypeOf(got) != reflect.TypeOf(want) {
		tell()
		return
	}
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch w := want.(type) {
	case []member:
		g, _ := got.([]member)
		if !slices.EqualFunc(g, w, func(a, b member) bool { return a.name == b.name }) {
			tell()
			return
		}
		for i := range w {
			c.compare(at(w[i].name), g[i].value, w[i].value, wrong)
		}
	case []any:
		g, _ := got.([]any)
		if path == c.longer && len(g) > len(w) {
			for i := len(w); i < len(g); i++ {
				if extra, ok := g[i].([]member); !ok || len(extra) != 2 || extra[0].name != "question" || extra[1].name != "answer" {
					tell()
				}
			}
			g = g[:len(w)]
		}
		if path == c.unordered {
			byText := func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
			slices.SortFunc(g, byText)
			slices.SortFunc(w, byText)
		}
		if len(g) != len(w) {
			tell()
			return
		}
		for i := range w {
			c.compare(at(fmt.Sprint(i)), g[i], w[i], wrong)
		}
	default:
		if pattern, free := c.free[path]; free && regexp.MustCompile(pattern).MatchString(fmt.Sprint(got)) || !free && got == want {
			return
		}
		tell()
	}
}

// parseOrdered reads JSON and keeps the order of members.
func parseOrdered(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return parseValue(d)
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		members := []member{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			members = append(members, member{fmt.Sprint(name), value})
		}
		_, err = d.Token()
		return members, err
	case json.Delim('['):
		items := []any{}
		for d.More() {
			item, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err = d.Token()
		return items, err
	}
	return token, nil
}
