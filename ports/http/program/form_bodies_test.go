package programhttp

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	"github.com/leadmill/leadmill/tests/porttest"
)

// said is what a command says, without who sends it and how it is answered.
func said(c any) any {
	switch c := c.(type) {
	case programcommand.CreatePartner:
		return []any{c.Email, c.Name, c.Tags, c.TermsAccepted, c.ID, c.Referring}
	case programcommand.UpdatePartner:
		return []any{c.Handle, c.Details, c.Password, c.Referring}
	case programcommand.CreateCustomer:
		return []any{c.Key, c.Email, c.Name, c.Surname, c.Tags, c.Referral}
	case programcommand.UpdateCustomer:
		return []any{c.Handle, c.Details, c.Referral}
	case programcommand.SubmitFormLead:
		return []any{c.Name, c.Email, c.Partner, c.Answers}
	case programcommand.ConvertLead:
		return []any{c.Number, c.Amount}
	case programcommand.UpdateLeadForm:
		return c.Change
	case programcommand.DeletePartner:
		return c.Handle
	}
	return c
}

// A form, as PHP's http_build_query or a page writes it, says what the JSON of the same members does.
func TestFormsAreTakenAsJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ method, path, form, json string }{
		"partner":        {"POST", "/v1/partners", "email=john%40example.com&name=J%C3%B6hn+F&tags[]=new&tags[]=premium&tos=1&id=7&referring_partner[key]=ref_1", `{"email":"john@example.com","name":"Jöhn F","tags":["new","premium"],"tos":true,"id":"7","referring_partner":{"key":"ref_1"}}`},
		"partner, tags":  {"PUT", "/v1/partners", "id=p1&update%5Bname%5D=J&update%5Btags%5D%5B0%5D=a&update%5Btags%5D%5B1%5D=b&update%5Btos%5D=false", `{"id":"p1","update":{"name":"J","tags":["a","b"],"tos":false}}`},
		"no tags":        {"PUT", "/v1/partners/p1", "tags=", `{"tags":[]}`},
		"custom fields":  {"PUT", "/v1/partners/p1", "custom_fields[0][name]=Region&custom_fields[0][value]=North", `{"custom_fields":[{"name":"Region","value":"North"}]}`},
		"a deletion":     {"DELETE", "/v1/partners", "email=a%40b.example", `{"email":"a@b.example"}`},
		"customer":       {"POST", "/v1/customers", "key=c1&email=a%40b.example&partner%5Bkey%5D=ref_1&options[referral_url]=https%3A%2F%2Fx.example%2F%3Faff%3Dref_1", `{"key":"c1","email":"a@b.example","partner":{"key":"ref_1"},"options":{"referral_url":"https://x.example/?aff=ref_1"}}`},
		"customer, deep": {"POST", "/v1/customer", "customer[key]=c1&customer[tags][]=x&partner[id]=p1&unknown[a][b][c]=1", `{"customer":{"key":"c1","tags":["x"]},"partner":{"id":"p1"}}`},
		"a change":       {"PUT", "/v1/customers", "id=c1&name=", `{"id":"c1","name":""}`},
		"lead":           {"POST", "/v1/leads", "name=A+B&email=a%40b.example&partner[email]=p%40b.example&cfields[89]=Acme&cfields[91][]=one&cfields[91][]=two", `{"name":"A B","email":"a@b.example","partner":{"email":"p@b.example"},"cfields":{"89":"Acme","91":["one","two"]}}`},
		"conversion":     {"POST", "/v1/leads/convert", "id=71&commission_transaction_amount=99.50", `{"id":71,"commission_transaction_amount":99.50}`},
		"lead form":      {"PUT", "/v1/leads/details", "leads_enabled=true&leads_custom_form_fields[0][type]=select&leads_custom_form_fields[0][title]=Size&leads_custom_form_fields[0][required]=1&leads_custom_form_fields[0][options][]=S", `{"leads_enabled":true,"leads_custom_form_fields":[{"type":"select","title":"Size","required":true,"options":["S"]}]}`},
		"nothing":        {"PUT", "/v1/customers/c1", "", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=UTF-8"}}
			got := said(newApp(t).SentBy(porttest.Request{Method: c.method, Path: c.path, Body: c.form, Header: header}))
			want := said(newApp(t).SentBy(porttest.Request{Method: c.method, Path: c.path, Body: c.json}))
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// What a form gets wrong is told like what JSON gets wrong.
func TestFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	long := url.Values{}
	for range 1001 {
		long.Add("tags[]", "x")
	}
	for name, c := range map[string]struct {
		path, form, media string
		status            int
		code              string
	}{
		"a member is missing":  {"/v1/partner_referral_links", "partner[key]=ref_1", "", 422, "validation_failed"},
		"a wrong type":         {"/v1/partners", "email=a%40b.example&tos=perhaps&tags=x", "", 422, "wrong_type"},
		"a sale":               {"/v1/customers", "key=c1&partner[key]=ref_1&transaction[key]=order_1&transaction[amount]=5", "", 422, "not_supported_yet"},
		"twice":                {"/v1/partners", "email=a%40b.example&email=b%40b.example", "", 400, "invalid_body"},
		"a text and an object": {"/v1/customers", "key=c1&partner=ref_1&partner[key]=ref_1", "", 400, "invalid_body"},
		"an object and a text": {"/v1/customers", "key=c1&partner[key]=ref_1&partner=ref_1", "", 400, "invalid_body"},
		"no encoding":          {"/v1/partners", "email=%zz", "", 400, "invalid_body"},
		"no UTF-8":             {"/v1/partners", "email=%ff", "", 400, "invalid_body"},
		"too long":             {"/v1/partners", long.Encode(), "", 400, "invalid_body"},
		"multipart":            {"/v1/partners", "--x", "multipart/form-data; boundary=x", 415, "unsupported_media_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			if c.media == "" {
				c.media = "application/x-www-form-urlencoded"
			}
			w := a.Do(porttest.Request{Path: c.path, Key: "program", Body: c.form, Header: http.Header{"Content-Type": {c.media}}})
			if code := porttest.CodeIn(t, w); w.Code != c.status || code != c.code || a.Calls > 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
