package programhttp

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/customer"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestCreateCustomerBinding(t *testing.T) {
	t.Parallel()
	type created struct {
		Key, Email, Name, Surname string
		Tags                      []string
		Referral                  programcommand.Referral
	}
	const (
		members = `"key":"a/b","email":"alice@example.com","name":"Alice","surname":"Brown","tags":["new"]`
		by      = `"partner":{"id":7,"key":"k"}`
		options = `"options":{"referral_url":"https://yourcompany.com/pricing?aff=ref_123","clicked_at":"2025-05-02T18:12:39.5+02:00","x":1}`
	)
	want := created{"a/b", "alice@example.com", "Alice", "Brown", []string{"new"}, programcommand.Referral{
		Partner: application.PartnerHandle{ID: "7", Key: "k"}, URL: "https://yourcompany.com/pricing?aff=ref_123",
		ClickedAt: time.Date(2025, 5, 2, 16, 12, 39, 500_000_000, time.UTC),
	}}
	checkBound(t, map[string]bound{
		"flat":                   {"POST", "/v1/customers", `{` + members + `,` + by + `,` + options + `,"order":{}}`, want},
		"nested":                 {"POST", "/v1/customers/", `{` + by + `,"customer":{` + members + `,"x":[]},` + options + `}`, want},
		"all nested":             {"POST", "/v1/customer", `{"customer":{` + members + `,` + by + `,` + options + `}}`, want},
		"outer partner first":    {"POST", "/v1/customer/", `{` + by + `,"customer":{` + members + `,"partner":{"id":"other"},` + options + `}}`, want},
		"a number":               {"POST", "/v1/customer", `{"key":123,"partner":{"email":"a@b.example"}}`, created{Key: "123", Referral: programcommand.Referral{Partner: application.PartnerHandle{Email: "a@b.example"}}}},
		"null":                   {"POST", "/v1/customers", `{"key":"c","customer":null,"email":null,"name":null,"surname":null,"tags":null,"partner":null,"options":null}`, created{Key: "c"}},
		"null options":           {"POST", "/v1/customers", `{"key":"c","options":{"referral_url":null,"clicked_at":null}}`, created{Key: "c"}},
		"any URL":                {"POST", "/v1/customers", `{"key":"c","options":{"referral_url":"://no url"}}`, created{Key: "c", Referral: programcommand.Referral{URL: "://no url"}}},
		"longest URL":            {"POST", "/v1/customers", `{"key":"c","options":{"referral_url":"` + strings.Repeat("ü", 2048) + `"}}`, created{Key: "c", Referral: programcommand.Referral{URL: strings.Repeat("ü", 2048)}}},
		"update means nothing":   {"POST", "/v1/customers", `{"key":"c","update":5}`, created{Key: "c"}},
		"with a query of a list": {"POST", "/v1/customers?key=z", `{"key":"c"}`, created{Key: "c"}},
	}, func(c any) any {
		n := c.(programcommand.CreateCustomer)
		if n.Referral.ClickedAt.Location() != time.UTC {
			t.Errorf("clicked at %s", n.Referral.ClickedAt)
		}
		return created{n.Key, n.Email, n.Name, n.Surname, n.Tags, n.Referral}
	})
}

func TestUpdateCustomerBinding(t *testing.T) {
	t.Parallel()
	type changed struct {
		Handle   application.CustomerHandle
		Details  customer.Details
		Referral programcommand.Referral
	}
	var none []string
	path, key, id, email := application.CustomerHandle{Any: "c1"}, application.CustomerHandle{Key: "c1"}, application.CustomerHandle{ID: "c1"}, application.CustomerHandle{Email: "a@b.example"}
	name := customer.Details{Name: new("Alicia")}
	const members = `"key":5,"email":"n@b.example","name":"Alicia","surname":"","tags":[],"partner":{"key":"k"},"options":{"referral_url":"https://x.example?aff=k"}`
	every := changed{
		path,
		customer.Details{Key: new("5"), Email: new("n@b.example"), Name: new("Alicia"), Surname: new(""), Tags: &none},
		programcommand.Referral{Partner: application.PartnerHandle{Key: "k"}, URL: "https://x.example?aff=k"},
	}
	reassigned := programcommand.Referral{Partner: application.PartnerHandle{ID: "partner_456"}}
	cases := map[string]bound{
		"flat":               {"PUT", "/v1/customers/c1", `{` + members + `}`, every},
		"wrapped":            {"PUT", "/v1/customers/c1/", `{"update":{` + members + `}}`, every},
		"nested":             {"PUT", "/v1/customers/c1", `{"customer":{` + members + `}}`, every},
		"update first":       {"PUT", "/v1/customers/c1", `{"customer":{"name":"other"},"update":{` + members + `}}`, every},
		"null":               {"PUT", "/v1/customers/c1", `{"update":null,"customer":null,"key":null,"email":null,"name":"Alicia","surname":null,"tags":null,"partner":null,"options":null}`, changed{Handle: path, Details: name}},
		"partner around":     {"PUT", "/v1/customers/c1", `{"partner":{"id":"partner_456"},"update":{"name":"Alicia"}}`, changed{path, name, reassigned}},
		"partner alone":      {"PUT", "/v1/customers/c1", `{"partner":{"id":"partner_456"}}`, changed{Handle: path, Referral: reassigned}},
		"key around":         {"PUT", "/v1/customers/c1", `{"key":"c2","update":{"name":"Alicia"}}`, changed{Handle: path, Details: name}},
		"query means little": {"PUT", "/v1/customers/c1?key=c2", `{"name":"Alicia"}`, changed{Handle: path, Details: name}},
	}
	for _, at := range []string{"/v1/customers", "/v1/customers/", "/v1/customer", "/v1/customer/"} {
		for what, c := range map[string]bound{
			"flat key":            {body: `{"key":"c1","name":"Alicia"}`, want: changed{Handle: key, Details: name}},
			"flat key, changes":   {body: `{"key":"c1","id":"x","email":"n@b.example"}`, want: changed{Handle: key, Details: customer.Details{Email: new("n@b.example")}}},
			"flat id":             {body: `{"id":"c1","name":"Alicia"}`, want: changed{Handle: id, Details: name}},
			"flat email":          {body: `{"email":"a@b.example","name":"Alicia"}`, want: changed{Handle: email, Details: name}},
			"wrapped":             {body: `{"key":"c1","update":{"key":"c2","name":"Alicia"}}`, want: changed{Handle: key, Details: customer.Details{Key: new("c2"), Name: new("Alicia")}}},
			"wrapped, email":      {body: `{"email":"a@b.example","update":{"name":"Alicia"}}`, want: changed{Handle: email, Details: name}},
			"nested":              {body: `{"customer":{"key":"c1","name":"Alicia"},"partner":{"id":"partner_456"}}`, want: changed{key, name, reassigned}},
			"nested, key around":  {body: `{"key":"c1","customer":{"key":"c2"}}`, want: changed{Handle: key, Details: customer.Details{Key: new("c2")}}},
			"nested and wrapped":  {body: `{"customer":{"key":"c1"},"update":{"name":"Alicia"}}`, want: changed{Handle: key, Details: name}},
			"?key":                {path: "?key=c1", body: `{"key":"c2"}`, want: changed{Handle: key, Details: customer.Details{Key: new("c2")}}},
			"?id":                 {path: "?id=c1", body: `{"name":"Alicia"}`, want: changed{Handle: id, Details: name}},
			"?email":              {path: "?email=a@b.example", body: `{"update":{"name":"Alicia"}}`, want: changed{Handle: email, Details: name}},
			"?key goes before id": {path: "?id=x&key=c1", body: `{"name":"Alicia"}`, want: changed{Handle: key, Details: name}},
		} {
			cases[at+" "+what] = bound{"PUT", at + c.path, c.body, c.want}
		}
	}
	checkBound(t, cases, func(c any) any {
		n := c.(programcommand.UpdateCustomer)
		return changed{n.Handle, n.Details, n.Referral}
	})
}

// A customer's key may be any text, slashes and all; it comes to the application as it is.
func TestCustomerKeysInPaths(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"c1", "a/b", "/", "a//b/", "..", "a b", "a+b", "100%", "ü€😀", "a?b#c", "a@b.example", ":search", "archive", "a/archive", "%2F", "-", strings.Repeat("ü", 510)} {
		escaped := url.PathEscape(key)
		if key == ".." {
			escaped = "%2E%2E"
		}
		a := newApp(t)
		for _, slash := range []string{"", "/"} {
			if got := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/customers/" + escaped + slash}).(programquery.CustomerByHandle).Handle; got != (application.CustomerHandle{Any: key}) {
				t.Errorf("GET %q%s: %+v", key, slash, got)
			}
			if got := a.SentBy(porttest.Request{Method: "PUT", Path: "/v1/customers/" + escaped + slash, Body: "{}"}).(programcommand.UpdateCustomer).Handle; got != (application.CustomerHandle{Any: key}) {
				t.Errorf("PUT %q%s: %+v", key, slash, got)
			}
			for _, path := range []string{"/archive", "/revoke-archive"} {
				if got := handleOf(a.SentBy(porttest.Request{Path: "/v1/customers/" + escaped + path + slash})); got != any(application.CustomerHandle{Any: key}) {
					t.Errorf("POST %q%s%s: %+v", key, path, slash, got)
				}
			}
			if got := a.SentBy(porttest.Request{Method: "DELETE", Path: "/v1/customers/" + escaped + slash}).(programcommand.DeleteCustomer).Handle; got != (application.CustomerHandle{Any: key}) {
				t.Errorf("DELETE %q%s: %+v", key, slash, got)
			}
		}
	}
}

// What cannot name anything is not found and does not reach the application.
func TestNamelessPaths(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, junk := range []string{"%FF", "a%00b", "%0A", "%7F", "%C2%85", strings.Repeat("x", 1021), strings.Repeat("%C3%BC", 511)} {
		for _, c := range []porttest.Request{
			{Method: "GET", Path: "/v1/customers/{}"},
			{Method: "PUT", Path: "/v1/customers/{}", Body: "{}"},
			{Method: "DELETE", Path: "/v1/customers/{}"},
			{Method: "POST", Path: "/v1/customers/{}/archive"},
			{Method: "GET", Path: "/v1/partners/{}"},
			{Method: "PUT", Path: "/v1/partners/{}", Body: "{}"},
			{Method: "DELETE", Path: "/v1/partners/{}"},
			{Method: "POST", Path: "/v1/partners/{}/approve"},
			{Method: "GET", Path: "/v1/partners/{}/referral_links"},
			{Method: "GET", Path: "/v1/partner_referral_links/{}"},
			{Method: "PUT", Path: "/v1/partner_referral_links/{}", Body: "{}"},
			{Method: "DELETE", Path: "/v1/partner_referral_links/{}"},
		} {
			c.Key, c.Path = "program", strings.Replace(c.Path, "{}", junk, 1)
			if w := a.Do(c); w.Code != 404 || porttest.CodeIn(t, w) != "not_found" {
				t.Errorf("%s %s: %d %s", c.Method, c.Path, w.Code, w.Body)
			}
		}
	}
	if a.Calls > 0 {
		t.Error("the application was asked")
	}
}

func TestCustomerHandles(t *testing.T) {
	t.Parallel()
	key, id, email := application.CustomerHandle{Key: "c/1"}, application.CustomerHandle{ID: "c1"}, application.CustomerHandle{Email: "a@b.example"}
	cases := map[string]bound{}
	for _, c := range []bound{
		{"GET", "/v1/customer?key=c%2F1&id=x", "", key},
		{"GET", "/v1/customer/?id=c1&email=x", "", id},
		{"GET", "/v1/customer?key=&email=a@b.example", "", email},
		{"DELETE", "/v1/customer?key=c/1", "", key},
		{"DELETE", "/v1/customer/?id=c1", `{"key":"x"}`, id},
		{"DELETE", "/v1/customer", `{"key":"c/1","id":"x"}`, key},
		{"DELETE", "/v1/customer", `{"id":"c1","email":"x"}`, id},
		{"DELETE", "/v1/customer", `{"email":"a@b.example"}`, email},
		{"DELETE", "/v1/customer", `{"customer":{"key":"c/1"}}`, key},
	} {
		cases[c.method+" "+c.path+" "+c.body] = c
	}
	checkBound(t, cases, func(c any) any {
		if q, ok := c.(programquery.CustomerByHandle); ok {
			return q.Handle
		}
		return c.(programcommand.DeleteCustomer).Handle
	})
}

func TestCustomerViolations(t *testing.T) {
	t.Parallel()
	str, num, when := "must be a string", "must be a string or a number", "must be a time such as 2025-05-02T16:12:39Z"
	nobody := "must have an id, a key or an email, or options.referral_url must be given"
	named := map[string]string{"key": mustBeNamed}
	early := map[string]string{"options.clicked_at": "must not be before 2000-01-01T00:00:00Z"}
	members := map[string]string{"key": num, "email": str, "name": str, "surname": str, "tags.0": str, "partner": "must be an object", "options": "must be an object"}
	const wrong = `"key":[],"email":1,"name":{},"surname":true,"tags":[[]],"partner":[0],"options":"x"`
	for name, c := range map[string]struct {
		method, path, body string
		errors             map[string]string
	}{
		"create":             {"POST", "/v1/customers", `{` + wrong + `}`, members},
		"create, nested":     {"POST", "/v1/customer", `{"customer":{` + wrong + `}}`, members},
		"create, no object":  {"POST", "/v1/customers", `{"customer":"c1","key":"c"}`, map[string]string{"customer": "must be an object", "partner": nobody}},
		"update":             {"PUT", "/v1/customers/c1", `{` + wrong + `}`, members},
		"update, wrapped":    {"PUT", "/v1/customers/c1", `{"update":{` + wrong + `}}`, members},
		"update, nested":     {"PUT", "/v1/customers/c1", `{"customer":{` + wrong + `}}`, members},
		"update, no object":  {"PUT", "/v1/customers/c1", `{"update":"x"}`, map[string]string{"update": "must be an object"}},
		"update, no object2": {"PUT", "/v1/customers/c1", `{"customer":[0]}`, map[string]string{"customer": "must be an object"}},
		"partner":            {"POST", "/v1/customers", `{"key":"c","partner":{"id":{},"key":false,"email":1}}`, map[string]string{"partner.id": num, "partner.key": num, "partner.email": str}},
		"empty partner":      {"PUT", "/v1/customers/c1", `{"partner":{}}`, map[string]string{"partner": "must have an id, a key or an email"}},
		"options":            {"POST", "/v1/customers", `{"key":"c","options":{"referral_url":1,"clicked_at":1746202359}}`, map[string]string{"options.referral_url": str, "options.clicked_at": str, "partner": nobody}},
		"options, nested":    {"POST", "/v1/customers", `{"customer":{"key":"c","email":"x","options":{"clicked_at":"yesterday"}}}`, map[string]string{"options.clicked_at": when, "email": "must be an email address", "partner": nobody}},
		"partner says none":  {"POST", "/v1/customers", `{"key":"c","partner":{"id":"","key":null,"email":""}}`, map[string]string{"partner": httpport.MustNamePartner}},
		"partner says wrong": {"POST", "/v1/customers", `{"key":"c","partner":{"id":"","email":5}}`, map[string]string{"partner.email": str}},
		"options, year 1":    {"POST", "/v1/customers", `{"key":"c","partner":{"id":1},"options":{"clicked_at":"0001-01-01T00:00:00Z"}}`, early},
		"options, 1970":      {"PUT", "/v1/customers/c1", `{"customer":{"options":{"clicked_at":"1970-01-01T00:00:00Z"}}}`, early},
		"options, 1999":      {"PUT", "/v1/customers", `{"key":"c","options":{"clicked_at":"2000-01-01T00:59:59.999999+01:00"}}`, early},
		"options, date":      {"PUT", "/v1/customers/c1", `{"options":{"clicked_at":"2025-05-02"}}`, map[string]string{"options.clicked_at": when}},
		"options, long":      {"POST", "/v1/customers", `{"key":"c","options":{"referral_url":"` + strings.Repeat("x", 2049) + `"}}`, map[string]string{"options.referral_url": "must have at most 2048 characters"}},
		"nobody":             {"PUT", "/v1/customers", `{"name":"x"}`, named},
		"nobody, wrapped":    {"PUT", "/v1/customer", `{"update":{"key":"c1"}}`, named},
		"nobody, nested":     {"PUT", "/v1/customer", `{"customer":{"name":"x"}}`, named},
		"find nobody":        {"GET", "/v1/customer/", "", named},
		"delete nobody":      {"DELETE", "/v1/customer", "", named},
		"delete, wrong":      {"DELETE", "/v1/customer", `{"key":{}}`, map[string]string{"key": num}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			porttest.CheckViolations(t, newApp(t), porttest.Request{Method: c.method, Path: c.path, Body: c.body, Key: "program"}, c.errors)
		})
	}
}

func TestCustomerAnswers(t *testing.T) {
	t.Parallel()
	const (
		one = `{"key":"customer_123","partner":"partner_123","deleted":false,"name":"Alice","surname":"Brown","email":"alice.brown@example.com","status":"active","created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z","deleted_at":null,"tags":[{"value":"new"}]}`
		ok  = `{"status":1}`
	)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/customers", `{"key":"c","partner":{"id":1}}`, 201, `{"data":` + one + `,"status":1}`},
		{"POST", "/v1/customer", `{"customer":{"key":"c"},"partner":{"id":1}}`, 201, `{"data":` + one + `,"status":1}`},
		{"GET", "/v1/customers/c", "", 200, `{"data":` + one + `,"status":1}`},
		{"GET", "/v1/customer?key=c", "", 200, `{"data":` + one + `,"status":1}`},
		{"PUT", "/v1/customers/c", `{}`, 200, `{"data":` + one + `,"status":1}`},
		{"PUT", "/v1/customers", `{"key":"c"}`, 200, `{"data":` + one + `,"status":1}`},
		{"PUT", "/v1/customer?id=c", `{}`, 200, `{"data":` + one + `,"status":1}`},
		{"DELETE", "/v1/customers/c", "", 200, ok},
		{"DELETE", "/v1/customer", `{"key":"c"}`, 200, ok},
		{"POST", "/v1/customers/c/archive", "", 200, ok},
		{"POST", "/v1/customers/c/revoke-archive", `{"x":1}`, 200, ok},
		{"GET", "/v1/customers?partner[key]=ref_123", "", 200, `{"data":[` + one + `],"links":{"first":"http://localhost:8080/v1/customers?page=1&partner%5Bkey%5D=ref_123","last":null,"prev":null,"next":null},"meta":{"current_page":1,"from":1,"path":"http://localhost:8080/v1/customers","per_page":15,"to":1},"status":1}`},
		{"GET", "/v1/customers:search?key=c", "", 200, `{"data":[` + one + `],"links":{"first":"http://localhost:8080/v1/customers:search?key=c&page=1","last":null,"prev":null,"next":null},"meta":{"current_page":1,"from":1,"path":"http://localhost:8080/v1/customers:search","per_page":15,"to":1},"status":1}`},
	} {
		w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body})
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s %s: %d\ngot  %s\nwant %s", c.method, c.path, w.Code, w.Body, c.want)
		}
	}
}
