package programhttp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestRoom(t *testing.T) {
	t.Parallel()
	routes, err := handlers(nil).Routes()
	if err != nil {
		t.Fatal(err)
	}
	porttest.Room{New: newApp, Routes: routes, Fragments: "openapi*.yaml", Examples: examples}.Check(t)
}

func TestRoutesNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Handlers{}.Routes()
	for _, name := range []string{"handler CreatePartner", "handler Overview"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// What each body becomes.
func TestBinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, key, body string
		want                    func(any) (got, want any)
	}{
		"partner": {
			path: "/v1/partners", key: "program", body: `{"email":"john@example.com","name":"John","surname":null,"id":7,"tags":["new"],"approved":false,"x":{"y":[1]},"referring_partner":{"email":"a@b.example","z":1}}`,
			want: func(c any) (any, any) {
				p := c.(programcommand.CreatePartner)
				return []any{p.Email, p.Name, p.Surname, p.ID, p.Tags, p.Referring}, []any{"john@example.com", "John", "", "7", []string{"new"}, application.PartnerHandle{Email: "a@b.example"}}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body})
			if w.Code >= 300 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			got, want := c.want(a.Take())
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every violation of a body is told, under the member's path.
func TestViolations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]porttest.Refusal{
		"too deep":  {Path: "/v1/partners", Body: `{"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}", Status: 400, Code: "invalid_body"},
		"too long":  {Path: "/v1/partners", Body: `{"x":[` + strings.Repeat("1,", 1000) + `1]}`, Status: 400, Code: "invalid_body"},
		"too large": {Path: "/v1/partners", Body: `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, Status: 413, Code: "body_too_large"},
		"partner": {
			Path: "/v1/partners", Body: `{"email":1,"id":true,"key":[],"tags":["a",1,null],"referring_partner":"x"}`, Status: 422, Code: "wrong_type",
			Errors: map[string][]string{"email": {"must be a string"}, "id": {"must be a string or a number"}, "key": {"must be a string or a number"}, "tags.1": {"must be a string"}, "tags.2": {"must be a string"}, "referring_partner": {"must be an object"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Check(t, newApp(t))
		})
	}
}

// Answers byte for byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, key, body, want string }{
		{"POST", "/v1/partners", "program", `{"email":"john@example.com"}`, documentedPartner},
	} {
		if w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body}); w.Body.String() != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.method, c.path, w.Body, c.want)
		}
	}
}

// PHP writes an empty object as an empty list.
func TestEmptyListsForObjects(t *testing.T) {
	t.Parallel()
	nobody := func(member string) map[string][]string {
		return map[string][]string{member: {httpport.MustNamePartner}}
	}
	for name, c := range map[string]struct {
		method, path, body string // $ stands for the object
		errors             map[string][]string
	}{
		"body":               {"POST", "/v1/partners/p1/archive", `$`, nil},
		"update":             {"PUT", "/v1/partners/p1", `{"update":$}`, nil},
		"update, outer":      {"PUT", "/v1/partners", `{"id":"p1","update":$}`, nil},
		"referring partner":  {"POST", "/v1/partners", `{"email":"a@b.example","referring_partner":$}`, nobody("referring_partner")},
		"custom field":       {"PUT", "/v1/partners/p1", `{"custom_fields":[{"name":"a","value":"b"},$]}`, nil},
		"customer":           {"PUT", "/v1/customers/c1", `{"customer":$}`, nil},
		"customer, outer":    {"PUT", "/v1/customers", `{"key":"c1","customer":$}`, nil},
		"options":            {"POST", "/v1/customers", `{"key":"c","partner":{"id":1},"options":$}`, nil},
		"options, inside":    {"POST", "/v1/customers", `{"customer":{"key":"c","partner":{"id":1},"options":$}}`, nil},
		"customer's partner": {"PUT", "/v1/customers/c1", `{"partner":$}`, nobody("partner")},
		"link's partner":     {"POST", "/v1/partner_referral_links", `{"key":"k","partner":$}`, nobody("partner")},
		"cfields":            {"POST", "/v1/leads", `{"name":"A","email":"a@b.example","partner":{"id":1},"cfields":$}`, nil},
		"lead's partner":     {"POST", "/v1/leads", `{"name":1,"email":"a@b.example","partner":$}`, map[string][]string{"name": {"must be a string"}, "partner": {httpport.MustNamePartner}}},
		"form field":         {"PUT", "/v1/leads/details", `{"leads_custom_form_fields":[$]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent [2]any
			for i, object := range []string{"{}", "[]"} {
				a := newApp(t)
				w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: strings.Replace(c.body, "$", object, 1)})
				if sent[i] = withoutOnce(a.Take()); c.errors == nil && (w.Code >= 300 || sent[i] == nil) {
					t.Errorf("%s: %d %s", object, w.Code, w.Body)
				}
				var got struct{ Errors map[string][]string }
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || cmp.Diff(c.errors, got.Errors) != "" {
					t.Errorf("%s: %d %s", object, w.Code, w.Body)
				}
			}
			if d := cmp.Diff(sent[0], sent[1]); d != "" {
				t.Errorf("an empty list became another command: %s", d)
			}
		})
	}
}

// withoutOnce is what a command says, without how it is answered.
func withoutOnce(c any) any {
	switch c := c.(type) {
	case programcommand.ApprovePartner, programcommand.RejectPartner, programcommand.ArchivePartner, programcommand.UnarchivePartner:
		return handleOf(c)
	case programcommand.CreatePartner:
		return []any{c.Email, c.Referring}
	case programcommand.UpdatePartner:
		return []any{c.Handle, c.Details, c.Referring}
	case programcommand.CreateCustomer:
		return []any{c.Key, c.Referral}
	case programcommand.UpdateCustomer:
		return []any{c.Handle, c.Details, c.Referral}
	case programcommand.SubmitFormLead:
		return []any{c.Name, c.Partner, c.Answers}
	case programcommand.UpdateLeadForm:
		return c.Change
	}
	return c
}

func TestOverviewAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v1/program/overview/", "", `{"data":{"total_partners":10,"total_partners_growth":50,"total_signups":5,"total_signups_growth":-67,"total_clicks":100,"total_clicks_growth":null,"total_leads":7,"total_leads_growth":-100,"total_purchases":0,"total_purchases_growth":null,"total_revenue":[],"total_revenue_growth":null,"total_reward":[],"total_reward_growth":null,"total_paid":[],"total_paid_growth":null,"total_paid_accounts":0,"total_paid_accounts_growth":null,"overview_program_current_settings":{"program_name":"Acme Leads","program_initials":"AL","program_type":"affiliate","program_type_title":"Affiliate program","currency":"USD","commission_description":"","cookie_lifetime":30,"payout_threshold":null,"partner_portal_url":"http://localhost:8080/portal"}},"status":1}`},
		{"GET", "/v1/program", "", `{"data":{"total_partners":10,"total_partners_growth":50,"total_signups":5,"total_signups_growth":-67,"total_clicks":100,"total_clicks_growth":null,"total_leads":7,"total_leads_growth":-100,"total_purchases":0,"total_purchases_growth":null,"total_revenue":[],"total_revenue_growth":null,"total_reward":[],"total_reward_growth":null,"total_paid":[],"total_paid_growth":null,"total_paid_accounts":0,"total_paid_accounts_growth":null,"overview_program_current_settings":{"program_name":"Acme Leads","program_initials":"AL","program_type":"affiliate","program_type_title":"Affiliate program","currency":"USD","commission_description":"","cookie_lifetime":30,"payout_threshold":null,"partner_portal_url":"http://localhost:8080/portal"}},"status":1}`},
	} {
		if w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body}); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s %s: %d\ngot  %s\nwant %s", c.method, c.path, w.Code, w.Body, c.want)
		}
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Acme Leads": "AL", "acme": "A", "Acme & Sons Partner Program": "AS", "élan vital": "ÉV", "  ": "", "(Acme) 7 Seas": "7S", "日本 語": "日語",
	} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	for want, totals := range map[int64][]programquery.Total{
		0:    {{Recent: 3, Before: 3}, {Recent: 1004, Before: 1000}, {Recent: 996, Before: 1000}},
		1:    {{Recent: 1005, Before: 1000}, {Recent: 201, Before: 200}, {Recent: 1014, Before: 1000}},
		-1:   {{Recent: 995, Before: 1000}},
		-67:  {{Recent: 1, Before: 3}},
		-33:  {{Recent: 2, Before: 3}},
		-100: {{Before: 9}},
		900:  {{Recent: 10, Before: 1}},
	} {
		for _, total := range totals {
			if got := growth(total); got == nil || *got != want {
				t.Errorf("%+v: %v, want %d", total, got, want)
			}
		}
	}
	if growth(programquery.Total{Recent: 5}) != nil {
		t.Error("growth from nothing")
	}
}

func TestReferralLink(t *testing.T) {
	t.Parallel()
	for website, want := range map[string]string{
		"https://yourcompany.com":               "https://yourcompany.com?aff=r~1",
		"https://yourcompany.com/":              "https://yourcompany.com/?aff=r~1",
		"https://yourcompany.com/a?x=1&y=%26#f": "https://yourcompany.com/a?x=1&y=%26&aff=r~1#f",
		"https://yourcompany.com?aff=old&x":     "https://yourcompany.com?x&aff=r~1",
		"":                                      "?aff=r~1",
	} {
		if got := program.ReferralURL(website, "aff", "r~1"); got != want {
			t.Errorf("%s: %s", website, got)
		}
	}
}

// Nothing personal of a request is in an error or in the log, wherever it was.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	const canary = porttest.Canary
	header := http.Header{"Idempotency-Key": {canary}, "Referer": {canary}, "User-Agent": {canary}, "Traceparent": {canary}, "X-Request-Id": {canary}}
	a := newApp(t)
	porttest.CheckNoPersonalData(t, a, []porttest.Request{
		{Path: "/v1/partners/x?email=" + canary, Method: "GET", Key: "program"},
		{Path: "/v1/partners", Key: "program", Body: `{"email":["` + canary + `"],"name":{"x":"` + canary + `"}}`},
		{Path: "/v1/partners", Key: "program", Body: `{"email":"` + canary + `"`},
		{Path: "/v1/partner?key=" + canary, Method: "PUT", Key: "program", Body: `{"password":{"x":"` + canary + `"},"update":"` + canary + `"}`, Header: header},
		{Path: "/v1/partners/" + canary, Method: "DELETE", Key: "program", Body: `{"x":"` + canary + `"}`},
		{Path: "/v1/partners/" + canary + "%00/approve", Key: "program"},
		{Path: "/v1/partners:invite", Key: "program", Body: `{"email":"` + canary + `","name":["` + canary + `"]}`},
		{Path: "/v1/partners:search?email=" + canary + "%FF", Method: "GET", Key: "program"},
		{Path: "/v1/partner_referral_links/" + canary, Method: "GET", Key: "program"},
		{Path: "/v1/partner_referral_links", Key: "program", Body: `{"key":["` + canary + `"],"domain_id":"` + canary + `"}`},
		{Path: "/v1/customers/" + canary, Method: "GET", Key: "program"},
		{Path: "/v1/customers/" + canary + "%0A", Method: "GET", Key: "program"},
		{Path: "/v1/customer?email=" + canary, Method: "DELETE", Key: "program"},
		{Path: "/v1/customers", Key: "program", Body: `{"key":"` + canary + `","email":["` + canary + `"],"options":{"referral_url":"https://x.example/?e=` + canary + `","clicked_at":"` + canary + `"}}`},
	})
}
