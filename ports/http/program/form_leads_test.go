package programhttp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/porttest"
)

// What each request about form leads becomes.
func TestFormLeadBinding(t *testing.T) {
	t.Parallel()
	submitted := func(c any) any {
		s := c.(programcommand.SubmitFormLead)
		return []any{s.Name, s.Email, s.Partner, s.Answers}
	}
	changed := func(c any) any { return c.(programcommand.UpdateLeadForm).Change }
	converted := func(c any) any {
		v := c.(programcommand.ConvertLead)
		return []any{v.Number, v.Amount}
	}
	rejected := func(c any) any { return c.(programcommand.RejectLead).Number }
	form := `"leads_custom_form_fields":[{"id":89,"type":"input","title":"Company","description":"","required":true,"options":[]},` +
		`{"id":"91","type":"checkbox","title":"Features","text":null,"options":["a","b"],"colour":"red"},{"type":"text","text":"Hello"}]`
	questions := &[]lead.Question{
		{ID: 89, Type: lead.Input, Title: "Company", Required: true},
		{ID: 91, Type: lead.Checkbox, Title: "Features", Options: []string{"a", "b"}},
		{Type: lead.Note, Text: "Hello"},
	}
	long := strings.Repeat("😀", 5000)
	none := (*money.Micros)(nil)
	for name, c := range map[string]struct {
		method, path, body string
		show               func(any) any
		want               any
	}{
		"lead, as documented": {
			path: "/v1/leads", body: `{"name":"Alice Brown","email":"alice.brown@partnero.com","partner":{"key":"ref_123"},` +
				`"cfields":{"89":"Acme Inc","90":"Looking for enterprise plan","91":["feature1","feature3"],"94":"US"}}`,
			show: submitted, want: []any{
				"Alice Brown", "alice.brown@partnero.com",
				application.PartnerHandle{Key: "ref_123"},
				[]lead.Given{
					{ID: "89", Values: []string{"Acme Inc"}},
					{ID: "90", Values: []string{"Looking for enterprise plan"}},
					{ID: "91", Values: []string{"feature1", "feature3"}},
					{ID: "94", Values: []string{"US"}},
				},
			},
		},
		"lead, numbers and nulls": {
			path: "/v1/leads", body: `{"name":null,"partner":{"id":7,"email":null},"colour":1,"cfields":{"1":null,"2":4.50,"3":[1,"b"],"4":[],"5":""}}`,
			show: submitted, want: []any{
				"", "",
				application.PartnerHandle{ID: "7"},
				[]lead.Given{{ID: "2", Values: []string{"4.50"}}, {ID: "3", Values: []string{"1", "b"}}, {ID: "5", Values: []string{""}}},
			},
		},
		"lead, without anything":    {path: "/v1/leads", body: `{}`, show: submitted, want: []any{"", "", application.PartnerHandle{}, []lead.Given(nil)}},
		"lead, nulls only":          {path: "/v1/leads", body: `{"partner":null,"cfields":null}`, show: submitted, want: []any{"", "", application.PartnerHandle{}, []lead.Given(nil)}},
		"lead, partner says nobody": {path: "/v1/leads", body: `{"partner":{}}`, show: submitted, want: []any{"", "", application.PartnerHandle{}, []lead.Given(nil)}},
		"lead, partner of no id":    {path: "/v1/leads", body: `{"partner":{"id":""}}`, show: submitted, want: []any{"", "", application.PartnerHandle{}, []lead.Given(nil)}},
		"lead, byte-exact": {
			path: "/v1/leads", body: `{"name":"` + long + `\u0000\u202e","cfields":{"9":"\u0000<script>"}}`, show: submitted,
			want: []any{long + "\x00\u202e", "", application.PartnerHandle{}, []lead.Given{{ID: "9", Values: []string{"\x00<script>"}}}},
		},
		"form":              {method: "PUT", path: "/v1/leads/details", body: `{"leads_enabled":true,` + form + `}`, show: changed, want: lead.FormChange{Enabled: new(true), Questions: questions}},
		"form, wrapped":     {method: "PUT", path: "/v1/leads/details", body: `{"update":{"leads_enabled":"false",` + form + `}}`, show: changed, want: lead.FormChange{Enabled: new(false), Questions: questions}},
		"form, text true":   {method: "PUT", path: "/v1/leads/details", body: `{"leads_enabled":"true"}`, show: changed, want: lead.FormChange{Enabled: new(true)}},
		"form, false":       {method: "PUT", path: "/v1/leads/details", body: `{"leads_enabled":false}`, show: changed, want: lead.FormChange{Enabled: new(false)}},
		"form, nothing":     {method: "PUT", path: "/v1/leads/details", body: `{"leads_enabled":null,"leads_custom_form_fields":null,"x":[1]}`, show: changed, want: lead.FormChange{}},
		"form, no fields":   {method: "PUT", path: "/v1/leads/details", body: `{"leads_custom_form_fields":[]}`, show: changed, want: lead.FormChange{Questions: &[]lead.Question{}}},
		"convert":           {path: "/v1/leads/convert", body: `{"id":44,"commission_transaction_amount":99.99}`, show: converted, want: []any{int64(44), new(money.Micros(99_990_000))}},
		"convert, texts":    {path: "/v1/leads/convert", body: `{"id":"44","commission_transaction_amount":"99.9"}`, show: converted, want: []any{int64(44), new(money.Micros(99_900_000))}},
		"convert, no sum":   {path: "/v1/leads/convert", body: `{"id":44,"commission_transaction_amount":null}`, show: converted, want: []any{int64(44), none}},
		"convert, nothing":  {path: "/v1/leads/convert", body: `{"id":44,"commission_transaction_amount":0}`, show: converted, want: []any{int64(44), new(money.Micros(0))}},
		"convert, query":    {path: "/v1/leads/convert?id=44&commission_transaction_amount=99.99", show: converted, want: []any{int64(44), new(money.Micros(99_990_000))}},
		"convert, both":     {path: "/v1/leads/convert?id=45&commission_transaction_amount=1", body: `{"id":44}`, show: converted, want: []any{int64(44), new(money.Micros(1_000_000))}},
		"convert, body":     {path: "/v1/leads/convert?id=45&commission_transaction_amount=1", body: `{"id":44,"commission_transaction_amount":2}`, show: converted, want: []any{int64(44), new(money.Micros(2_000_000))}},
		"convert by GET":    {method: "GET", path: "/v1/leads/convert?id=44&commission_transaction_amount=", show: converted, want: []any{int64(44), none}},
		"convert, largest":  {method: "GET", path: "/v1/leads/convert?id=9223372036854775807", show: converted, want: []any{int64(9223372036854775807), none}},
		"reject":            {path: "/v1/leads/reject", body: `{"id":44}`, show: rejected, want: int64(44)},
		"reject, query":     {path: "/v1/leads/reject?id=44", show: rejected, want: int64(44)},
		"reject by GET":     {method: "GET", path: "/v1/leads/reject?id=44", show: rejected, want: int64(44)},
		"one":               {method: "GET", path: "/v1/leads/44", show: func(c any) any { return c.(programquery.FormLeadByNumber).Number }, want: int64(44)},
		"one, slash":        {method: "GET", path: "/v1/leads/44/", show: func(c any) any { return c.(programquery.FormLeadByNumber).Number }, want: int64(44)},
		"delete":            {method: "DELETE", path: "/v1/leads/44", show: func(c any) any { return c.(programcommand.DeleteLead).Number }, want: int64(44)},
		"list":              {method: "GET", path: "/v1/leads?limit=2&sort=asc", show: func(c any) any { return c.(programquery.FormLeads).Page }, want: application.Page{Limit: 2, Number: 1, Ascending: true}},
		"the form":          {method: "GET", path: "/v1/leads/details", show: func(c any) any { return c.(programquery.LeadFormOfSeller).SellerID }, want: "seller_1"},
		"no lead, word":     {method: "GET", path: "/v1/leads/abc", show: func(c any) any { return c.(programquery.FormLeadByNumber).Number }, want: int64(0)},
		"no lead, negative": {method: "GET", path: "/v1/leads/-1", show: func(c any) any { return c.(programquery.FormLeadByNumber).Number }, want: int64(0)},
		"no lead, too big":  {method: "DELETE", path: "/v1/leads/9223372036854775808", show: func(c any) any { return c.(programcommand.DeleteLead).Number }, want: int64(0)},
		"no lead, spelling": {method: "GET", path: "/v1/leads/044", show: func(c any) any { return c.(programquery.FormLeadByNumber).Number }, want: int64(0)},
		"no lead, NUL":      {method: "GET", path: "/v1/leads/4%004", show: func(c any) any { return c.(programquery.FormLeadByNumber).Number }, want: int64(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			if w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body}); w.Code >= 300 {
				t.Fatalf("%d: %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.want, c.show(a.Take())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is wrong is named, all of it at once, and never reaches the application.
func TestFormLeadRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		fields             []string
	}{
		"types":             {path: "/v1/leads", body: `{"name":1,"email":[],"partner":7,"cfields":"x"}`, fields: []string{"cfields", "email", "name", "partner"}},
		"partner":           {path: "/v1/leads", body: `{"partner":{"id":true,"key":{},"email":1}}`, fields: []string{"email", "name", "partner.email", "partner.id", "partner.key"}},
		"cfields":           {path: "/v1/leads", body: `{"cfields":{"1":true,"2":false,"3":{},"4":[true],"5":[["a"]],"6":[null],"7":"fine"}}`, fields: []string{"cfields.1", "cfields.2", "cfields.3", "cfields.4", "cfields.5", "cfields.6", "email", "name", "partner"}},
		"cfields, a list":   {path: "/v1/leads", body: `{"cfields":["a"]}`, fields: []string{"cfields", "email", "name", "partner"}},
		"cfields, long":     {path: "/v1/leads", body: `{"cfields":{"` + strings.Repeat("9", 5000) + `":true}}`, fields: []string{"cfields." + strings.Repeat("9", 64) + "…", "email", "name", "partner"}},
		"no JSON":           {path: "/v1/leads", body: `{`, status: http.StatusBadRequest},
		"a member twice":    {path: "/v1/leads", body: `{"cfields":{"1":"a","1":"b"}}`, status: http.StatusBadRequest},
		"too many answers":  {path: "/v1/leads", body: `{"cfields":{"1":[` + strings.Repeat(`"a",`, 1000) + `"a"]}}`, status: http.StatusBadRequest},
		"too large":         {path: "/v1/leads", body: `{"name":"` + strings.Repeat("a", 64<<10) + `"}`, status: http.StatusRequestEntityTooLarge},
		"enabled":           {method: "PUT", path: "/v1/leads/details", body: `{"leads_enabled":"yes"}`, fields: []string{"leads_enabled"}},
		"enabled, number":   {method: "PUT", path: "/v1/leads/details", body: `{"update":{"leads_enabled":1}}`, fields: []string{"leads_enabled"}},
		"fields":            {method: "PUT", path: "/v1/leads/details", body: `{"leads_custom_form_fields":{"id":1}}`, fields: []string{"leads_custom_form_fields"}},
		"fields, no object": {method: "PUT", path: "/v1/leads/details", body: `{"leads_custom_form_fields":["a"]}`, fields: []string{"leads_custom_form_fields.0"}},
		"fields, each": {
			method: "PUT", path: "/v1/leads/details", body: `{"leads_custom_form_fields":[{"id":0,"type":"input"},{"id":"a","type":"text"},{"id":-1,"type":"text"},{"id":1.5,"type":"text"},{"id":true,"type":"text"},{"id":99999999999999999999,"type":"text"}]}`,
			fields: []string{"leads_custom_form_fields.0.id", "leads_custom_form_fields.0.title", "leads_custom_form_fields.1.id", "leads_custom_form_fields.2.id", "leads_custom_form_fields.3.id", "leads_custom_form_fields.4.id", "leads_custom_form_fields.5.id"},
		},
		"fields, types": {
			method: "PUT", path: "/v1/leads/details", body: `{"leads_custom_form_fields":[{"type":1,"title":1,"text":1,"description":1,"required":"yes","options":["a",1]}]}`,
			fields: []string{"leads_custom_form_fields.0.description", "leads_custom_form_fields.0.options.1", "leads_custom_form_fields.0.required", "leads_custom_form_fields.0.text", "leads_custom_form_fields.0.title", "leads_custom_form_fields.0.type"},
		},
		"convert, nothing":        {path: "/v1/leads/convert", fields: []string{"id"}},
		"convert, null":           {path: "/v1/leads/convert", body: `{"id":null}`, fields: []string{"id"}},
		"convert, both wrong":     {path: "/v1/leads/convert", body: `{"id":0,"commission_transaction_amount":-0.01}`, fields: []string{"commission_transaction_amount", "id"}},
		"convert, types":          {path: "/v1/leads/convert", body: `{"id":true,"commission_transaction_amount":[1]}`, fields: []string{"commission_transaction_amount", "id"}},
		"convert, decimals":       {path: "/v1/leads/convert", body: `{"id":1,"commission_transaction_amount":1.001}`, fields: []string{"commission_transaction_amount"}},
		"convert, words":          {path: "/v1/leads/convert", body: `{"id":"one","commission_transaction_amount":"ten"}`, fields: []string{"commission_transaction_amount", "id"}},
		"convert, empty texts":    {path: "/v1/leads/convert", body: `{"id":"","commission_transaction_amount":""}`, fields: []string{"commission_transaction_amount", "id"}},
		"convert, huge":           {path: "/v1/leads/convert", body: `{"id":1e3,"commission_transaction_amount":1e999999999}`, fields: []string{"commission_transaction_amount", "id"}},
		"convert, body decides":   {path: "/v1/leads/convert?id=44", body: `{"id":-44}`, fields: []string{"id"}},
		"convert by GET, nothing": {method: "GET", path: "/v1/leads/convert", fields: []string{"id"}},
		"convert by GET, wrong":   {method: "GET", path: "/v1/leads/convert?id=9223372036854775808&commission_transaction_amount=0x1p2", fields: []string{"commission_transaction_amount", "id"}},
		"convert, no JSON":        {path: "/v1/leads/convert", body: `[44]`, status: http.StatusBadRequest},
		"reject, nothing":         {path: "/v1/leads/reject", body: `{}`, fields: []string{"id"}},
		"reject by GET, wrong":    {method: "GET", path: "/v1/leads/reject?id=%00", fields: []string{"id"}},
		"reject, signs":           {path: "/v1/leads/reject?id=%2B44", fields: []string{"id"}},
		"list":                    {method: "GET", path: "/v1/leads?limit=251&page=0", fields: []string{"limit", "page"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body})
			want := c.status
			if want == 0 {
				want = http.StatusUnprocessableEntity
			}
			var body struct{ Errors map[string][]string }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != want {
				t.Fatalf("%d, %v: %s", w.Code, err, w.Body)
			}
			var fields []string
			for field := range body.Errors {
				fields = append(fields, field)
			}
			slices.Sort(fields)
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Errorf("%s\n%s", diff, w.Body)
			}
			if a.Take() != nil {
				t.Error("it reached the application")
			}
		})
	}
}

// The answers are those of the seed, to the letter, with the market status after them.
func TestFormLeadAnswers(t *testing.T) {
	t.Parallel()
	documented := programquery.FormLead{
		Number: 44, LeadID: "lead_1", Status: "submitted", Name: "Alice Brown", Email: "alice.brown@partnero.com",
		Answers:   []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme Inc"}, {ID: 90, Question: "Notes", Answer: "Looking for enterprise plan"}},
		Submitter: programquery.Person{ID: "partner_123", Name: "John Doe", Email: "john.doe@partnero.com"},
		// Still the 16th in UTC.
		CreatedAt: time.Date(2025, 5, 17, 1, 0, 0, 0, time.FixedZone("", 2*60*60)),
	}
	converted, rejected := documented, documented
	converted.Status, converted.MarketStatus = "converted", "sold"
	converted.ConvertedTo = &programquery.Person{ID: "aB3dE6gH9jK2", Name: "Alice Brown", Email: "alice.brown@partnero.com"}
	converted.Answers, converted.Submitter = nil, programquery.Person{ID: "partner_123"}
	rejected.Status, rejected.Answers = "rejected", nil
	const person, info = `{"question":"Name","answer":"Alice Brown"},{"question":"Email address","answer":"alice.brown@partnero.com"}`,
		`"created_at":"2025-05-16","lead_info":{"name":"Alice Brown","email":"alice.brown@partnero.com"},`
	for name, c := range map[string]struct {
		lead programquery.FormLead
		want string
	}{
		"submitted": {documented, `{"id":44,"status":"submitted",` + info + `"converted_to":null,"submitter":{"id":"partner_123","name":"John Doe","email":"john.doe@partnero.com"},` +
			`"submission_form":[` + person + `,{"question":"Company","answer":"Acme Inc"},{"question":"Notes","answer":"Looking for enterprise plan"}],` +
			`"can_be_converted":true,"can_be_rejected":true}`},
		"converted": {converted, `{"id":44,"status":"converted",` + info + `"converted_to":{"key":"aB3dE6gH9jK2","name":"Alice Brown","email":"alice.brown@partnero.com"},` +
			`"submitter":{"id":"partner_123","name":"","email":""},"submission_form":[` + person + `],"can_be_converted":false,"can_be_rejected":false,"market_status":"sold"}`},
		"rejected": {rejected, `{"id":44,"status":"rejected",` + info + `"converted_to":null,"submitter":{"id":"partner_123","name":"John Doe","email":"john.doe@partnero.com"},` +
			`"submission_form":[` + person + `],"can_be_converted":false,"can_be_rejected":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.FormLeadByNumber = porttest.Queries[programquery.FormLeadByNumber](a, c.lead)
				h.SubmitFormLead = porttest.Commands(a, func(s programcommand.SubmitFormLead) application.Response { return s.Once.Render(c.lead) })
				h.ConvertLead = porttest.Commands(a, func(s programcommand.ConvertLead) application.Response { return s.Once.Render(c.lead) })
				h.RejectLead = porttest.Commands(a, func(s programcommand.RejectLead) application.Response { return s.Once.Render(c.lead) })
				h.FormLeads = porttest.Queries[programquery.FormLeads](a, application.List[programquery.FormLead]{Items: []programquery.FormLead{c.lead}, Next: "44"})
			})
			want := `{"data":` + c.want + `,"status":1}`
			for _, r := range []porttest.Request{
				{Method: "POST", Path: "/v1/leads", Body: `{}`},
				{Method: "GET", Path: "/v1/leads/44"},
				{Method: "POST", Path: "/v1/leads/convert", Body: `{"id":44}`},
				{Method: "GET", Path: "/v1/leads/convert?id=44"},
				{Method: "POST", Path: "/v1/leads/reject", Body: `{"id":44}`},
				{Method: "GET", Path: "/v1/leads/reject?id=44"},
			} {
				r.Key = "program"
				status := http.StatusOK
				if r.Path == "/v1/leads" {
					status = http.StatusCreated
				}
				if w := a.Do(r); w.Code != status || w.Body.String() != want {
					t.Errorf("%s %s: %d\n%s\nwant\n%s", r.Method, r.Path, w.Code, w.Body, want)
				}
			}
			w := a.Do(porttest.Request{Method: "GET", Path: "/v1/leads?limit=1", Key: "program"})
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"data":[`+c.want+`],"links":{`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	a := newApp(t)
	if w := a.Do(porttest.Request{Method: "DELETE", Path: "/v1/leads/44", Key: "program"}); w.Code != http.StatusOK || w.Body.String() != `{"status":1}` {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
}

func TestLeadDetails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		form lead.FormSnapshot
		want string
	}{
		"never set": {lead.NewForm("seller_1").Snapshot(), `"leads_enabled":"true",*,"leads_custom_form_fields":[],"version":0`},
		"set": {
			lead.FormSnapshot{Version: 3, NextID: 92, Questions: []lead.Question{
				{ID: 89, Type: lead.Input, Title: "Company", Required: true},
				{ID: 91, Type: lead.Checkbox, Title: "<b>", Description: "d", Options: []string{"a", "b"}},
				{ID: 90, Type: lead.Note, Text: "t"},
			}},
			`"leads_enabled":"false",*,"leads_custom_form_fields":[` +
				`{"id":89,"type":"input","title":"Company","text":"","description":"","required":true,"options":[]},` +
				`{"id":91,"type":"checkbox","title":"<b>","text":"","description":"d","required":false,"options":["a","b"]},` +
				`{"id":90,"type":"text","title":"","text":"t","description":"","required":false,"options":[]}],"version":3`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := programquery.LeadForm{FormSnapshot: c.form}
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.LeadFormOfSeller = porttest.Queries[programquery.LeadFormOfSeller](a, form)
				h.UpdateLeadForm = porttest.Commands(a, func(u programcommand.UpdateLeadForm) application.Response { return u.Once.Render(form) })
			})
			want := `{"data":{` + strings.Replace(c.want, "*", `"program_leads_commission_type":"follow_program_settings",`+
				`"leads_commission":{"currency":"USD","commission":0,"commission_type":"percent"}`, 1) + `},"status":1}`
			for _, r := range []porttest.Request{{Method: "GET"}, {Method: "PUT", Body: `{}`}} {
				r.Path, r.Key = "/v1/leads/details", "program"
				if w := a.Do(r); w.Code != http.StatusOK || w.Body.String() != want {
					t.Errorf("%s: %d\n%s\nwant\n%s", r.Method, w.Code, w.Body, want)
				}
			}
		})
	}
}

// A GET that changes something is replayable as every other write; only the method that is documented does so.
func TestFormLeadVerbs(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	once := func(method, path, body string) (string, [32]byte) {
		t.Helper()
		w := a.Do(porttest.Request{Method: method, Path: path, Key: "program", Body: body, Header: http.Header{"Idempotency-Key": {"k1"}}})
		if w.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		switch c := a.Take().(type) {
		case programcommand.ConvertLead:
			return c.Once.Key, c.Once.Fingerprint
		case programcommand.RejectLead:
			return c.Once.Key, c.Once.Fingerprint
		default:
			t.Fatalf("%s %s became %T", method, path, c)
			return "", [32]byte{}
		}
	}
	seen := map[[32]byte]string{}
	for _, r := range [][3]string{
		{"GET", "/v1/leads/convert?id=44"},
		{"GET", "/v1/leads/convert?id=45"},
		{"GET", "/v1/leads/reject?id=44"},
		{"POST", "/v1/leads/convert?id=44"},
		{"POST", "/v1/leads/convert", `{"id":44}`},
		{"POST", "/v1/leads/reject", `{"id":44}`},
	} {
		key, fingerprint := once(r[0], r[1], r[2])
		if again, same := once(r[0], r[1], r[2]); key != "k1" || again != "k1" || same != fingerprint {
			t.Errorf("%v: keys %q and %q", r, key, again)
		}
		if other := seen[fingerprint]; other != "" {
			t.Errorf("%v has the fingerprint of %s", r, other)
		}
		seen[fingerprint] = r[0] + " " + r[1] + r[2]
	}
	a.Again = true
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/leads/convert?id=44", Key: "program"}); w.Header().Get("Idempotent-Replayed") != "true" {
		t.Error("a replay does not say so")
	}
	a.Take()
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/leads/convert?id=44", Key: "program", Header: http.Header{"Idempotency-Key": {""}}}); w.Code != http.StatusBadRequest {
		t.Errorf("an empty key: %d", w.Code)
	}
	for path, methods := range map[string]string{
		"/v1/leads/convert?id=44": "HEAD PUT PATCH OPTIONS", "/v1/leads/reject?id=44": "HEAD PUT PATCH OPTIONS",
		"/v1/leads": "HEAD PUT DELETE", "/v1/leads/44": "HEAD POST PUT PATCH", "/v1/leads/details": "HEAD POST PATCH",
	} {
		for method := range strings.FieldsSeq(methods) {
			if w := a.Do(porttest.Request{Method: method, Path: path, Key: "program"}); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	if c := a.Take(); c != nil {
		t.Errorf("%T reached the application", c)
	}
}

// What the application refuses has its documented status.
func TestFormLeadErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err                error
		method, path, body string
		status             int
	}{
		{lead.ErrNotFound, "GET", "/v1/leads/x", "", 404},
		{lead.ErrNotFound, "DELETE", "/v1/leads/1", "", 404},
		{lead.ErrNotFound, "GET", "/v1/leads/convert?id=1", "", 404},
		{lead.ErrNotFound, "POST", "/v1/leads/reject", `{"id":1}`, 404},
		{lead.ErrConverted, "POST", "/v1/leads/convert", `{"id":1}`, 400},
		{lead.ErrReviewRejected, "GET", "/v1/leads/convert?id=1", "", 400},
		{lead.ErrReviewRejected, "GET", "/v1/leads/reject?id=1", "", 400},
		{lead.ErrFormDisabled, "POST", "/v1/leads", `{}`, 400},
		{application.ErrConcurrentChange, "PUT", "/v1/leads/details", `{}`, 409},
		{application.ErrUnavailable, "GET", "/v1/leads/convert?id=1", "", 503},
	} {
		a := newApp(t)
		a.Fail = c.err
		w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body})
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, w.Code, c.status, w.Body)
		}
	}
}
