package markethttp

import (
	"net/http"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// bulkOf is the body of a request with leads.
func bulkOf(leads ...string) string { return `{"leads":[` + strings.Join(leads, ",") + `]}` }

// postBulk sends a body, also one that the document does not allow.
func postBulk(a *porttest.App, body, query string, h http.Header) (status int, answer string) {
	w := a.Do(porttest.Request{Path: "/api/leads/bulk" + query, Key: "supplier", Body: body, Header: h})
	return w.Code, strings.Split(w.Body.String(), `,"request_id"`)[0]
}

func TestManyLeadsAreReadEachByItself(t *testing.T) {
	t.Parallel()
	const sold = `{"success":true,"lead_id":"lead_01J","status":"sold","price":45.00,"buyer_ids":["buyer_01J"],"status_code":200}`
	const malformed = `{"success":false,"error":"Invalid request body","code":"invalid_request_body","status_code":400}`
	for name, c := range map[string]struct{ lead, want string }{
		"whole":             {leadBody, sold},
		"with spaces":       {" \n" + leadBody + "\t", sold},
		"a number":          {"1", malformed},
		"nothing":           {"null", malformed},
		"a list":            {"[" + leadBody + "]", malformed},
		"a member twice":    {`{"a":1,"a":1}`, malformed},
		"no UTF-8":          {"{\"a\":\"\xff\"}", malformed},
		"too deep":          {`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, malformed},
		"too large":         {`{"a":"` + strings.Repeat("x", 64<<10) + `"}`, `{"success":false,"error":"Request body too large","code":"body_too_large","status_code":413}`},
		"nothing in it":     {"{}", `{"success":false,"error":"Missing required field","code":"missing_required_field","fields":["seller","category"],"errors":{"seller":"is required","category":"is required"},"status_code":400}`},
		"a key":             {strings.TrimSuffix(leadBody, "}") + `,"X_API_KEY":"k"}`, strings.TrimSuffix(misplaced, "}") + `,"status_code":401}`},
		"another's seller":  {`{"seller":"OTHER","category":"x","test":7}`, `{"success":false,"error":"Invalid API Key","code":"invalid_api_key","status_code":401}`},
		"no id of a ping":   {strings.TrimSuffix(leadBody, "}") + `,"ping_id":7}`, `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["ping_id"],"errors":{"ping_id":"must be a string"},"status_code":400}`},
		"a wrong test flag": {strings.TrimSuffix(leadBody, "}") + `,"test":7}`, `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["test"],"errors":{"test":"must be true or false"},"status_code":400}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			if status, got := postBulk(a, bulkOf(leadBody, c.lead, leadBody), "", nil); status != 200 || got != `{"success":true,"leads":[`+sold+","+c.want+","+sold+`]}` {
				t.Errorf("%d %s", status, got)
			}
		})
	}
}

func TestARequestWithManyLeadsIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	const malformed = `{"success":false,"error":"Invalid request body","code":"invalid_request_body"`
	const noList = `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["leads"],"errors":{"leads":"must be a list of 1 to 1000 leads"}`
	many := func(n int) string { return bulkOf(strings.Split(strings.Repeat("{} ", n-1)+"{}", " ")...) }
	for name, c := range map[string]struct {
		body, query string
		header      http.Header
		status      int
		want        string
	}{
		"nothing":             {status: 400, want: malformed},
		"no JSON":             {body: `{"leads":[{]}`, status: 400, want: malformed},
		"no end":              {body: `{"leads":[{}`, status: 400, want: malformed},
		"more behind":         {body: bulkOf("{}") + "x", status: 400, want: malformed},
		"leads twice":         {body: `{"leads":[{}],"leads":[{}]}`, status: 400, want: malformed},
		"a list":              {body: "[{}]", status: 400, want: malformed},
		"a form":              {body: "leads=1", header: http.Header{"Content-Type": {formBody}}, status: 415, want: `{"success":false,"error":"Unsupported media type","code":"unsupported_media_type","fields":["Content-Type"],"errors":{"Content-Type":"must be application/json"}`},
		"no leads":            {body: "{}", status: 400, want: noList},
		"empty":               {body: bulkOf(), status: 400, want: noList},
		"null":                {body: `{"leads":null}`, status: 400, want: noList},
		"an object":           {body: `{"leads":{}}`, status: 400, want: noList},
		"1,001":               {body: many(1001), status: 400, want: noList},
		"another member":      {body: `{"leads":[{}],"Leads":1}`, status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["leads"],"errors":{"leads":"must be the only member of the body"}`},
		"a parameter":         {body: bulkOf("{}"), query: "?seller=ACME1234", status: 400, want: `{"success":false,"error":"Invalid field","code":"invalid_field","fields":["seller"],"errors":{"seller":"is not a known parameter"}`},
		"a key as parameter":  {body: bulkOf("{}"), query: "?api_key=supplier", status: 401, want: strings.TrimSuffix(misplaced, "}")},
		"a key that is wrong": {body: bulkOf("{}"), header: http.Header{"Idempotency-Key": {"a b"}}, status: 400, want: `{"success":false,"error":"Invalid Idempotency-Key","code":"invalid_idempotency_key"`},
		"too large":           {body: bulkOf(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), status: 413, want: `{"success":false,"error":"Request body too large","code":"body_too_large"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			if status, got := postBulk(a, c.body, c.query, c.header); status != c.status || got != c.want || a.Calls > 0 {
				t.Errorf("%d %s after %d calls", status, got, a.Calls)
			}
		})
	}
	a := newApp(t)
	if status, got := postBulk(a, many(1000), "", nil); status != 200 || a.Take().(marketcommand.SubmitBulk).Leads != 1000 {
		t.Errorf("1,000 leads: %d %.200s", status, got)
	}
	a.Again = true
	if w := a.Do(porttest.Request{Path: "/api/leads/bulk", Key: "supplier", Body: bulkOf(leadBody), Header: http.Header{"Idempotency-Key": {`"k"`}}}); w.Header().Get("Idempotent-Replayed") != "true" || !strings.Contains(w.Body.String(), `"replayed":true,"status_code":200`) {
		t.Errorf("a replay is %v %s", w.Header(), w.Body)
	}
	if c := a.Take().(marketcommand.SubmitBulk); c.IdempotencyKey != "k" || c.KeyID != "ks" {
		t.Errorf("sent %+v", c)
	}
	a.Fail = application.ErrKeyReused
	if status, got := postBulk(a, bulkOf(leadBody), "", nil); status != 422 {
		t.Errorf("%d %s", status, got)
	}
}

// FuzzItems looks for bodies whose items are not what was sent.
func FuzzItems(f *testing.F) {
	for _, seed := range []string{bulkOf("{}", `{"a":"\u00e9"}`), `{"leads":1}`, `{"x":[1],"leads":[[],{}]}`, "{", `{"leads":[1,"]",{"leads":[2]}]} `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := httpport.ParseItems(body, "leads", 3)
		if err != nil {
			return
		}
		if len(list.JSON) > 3 || list.NoList && (len(list.JSON) > 0 || list.More) {
			t.Fatalf("%q: %+v", body, list)
		}
		again, err := httpport.ParseItems([]byte(bulkOf(texts(list.JSON)...)), "leads", 3)
		if err != nil || len(again.JSON) != len(list.JSON) {
			t.Fatalf("%q: %v and then %v, %v", body, list.JSON, again.JSON, err)
		}
		for i := range list.JSON {
			if string(list.JSON[i]) != string(again.JSON[i]) {
				t.Fatalf("%q: item %d is %q and then %q", body, i, list.JSON[i], again.JSON[i])
			}
		}
	})
}

func texts(all [][]byte) []string {
	out := make([]string, len(all))
	for i := range all {
		out[i] = string(all[i])
	}
	return out
}
