package input_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// kind is what a member of a body takes.
type kind struct {
	wrong   []any // of another type
	invalid any   // of the right type, but nothing that it could be; nil: there is none
	exact   bool  // what is taken is answered as it was given
	partner bool  // it names a partner, and an unknown one is 400
}

var (
	notText  = []any{5, 1.5, true, []any{}, []any{"x"}, apptest.Object{}}
	notLabel = []any{true, []any{}, []any{"x"}, apptest.Object{"x": 1}}
	notBool  = []any{1, "yes", []any{}, apptest.Object{}}
	notWhole = []any{"five", 1.5, true, []any{}, apptest.Object{}}

	line      = kind{notText, "bell \a", true, false}
	multiline = kind{notText, "bell \a", true, false}
	address   = kind{notText, "nobody", true, false}
	password  = kind{notText, "short", false, false}
	label     = kind{notLabel, "no such alphabet", true, false}
	anyKey    = kind{notLabel, "bell \a", true, false}
	tag       = kind{notText, "", true, false}
	handle    = kind{notLabel, nil, false, true}
	mailbox   = kind{notText, nil, false, true}
	choice    = kind{notText, "neither", true, false}
	silent    = kind{notText, nil, false, false}
	moment    = kind{notText, nil, false, false} // one that is none is told before other values are looked at
	yesNo     = kind{notBool, nil, false, false}
	whole     = kind{notWhole, -7, false, false}
	answer    = kind{[]any{true, apptest.Object{}, []any{true}, []any{[]any{}}}, "bell \a", true, false}
	aList     = kind{[]any{5, "x", true, apptest.Object{}}, nil, false, false}
	anObject  = kind{[]any{5, "x", true, []any{1}}, nil, false, false} // an empty list counts as one
)

// place is where a member stands in a body, such as custom_fields.0.name.
type place struct {
	at string
	kind
}

// input is a request that is right, with everything that it can hold.
type input struct {
	name, method string
	// path and body are called for each request, with a number that no other request has.
	path func(n int64) string
	body func(n int64) apptest.Object
	// read is where an answer can be read again.
	read    func(data map[string]any) string
	members []place
}

func fixed(path string) func(int64) string { return func(int64) string { return path } }

// inputs are the program's writes of a shop whose partner "supplier" and customer "kept" are there, and whose lead form has
// the fields 1, input, and 2, textarea.
func inputs() []input {
	ofPartner := []place{
		{"email", address},
		{"name", line},
		{"surname", line},
		{"password", password},
		{"key", label},
		{"tags.0", tag},
		{"custom_fields.0.name", tag},
		{"custom_fields.0.value", multiline},
		{"tos", yesNo},
		{"referring_partner.id", handle},
		{"referring_partner.key", handle},
		{"referring_partner.email", mailbox},
	}
	ofCustomer := []place{
		{"key", anyKey},
		{"email", address},
		{"name", line},
		{"surname", line},
		{"tags.0", tag},
		{"partner.id", handle},
		{"partner.key", handle},
		{"partner.email", mailbox},
		{"options.referral_url", silent},
		{"options.clicked_at", moment},
	}
	ofSettings := []place{
		{"program_name", line},
		{"website", address},
		{"approval", choice},
		{"link_parameter", label},
		{"attribution", choice},
		{"cookie_lifetime", whole},
		{"attribution_window", whole},
		{"lead_retention_days", whole},
		{"allow_self_referral", yesNo},
		{"unique_customer_email", yesNo},
	}
	ofSettings[1].invalid, ofSettings[3].wrong = "ftp://x", notText
	partner := func(n int64) apptest.Object {
		return apptest.Object{
			"email": fmt.Sprintf("p%d@input.example", n), "name": "John", "surname": "Doe", "key": fmt.Sprintf("k%d", n),
			"tags": []string{"a", "b"}, "custom_fields": []apptest.Object{{"name": "Region", "value": "North"}}, "tos": true,
			"referring_partner": apptest.Object{"id": "supplier"}, "unknown": "ignored",
		}
	}
	customer := func(n int64) apptest.Object {
		return apptest.Object{"key": fmt.Sprintf("c%d", n), "email": fmt.Sprintf("c%d@input.example", n), "name": "Alice", "surname": "Brown", "tags": []string{"new"}}
	}
	brought := apptest.Object{"partner": apptest.Object{"id": "supplier"}, "options": apptest.Object{"referral_url": "https://shop.example?aff=x", "clicked_at": "2026-01-02T03:04:05Z"}}
	with := func(o apptest.Object, more apptest.Object) apptest.Object {
		all := maps.Clone(o)
		maps.Copy(all, more)
		return all
	}
	under := func(prefix string, members []place) []place {
		out := slices.Clone(members)
		for i := range out {
			if !strings.HasPrefix(out[i].at, "partner") && !strings.HasPrefix(out[i].at, "options") {
				out[i].at = prefix + "." + out[i].at
			}
		}
		return out
	}
	readPartner := func(d map[string]any) string { return "/v1/partners/" + fmt.Sprint(d["id"]) }
	readCustomer := func(d map[string]any) string { return "/v1/customers/" + url.PathEscape(fmt.Sprint(d["key"])) }
	settings := func(int64) apptest.Object {
		return apptest.Object{
			"program_name": "Shop", "website": "https://shop.example", "approval": "auto", "link_parameter": "aff", "attribution": "first_touch",
			"cookie_lifetime": 30, "attribution_window": 0, "allow_self_referral": false, "lead_campaign": nil, "lead_retention_days": 0, "unique_customer_email": true,
		}
	}
	return []input{
		{
			"create partner", "POST", fixed("/v1/partners"), func(n int64) apptest.Object { return with(partner(n), apptest.Object{"id": fmt.Sprintf("p%d", n)}) },
			readPartner, append([]place{{"id", label}}, ofPartner...),
		},
		{
			"update partner", "PUT", fixed("/v1/partners/changed"), func(n int64) apptest.Object { return with(partner(n), apptest.Object{"key": "changed"}) }, readPartner,
			slices.DeleteFunc(slices.Clone(ofPartner), func(m place) bool { return m.at == "key" }),
		},
		{"update named partner, wrapped", "PUT", fixed("/v1/partners"), func(n int64) apptest.Object {
			return apptest.Object{"id": "changed", "update": with(partner(n), apptest.Object{"key": "changed"})}
		}, readPartner, []place{{"update.name", line}, {"update.tags.0", tag}, {"update.email", address}, {"update.password", password}}},
		{"invite partner", "POST", fixed("/v1/partners:invite"), func(n int64) apptest.Object {
			return apptest.Object{"email": fmt.Sprintf("i%d@input.example", n), "name": "Jane", "surname": "Smith"}
		}, nil, []place{{"email", address}, {"name", tag}, {"surname", line}}},
		{
			"sign-in link", "POST", fixed("/v1/partners:sign-in-url"), func(int64) apptest.Object { return apptest.Object{"id": "supplier", "expires_in": 60} }, nil,
			[]place{{"id", handle}, {"expires_in", whole}},
		},
		{
			"create link", "POST", fixed("/v1/partner_referral_links"), func(n int64) apptest.Object {
				return apptest.Object{"key": fmt.Sprintf("l%d", n), "partner": apptest.Object{"id": fmt.Sprintf("linked-%d", n%20)}, "domain_id": nil, "is_additional": false}
			}, func(d map[string]any) string { return "/v1/partner_referral_links/" + fmt.Sprint(d["key"]) },
			[]place{{"key", label}, {"partner.id", handle}, {"partner.key", handle}, {"partner.email", mailbox}, {"is_additional", yesNo}},
		},
		{
			"update link", "PUT", fixed("/v1/partner_referral_links/changed"), func(int64) apptest.Object { return apptest.Object{"key": "changed", "default": true} }, nil,
			[]place{{"default", yesNo}},
		},
		{"create customer", "POST", fixed("/v1/customers"), func(n int64) apptest.Object { return with(customer(n), brought) }, readCustomer, ofCustomer},
		{
			"create customer, nested", "POST", fixed("/v1/customers"), func(n int64) apptest.Object { return with(apptest.Object{"customer": customer(n)}, brought) },
			readCustomer, under("customer", ofCustomer),
		},
		{"update customer", "PUT", fixed("/v1/customers/kept"), func(n int64) apptest.Object { return with(customer(n), apptest.Object{"key": "kept"}) }, readCustomer, ofCustomer[1:5]},
		{"update named customer, wrapped", "PUT", fixed("/v1/customers"), func(n int64) apptest.Object {
			return apptest.Object{"key": "kept", "update": with(customer(n), apptest.Object{"key": "kept"})}
		}, readCustomer, under("update", ofCustomer[1:5])},
		{"lead form", "PUT", fixed("/v1/leads/details"), func(int64) apptest.Object {
			return apptest.Object{"leads_enabled": true, "leads_custom_form_fields": []apptest.Object{
				{"id": 1, "type": "input", "title": "Company", "text": "", "description": "", "required": false, "options": []string{}},
				{"id": 2, "type": "textarea", "title": "Notes", "text": "", "description": "", "required": false},
				{"id": 3, "type": "select", "title": "Size", "text": "x", "description": "x", "required": false, "options": []string{"small", "large"}},
			}}
		}, func(map[string]any) string { return "/v1/leads/details" }, []place{
			{"leads_enabled", yesNo},
			{"leads_custom_form_fields.2.type", choice},
			{"leads_custom_form_fields.2.title", tag},
			{"leads_custom_form_fields.2.text", multiline},
			{"leads_custom_form_fields.2.description", multiline},
			{"leads_custom_form_fields.2.required", yesNo},
			{"leads_custom_form_fields.2.options.1", tag},
			{"leads_custom_form_fields.2.id", kind{notLabel, nil, false, false}},
		}},
		{"submit lead", "POST", fixed("/v1/leads"), func(int64) apptest.Object {
			return apptest.Object{"name": "Alice Brown", "email": "alice@input.example", "partner": apptest.Object{"id": "supplier"}, "cfields": apptest.Object{"1": "Acme", "2": "Notes"}}
		}, func(d map[string]any) string { return fmt.Sprintf("/v1/leads/%v", d["id"]) }, []place{
			{"name", tag},
			{"email", address},
			{"partner.id", handle},
			{"partner.key", handle},
			{"partner.email", mailbox},
			{"cfields.1", answer},
			{"cfields.2", answer},
		}},
		{"settings", "PUT", fixed("/v1/settings"), settings, func(map[string]any) string { return "/v1/settings" }, ofSettings},
		{
			"settings, in settings", "PUT", fixed("/v1/settings"), func(n int64) apptest.Object { return apptest.Object{"settings": settings(n)} },
			func(map[string]any) string { return "/v1/settings" }, under("settings", ofSettings),
		},
	}
}

// put returns a copy of a body with another value at a place.
func put(body apptest.Object, at string, value any) apptest.Object {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		panic(err)
	}
	return put1(root, strings.Split(at, "."), value).(apptest.Object)
}

func put1(into any, at []string, value any) any {
	if len(at) == 0 {
		return value
	}
	if list, ok := into.([]any); ok {
		i, err := strconv.Atoi(at[0])
		if err != nil {
			panic(err)
		}
		list[i] = put1(list[i], at[1:], value)
		return list
	}
	object, ok := into.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[at[0]] = put1(object[at[0]], at[1:], value)
	return object
}

// told reports whether an error names a member or what it is in. What stands in a wrapper is told as if it stood flat.
func told(errs map[string][]string, at string) bool {
	for _, wrapper := range []string{"update.", "customer.", "settings."} {
		at = strings.TrimPrefix(at, wrapper)
	}
	for name, messages := range errs {
		if len(messages) > 0 && (name == at || strings.HasPrefix(at, name+".") || strings.HasPrefix(name, at+".")) {
			return true
		}
	}
	return false
}

// holds reports whether a text is somewhere in a JSON value, by itself or as the key of a referral link.
func holds(in any, text string) bool {
	switch v := in.(type) {
	case string:
		return v == text || v == "https://shop.example?aff="+text
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return holds(x, text) })
	case map[string]any:
		for _, x := range v {
			if holds(x, text) {
				return true
			}
		}
	}
	return false
}

// checkForm expects that an answer is a success or an error in the program's form, and never a failure of ours.
func checkForm(t *testing.T, what string, a apptest.Answer) {
	t.Helper()
	r := a.Refusal()
	switch {
	case a.Err != nil || a.Status >= 500:
		t.Errorf("%s is answered %v", what, a)
	case a.Status < 300:
	case a.Status < 400 || r.Status == nil || *r.Status != 0 || r.Message == "" || r.Code == "" || !apptest.RequestID.MatchString(r.RequestID) || a.Header.Get("Content-Type") != "application/json":
		t.Errorf("%s is answered %v, which is not the program's form", what, a)
	case a.Status == 422 && len(r.Errors) == 0 && r.Code != "idempotency_key_reused":
		t.Errorf("%s is answered %v, which names no member", what, a)
	}
}

// strangeTexts are texts that a JSON string can hold.
var strangeTexts = map[string]string{
	"emoji": "🦊 fox", "family": "👩‍👩‍👧‍👦", "right to left": "שלום مرحبا", "override": "abc\u202Edef", "combining": "Z\u0337a\u0338l\u0334g\u0335o e\u0301",
	"zero width": "a\u200bb\u200cc\u200dd\ufeffe", "astral": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 😀", "no characters": "x\ufffe\uffffy", "private": "\ue000\U0010fffd",
	"markup": `<script>alert("x")</script>&amp;`, "statement": `'; DROP TABLE partners; -- \`, "percent": "%00%2F%ff _%", "word": "null",
	"number": "00123", "NUL": "a\x00b", "bell": "a\ab", "escape": "\x1b[31mred", "delete": "a\x7fb", "C1": "a\u0085b", "line": "a\r\nb", "tab": "a\tb",
	"separator": "a\u2028b", "long": strings.Repeat("x", 5000), "long emoji": strings.Repeat("🦊", 5000), "256": strings.Repeat("ß", 256), "spaces": "   ",
	"email": "somebody@räksmörgås.example", "e-mail": "a@b@c.example", "separators": "a/b?c#d&e=f;g", "dots": "..",
}

// forHandles are those with which a partner is named, and what is tried with all of them elsewhere.
var forHandles = []string{"emoji", "right to left", "no characters", "statement", "percent", "NUL", "long", "spaces", "dots"}

func isControl(s string) bool { return strings.ContainsAny(s, "\x00\a\x1b\x7f\u0085") }

// newInputShop makes the shop that inputs are for.
func newInputShop(t *testing.T, databaseURL string) *apptest.Shop {
	t.Helper()
	s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), nil)
	s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "changed", "key": "changed", "email": "changed@input.example"})
	for i := range 20 {
		s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": fmt.Sprintf("linked-%d", i), "email": fmt.Sprintf("linked-%d@input.example", i)})
	}
	s.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "kept", "partner": apptest.Object{"id": "supplier"}})
	for _, in := range inputs() {
		if in.name == "lead form" {
			s.Program.Must(t, in.method, in.path(0), in.body(0))
		}
	}
	return s
}

func TestEveryTextOfTheProgramIsKeptExactlyOrRefused(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		var serial, kept atomic.Int64
		for _, in := range inputs() {
			if a := s.Program.Do(in.method, in.path(0), in.body(serial.Add(1))); a.Status != 200 && a.Status != 201 {
				t.Fatalf("%s is answered %v", in.name, a)
			}
			var tries []func()
			for _, m := range in.members {
				if !m.exact && !m.partner && m.at != "options.referral_url" && !strings.HasSuffix(m.at, "password") {
					continue
				}
				for name, text := range strangeTexts {
					costly := in.name == "create partner" && !slices.Contains([]string{"id", "key", "email", "password"}, m.at)                // it hashes
					if (m.partner || costly) && !slices.Contains(forHandles, name) || name == "spaces" && strings.HasPrefix(m.at, "cfields") { // no answer
						continue
					}
					tries = append(tries, func() {
						what := fmt.Sprintf("%s with %s in %s", in.name, name, m.at)
						n := serial.Add(1)
						if strings.HasSuffix(m.at, "email") && !m.partner && name == "email" {
							text = fmt.Sprintf("%d.%s", n, text)
						}
						body := put(in.body(n), m.at, text)
						if at, name, _ := strings.Cut(m.at, "."); m.partner && name != "" { // alone: the first handle given counts
							body = put(in.body(n), at, apptest.Object{name: text})
						}
						a := s.Program.Do(in.method, in.path(n), body)
						checkForm(t, what, a)
						switch {
						case a.Status == 422:
							if !told(a.Refusal().Errors, m.at) {
								t.Errorf("%s names %v", what, a.Refusal().Errors)
							}
							return
						case a.Status == 400 && m.partner:
							return
						case a.Status != 200 && a.Status != 201:
							t.Errorf("%s is answered %v", what, a)
							return
						}
						if isControl(text) && m.at != "options.referral_url" && !strings.HasSuffix(m.at, "password") {
							t.Errorf("%s is taken: %v", what, a)
						}
						if !m.exact || in.read == nil {
							return
						}
						if data := a.Object(); !holds(data, text) {
							t.Errorf("%s is answered %.300s", what, a.Body)
						} else if again := s.Program.Do("GET", in.read(data), nil); in.method == "POST" && (again.Status != 200 || !holds(again.Object(), text)) {
							t.Errorf("%s is read as %d %.300s", what, again.Status, again.Body)
						}
						kept.Add(1)
					})
				}
			}
			const workers = 4
			apptest.Parallel(workers, func(w int) {
				for i := w; i < len(tries); i += workers {
					tries[i]()
				}
			})
			if in.method == "PUT" { // whatever was set, it goes on from where it began
				s.Program.Must(t, in.method, in.path(0), in.body(serial.Add(1)))
			}
		}
		if kept.Load() < 300 {
			t.Errorf("only %d texts were kept", kept.Load())
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestEveryMemberOfTheProgramHasItsType(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		var serial int64
		send := func(in input, body any) apptest.Answer { return s.Program.Do(in.method, in.path(serial), body) }
		for _, in := range inputs() {
			body := func() apptest.Object { serial++; return in.body(serial) }
			var parents []place
			for _, m := range in.members {
				parts := strings.Split(m.at, ".")
				for i, next := range parts[1:] {
					parent := place{strings.Join(parts[:i+1], "."), anObject}
					if _, err := strconv.Atoi(parts[i]); err == nil || parent.at == "update" {
						continue
					}
					if _, err := strconv.Atoi(next); err == nil && parts[i] != "cfields" {
						parent.kind = aList
					}
					if !slices.ContainsFunc(parents, func(p place) bool { return p.at == parent.at }) {
						parents = append(parents, parent)
					}
				}
			}
			for _, m := range append(parents, in.members...) {
				for _, wrong := range m.wrong {
					what := fmt.Sprintf("%s with %v of type %T as %s", in.name, wrong, wrong, m.at)
					a := send(in, put(body(), m.at, wrong))
					checkForm(t, what, a)
					if a.Status != 422 || !told(a.Refusal().Errors, m.at) && m.at != "customer" && m.at != "settings" {
						t.Errorf("%s is answered %v", what, a)
					}
				}
				a := send(in, put(body(), m.at, nil))
				checkForm(t, fmt.Sprintf("%s without %s", in.name, m.at), a)
				if a.Status != 200 && a.Status != 201 && a.Status != 422 && (a.Status != 400 || m.at != "partner") { // its URL leads to nobody
					t.Errorf("%s with null as %s is answered %v", in.name, m.at, a)
				}
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestEveryMemberAtFaultIsToldAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		var serial int64 = 1_000_000
		for _, in := range inputs() {
			for name, spoil := range map[string]func(m place) any{
				"wrong types":    func(m place) any { return m.wrong[0] },
				"invalid values": func(m place) any { return m.invalid },
			} {
				serial++
				body := in.body(serial)
				var spoiled []string
				for _, m := range in.members {
					if v := spoil(m); v != nil {
						body = put(body, m.at, v)
						spoiled = append(spoiled, m.at)
					}
				}
				a := s.Program.Do(in.method, in.path(serial), body)
				checkForm(t, in.name, a)
				for _, at := range spoiled {
					if a.Status != 422 || !told(a.Refusal().Errors, at) {
						t.Errorf("%s with %s: %s is not among the errors of %d %.600s", in.name, name, at, a.Status, a.Body)
					}
				}
			}
		}
	})
}

func TestBodiesOfTheProgramThatAreNoObject(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		deep := func(n int, open, end string) string { return strings.Repeat(open, n) + "1" + strings.Repeat(end, n) }
		many := func(n int, item string) string {
			return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
		}
		for _, in := range inputs() {
			m := in.members[len(in.members)-1]
			for _, candidate := range in.members { // one that stands at the top, if there is one
				if !strings.Contains(candidate.at, ".") {
					m = candidate
					break
				}
			}
			top, _, _ := strings.Cut(m.at, ".")
			for name, body := range map[string]string{
				"a lone surrogate":         `{"` + top + `":"a\ud800b"}`,
				"surrogates the wrong way": `{"` + top + `":"\udc00\ud800"}`,
				"invalid UTF-8":            "{\"" + top + "\":\"a\xff\xfeb\"}",
				"overlong UTF-8":           "{\"" + top + "\":\"\xc0\x80\"}",
				"invalid UTF-8 as name":    "{\"\xff\":1}",
				"a member twice":           `{"` + top + `":"a","` + top + `":"b"}`,
				"an unknown member twice":  `{"x":1,"x":2}`,
				"a raw NUL":                "{\"" + top + "\":\"a\x00b\"}",
				"a raw line break":         "{\"" + top + "\":\"a\nb\"}",
				"a deep list":              `{"` + top + `":` + deep(40, "[", "]") + `}`,
				"a deep object":            `{"` + top + `":` + deep(10_000, `{"a":`, "}") + `}`,
				"a deep unknown":           `{"unknown":` + deep(40, "[", "]") + `}`,
				"10,000 items":             `{"tags":` + many(10_000, `"t"`) + `}`,
				"10,000 unknown items":     `{"unknown":` + many(10_000, `1`) + `}`,
				"a list":                   `[{"` + top + `":"a"}]`, "a string": `"x"`, "nothing": "", "null": "null", "a number": "1", "half": `{"` + top + `":`,
				"two": `{} {}`, "a comment": `{/**/}`, "a BOM": "\ufeff{}", "single quotes": `{'a':1}`, "a trailing comma": `{"a":1,}`, "NaN": `{"` + top + `":NaN}`,
			} {
				a := s.Program.Do(in.method, in.path(0), body)
				checkForm(t, in.name+" with "+name, a)
				if name == "nothing" && in.method == "PUT" {
					if a.Status != 200 && a.Status != 422 { // it changes nothing, if it says of what
						t.Errorf("%s with %s is answered %v", in.name, name, a)
					}
					continue
				}
				if a.Status != 400 || a.Refusal().Code != "invalid_body" {
					t.Errorf("%s with %s is answered %v, want 400 invalid_body", in.name, name, a)
				}
			}
			if a := s.Program.Do(in.method, in.path(0), `{"unknown":"`+strings.Repeat("x", 70_000)+`"}`); a.Status != 413 || a.Refusal().Code != "body_too_large" {
				t.Errorf("%s with 70,000 bytes is answered %v", in.name, a)
			}
		}
		// Bounds of lists.
		tags := func(n int) []string {
			list := make([]string, n)
			for i := range list {
				list[i] = fmt.Sprintf("t%d", i)
			}
			return list
		}
		fields := func(n int) []apptest.Object {
			list := make([]apptest.Object, n)
			for i := range list {
				list[i] = apptest.Object{"name": fmt.Sprintf("f%d", i), "value": "v", "type": "input", "title": "t"}
			}
			return list
		}
		for _, c := range []struct {
			method, path, member string
			value                any
			status               int
		}{
			{"PUT", "/v1/partners/changed", "tags", tags(100), 200},
			{"PUT", "/v1/partners/changed", "tags", tags(101), 422},
			{"PUT", "/v1/partners/changed", "tags", tags(1000), 422},
			{"PUT", "/v1/partners/changed", "tags", []string{"a", ""}, 422},
			{"PUT", "/v1/partners/changed", "tags", []any{"a", nil}, 422},
			{"PUT", "/v1/partners/changed", "tags", []string{}, 200},
			{"PUT", "/v1/partners/changed", "tags", []string{strings.Repeat("🦊", 100)}, 200},
			{"PUT", "/v1/partners/changed", "tags", []string{strings.Repeat("🦊", 101)}, 422},
			{"PUT", "/v1/partners/changed", "name", strings.Repeat("🦊", 200), 200},
			{"PUT", "/v1/partners/changed", "name", strings.Repeat("🦊", 201), 422},
			{"PUT", "/v1/partners/changed", "custom_fields", fields(50), 200},
			{"PUT", "/v1/partners/changed", "custom_fields", fields(51), 422},
			{"PUT", "/v1/customers/kept", "tags", tags(100), 200},
			{"PUT", "/v1/customers/kept", "tags", tags(101), 422},
			{"PUT", "/v1/customers/kept", "tags", []string{""}, 422},
			{"PUT", "/v1/leads/details", "leads_custom_form_fields", fields(101), 422},
			{"PUT", "/v1/leads/details", "leads_custom_form_fields", fields(100), 200},
		} {
			a := s.Program.Do(c.method, c.path, apptest.Object{c.member: c.value})
			checkForm(t, c.member, a)
			if a.Status != c.status || c.status == 422 && !told(a.Refusal().Errors, c.member) {
				t.Errorf("%s %s with %.80v in %s is answered %d %.300s, want %d", c.method, c.path, c.value, c.member, a.Status, a.Body, c.status)
			}
		}
		offer := func(field, source any) apptest.Object {
			return apptest.Object{"campaign_id": s.CampaignID, "fields": apptest.Object{fmt.Sprint(field): source}}
		}
		for _, bad := range []any{
			5, "x", true,
			[]any{},
			apptest.Object{},
			apptest.Object{"campaign_id": s.CampaignID},
			apptest.Object{"campaign_id": "none", "fields": apptest.Object{"email": "email"}},
			apptest.Object{"campaign_id": true, "fields": apptest.Object{"email": "email"}},
			apptest.Object{"campaign_id": s.CampaignID, "fields": []any{}},
			offer("email", "other"), offer("email", 0), offer("email", -1),
			offer("email", 1.5), offer("email", []any{}), offer("email", ""), offer("email", nil), offer("", "email"), offer("a\x00b", "email"), offer(strings.Repeat("x", 5000), "email"),
			offer("email", strings.Repeat("9", 5000)),
		} {
			a := s.Program.Do("PUT", "/v1/settings", apptest.Object{"lead_campaign": bad})
			what := fmt.Sprintf("the lead campaign %.60v", bad)
			checkForm(t, what, a)
			if a.Status != 422 || !told(a.Refusal().Errors, "lead_campaign") {
				t.Errorf("%s is answered %v", what, a)
			}
		}
		for _, field := range []string{"", "0", "-1", "01", "4711", "a\x00b", "1 ", "🦊", strings.Repeat("x", 5000), "__proto__"} {
			a := s.Program.Do("POST", "/v1/leads", apptest.Object{"name": "A", "email": "a@input.example", "partner": apptest.Object{"id": "supplier"}, "cfields": apptest.Object{field: "x"}})
			what := fmt.Sprintf("the form's field %.20q", field)
			checkForm(t, what, a)
			if a.Status != 422 || !told(a.Refusal().Errors, "cfields") {
				t.Errorf("%s is answered %v", what, a)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestIdsAsNumbers(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		p := s.Program.Must(t, "POST", "/v1/partners", `{"id":12345678901234567890,"key":678,"email":"number@input.example"}`).Data(t)
		if p["id"] != "12345678901234567890" || p["referral_link"] != "https://shop.example?aff=678" {
			t.Errorf("a partner with numbers is %v", p)
		}
		for _, body := range []string{`{"key":77,"partner":{"id":12345678901234567890}}`, `{"key":"78","partner":{"key":678}}`, `{"customer":{"key":79},"partner":{"id":"12345678901234567890"}}`} {
			if c := s.Program.Must(t, "POST", "/v1/customers", body).Data(t); c["partner"] != "12345678901234567890" || !strings.HasPrefix(fmt.Sprint(c["key"]), "7") {
				t.Errorf("%s made %v", body, c)
			}
		}
		for _, path := range []string{"/v1/partners/12345678901234567890", "/v1/partner?key=678", "/v1/customers/77", "/v1/customer?key=78"} {
			s.Program.Must(t, "GET", path, nil)
		}
		s.Program.Must(t, "PUT", "/v1/customers", `{"key":77,"name":"Seven"}`)
		s.Program.Must(t, "DELETE", "/v1/customer", `{"key":77}`)
		s.Program.Must(t, "PUT", "/v1/partner", `{"id":12345678901234567890,"name":"Number"}`)
		for i, id := range []string{`"1"`, `2`} {
			l := s.Program.Must(t, "POST", "/v1/leads", fmt.Sprintf(`{"name":"A","email":"a%d@input.example","partner":{"key":678}}`, i)).Data(t)
			if l["id"] != float64(i+1) {
				t.Errorf("the lead's id is %v", l["id"])
			}
			s.Program.Must(t, "POST", "/v1/leads/convert", `{"id":`+id+`}`)
		}
		for _, id := range []string{`"01"`, `1.0`, `1e0`, `-1`, `0`, `9223372036854775808`, `1e400`, `"1 "`, `"one"`, `""`, `null`} {
			a := s.Program.Do("POST", "/v1/leads/convert", `{"id":`+id+`}`)
			checkForm(t, "a lead's id "+id, a)
			if a.Status != 422 || len(a.Refusal().Errors["id"]) == 0 {
				t.Errorf("a lead's id %s is answered %v", id, a)
			}
		}
	})
}

// strangeSegments are parts of a path that name nothing.
var strangeSegments = map[string]string{
	"a slash": "a%2Fb", "only a slash": "%2F", "NUL": "%00", "NUL inside": "a%00b", "no UTF-8": "%FF", "overlong": "%C0%AF", "half a surrogate": "%ED%A0%80", "up": "..%2F..%2Fx", "dots": "%2e%2e",
	"a dot": "%2e", "long": strings.Repeat("x", 2000), "long escapes": strings.Repeat("%F0%9F%A6%8A", 500), "emoji": "%F0%9F%A6%8A", "a quote": "'%20OR%201=1%20--", "percent": "%25", "wildcards": "%25_%25",
	"a space": "%20", "plus": "a+b", "a line": "a%0D%0AX-Injected:1", "a query": "a%3Fb=c", "colons": "x:search", "semicolon": "a;b=c", "backslash": "a%5Cb", "huge": "99999999999999999999", "negative": "-1",
	"zero": "0", "exponent": "1e3", "case": "CHANGED", "trailing space": "changed%20", "full width": "%EF%BD%83hanged",
}

func TestStrangePathsOfTheProgram(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		tried := 0
		for _, op := range apptest.Spec(t).Operations() {
			if !strings.Contains(op.Path, "{") || !slices.Contains(op.Scopes, "program") ||
				!slices.ContainsFunc([]string{"/v1/partner", "/v1/customers", "/v1/leads"}, func(p string) bool { return strings.HasPrefix(op.Path, p) }) {
				continue
			}
			tried++
			for name, segment := range strangeSegments {
				var body any
				if op.Method == http.MethodPut {
					body = apptest.Object{"name": "Changed"}
				}
				what := fmt.Sprintf("%s %s with %s", op.Method, op.Path, name)
				path := apptest.Fill(op.Path, map[string]string{"id": segment, "key": segment})
				if op.ID == "getEarnings" {
					path += "?from=2026-11-01&to=2026-11-30"
				}
				a := s.Program.Do(op.Method, path, body)
				checkForm(t, what, a)
				if a.Status != 404 || a.Header.Get("X-Injected") != "" {
					t.Errorf("%s is answered %v, want 404", what, a)
				}
			}
			for _, literal := range []string{"..", ".", "../../../etc/passwd", "a//b", "a/b/c/d"} {
				a := s.Program.Do(op.Method, apptest.Fill(op.Path, map[string]string{"id": literal, "key": literal}), nil)
				if checkForm(t, op.Method+" "+op.Path+" with "+literal, a); a.Status < 300 && op.Method != http.MethodGet {
					t.Errorf("%s %s with %s is answered %v", op.Method, op.Path, literal, a)
				}
			}
		}
		if tried < 15 {
			t.Errorf("only %d routes were tried", tried)
		}
		// Keys of customers may be strange, and their paths lead to them.
		for i, key := range []string{"a/b", "a%2Fb", "..", "a b ", " a", "?x=1#y", "a+b", "a;b", "🦊", "e\u0301", "é", "%", "%00", `\`, "\u202Ex", strings.Repeat("🦊", 255), "changed@input.example"} {
			s.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": key, "name": fmt.Sprint(i), "partner": apptest.Object{"id": "supplier"}})
			path := "/v1/customers/" + strings.ReplaceAll(url.PathEscape(key), "..", "%2e%2e")
			for _, a := range []apptest.Answer{
				s.Program.Do("GET", path, nil), s.Program.Do("PUT", path, apptest.Object{"surname": "Read"}),
				s.Program.Do("GET", "/v1/customer?key="+url.QueryEscape(key), nil),
			} {
				if a.Status != 200 || a.Object()["key"] != key || a.Object()["name"] != fmt.Sprint(i) {
					t.Errorf("the customer %q is answered %v", key, a)
				}
			}
			if a := s.Program.Do("DELETE", path, nil); a.Status != 200 {
				t.Errorf("deleting the customer %q is answered %v", key, a)
			}
		}
		if a := s.Program.Do("POST", "/v1/customers", apptest.Object{"key": strings.Repeat("🦊", 256), "partner": apptest.Object{"id": "supplier"}}); a.Status != 422 {
			t.Errorf("a key of 256 characters is answered %v", a)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

// programLists are the lists of a program.
var programLists = []string{
	"/v1/partners", "/v1/partners:search", "/v1/partner_referral_links", "/v1/partner_referral_links:search", "/v1/partner_referral_links:domains",
	"/v1/partners/supplier/referral_links", "/v1/customers", "/v1/customers:search", "/v1/leads",
}

func TestStrangeQueriesOfTheProgram(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := newInputShop(t, databaseURL)
		values := []string{"", "%00", "a%00b", "%FF", "%C0%AF", "%ED%A0%80", "%F0%9F%A6%8A", "%zz", "%", "%25", "_", "..%2F", "'", `"`, `\`, "%0D%0A", strings.Repeat("x", 2000), strings.Repeat("%F0%9F%A6%8A", 150), "[]", "-1", "1e3"}
		paths := append([]string{"/v1/partner", "/v1/customer", "/v1/partners/changed", "/v1/customers/kept"}, programLists...)
		for _, path := range paths {
			// What few paths look at comes together.
			for _, parameters := range [][]string{
				{"id"},
				{"key"},
				{"email"},
				{"sort"},
				{"cursor"},
				{"partner%5Bid%5D", "partner%5Bkey%5D", "partner%5Bemail%5D", "partner", "unknown", "%FF", "%00"},
			} {
				for _, value := range values {
					what := fmt.Sprintf("GET %s?%s=%.40s", path, parameters, value)
					a := s.Program.Do("GET", path+"?"+strings.Join(parameters, "="+value+"&")+"="+value, nil)
					checkForm(t, what, a)
					if a.Status != 200 && a.Status != 404 && a.Status != 422 {
						t.Errorf("%s is answered %v", what, a)
					}
				}
			}
		}
		for _, value := range values {
			for _, path := range []string{"/v1/leads/convert?id=", "/v1/leads/reject?id=", "/v1/leads/convert?id=1&commission_transaction_amount="} {
				a := s.Program.Do("GET", path+value, nil)
				checkForm(t, "GET "+path+value, a)
				if a.Status != 404 && a.Status != 422 {
					t.Errorf("GET %s%.40s is answered %v", path, value, a)
				}
			}
			for _, method := range []string{"PUT", "DELETE"} {
				for _, path := range []string{"/v1/partner?id=", "/v1/partners?key=", "/v1/partner?email=", "/v1/customer?key=", "/v1/customer?email="} {
					a := s.Program.Do(method, path+value, apptest.Object{"name": "Changed"})
					checkForm(t, method+" "+path+value, a)
					if a.Status != 404 && a.Status != 422 {
						t.Errorf("%s %s%.40s is answered %v", method, path, value, a)
					}
				}
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestPagesOfTheProgram(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		shops := []*apptest.Shop{apptest.NewShop(t, app, nil), apptest.NewShop(t, app, nil)}
		for i, s := range shops {
			for j := range 4 {
				own := fmt.Sprintf("of-%d-%d", i, j)
				s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": own, "key": own, "email": own + "@page.example"})
				s.Program.Must(t, "POST", "/v1/partner_referral_links", apptest.Object{"key": own + "-more", "partner": apptest.Object{"id": s.PartnerID}})
				s.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": own, "partner": apptest.Object{"id": s.PartnerID}})
				s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": own, "email": own + "@page.example", "partner": apptest.Object{"id": s.PartnerID}})
			}
		}
		for _, path := range programLists {
			for query, want := range map[string]int{
				"limit=0": 422, "limit=-1": 422, "limit=251": 422, "limit=1": 200, "limit=250": 200, "limit=x": 422, "limit=1.5": 422, "limit=99999999999999999999": 422,
				"page=0": 422, "page=-1": 422, "page=x": 422, "page=1": 200, "page=2": 200, "page=999999999&limit=250": 422, "page=10001&limit=1": 422, "page=10000&limit=1": 200, "page=9223372036854775807": 422,
				"sort=asc": 200, "sort=desc": 200, "sort=up": 422, "cursor=!!": 422, "cursor=AA": 422, "limit=1&cursor=" + strings.Repeat("A", 4000): 422, "limit=0&page=0&sort=up&cursor=!!": 422,
			} {
				a := shops[0].Program.Do("GET", path+"?"+query, nil)
				checkForm(t, path+"?"+query, a)
				if a.Status != want {
					t.Errorf("%s?%.80s is answered %v, want %d", path, query, a, want)
				}
				if strings.Count(query, "=") == 4 && len(a.Refusal().Errors) < 2 {
					t.Errorf("%s?%s names %v, want more", path, query, a.Refusal().Errors)
				}
			}
		}
		// A cursor of another list or another seller shows nothing that is not one's own.
		cursors := map[string]string{}
		for i, s := range shops {
			for _, path := range append([]string{"/v1/api-keys", "/v1/campaigns", "/v1/events"}, programLists...) {
				for _, sort := range []string{"asc", "desc"} {
					var page struct {
						Links struct {
							Next *string `json:"next"`
						} `json:"links"`
					}
					if a := s.Program.Do("GET", path+"?limit=1&sort="+sort, nil); a.Status == 200 && json.Unmarshal(a.Body, &page) == nil && page.Links.Next != nil {
						next, err := url.Parse(*page.Links.Next)
						if err != nil {
							t.Fatal(err)
						}
						cursors[fmt.Sprintf("%d %s %s", i, path, sort)] = next.Query().Get("cursor")
					}
				}
			}
		}
		if len(cursors) < 20 {
			t.Errorf("only %d cursors: %v", len(cursors), cursors)
		}
		for from, cursor := range cursors {
			for i, s := range shops {
				for _, path := range programLists {
					a := s.Program.Do("GET", path+"?limit=2&page=2&cursor="+cursor, nil)
					checkForm(t, path+" with the cursor of "+from, a)
					if a.Status != 200 && (a.Status != 422 || len(a.Refusal().Errors["cursor"]) == 0) {
						t.Errorf("%s with the cursor of %s is answered %v", path, from, a)
					}
					if strings.Contains(string(a.Body), fmt.Sprintf("of-%d-", 1-i)) {
						t.Errorf("%s with the cursor of %s shows another seller's: %v", path, from, a)
					}
				}
			}
		}
	})
}

func TestAmountsOfConversions(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), nil)
		persons := 0
		lead := func() string {
			persons++
			return fmt.Sprint(s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "A", "email": fmt.Sprintf("a%d@input.example", persons), "partner": apptest.Object{"id": s.PartnerID}}).Data(t)["id"])
		}
		// What is refused leaves the lead as it was.
		open := lead()
		for _, bad := range []string{
			`0.001`, `-1`, `-0.01`, `1e30`, `1e-3`, `99999999999999`, `9223372036854775807`, `1e400`, `1e999999999`, `"abc"`, `"NaN"`, `"Infinity"`, `"1,000.00"`, `"12.50 USD"`, `" 1"`, `"0x10"`, `"1_000"`, `"+1"`,
			`".5"`, `"5."`, `"٣"`, `"1\u0000"`, `true`, `[]`, `[1]`, `{}`, `{"amount":1}`, `"` + strings.Repeat("9", 5000) + `"`, `0.` + strings.Repeat("0", 5000) + `1`,
		} {
			what := fmt.Sprintf("the amount %.40s", bad)
			a := s.Program.Do("POST", "/v1/leads/convert", `{"id":`+open+`,"commission_transaction_amount":`+bad+`}`)
			checkForm(t, what, a)
			if a.Status != 422 || len(a.Refusal().Errors["commission_transaction_amount"]) == 0 {
				t.Errorf("%s is answered %v", what, a)
			}
			if text, ok := strings.CutPrefix(bad, `"`); ok && !strings.Contains(text, `\`) {
				a := s.Program.Do("GET", "/v1/leads/convert?id="+open+"&commission_transaction_amount="+url.QueryEscape(strings.TrimSuffix(text, `"`)), nil)
				if checkForm(t, what, a); a.Status != 422 {
					t.Errorf("%s in the query is answered %v", what, a)
				}
			}
		}
		if l := s.Program.Must(t, "GET", "/v1/leads/"+open, nil).Data(t); l["status"] != "submitted" || l["converted_to"] != nil {
			t.Errorf("the lead is %v", l)
		}
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM customers"); n != 0 {
			t.Errorf("%d customers of refused conversions", n)
		}
		for good, micros := range map[string]int64{`99.99`: 99_990_000, `"12.50"`: 12_500_000, `0`: 0, `"0"`: 0, `1e2`: 100_000_000, `1.5E1`: 15_000_000, `12.500`: 12_500_000, `-0`: 0, `1000000`: 1_000_000_000_000} {
			id := lead()
			if a := s.Program.Do("POST", "/v1/leads/convert", `{"id":`+id+`,"commission_transaction_amount":`+good+`}`); a.Status != 200 {
				t.Errorf("the amount %s is answered %v", good, a)
				continue
			}
			if n := db.Number("SELECT commission_amount FROM lead_reviews WHERE number = ?", id); n != micros {
				t.Errorf("the amount %s is kept as %d, want %d", good, n, micros)
			}
		}
		if n := db.Number("SELECT COUNT(*) FROM lead_reviews WHERE commission_amount IS NULL AND status = 'converted'"); n != 0 {
			t.Errorf("%d amounts are not kept", n)
		}
		s.Program.Must(t, "POST", "/v1/leads/convert", `{"id":`+open+`,"commission_transaction_amount":null}`)
		if n := db.Number("SELECT COUNT(*) FROM lead_reviews WHERE commission_amount IS NULL AND status = 'converted'"); n != 1 {
			t.Errorf("%d conversions without an amount, want 1", n)
		}
		db.Audit()
	})
}
