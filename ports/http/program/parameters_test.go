package programhttp

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// asPartnerosLibrary are the headers that Partnero's PHP library sends with every request.
func asPartnerosLibrary() http.Header {
	return http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"partnero-php/v1"}, "Sdk-Version": {"1.1.0"}}
}

// asked is what a query asks for, without who asks.
func asked(q any) any {
	switch q := q.(type) {
	case programquery.Partners:
		return []any{q.ID, q.Key, q.Email, q.Page}
	case programquery.PartnerByHandle:
		return q.Handle
	case programquery.Customers:
		return []any{q.Partner, q.Key, q.ID, q.Email, q.Page}
	case programquery.CustomerByHandle:
		return q.Handle
	case programquery.ReferralLinks:
		return []any{q.Partner, q.Key, q.Page}
	case programquery.FormLeads:
		return q.Page
	case programcommand.ConvertLead:
		return []any{q.Number, int64(*q.Amount)}
	}
	return q
}

// Partnero's PHP library sends the parameters of a GET as a JSON body; it means what the query would.
func TestParametersInTheBodyOfAGet(t *testing.T) {
	t.Parallel()
	for call, c := range map[string]struct{ path, body, query string }{
		"partners.list(1)":              {"/v1/partners", `{"limit":1}`, "?limit=1"},
		"partners.list()":               {"/v1/partners", `[]`, ""},
		"partners.find(ref_123)":        {"/v1/partners/ref_123", `{"key":"ref_123"}`, "?key=ref_123"},
		"partners.find(null, email)":    {"/v1/partners/", `{"email":"john@example.com"}`, "?email=john%40example.com"},
		"customers.list(250, partner)":  {"/v1/customers", `{"partner":{"key":"nobody"},"limit":250}`, "?limit=250&partner%5Bkey%5D=nobody"},
		"customers.list(null, email)":   {"/v1/customers", `{"partner":{"email":"john@example.com"}}`, "?partner_email=john%40example.com"},
		"customer.get(dep)":             {"/v1/customer", `{"key":"dep"}`, "?key=dep"},
		"referrals.search(email)":       {"/v1/customers:search", `{"id":null,"email":"alice"}`, "?email=alice"},
		"referrals.list(5, 2)":          {"/v1/customers", `{"limit":5,"page":2}`, "?limit=5&page=2"},
		"links.list(partner, 3)":        {"/v1/partners/partner_123/referral_links", `{"limit":3}`, "?limit=3"},
		"a key that is a number":        {"/v1/customer", `{"key":17}`, "?key=17"},
		"a lead's conversion":           {"/v1/leads/convert", `{"id":71,"commission_transaction_amount":99.5}`, "?id=71&commission_transaction_amount=99.5"},
		"dots, as their page documents": {"/v1/customers", `{"partner.id":"partner_123"}`, "?partner.id=partner_123"},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			inBody := asked(newApp(t).SentBy(porttest.Request{Method: "GET", Path: c.path, Body: c.body, Header: asPartnerosLibrary()}))
			inQuery := asked(newApp(t).SentBy(porttest.Request{Method: "GET", Path: c.path + c.query}))
			if d := cmp.Diff(inQuery, inBody); d != "" {
				t.Error(d)
			}
		})
	}
}

// What both have the query decides, however the name is written; the body adds to it.
func TestTheQueryWinsOverTheBody(t *testing.T) {
	t.Parallel()
	got := newApp(t).SentBy(porttest.Request{
		Method: "GET", Path: "/v1/customers?partner_key=of_query&limit=7", Body: `{"partner":{"key":"of_body"},"limit":9,"page":2}`,
	}).(programquery.Customers)
	if got.Partner != (application.PartnerHandle{Key: "of_query"}) || got.Page.Limit != 7 || got.Page.Number != 2 {
		t.Errorf("%+v", got)
	}
	convert := newApp(t).SentBy(porttest.Request{Method: "GET", Path: "/v1/leads/convert?id=71", Body: `{"id":72,"commission_transaction_amount":5}`}).(programcommand.ConvertLead)
	if convert.Number != 71 || convert.Amount == nil || *convert.Amount != 5_000_000 {
		t.Errorf("%+v", convert)
	}
}

// What stands in a body may name a person, so that it is in no link; a page that is asked for without it is refused instead of being
// one of all customers.
func TestLinksTellNothingOfABody(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	ask := func(path, body string) (status int, text string) {
		w := app.Do(porttest.Request{Method: "GET", Path: path, Key: "program", Body: body})
		return w.Code, w.Body.String()
	}
	status, text := ask("/v1/partners:search?key=ref", `{"email":"alice@example.com","limit":20}`)
	if status != 200 || strings.Contains(text, "?email") || strings.Contains(text, "&email") || strings.Count(text, "key=ref") != 2 || strings.Count(text, "limit=20") != 2 {
		t.Fatalf("%d %s", status, text)
	}
	next := regexp.MustCompile(`"next":"(?:http://[^/]*)?([^"]*)"`).FindStringSubmatch(text)
	if next == nil {
		t.Fatal(text)
	}
	path := strings.ReplaceAll(next[1], `\u0026`, "&")
	if status, text := ask(path, `{"email":"alice@example.com"}`); status != 200 {
		t.Errorf("%s: %d %s", path, status, text)
	}
	for _, body := range []string{"", `{"email":"bob@example.com"}`} {
		if status, text := ask(path, body); status != 422 || !strings.Contains(text, `"cursor":["goes on in a list of another request: send its body again, and a phone and email that its link leaves out"]`) {
			t.Errorf("%s with %s: %d %s", path, body, status, text)
		}
	}
	if status, text := ask("/v1/partners:search?email=alice&cursor="+application.EncodeCursor("1")+".00ff", ""); status != 422 {
		t.Errorf("%d %s", status, text)
	}
}

// The three ways in which Partnero's own page, its node for n8n and PHP's http_build_query name the partner of customers.
func TestTheNamesOfAPartnerInAQuery(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]application.PartnerHandle{
		"partner.key=ref_123": {Key: "ref_123"}, "partner%5Bkey%5D=ref_123": {Key: "ref_123"}, "partner_key=ref_123": {Key: "ref_123"},
		"partner.id=p1": {ID: "p1"}, "partner[id]=p1": {ID: "p1"}, "partner_id=p1": {ID: "p1"},
		"partner.email=j@x.example": {Email: "j@x.example"}, "partner[email]=j@x.example": {Email: "j@x.example"}, "partner_email=j@x.example": {Email: "j@x.example"},
		"partner.key=ref_123&partner_key=ref_123": {Key: "ref_123"}, "partner_key=&partner_email=j@x.example": {Email: "j@x.example"},
	} {
		got := newApp(t).SentBy(porttest.Request{Method: "GET", Path: "/v1/customers?" + query}).(programquery.Customers)
		if got.Partner != want {
			t.Errorf("%s: %+v", query, got.Partner)
		}
	}
}

// GET /partners/{id} is also asked with a referral key, which the store tries when no id matches; writes are not.
func TestAPartnersPathWithAReferralKey(t *testing.T) {
	t.Parallel()
	if got := newApp(t).SentBy(porttest.Request{Method: "GET", Path: "/v1/partners/ref_123"}).(programquery.PartnerByHandle); got.Handle != (application.PartnerHandle{Any: "ref_123"}) {
		t.Errorf("%+v", got.Handle)
	}
	if got := newApp(t).SentBy(porttest.Request{Method: "DELETE", Path: "/v1/partners/ref_123"}).(programcommand.DeletePartner); got.Handle != (application.PartnerHandle{ID: "ref_123"}) {
		t.Errorf("%+v", got.Handle)
	}
	if got := newApp(t).SentBy(porttest.Request{Method: "GET", Path: "/v1/partners/ref_123/referral_links"}).(programquery.ReferralLinks); got.Partner != (application.PartnerHandle{Any: "ref_123"}) {
		t.Errorf("%+v", got.Partner)
	}
}

// A filter is never ignored: what a list is not asked for by is named, on every route that reads.
func TestNoParameterIsIgnored(t *testing.T) {
	t.Parallel()
	const unknown, empty, wrong = "is not a known parameter", "must not be empty", "must be a string or a number"
	refuse := func(field, message string) map[string][]string { return map[string][]string{field: {message}} }
	for name, c := range map[string]porttest.Refusal{
		"unknown":            {Path: "/v1/partners?status=active", Status: 422, Code: "unknown_field", Errors: refuse("status", unknown)},
		"unknown in body":    {Path: "/v1/customers", Body: `{"partnr":{"key":"x"}}`, Status: 422, Code: "unknown_field", Errors: refuse("partnr", unknown)},
		"unknown inside":     {Path: "/v1/customers", Body: `{"partner":{"name":"x"}}`, Status: 422, Code: "unknown_field", Errors: refuse("partner.name", unknown)},
		"unknown of others":  {Path: "/v1/leads?key=x", Status: 422, Code: "unknown_field", Errors: refuse("key", unknown)},
		"a single read":      {Path: "/v1/customers/c1?partner_key=x", Status: 422, Code: "unknown_field", Errors: refuse("partner_key", unknown)},
		"a single read, too": {Path: "/v1/partners/p1", Body: `{"limit":1}`, Status: 422, Code: "unknown_field", Errors: refuse("limit", unknown)},
		"overview":           {Path: "/v1/program/overview?from=2025-01-01", Status: 422, Code: "unknown_field", Errors: refuse("from", unknown)},
		"a lead":             {Path: "/v1/leads/44?x=", Status: 422, Code: "unknown_field", Errors: refuse("x", unknown)},
		"form":               {Path: "/v1/leads/details?x=1", Status: 422, Code: "unknown_field", Errors: refuse("x", unknown)},
		"links":              {Path: "/v1/partner_referral_links?partner.key=x", Status: 422, Code: "unknown_field", Errors: refuse("partner.key", unknown)},
		"domains":            {Path: "/v1/partner_referral_links:domains?key=x", Status: 422, Code: "unknown_field", Errors: refuse("key", unknown)},
		"reject":             {Path: "/v1/leads/reject?id=1&reason=x", Status: 422, Code: "unknown_field", Errors: refuse("reason", unknown)},
		"nobody":             {Path: "/v1/customers", Body: `{"partner":[]}`, Status: 422, Code: "validation_failed", Errors: refuse("partner", empty)},
		"nobody, by null":    {Path: "/v1/customers", Body: `{"partner":{"key":null}}`, Status: 422, Code: "validation_failed", Errors: refuse("partner", empty)},
		"empty":              {Path: "/v1/customers?partner_key=", Status: 422, Code: "validation_failed", Errors: refuse("partner.key", empty)},
		"empty search":       {Path: "/v1/customers:search?email=", Status: 422, Code: "validation_failed", Errors: refuse("email", empty)},
		"two values":         {Path: "/v1/customers?partner_key=a&partner.key=b", Status: 422, Code: "validation_failed", Errors: refuse("partner.key", "must be given once")},
		"twice":              {Path: "/v1/partners?limit=1&limit=2", Status: 422, Code: "validation_failed", Errors: refuse("limit", "must be given once")},
		"an object":          {Path: "/v1/partners:search", Body: `{"key":{"x":1}}`, Status: 422, Code: "wrong_type", Errors: refuse("key", wrong)},
		"a list":             {Path: "/v1/customers", Body: `{"partner":{"key":["x"]}}`, Status: 422, Code: "wrong_type", Errors: refuse("partner.key", wrong)},
		"a text for partner": {Path: "/v1/customers", Body: `{"partner":"ref_123"}`, Status: 422, Code: "unknown_field", Errors: refuse("partner", unknown)},
		"no query":           {Path: "/v1/partners?limit=%zz", Status: 422, Code: "validation_failed", Errors: refuse("query", "cannot be read")},
		"no JSON":            {Path: "/v1/partners", Body: `{"limit":`, Status: 400, Code: "invalid_body"},
		"comes later":        {Path: "/v1/customers?refer_status=referred", Status: 501, Code: "not_supported_yet", Errors: refuse("refer_status", "is not supported yet")},
		"comes later, body":  {Path: "/v1/customers", Body: `{"refer_status":"non_referred"}`, Status: 501, Code: "not_supported_yet", Errors: refuse("refer_status", "is not supported yet")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Method = http.MethodGet
			c.Check(t, newApp(t))
		})
	}
}

// A sale that comes with its customer, as Partnero's library and plugins send it, is refused aloud: logged by the name of the
// member, without anything that it holds, and counted.
func TestASaleIsNotLostWithoutAWord(t *testing.T) {
	t.Parallel()
	const sale = `{"key":"order_1","amount":99.99,"action":"sale"}`
	for name, c := range map[string]struct{ method, path, body, field string }{
		"customers.create": {"POST", "/v1/customers", `{"key":"c1","email":"alice@canary.example","partner":{"key":"ref_123"},"transaction":` + sale + `}`, "transaction"},
		"customer.create":  {"POST", "/v1/customer", `{"customer":{"key":"c1","email":"alice@canary.example"},"partner":{"key":"ref_123"},"transaction":` + sale + `}`, "transaction"},
		"inside":           {"POST", "/v1/customers", `{"customer":{"key":"c1","transaction":` + sale + `},"partner":{"key":"ref_123"}}`, "transaction"},
		"many":             {"POST", "/v1/customers", `{"key":"c1","partner":{"key":"ref_123"},"transactions":[` + sale + `]}`, "transactions"},
		"a change":         {"PUT", "/v1/customers", `{"key":"c1","update":{"name":"A","transaction":` + sale + `}}`, "transaction"},
		"a friend's":       {"POST", "/v1/customers", `{"key":"c1","partner":{"key":"ref_123"},"referring_customer":{"id":"c0"}}`, "referring_customer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var counted []string
			a := newAppWith(t, func(*porttest.App, *Handlers) {}, func(d *httpport.Deps) {
				d.NotSupported = func(route, member string) { counted = append(counted, route+" "+member) }
			})
			porttest.Refusal{Method: c.method, Path: c.path, Body: c.body, Status: 422, Code: "not_supported_yet", Errors: map[string][]string{c.field: {"is not supported yet"}}}.Check(t, a)
			if d := cmp.Diff([]string{c.method + " " + c.path + " " + c.field}, counted); d != "" {
				t.Error(d)
			}
			if log := a.Logged(); !strings.Contains(log, `"members":["`+c.field+`"]`) || strings.Contains(log, "canary") || strings.Contains(log, "order_1") {
				t.Error(log)
			}
		})
	}
	// Without a sale, or with none, the customer is made.
	newApp(t).SentBy(porttest.Request{Path: "/v1/customers", Body: `{"key":"c1","partner":{"key":"ref_123"},"transaction":null}`})
}

// What Partnero documents and comes later is told apart from what nobody knows, and only to those who may ask.
func TestWhatComesLater(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	routes := laterRoutes()
	if len(routes) < 50 {
		t.Fatalf("only %d routes", len(routes))
	}
	text, err := os.ReadFile("../../../docs/partner-program.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## What comes later\n")
	table, _, _ = strings.Cut(table, "\n\n`refer_status`")
	documented := regexp.MustCompile("`([A-Z/]+) (/[^`]+)`").FindAllStringSubmatch(table, -1)
	told := map[string]bool{}
	for _, d := range documented {
		for method := range strings.SplitSeq(d[1], "/") {
			told[method+" /v1"+d[2]] = true
		}
	}
	for _, r := range routes {
		path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.Template(), "x1")
		porttest.Refusal{Method: r.Method, Path: path, Body: `{"key":"order_1"}`, Status: 501, Code: "not_supported_yet"}.Check(t, a)
		if w := a.Do(porttest.Request{Method: r.Method, Path: path, Key: "nobody"}); w.Code != 401 {
			t.Errorf("%s without a key: %d", r, w.Code)
		}
		if w := a.Do(porttest.Request{Method: r.Method, Path: path, Key: "supplier"}); w.Code != 403 {
			t.Errorf("%s with a supplier's key: %d", r, w.Code)
		}
		if w := a.Do(porttest.Request{Method: r.Method, Path: path, Key: string(porttest.TeamScope.Name)}); w.Code != 403 {
			t.Errorf("%s with a team's key: %d", r, w.Code)
		}
		if name := r.Method + " " + r.Template(); !told[name] {
			t.Errorf("%s is not in docs/partner-program.md", name)
		} else {
			delete(told, name)
		}
	}
	for name := range told {
		t.Errorf("%s is in docs/partner-program.md and no route", name)
	}
	if log := a.Logged(); !strings.Contains(log, `"route":"/v1/transactions/:key"`) || strings.Contains(log, `"level":"ERROR"`) {
		t.Error("requests for what comes later are not told in the log, or as errors of ours")
	}
	for _, path := range []string{"/v1/transaction", "/v1/subscriptions", "/transactions", "/v1/partners/p1/rewards"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "program"}); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
