package programhttp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// documentedPartner is a partner as docs/partner-program.md shows it, with an address in place of the one that is masked.
const documentedPartner = `{"data":{"email":"john@example.com","created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z","name":"John","id":"partner_123","surname":"Doe","tos":false,"approved":true,"status":"active","custom_fields":[],"referrals_count":0,"tags":[{"value":"premium"},{"value":"new"}],"referral_link":"https://yourcompany.com?aff=ref_123","referral_links":["https://yourcompany.com?aff=ref_123"]},"status":1}`

func TestCreatePartnerBinding(t *testing.T) {
	t.Parallel()
	type created struct {
		ID, Key, Email, Name, Surname, Password string
		Tags                                    []string
		Fields                                  []partner.CustomField
		Terms                                   bool
		Referring                               application.PartnerHandle
	}
	const all = `{"email":"john@example.com","name":"John","surname":"Doe","password":"Secret123","id":7,"key":"ref_123","tags":["a","b"],"tos":true,
		"custom_fields":[{"name":"Region","value":"North","type":"text"},{"name":"Empty"}],"referring_partner":{"key":12},"status":"active","approved":false}`
	want := created{
		"7", "ref_123", "john@example.com", "John", "Doe", "Secret123",
		[]string{"a", "b"},
		[]partner.CustomField{{Name: "Region", Value: "North"}, {Name: "Empty"}},
		true,
		application.PartnerHandle{Key: "12"},
	}
	checkBound(t, map[string]bound{
		"every member":   {"POST", "/v1/partners", all, want},
		"trailing slash": {"POST", "/v1/partners/", all, want},
		"the alias":      {"POST", "/v1/partner", all, want},
		"null": {
			"POST", "/v1/partner/", `{"email":"a@b.example","name":null,"surname":null,"password":null,"id":null,"key":null,"tags":null,"tos":null,"custom_fields":null,"referring_partner":null}`,
			created{Email: "a@b.example"},
		},
	}, func(c any) any {
		p := c.(programcommand.CreatePartner)
		return created{p.ID, p.Key, p.Email, p.Name, p.Surname, p.Password, p.Tags, p.CustomFields, p.TermsAccepted, p.Referring}
	})
}

func TestUpdatePartnerBinding(t *testing.T) {
	t.Parallel()
	type changed struct {
		Handle    application.PartnerHandle
		Details   partner.Details
		Password  string
		Referring application.PartnerHandle
	}
	name := partner.Details{Name: new("Johnny")}
	id, key, email := application.PartnerHandle{ID: "p1"}, application.PartnerHandle{Key: "k1"}, application.PartnerHandle{Email: "a@b.example"}
	const members = `{"email":"n@b.example","name":"","surname":"Doe","key":9,"tags":[],"tos":false,"custom_fields":[{"name":"Region","value":"North"}],"password":"Secret123","referring_partner":{"id":5}}`
	every := changed{id, partner.Details{
		Email: new("n@b.example"), Name: new(""), Surname: new("Doe"), Key: new("9"), Tags: new([]string), TermsAccepted: new(false),
		CustomFields: &[]partner.CustomField{{Name: "Region", Value: "North"}},
	}, "Secret123", application.PartnerHandle{ID: "5"}}
	cases := map[string]bound{
		"every member, flat":          {"PUT", "/v1/partners/p1", members, every},
		"every member, wrapped":       {"PUT", "/v1/partners/p1", `{"update":` + members + `}`, every},
		"every member, beside others": {"PUT", "/v1/partners/p1", `{"name":"not this","x":1,"update":` + members + `}`, every},
		"null":                        {"PUT", "/v1/partners/p1", `{"update":null,"email":null,"name":"Johnny","surname":null,"key":null,"tags":null,"tos":null,"custom_fields":null,"password":null,"referring_partner":null}`, changed{Handle: id, Details: name}},
		"custom fields cleared":       {"PUT", "/v1/partners/p1", `{"custom_fields":[]}`, changed{Handle: id, Details: partner.Details{CustomFields: &[]partner.CustomField{}}}},
		"slash":                       {"PUT", "/v1/partners/p1/", `{"name":"Johnny"}`, changed{Handle: id, Details: name}},
		"id in the body of a path":    {"PUT", "/v1/partners/p1", `{"id":"p2","name":"Johnny"}`, changed{Handle: id, Details: name}},
		"key instead of the path":     {"PUT", "/v1/partners/p2?key=k1&email=x@b.example", `{"name":"Johnny"}`, changed{Handle: key, Details: name}},
		"email instead of the path":   {"PUT", "/v1/partners/p2?email=a%40b.example", `{"name":"Johnny"}`, changed{Handle: email, Details: name}},
		"path with id in the query":   {"PUT", "/v1/partners/p1?id=p2", `{"name":"Johnny"}`, changed{Handle: id, Details: name}},
	}
	for _, path := range []string{"/v1/partners", "/v1/partners/", "/v1/partner", "/v1/partner/"} {
		for what, c := range map[string]bound{
			"?id":                  {path: "?id=p1", body: `{"name":"Johnny"}`, want: changed{Handle: id, Details: name}},
			"?key":                 {path: "?key=k1", body: `{"update":{"name":"Johnny"}}`, want: changed{Handle: key, Details: name}},
			"?email":               {path: "?email=a@b.example", body: `{"name":"Johnny"}`, want: changed{Handle: email, Details: name}},
			"?all":                 {path: "?email=x&key=y&id=p1", body: `{"name":"Johnny"}`, want: changed{Handle: id, Details: name}},
			"?key, changes":        {path: "?key=k1", body: `{"id":"p2","key":"k2","email":"n@b.example"}`, want: changed{Handle: key, Details: partner.Details{Key: new("k2"), Email: new("n@b.example")}}},
			"flat id":              {body: `{"id":"p1","name":"Johnny"}`, want: changed{Handle: id, Details: name}},
			"flat number":          {body: `{"id":12,"name":"Johnny"}`, want: changed{Handle: application.PartnerHandle{ID: "12"}, Details: name}},
			"flat id, changes":     {body: `{"id":"p1","key":"k2","email":"n@b.example"}`, want: changed{Handle: id, Details: partner.Details{Key: new("k2"), Email: new("n@b.example")}}},
			"flat key":             {body: `{"key":"k1","name":"Johnny"}`, want: changed{Handle: key, Details: name}},
			"flat key, changes":    {body: `{"id":null,"key":"k1","email":"n@b.example"}`, want: changed{Handle: key, Details: partner.Details{Email: new("n@b.example")}}},
			"flat email":           {body: `{"email":"a@b.example","name":"Johnny"}`, want: changed{Handle: email, Details: name}},
			"empty id":             {body: `{"id":"","email":"a@b.example","name":"Johnny"}`, want: changed{Handle: email, Details: name}},
			"wrapped, id":          {body: `{"id":"p1","email":"x@b.example","update":{"email":"n@b.example"}}`, want: changed{Handle: id, Details: partner.Details{Email: new("n@b.example")}}},
			"wrapped, key":         {body: `{"key":"k1","update":{"key":"k2","id":"p9"}}`, want: changed{Handle: key, Details: partner.Details{Key: new("k2")}}},
			"wrapped, email":       {body: `{"update":{"name":"Johnny"},"email":"a@b.example"}`, want: changed{Handle: email, Details: name}},
			"query before wrapped": {path: "?id=p1", body: `{"key":"k1","update":{"name":"Johnny"}}`, want: changed{Handle: id, Details: name}},
		} {
			cases[path+" "+what] = bound{"PUT", path + c.path, c.body, c.want}
		}
	}
	checkBound(t, cases, func(c any) any {
		p := c.(programcommand.UpdatePartner)
		return changed{p.Handle, p.Details, p.Password, p.Referring}
	})
}

func TestPartnerHandles(t *testing.T) {
	t.Parallel()
	id, path, key, email := application.PartnerHandle{ID: "p1"}, application.PartnerHandle{Any: "p1"}, application.PartnerHandle{Key: "k1"}, application.PartnerHandle{Email: "a@b.example"}
	cases := map[string]bound{}
	for _, c := range []bound{
		{"GET", "/v1/partners/p1", "", path},
		{"GET", "/v1/partners/p1/", "", path},
		{"GET", "/v1/partners/p%31", "", path},
		{"GET", "/v1/partners/a%2Fb%20c", "", application.PartnerHandle{Any: "a/b c"}},
		{"GET", "/v1/partners/-", "", application.PartnerHandle{Any: "-"}},
		{"GET", "/v1/partners/p2?key=k1&email=x", "", key},
		{"GET", "/v1/partners/p2?email=a@b.example", "", email},
		{"GET", "/v1/partners?id=p1&key=k2", "", id},
		{"GET", "/v1/partners/?key=k1&email=x", "", key},
		{"GET", "/v1/partners/?email=a@b.example", "", email},
		{"GET", "/v1/partner?id=p1&key=k2", "", id},
		{"GET", "/v1/partner/?key=k1", "", key},
		{"GET", "/v1/partner?id=&email=a%40b.example", "", email},
		{"DELETE", "/v1/partners/p1", "", id},
		{"DELETE", "/v1/partners/p2?key=k1", "", key},
		{"DELETE", "/v1/partners/p1/", `{"key":"k1","x":[]}`, id},
		{"DELETE", "/v1/partners?id=p1", `{"key":"k1"}`, id},
		{"DELETE", "/v1/partners", `{"id":"p1","key":"k2"}`, id},
		{"DELETE", "/v1/partners/", `{"key":"k1","email":"x"}`, key},
		{"DELETE", "/v1/partner?key=k1", "", key},
		{"DELETE", "/v1/partner", `{"email":"a@b.example"}`, email},
		{"DELETE", "/v1/partner/?email=a@b.example", "{}", email},
		{"POST", "/v1/partners/p1/archive", "", id},
		{"POST", "/v1/partners/p1/revoke-archive/", "{}", id},
		{"POST", "/v1/partners/p1/approve", `{"note":"x"}`, id},
		{"POST", "/v1/partners/p1/reject", "", id},
		{"POST", "/v1/partners:sign-in-url", `{"id":"p1","key":"k2"}`, id},
		{"POST", "/v1/partners:sign-in-url/", `{"key":"k1"}`, key},
		{"POST", "/v1/partners:sign-in-url", `{"email":"a@b.example"}`, email},
		{"GET", "/v1/partners/p1/referral_links/", "", path},
		{"POST", "/v1/partner_referral_links", `{"key":"k","partner":{"id":"p1"}}`, id},
		{"POST", "/v1/partner_referral_links", `{"key":"k","partner":{"key":"k1"}}`, key},
		{"POST", "/v1/partner_referral_links", `{"key":"k","partner":{"email":"a@b.example"}}`, email},
		{"GET", "/v1/customers?partner[id]=p1", "", id},
		{"GET", "/v1/customers/?partner%5Bkey%5D=k1", "", key},
		{"GET", "/v1/customers?partner[email]=a@b.example", "", email},
	} {
		cases[c.method+" "+c.path+" "+c.body] = c
	}
	checkBound(t, cases, func(c any) any {
		switch c := c.(type) {
		case programquery.PartnerByHandle:
			return c.Handle
		case programcommand.DeletePartner:
			return c.Handle
		case programcommand.CreateSignInURL:
			return c.Partner
		case programcommand.AddReferralLink:
			return c.Partner
		case programquery.ReferralLinks:
			return c.Partner
		case programquery.Customers:
			return c.Partner
		}
		if handle := handleOf(c); handle != nil {
			return handle
		}
		return c
	})
}

// Each step is a command of its own, sent for the one that the path names.
func TestPartnerSteps(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	p1, c1 := application.PartnerHandle{ID: "p1"}, application.CustomerHandle{Any: "c1"}
	for _, c := range []struct {
		method, path string
		want         any
	}{
		{"POST", "/v1/partners/p1/approve", programcommand.ApprovePartner{Handle: p1}},
		{"POST", "/v1/partners/p1/reject", programcommand.RejectPartner{Handle: p1}},
		{"POST", "/v1/partners/p1/archive", programcommand.ArchivePartner{Handle: p1}},
		{"POST", "/v1/partners/p1/revoke-archive", programcommand.UnarchivePartner{Handle: p1}},
		{"POST", "/v1/customers/c1/archive", programcommand.ArchiveCustomer{Handle: c1}},
		{"POST", "/v1/customers/c1/revoke-archive", programcommand.UnarchiveCustomer{Handle: c1}},
		{"DELETE", "/v1/customers/c1", programcommand.DeleteCustomer{Handle: c1}},
	} {
		got := a.SentBy(porttest.Request{Method: c.method, Path: c.path})
		if fmt.Sprintf("%T %v", got, handleOf(got)) != fmt.Sprintf("%T %v", c.want, handleOf(c.want)) {
			t.Errorf("%s: %T of %v", c.path, got, handleOf(got))
		}
	}
}

// handleOf returns whom a command that takes one step is about; nil when it is no such command.
func handleOf(c any) any {
	switch c := c.(type) {
	case programcommand.ApprovePartner:
		return c.Handle
	case programcommand.RejectPartner:
		return c.Handle
	case programcommand.ArchivePartner:
		return c.Handle
	case programcommand.UnarchivePartner:
		return c.Handle
	case programcommand.ArchiveCustomer:
		return c.Handle
	case programcommand.UnarchiveCustomer:
		return c.Handle
	case programcommand.DeleteCustomer:
		return c.Handle
	}
	return nil
}

func TestInviteAndSignInBinding(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	i := a.SentBy(porttest.Request{Path: "/v1/partners:invite", Body: `{"email":"jane@example.com","name":"Jane","surname":"Smith","x":1}`}).(programcommand.InvitePartner)
	if i.Email != "jane@example.com" || i.Name != "Jane" || i.Surname != "Smith" {
		t.Errorf("%+v", i)
	}
	for body, want := range map[string]time.Duration{
		`{"key":"k"}`:                                   2 * time.Minute,
		`{"key":"k","expires_in":null}`:                 2 * time.Minute,
		`{"key":"k","expires_in":30}`:                   30 * time.Second,
		`{"key":"k","expires_in":900}`:                  15 * time.Minute,
		`{"key":"k","expires_in":0}`:                    0,
		`{"key":"k","expires_in":9223372036854775807}`:  1_000_000 * time.Second,
		`{"key":"k","expires_in":-9223372036854775808}`: -time.Second,
	} {
		if got := a.SentBy(porttest.Request{Path: "/v1/partners:sign-in-url", Body: body}).(programcommand.CreateSignInURL).Lasts; got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	// Who is missing is for the command to say, with whatever else is wrong.
	if got := a.SentBy(porttest.Request{Path: "/v1/partners:sign-in-url", Body: `{}`}).(programcommand.CreateSignInURL).Partner; got != (application.PartnerHandle{}) {
		t.Errorf("%+v", got)
	}
}

func TestReferralLinkBinding(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for body, want := range map[string]string{
		`{"key":"spring","partner":{"id":1},"domain_id":null,"is_additional":false}`: "spring",
		`{"key":5,"partner":{"id":1},"domain_id":0}`:                                 "5",
		`{"key":"a","partner":{"id":1},"domain_id":"0","is_additional":null}`:        "a",
	} {
		if got := a.SentBy(porttest.Request{Path: "/v1/partner_referral_links/", Body: body}).(programcommand.AddReferralLink).Key; got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
	for body, want := range map[string]partner.LinkChange{
		`{"key":"summer"}`:                      {Key: new("summer")},
		`{"update":{"key":7,"default":true}}`:   {Key: new("7"), Default: true},
		`{"key":"x","update":{"default":true}}`: {Default: true},
		`{"key":null,"default":null}`:           {},
	} {
		c := a.SentBy(porttest.Request{Method: "PUT", Path: "/v1/partner_referral_links/spring/", Body: body}).(programcommand.ChangeReferralLink)
		if d := cmp.Diff(want, c.Change); d != "" || c.Key != "spring" {
			t.Errorf("%s: of %q %s", body, c.Key, d)
		}
	}
	if got := a.SentBy(porttest.Request{Method: "DELETE", Path: "/v1/partner_referral_links/spring"}).(programcommand.RemoveReferralLink).Key; got != "spring" {
		t.Errorf("delete: %q", got)
	}
	if got := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/partner_referral_links/spring"}).(programquery.ReferralLinkByKey).Key; got != "spring" {
		t.Errorf("get: %q", got)
	}
	if got := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/partner_referral_links?limit=3"}).(programquery.ReferralLinks); got.Partner != (application.PartnerHandle{}) || got.Key != "" || got.Page.Limit != 3 {
		t.Errorf("list: %+v", got)
	}
	for search, want := range map[string]string{"key=pri": "pri", "id=pri": "pri", "key=pri&id=sprin": "sprin", "key=sprin&id=pri": "sprin", "": ""} {
		if got := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/partner_referral_links:search?" + search}).(programquery.ReferralLinks).Key; got != want {
			t.Errorf("search %s: %q", search, got)
		}
	}
}

func TestSearches(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	p := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/partners:search/?id=a&key=B&email=c%2Bd@&limit=7&sort=asc"}).(programquery.Partners)
	if p.ID != "a" || p.Key != "B" || p.Email != "c+d@" || p.Page.Limit != 7 || !p.Page.Ascending {
		t.Errorf("%+v", p)
	}
	if p := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/partners/"}).(programquery.Partners); p.ID+p.Key+p.Email != "" || p.Page.Limit != application.DefaultLimit {
		t.Errorf("%+v", p)
	}
	c := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/customers:search?id=a&key=%C3%BC%2F&email=c"}).(programquery.Customers)
	if c.ID != "a" || c.Key != "ü/" || c.Email != "c" || c.Partner != (application.PartnerHandle{}) {
		t.Errorf("%+v", c)
	}
	for _, path := range []string{"/v1/partners:search", "/v1/customers:search", "/v1/partner_referral_links:search"} {
		for _, junk := range []string{"%FF", "%00", "a%0Ab", strings.Repeat("x", 1021)} {
			w := a.Do(porttest.Request{Method: "GET", Path: path + "?key=" + junk, Key: "program"})
			if w.Code != 422 || !strings.Contains(w.Body.String(), `"errors":{"key":`) {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	}
}

// A violation is told under the member's path, also when the members are wrapped.
func TestPartnerViolations(t *testing.T) {
	t.Parallel()
	str, num, flag := "must be a string", "must be a string or a number", "must be true or false"
	named := map[string]string{"key": mustBeNamed}
	for name, c := range map[string]struct {
		method, path, body string
		errors             map[string]string
	}{
		"create": {
			"POST", "/v1/partner", `{"email":1,"name":2,"surname":[],"password":{},"id":true,"key":[],"tags":[1],"tos":"yes","custom_fields":[{"name":1,"value":2},"x"],"referring_partner":{}}`,
			map[string]string{
				"email": str, "name": str, "surname": str, "password": str, "id": num, "key": num, "tags.0": str, "tos": flag,
				"custom_fields.0.name": str, "custom_fields.0.value": str, "custom_fields.1": "must be an object", "referring_partner": httpport.MustNamePartner,
			},
		},
		"create, referring none":  {"POST", "/v1/partners", `{"email":"a@b.example","referring_partner":{"id":""}}`, map[string]string{"referring_partner": httpport.MustNamePartner}},
		"update, referring none":  {"PUT", "/v1/partners/p1", `{"referring_partner":{"id":"","key":"","email":null}}`, map[string]string{"referring_partner": httpport.MustNamePartner}},
		"update, referring wrong": {"PUT", "/v1/partners/p1", `{"referring_partner":{"key":"","email":{}}}`, map[string]string{"referring_partner.email": str}},
		"create, lists": {
			"POST", "/v1/partners", `{"email":"a@b.example","tags":"a","custom_fields":{},"referring_partner":{"id":[],"email":5}}`,
			map[string]string{"tags": "must be a list", "custom_fields": "must be a list", "referring_partner.id": num, "referring_partner.email": str},
		},
		"update": {
			"PUT", "/v1/partners/p1", `{"update":{"email":1,"name":2,"surname":3,"password":4,"key":{},"tags":{},"tos":0,"custom_fields":0,"referring_partner":"x"}}`,
			map[string]string{"email": str, "name": str, "surname": str, "password": str, "key": num, "tags": "must be a list", "tos": flag, "custom_fields": "must be a list", "referring_partner": "must be an object"},
		},
		"update no object":       {"PUT", "/v1/partners/p1", `{"update":[0],"name":"x"}`, map[string]string{"update": "must be an object"}},
		"update, wrong handle":   {"PUT", "/v1/partners", `{"id":[],"key":"k1","name":"x"}`, map[string]string{"id": num}},
		"update, wrong email":    {"PUT", "/v1/partner", `{"email":5,"update":{"name":"x"}}`, map[string]string{"email": str}},
		"update of nobody":       {"PUT", "/v1/partners", `{"name":"x","id":null,"email":null}`, named},
		"update, handle inside":  {"PUT", "/v1/partner", `{"update":{"id":"p1","name":"x"}}`, named},
		"delete of nobody":       {"DELETE", "/v1/partners", "", named},
		"delete, the alias":      {"DELETE", "/v1/partner", `{"partner":"x"}`, named},
		"delete, wrong handle":   {"DELETE", "/v1/partner", `{"key":true}`, map[string]string{"key": num}},
		"find nobody":            {"GET", "/v1/partner", "", named},
		"invite":                 {"POST", "/v1/partners:invite", `{"email":1,"name":[],"surname":true}`, map[string]string{"email": str, "name": str, "surname": str}},
		"sign-in":                {"POST", "/v1/partners:sign-in-url", `{"id":[],"expires_in":"120"}`, map[string]string{"id": num, "expires_in": "must be a whole number"}},
		"sign-in, fraction":      {"POST", "/v1/partners:sign-in-url", `{"key":"k","expires_in":30.5}`, map[string]string{"expires_in": "must be a whole number"}},
		"link, nothing":          {"POST", "/v1/partner_referral_links", `{}`, map[string]string{"key": "is required", "partner": httpport.MustNamePartner}},
		"link":                   {"POST", "/v1/partner_referral_links", `{"key":[],"partner":5,"domain_id":true,"is_additional":1}`, map[string]string{"key": num, "partner": "must be an object", "domain_id": num, "is_additional": flag}},
		"link, domain":           {"POST", "/v1/partner_referral_links", `{"key":"k","partner":{"id":1},"domain_id":12}`, map[string]string{"domain_id": "must be null: there is no domain besides the website's"}},
		"link, empty partner":    {"POST", "/v1/partner_referral_links", `{"key":"k","partner":{"id":null}}`, map[string]string{"partner": httpport.MustNamePartner}},
		"link, partner of no id": {"POST", "/v1/partner_referral_links", `{"key":"k","partner":{"id":""}}`, map[string]string{"partner": httpport.MustNamePartner}},
		"link, update":           {"PUT", "/v1/partner_referral_links/k", `{"update":{"key":[],"default":"yes"}}`, map[string]string{"key": num, "default": flag}},
		"link, update no object": {"PUT", "/v1/partner_referral_links/k", `{"update":1}`, map[string]string{"update": "must be an object"}},
		"link, search":           {"GET", "/v1/partner_referral_links:search?id=a&key=b", "", map[string]string{"id": "must hold the key or be a part of it: a link's id is its key"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			porttest.CheckViolations(t, newApp(t), porttest.Request{Method: c.method, Path: c.path, Body: c.body, Key: "program"}, c.errors)
		})
	}
}

func TestPartnerAnswers(t *testing.T) {
	t.Parallel()
	const (
		detail = `{"data":{"email":"john@example.com","created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z","name":"John","id":"partner_123","surname":"Doe","tos":true,"approved":true,"status":"active","custom_fields":[{"name":"Region","value":"North"}],"referrals_count":2,"tags":[{"value":"premium"},{"value":"new"}],"referral_link":"https://yourcompany.com?aff=ref_123","referral_links":["https://yourcompany.com?aff=ref_123","https://yourcompany.com?aff=spring"],"referrals":{"clicks":12,"signups":2,"revenue":[],"sales_count":0,"paid_accounts":0},"commissions":{"paid":[],"pending":[],"not_paid":[]},"custom_field_values":[{"name":"Region","value":"North"}]},"status":1}`
		link   = `{"id":"spring","key":"spring","url":"https://yourcompany.com?aff=spring","default":false,"is_additional":false,"direct_tracking":false,"direct_tracking_redirect":false,"direct_tracking_redirect_url":null}`
		ok     = `{"status":1}`
	)
	paged := func(path, items, meta string) string {
		return `{"data":[` + items + `],"links":{"first":"http://localhost:8080` + path + `?page=1","last":null,"prev":null,"next":null},"meta":{"current_page":1,` + meta + `,"path":"http://localhost:8080` + path + `","per_page":15,"to":1},"status":1}`
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/partner", `{"email":"john@example.com"}`, 201, documentedPartner},
		{"PUT", "/v1/partners/partner_123", `{"name":"John"}`, 200, documentedPartner},
		{"PUT", "/v1/partners", `{"id":"partner_123","update":{}}`, 200, documentedPartner},
		{"PUT", "/v1/partner?key=ref_123", `{}`, 200, documentedPartner},
		{"GET", "/v1/partners/partner_123", "", 200, detail},
		{"GET", "/v1/partners?email=john@example.com", "", 200, detail},
		{"GET", "/v1/partner?key=ref_123", "", 200, detail},
		{"DELETE", "/v1/partners/partner_123", "", 200, ok},
		{"DELETE", "/v1/partners", `{"key":"ref_123"}`, 200, ok},
		{"DELETE", "/v1/partner?id=1", "", 200, ok},
		{"POST", "/v1/partners/p1/archive", "", 200, ok},
		{"POST", "/v1/partners/p1/revoke-archive", "", 200, ok},
		{"POST", "/v1/partners/p1/approve", "", 200, ok},
		{"POST", "/v1/partners/p1/reject", "", 200, ok},
		{"POST", "/v1/partners:invite", `{"email":"jane@example.com","name":"Jane"}`, 200, ok},
		{"POST", "/v1/partners:sign-in-url", `{"key":"ref_123"}`, 200, `{"data":{"url":"http://localhost:8080/portal/sign-in/token_1","expires_at":"2025-04-30T16:44:13.000000Z"},"status":1}`},
		{"POST", "/v1/partner_referral_links", `{"key":"spring","partner":{"id":"partner_123"}}`, 201, `{"data":` + link + `,"status":1}`},
		{"PUT", "/v1/partner_referral_links/spring", `{"default":true}`, 200, `{"data":` + link + `,"status":1}`},
		{"GET", "/v1/partner_referral_links/spring", "", 200, `{"data":` + link + `,"status":1}`},
		{"DELETE", "/v1/partner_referral_links/spring", "", 200, ok},
		{"GET", "/v1/partner_referral_links", "", 200, paged("/v1/partner_referral_links", link, `"from":1`)},
		{"GET", "/v1/partners/p1/referral_links", "", 200, paged("/v1/partners/p1/referral_links", link, `"from":1`)},
		{"GET", "/v1/partner_referral_links:domains/", "", 200, paged("/v1/partner_referral_links:domains", `{"id":null,"domain":"yourcompany.com","url":"https://yourcompany.com","is_additional":false}`, `"from":1`)},
	} {
		w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body})
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s %s: %d\ngot  %s\nwant %s", c.method, c.path, w.Code, w.Body, c.want)
		}
	}
	a := newApp(t)
	if q, ok := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/partner_referral_links:domains?page=2"}).(programquery.ReferralDomains); !ok || q.Page.Number != 2 {
		t.Errorf("a second page of domains became %+v", q)
	}
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/partners/?limit=2", Key: "program"})
	if !strings.HasPrefix(w.Body.String(), `{"data":[`+strings.TrimSuffix(strings.TrimPrefix(documentedPartner, `{"data":`), `,"status":1}`)+`,{"email":"",`) ||
		!strings.Contains(w.Body.String(), `"next":"http://localhost:8080/v1/partners?cursor=cGFydG5lcl8xMjQ&limit=2&page=2"`) {
		t.Errorf("the list of partners: %s", w.Body)
	}
}

// The program's parameter is in every referral link.
func TestLinkParameter(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := a.Keys["program"]
	c.Actor.LinkParameter = "via"
	a.Keys["program"] = c
	for _, path := range []string{"/v1/partners/p1", "/v1/partners", "/v1/partner_referral_links/spring"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "program"}); !strings.Contains(w.Body.String(), "https://yourcompany.com?via=") || strings.Contains(w.Body.String(), "aff=") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}
