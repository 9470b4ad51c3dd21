package markethttp

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

func textSet(pairs ...string) field.Set {
	s := field.Set{}
	for i := 0; i < len(pairs); i += 2 {
		s[pairs[i]] = field.TextValue(pairs[i+1])
	}
	return s
}

// bare is the body of an error without its request_id, which must be that of the header.
func bare(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	body, found := strings.CutSuffix(w.Body.String(), `,"request_id":"`+w.Header().Get("X-Request-Id")+`"}`)
	if !found {
		t.Errorf("no request_id in %s", w.Body)
	}
	return body + "}"
}

func TestLeadIsTaken(t *testing.T) {
	t.Parallel()
	john := textSet("firstName", "John", "lastName", "Doe", "phone", "555-123-4567", "state", "TX")
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, c := range map[string]struct {
		path, body string
		header     http.Header
		want       field.Set
	}{
		"JSON":                  {body: leadBody, header: http.Header{"Content-Type": {"application/json"}}, want: john},
		"JSON without a type":   {body: leadBody, want: john},
		"JSON called a form":    {body: " \r\n\t" + leadBody + "\n", header: form, want: john},
		"JSON called multipart": {body: leadBody, header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, want: john},
		"form":                  {body: "seller=ACME1234&category=Auto+Insurance&firstName=J%C3%B6hn&&x=a%2Bb=c", header: form, want: textSet("firstName", "Jöhn", "x", "a+b=c")},
		"form with a charset":   {body: "seller=acme&category=Auto+Insurance&state=TX", header: http.Header{"Content-Type": {"Application/X-WWW-Form-Urlencoded; charset=UTF-8"}}, want: textSet("state", "TX")},
		"query":                 {path: "?seller=ACME1234&category=Auto%20Insurance&state=TX&firstName=John&phone=555-1234", want: textSet("state", "TX", "firstName", "John", "phone", "555-1234")},
		"query and blank body":  {path: "?seller=ACME1234&category=Auto+Insurance", body: " \n", want: field.Set{}},
		"body wins over the query": {path: "?seller=OTHER&state=CA&zip=75001", body: leadBody, want: func() field.Set {
			s := textSet("zip", "75001")
			maps.Copy(s, john)
			return s
		}()},
		"form wins over the query": {path: "?state=CA", body: "seller=ACME1234&category=Auto+Insurance&state=TX", header: form, want: textSet("state", "TX")},
		"kinds": {
			body: `{"seller":"ACME1234","category":"Auto Insurance","a":1.50e3,"b":true,"c":null,"d":[1, {"x": "\u00e9,]"}],"e":"\ud83d\ude00","f":{}}`,
			want: field.Set{
				"a": {Kind: field.Number, Text: "1.50e3"}, "b": {Kind: field.Bool, Text: "true"}, "c": {},
				"d": {Kind: field.Other, Text: `[1,{"x":"\u00e9,]"}]`}, "e": field.TextValue("😀"), "f": {Kind: field.Other, Text: "{}"},
			},
		},
		"trailing slash": {path: "/", body: leadBody, want: john},
		"multipart": {
			body:   multipartBodyOf("seller", "ACME1234", "category", "Auto Insurance", "firstName", "Jöhn", "x", " a\r\nb "),
			header: http.Header{"Content-Type": {`Multipart/Form-Data; boundary="x"`}}, want: textSet("firstName", "Jöhn", "x", " a\r\nb "),
		},
		"multipart wins over the query": {
			path: "?state=CA&zip=75001", body: multipartBodyOf("seller", "ACME1234", "category", "Auto Insurance", "state", "TX"),
			header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, want: textSet("state", "TX", "zip", "75001"),
		},
		"multipart with a file that was not chosen": {
			body: strings.TrimSuffix(multipartBodyOf("seller", "ACME1234", "category", "Auto Insurance"), "--x--\r\n") +
				"--x\r\nContent-Disposition: form-data; name=cv; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n",
			header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, want: textSet("cv", ""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.Do(porttest.Request{Path: "/api/leads" + c.path, Key: "supplier", Body: c.body, Header: c.header})
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if got, want := w.Body.String(), `{"success":true,"lead_id":"lead_01J","status":"sold","price":45.00,"buyer_ids":["buyer_01J"]}`; got != want {
				t.Errorf("body %s", got)
			}
			sent := a.Take().(marketcommand.SubmitLead)
			if d := cmp.Diff(c.want, sent.Fields); d != "" {
				t.Error(d)
			}
			if sent.KeyID != "ks" || sent.Category != "Auto Insurance" || sent.Trail.CorrelationID != w.Header().Get("X-Request-Id") {
				t.Errorf("sent %+v", sent)
			}
		})
	}
}

// multipartBodyOf is a multipart body of names and values, with the boundary x.
func multipartBodyOf(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", pairs[i], pairs[i+1])
	}
	return b.String() + "--x--\r\n"
}

// misplaced answers a key that is not where it belongs.
const misplaced = `{"success":false,"error":"Invalid API Key","code":"invalid_api_key","hint":"The key belongs in the header Authorization: Bearer <key>, nowhere else."}`

// Suppliers sent their key as api_key or X-API-Key, were answered 401 without a word why, and had the key kept as a field of the lead.
func TestAKeyInTheWrongPlaceIsToldWhereItBelongs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r    porttest.Request
		hint bool
	}{
		"nothing":                     {porttest.Request{Path: "/api/leads", Body: leadBody}, true},
		"X-API-Key":                   {porttest.Request{Path: "/api/leads", Body: leadBody, Header: http.Header{"X-Api-Key": {"supplier"}}}, true},
		"X-API-Key and a bad bearer":  {porttest.Request{Path: "/api/leads", Key: "YOUR_API_KEY", Body: leadBody, Header: http.Header{"X-Api-Key": {"supplier"}}}, true},
		"query":                       {porttest.Request{Path: "/api/leads?apiKey=supplier", Key: "YOUR_API_KEY", Body: leadBody}, true},
		"query of a GET":              {porttest.Request{Method: "GET", Path: "/api/leads/lead_1?api_key=supplier"}, true},
		"query of a GET beside a key": {porttest.Request{Method: "GET", Path: "/api/leads/lead_1?api_key=supplier", Key: "supplier"}, true},
		"another scheme":              {porttest.Request{Path: "/api/leads", Body: leadBody, Header: http.Header{"Authorization": {"Basic supplier"}}}, true},
		"an unknown key":              {porttest.Request{Path: "/api/leads", Key: "nobody", Body: leadBody}, false},
		"another seller":              {porttest.Request{Path: "/api/leads", Key: "supplier", Body: `{"seller":"other","category":"x","test":"?"}`}, false},
	} {
		a := newApp(t)
		w := a.Do(c.r)
		want := misplaced
		if !c.hint {
			want = `{"success":false,"error":"Invalid API Key","code":"invalid_api_key"}`
		}
		if w.Code != 401 || bare(t, w) != want || a.Calls != 0 {
			t.Errorf("%s is answered %d %s", name, w.Code, w.Body)
		}
	}
	// A gateway's own header beside the key is nobody's business.
	if w := newApp(t).Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: leadBody, Header: http.Header{"X-Api-Key": {"gateway"}}}); w.Code != 200 {
		t.Errorf("X-API-Key beside a key is answered %d %s", w.Code, w.Body)
	}
}

func TestNoCampaignSaysWhatIsWrongWithTheCategory(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.Fail = marketcommand.ErrNoMatching
	w := a.Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: leadBody})
	const want = `{"success":false,"error":"No matching campaign","code":"no_matching_campaign","errors":{"category":"is that of no active campaign"}}`
	if w.Code != 400 || bare(t, w) != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// GET /api/leads/{lead_id}?fields=price answered as if nothing had been asked.
func TestAnUnknownParameterOfAGETIsRefused(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"?fields=price": `"fields":["fields"],"errors":{"fields":"is not a known parameter"}}`,
		"?a=1&b=1":      `"fields":["a","b"],"errors":{"a":"is not a known parameter","b":"is not a known parameter"}}`,
		"?a%40b.c=1":    `"fields":["query"],"errors":{"query":"has an unknown parameter"}}`,
		"?%zz":          `"fields":["query"],"errors":{"query":"cannot be decoded"}}`,
	} {
		a := newApp(t)
		w := a.Do(porttest.Request{Method: "GET", Path: "/api/leads/lead_1" + query, Key: "supplier"})
		if w.Code != 400 || bare(t, w) != `{"success":false,"error":"Invalid field","code":"invalid_field",`+want || a.Calls != 0 {
			t.Errorf("%s is answered %d %s", query, w.Code, w.Body)
		}
	}
}

func TestLeadIsRefused(t *testing.T) {
	t.Parallel()
	member := func(m string) string { return strings.TrimSuffix(leadBody, "}") + "," + m + "}" }
	form := "application/x-www-form-urlencoded"
	const unread = `{"success":false,"error":"Unsupported media type","code":"unsupported_media_type","hint":"Send application/json, application/x-www-form-urlencoded or multipart/form-data without files."}`
	for name, c := range map[string]struct {
		path, body, contentType string
		idempotency             []string
		status                  int
		want                    string
	}{
		"no body":              {status: 400, want: `{"success":false,"error":"Missing required field","code":"missing_required_field","fields":["seller","category"],"errors":{"seller":"is required","category":"is required"}}`},
		"no category":          {body: `{"seller":"ACME1234","category":" "}`, status: 400, want: `{"success":false,"error":"Missing required field","code":"missing_required_field","fields":["category"],"errors":{"category":"is required"}}`},
		"null wins":            {path: "?seller=ACME1234", body: `{"seller":null,"category":"x"}`, status: 400, want: `{"success":false,"error":"Missing required field","code":"missing_required_field","fields":["seller"],"errors":{"seller":"is required"}}`},
		"seller is a number":   {body: `{"seller":12345678,"category":"x"}`, status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["seller"],"errors":{"seller":"must be a string"}}`},
		"category is a list":   {body: `{"seller":"ACME1234","category":["x"]}`, status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["category"],"errors":{"category":"must be a string"}}`},
		"test":                 {body: member(`"test":"maybe","external_id":{}`), status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["test","external_id"],"errors":{"test":"must be true or false","external_id":"must have 1 to 255 characters"}}`},
		"long external_id":     {body: member(`"external_id":"` + strings.Repeat("é", 256) + `"`), status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["external_id"],"errors":{"external_id":"must have 1 to 255 characters"}}`},
		"ping_id":              {body: member(`"ping_id":7`), status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["ping_id"],"errors":{"ping_id":"must be a string"}}`},
		"ping, wrong seller":   {body: `{"seller":"other","category":"x","ping_id":7}`, status: 401, want: `{"success":false,"error":"Invalid API Key","code":"invalid_api_key"}`},
		"external, no seller":  {body: `{"external_id":[]}`, status: 400, want: `{"success":false,"error":"Missing required field","code":"missing_required_field","fields":["seller","category"],"errors":{"seller":"is required","category":"is required"}}`},
		"list":                 {body: `[]`, status: 400},
		"string":               {body: `"x"`, contentType: "application/json", status: 400},
		"list as +json":        {body: `[]`, contentType: "application/ld+json", status: 400},
		"text":                 {body: `seller=ACME1234`, contentType: "text/plain", status: 415, want: unread},
		"XML":                  {body: `<lead/>`, contentType: "application/xml", status: 415, want: unread},
		"other multipart":      {body: multipartBodyOf("seller", "ACME1234"), contentType: "multipart/mixed; boundary=x", status: 415, want: unread},
		"a file":               {body: "--x\r\nContent-Disposition: form-data; name=cv; filename=cv.pdf\r\n\r\n%PDF\r\n--x--\r\n", contentType: "multipart/form-data; boundary=x", status: 415, want: unread},
		"multipart twice":      {body: multipartBodyOf("a", "1", "a", "1"), contentType: "multipart/form-data; boundary=x", status: 400},
		"multipart no UTF-8":   {body: multipartBodyOf("a", "\xff"), contentType: "multipart/form-data; boundary=x", status: 400},
		"multipart no name":    {body: "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", contentType: "multipart/form-data; boundary=x", status: 400},
		"multipart cut":        {body: strings.TrimSuffix(multipartBodyOf("a", "1"), "--x--\r\n"), contentType: "multipart/form-data; boundary=x", status: 400},
		"multipart bounds":     {body: multipartBodyOf("a", "1"), contentType: "multipart/form-data", status: 400},
		"truncated":            {body: leadBody[:40], status: 400},
		"trailing":             {body: leadBody + "{}", status: 400},
		"trailing comma":       {body: `{"a":1,}`, status: 400},
		"comment":              {body: `{"a":1/**/}`, status: 400},
		"NaN":                  {body: `{"a":NaN}`, status: 400},
		"leading zero":         {body: `{"a":01}`, status: 400},
		"duplicate":            {body: `{"a":1,"a":1}`, status: 400},
		"duplicate by escape":  {body: `{"a":1,"\u0061":1}`, status: 400},
		"nested duplicate":     {body: `{"x":{"a":1,"a":1}}`, status: 400},
		"invalid UTF-8":        {body: "{\"a\":\"\xff\"}", status: 400},
		"lone surrogate":       {body: `{"a":"\ud800"}`, status: 400},
		"byte order mark":      {body: "\ufeff{}", status: 400},
		"control character":    {body: "{\"a\":\"\x01\"}", status: 400},
		"too deep":             {body: `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, status: 400},
		"too deep in objects":  {body: strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), status: 400},
		"long list":            {body: `{"a":[` + strings.Repeat("1,", 1000) + `1]}`, status: 400},
		"long inner list":      {body: `{"a":{"b":["]\"",[` + strings.Repeat("1,", 1000) + `1]]}}`, status: 400},
		"repeated query":       {path: "?a=1&a=1", status: 400},
		"repeated by escape":   {path: "?a=1&%61=1", status: 400},
		"repeated form":        {body: "a=1&a=2", contentType: form, status: 400},
		"percent":              {path: "?a=%zz", status: 400},
		"cut percent":          {body: "a=%2", contentType: form, status: 400},
		"query no UTF-8":       {path: "?a=%ff", body: leadBody, status: 400},
		"idempotency empty":    {body: leadBody, idempotency: []string{""}, status: 400, want: `{"success":false,"error":"Invalid Idempotency-Key","code":"invalid_idempotency_key"}`},
		"idempotency space":    {body: leadBody, idempotency: []string{"a b"}, status: 400, want: `{"success":false,"error":"Invalid Idempotency-Key","code":"invalid_idempotency_key"}`},
		"idempotency long":     {body: leadBody, idempotency: []string{strings.Repeat("k", 256)}, status: 400, want: `{"success":false,"error":"Invalid Idempotency-Key","code":"invalid_idempotency_key"}`},
		"idempotency accent":   {body: leadBody, idempotency: []string{"é"}, status: 400, want: `{"success":false,"error":"Invalid Idempotency-Key","code":"invalid_idempotency_key"}`},
		"idempotency twice":    {body: leadBody, idempotency: []string{"a", "a"}, status: 400, want: `{"success":false,"error":"Invalid Idempotency-Key","code":"invalid_idempotency_key"}`},
		"multipart":            {body: "--x\r\n", contentType: "multipart/form-data; boundary=x", status: 400},
		"key in the body":      {body: member(`"api_key":"supplier"`), status: 401, want: misplaced},
		"key in the query":     {path: "?api_key=supplier", body: leadBody, status: 401, want: misplaced},
		"key in a form":        {body: "seller=ACME1234&category=Solar&X-API-Key=supplier", contentType: form, status: 401, want: misplaced},
		"too large":            {body: `{"a":"` + strings.Repeat("a", 64<<10) + `"}`, status: 413, want: `{"success":false,"error":"Request body too large","code":"body_too_large"}`},
		"size before syntax":   {body: strings.Repeat("[", 64<<10+1), path: "?a=%zz", status: 413, want: `{"success":false,"error":"Request body too large","code":"body_too_large"}`},
		"syntax before fields": {path: "?a=%zz", body: `{"seller":1}`, status: 400},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s chunked=%v", name, chunked), func(t *testing.T) {
				t.Parallel()
				a := newApp(t)
				h := http.Header{}
				if c.contentType != "" {
					h.Set("Content-Type", c.contentType)
				}
				if c.idempotency != nil {
					h["Idempotency-Key"] = c.idempotency
				}
				w := a.Do(porttest.Request{Path: "/api/leads" + c.path, Key: "limited", Body: c.body, Header: h, Chunked: chunked})
				want := c.want
				if want == "" {
					want = `{"success":false,"error":"Invalid request body","code":"invalid_request_body"}`
				}
				if w.Code != c.status || bare(t, w) != want {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if a.Calls != 0 {
					t.Error("the command was sent")
				}
				if got := w.Header().Get("X-RateLimit-Remaining"); got != "59" {
					t.Errorf("remaining %q", got)
				}
			})
		}
	}
}

func TestBodyAtTheLimits(t *testing.T) {
	t.Parallel()
	full := strings.TrimSuffix(leadBody, "}") + `,"x":"`
	full += strings.Repeat("a", 64<<10-len(full)-2) + `"}`
	for name, body := range map[string]string{
		"64 KiB":     full,
		"depth 32":   strings.TrimSuffix(leadBody, "}") + `,"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
		"1000 items": strings.TrimSuffix(leadBody, "}") + `,"x":[` + strings.Repeat("1,", 999) + `1]}`,
		"many members": strings.TrimSuffix(leadBody, "}") + `,"x":{` + func() string {
			var b strings.Builder
			for i := range 2000 {
				fmt.Fprintf(&b, `"%d":[1,2],`, i)
			}
			return b.String() + `"z":1}}`
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w := newApp(t).Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: body}); w.Code != http.StatusOK {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestOnceMembers(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	send := func(member, path string, h http.Header) marketcommand.SubmitLead {
		a.Do(porttest.Request{Path: path, Key: "supplier", Body: strings.TrimSuffix(leadBody, "}") + member + "}", Header: h})
		return a.Take().(marketcommand.SubmitLead)
	}
	for member, want := range map[string]bool{
		`,"test":true`: true, `,"test":"true"`: true, `,"test":"1"`: true, `,"test":1`: true,
		`,"test":false`: false, `,"test":"false"`: false, `,"test":"0"`: false, `,"test":null`: false, `,"test":""`: false, ``: false,
	} {
		if c := send(member, "/api/leads", nil); c.Test != want {
			t.Errorf("%s: %v", member, c.Test)
		} else if _, kept := c.Fields["test"]; kept {
			t.Errorf("%s is kept as a field", member)
		}
	}
	for member, want := range map[string]string{`,"external_id":"a b"`: "a b", `,"external_id":42.0`: "42.0", `,"external_id":null`: "", `,"external_id":""`: ""} {
		if c := send(member, "/api/leads", nil); c.ExternalID != want {
			t.Errorf("%s: %q", member, c.ExternalID)
		}
	}
	for sent, want := range map[string]string{`k`: "k", `"k"`: "k", `"`: `"`, strings.Repeat("k", 255): strings.Repeat("k", 255)} {
		if c := send("", "/api/leads", http.Header{"Idempotency-Key": {sent}}); c.IdempotencyKey != want {
			t.Errorf("%s: %q", sent, c.IdempotencyKey)
		}
	}
	// The fingerprint is that of the request, not of the fields; headers and a slash at the end do not count.
	first := send("", "/api/leads", nil)
	for name, c := range map[string]struct {
		other marketcommand.SubmitLead
		same  bool
	}{
		"same":   {send("", "/api/leads", http.Header{"X": {"y"}}), true},
		"slash":  {send("", "/api/leads/", nil), true},
		"query":  {send("", "/api/leads?", nil), true},
		"query2": {send("", "/api/leads?x=1", nil), false},
		"body":   {send(" ", "/api/leads", nil), false},
	} {
		if (c.other.Fingerprint == first.Fingerprint) != c.same {
			t.Errorf("%s: wrong fingerprint", name)
		}
	}
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for sent, want := range map[string]string{
		parent: parent, "00-0-0-0": "", strings.ToUpper(parent): "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "", "01" + parent[2:]: "",
	} {
		if c := send("", "/api/leads", http.Header{"Traceparent": {sent}}); c.Trail.Traceparent != want {
			t.Errorf("%s: %q", sent, c.Trail.Traceparent)
		}
	}
}

// The documented answers, byte for byte (docs/supplier-api.md).
func TestRenderLead(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]marketcommand.SubmitLeadResult{
		`{"success":true,"lead_id":"lead_01J","status":"sold","price":45.00,"buyer_ids":["buyer_01J"]}`: sampleSold,
		`{"success":true,"lead_id":"l","status":"sold","buyer_ids":["a","b"],"test":true}`:              {LeadID: "l", Status: "sold", BuyerIDs: []string{"a", "b"}, Test: true},
		`{"success":true,"lead_id":"l","status":"pending"}`:                                             {LeadID: "l", Status: "pending", Currency: porttest.USD},
		`{"success":false,"lead_id":"l","status":"duplicate","error":"Duplicate lead","code":"duplicate_lead"}`: {
			LeadID: "l", Status: "duplicate",
			Code: "duplicate_lead", Reason: "Duplicate lead",
		},
		`{"success":false,"lead_id":"l","status":"rejected","test":true,"error":"No \"x\" <b>","code":"no_x"}`: {
			LeadID: "l", Status: "rejected", Test: true,
			Code: "no_x", Reason: `No "x" <b>`,
		},
	} {
		if got := renderLead(r); got.Status != http.StatusOK || string(got.Body) != want {
			t.Errorf("got  %s\nwant %s", got.Body, want)
		}
	}
}

func TestLeadErrorsOfTheCommand(t *testing.T) {
	t.Parallel()
	missing, wrong := fault.Violation{Field: "phone", Message: "is required"}, fault.Violation{Field: "phone", Message: "must be given"}
	for _, c := range []struct {
		err    error
		status int
		want   string
		retry  string
	}{
		{field.ErrMissing.With(missing), 400, `{"success":false,"error":"Missing required field","code":"missing_required_field","fields":["phone"],"errors":{"phone":"is required"}}`, ""},
		{field.ErrInvalid.With(wrong), 400, `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["phone"],"errors":{"phone":"must be given"}}`, ""},
		{marketcommand.ErrWrongSeller, 401, `{"success":false,"error":"Invalid API Key","code":"invalid_api_key"}`, ""},
		{application.ErrKeyReused, 422, `{"success":false,"error":"The Idempotency-Key was used for another request","code":"idempotency_key_reused"}`, ""},
		{application.ErrInProgress, 409, `{"success":false,"error":"A request with this Idempotency-Key is in progress","code":"idempotency_in_progress"}`, "1"},
		{&application.OutcomeUnknownError{Err: fmt.Errorf("john@secret.example")}, 503, `{"success":false,"error":"Service unavailable","code":"service_unavailable"}`, "1"},
		{fmt.Errorf("wrapped: %w", application.ErrUnavailable.Because(fmt.Errorf("john@secret.example"))), 503, `{"success":false,"error":"Service unavailable","code":"service_unavailable"}`, "1"},
		{fmt.Errorf("john@secret.example"), 500, `{"success":false,"error":"Internal error","code":"internal_error"}`, ""},
		{fault.New(fault.Internal, "odd", "john@secret.example"), 500, `{"success":false,"error":"Internal error","code":"internal_error"}`, ""},
	} {
		a := newApp(t)
		a.Fail = c.err
		w := a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody})
		if w.Code != c.status || bare(t, w) != c.want || w.Header().Get("Retry-After") != c.retry {
			t.Errorf("%v: %d %s, Retry-After %q", c.err, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
		if w.Header().Get("X-RateLimit-Limit") != "60" {
			t.Errorf("%v: no rate limit", c.err)
		}
		if strings.Contains(a.Logged(), "secret.example") {
			t.Errorf("logged: %s", a.Logged())
		}
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if w := a.Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: leadBody}); w.Header().Get("Idempotent-Replayed") != "" {
		t.Error("a first answer says it is a replay")
	}
	a.Again = true
	if w := a.Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: leadBody}); w.Header().Get("Idempotent-Replayed") != "true" {
		t.Error("a replay does not say so")
	}
}

// Key, then rate limit, then size.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	large := strings.Repeat("x", 70_000)
	unknown := `{"success":false,"error":"Invalid API Key","code":"invalid_api_key"}`
	for _, key := range []string{"other", "nobody", "program", "admin"} {
		w := a.Do(porttest.Request{Path: "/api/leads", Key: key, Body: large})
		if w.Code != 401 || bare(t, w) != unknown || w.Header().Get("X-RateLimit-Limit") != "" {
			t.Errorf("%q: %d %s", key, w.Code, w.Body)
		}
	}
	if w := a.Do(porttest.Request{Path: "/api/leads?key=supplier&api_key=supplier&access_token=supplier", Body: leadBody}); w.Code != 401 {
		t.Errorf("a key in the query: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Path: "/api/leads", Body: leadBody, Header: http.Header{"Authorization": {"Basic supplier"}}}); w.Code != 401 {
		t.Errorf("another scheme: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Path: "/api/leads", Body: leadBody, Header: http.Header{"Authorization": {"bearer  supplier "}}}); w.Code != 200 {
		t.Errorf("spaces and case: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Path: "/api/leads", Key: "broken", Body: leadBody}); w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("no database: %d", w.Code)
	}
	for range 60 {
		a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody})
	}
	if w := a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: large}); w.Code != 429 {
		t.Errorf("over the limit with a large body: %d", w.Code)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	check := func(w *httptest.ResponseRecorder, status int, remaining, reset, retry string) {
		t.Helper()
		h := w.Header()
		if w.Code != status || h.Get("X-RateLimit-Limit") != "60" || h.Get("X-RateLimit-Remaining") != remaining ||
			h.Get("RateLimit-Policy") != `"default";q=60;w=60` || h.Get("RateLimit") != `"default";r=`+remaining+`;t=`+reset || h.Get("Retry-After") != retry {
			t.Fatalf("%d %v", w.Code, h)
		}
		if at := fmt.Sprint(porttest.Start.Add(time.Minute).Unix()); h.Get("X-RateLimit-Reset") != at {
			t.Fatalf("reset %s, want %s", h.Get("X-RateLimit-Reset"), at)
		}
	}
	check(a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody}), 200, "59", "60", "")
	a.Clock.Advance(47500 * time.Millisecond)
	check(a.Do(porttest.Request{Method: "GET", Path: "/api/leads/lead_1", Key: "limited"}), 200, "59", "13", "")
	for n := 58; n >= 0; n-- {
		check(a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody}), 200, fmt.Sprint(n), "13", "")
	}
	w := a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody})
	check(w, 429, "0", "13", "13")
	if got := bare(t, w); got != `{"success":false,"error":"Rate limit exceeded","code":"rate_limit_exceeded"}` {
		t.Error(got)
	}
	check(a.Do(porttest.Request{Method: "GET", Path: "/api/leads/lead_1", Key: "limited"}), 200, "0", "13", "")
	a.Clock.Advance(13 * time.Second)
	if w := a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody}); w.Code != 200 {
		t.Errorf("the next window: %d", w.Code)
	}
	w = a.Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: leadBody})
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"} {
		if w.Header().Get(name) != "" {
			t.Errorf("a key without limit is told %s", name)
		}
	}
	for range 60 {
		if w := a.Do(porttest.Request{Path: "/api/leads", Key: "nobody", Body: leadBody}); w.Code != 401 {
			t.Fatalf("a stranger: %d", w.Code)
		}
	}
	if w := a.Do(porttest.Request{Path: "/api/leads", Body: leadBody}); w.Code != 429 || w.Header().Get("Retry-After") != "60" || w.Header().Get("X-RateLimit-Limit") != "" {
		t.Errorf("the 61st of an address: %d %v", w.Code, w.Header())
	}
	if w := a.Do(porttest.Request{Path: "/api/leads", Key: "supplier", Body: leadBody}); w.Code != 200 {
		t.Errorf("a known key from there: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/buyers"}); w.Code != 429 || w.Header().Get("Retry-After") != "60" {
		t.Errorf("/v1 from there: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/buyers", Key: "metered"}); w.Code != 200 || w.Header().Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("/v1 with a limited key: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/buyers", Key: "metered"}); w.Code != 429 || porttest.CodeIn(t, w) != "rate_limit_exceeded" {
		t.Errorf("/v1 over the limit: %d", w.Code)
	}
}

func TestSupplierLead(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: "/api/leads/lead_1", Key: "supplier"})
	if got := w.Body.String(); got != `{"lead_id":"lead_1","status":"sold","price":45.00,"buyer_ids":["buyer_1"],"test":true,"created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z"}` {
		t.Error(got)
	}
}

// FuzzLeadBody: whatever is sent, the answer is documented, is no fault of ours, and what is taken was valid UTF-8.
func FuzzLeadBody(f *testing.F) {
	for _, body := range []string{leadBody, `{"a":[1,{"b":null}]}`, "a=1&b=%20", "{", "[", "\xff", `{"a":"\ud800"}`, "--x", `{"seller":"acme","category":"c","x":1e400}`} {
		f.Add(body, "application/json", "a=1")
		f.Add(body, "application/x-www-form-urlencoded", "a=%&b")
	}
	f.Fuzz(func(t *testing.T, body, contentType, query string) {
		a := newApp(t)
		q := httptest.NewRequest(http.MethodPost, "/api/leads", strings.NewReader(body))
		q.URL.RawQuery = query
		q.Header.Set("Authorization", "Bearer limited")
		q.Header["Content-Type"] = []string{contentType}
		w := httptest.NewRecorder()
		a.Server.ServeHTTP(w, q)
		if err := porttest.Spec().Check(q.Method, "/api/leads", w.Code, w.Header(), w.Body.Bytes()); err != nil || w.Code >= 500 {
			t.Fatalf("%d %v %s", w.Code, err, w.Body)
		}
		if strings.Contains(query, "%") {
			if _, err := url.ParseQuery(strings.ReplaceAll(query, ";", "")); err != nil && w.Code == 200 {
				t.Fatalf("the query %q was taken", query)
			}
		}
	})
}

func BenchmarkSubmitLead(b *testing.B) {
	a := newAppWith(b, func(*porttest.App, *Handlers) {}, func(d *httpport.Deps) { d.Logger = slog.New(slog.DiscardHandler) })
	a.Keys["fast"] = porttest.Credentials{Actor: a.Keys["limited"].Actor, Limit: application.RateLimit{Requests: 1 << 40, Window: time.Hour}}
	b.ReportAllocs()
	for b.Loop() {
		q, _ := http.NewRequest(http.MethodPost, "/api/leads", strings.NewReader(leadBody))
		q.Header.Set("Authorization", "Bearer fast")
		q.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		a.Server.ServeHTTP(w, q)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
