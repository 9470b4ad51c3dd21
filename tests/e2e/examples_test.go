package e2e_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

var errStill = errors.New("a revoked key still works")

// The examples of the documentation for suppliers, as they are printed there.
const (
	documentedBody = `{
  "seller": "ACME1234",
  "category": "Auto Insurance",
  "firstName": "John",
  "lastName": "Doe",
  "email": "john.doe@email.com",
  "phone": "555-123-4567",
  "state": "TX",
  "zip": "75001",
  "city": "Dallas"
}`
	documentedCurl = `{
    "seller": "ACME1234",
    "category": "Auto Insurance",
    "firstName": "John",
    "lastName": "Doe",
    "phone": "555-123-4567",
    "email": "john@email.com",
    "state": "TX"
  }`
	documentedQuery = `/api/leads?seller=ACME1234&category=Solar&state=TX&firstName=John&phone=555-1234`
)

type demo struct {
	*apptest.Process

	supplier, program *apptest.Client
	key               string
	curl              string
}

// runDemo starts the demo with more arguments.
func runDemo(t *testing.T, databaseURL string, args ...string) demo {
	t.Helper()
	p := apptest.Run(t, databaseURL, append([]string{"demo"}, args...), "LEADMILL_SECRET_KEY="+strings.Repeat("s", 32))
	d := demo{Process: p}
	apptest.Eventually(t, func() error {
		if out := p.Output.String(); !strings.Contains(out, "curl ") || !strings.HasSuffix(out, "\n") {
			return errors.New("no curl line yet: " + out)
		}
		return nil
	})
	line := func(start string) string {
		m := regexp.MustCompile(`(?m)^` + start + `\s*(.*)$`).FindStringSubmatch(p.Output.String())
		if m == nil {
			t.Fatalf("no %q in\n%s", start, p.Output.String())
		}
		return m[1]
	}
	d.key = line("Supplier key:")
	d.supplier, d.program = p.Client(t, d.key), p.Client(t, line("Program key:"))
	lines := strings.Split(strings.TrimSpace(p.Output.String()), "\n")
	d.curl = lines[len(lines)-1]
	return d
}

func matches(t *testing.T, what string, a apptest.Answer, status int, pattern string) {
	t.Helper()
	if a.Status != status || !regexp.MustCompile(`^`+pattern+`$`).Match(a.Body) || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s is answered %v, want %d %s", what, a, status, pattern)
	}
}

const (
	soldPattern      = `\{"success":true,"lead_id":"lead_[0-9A-Z]{26}","status":"sold","price":45\.00,"buyer_ids":\["buyer_[0-9A-Z]{26}"\]\}`
	duplicatePattern = `\{"success":false,"lead_id":"lead_[0-9A-Z]{26}","status":"duplicate","error":"Duplicate lead","code":"duplicate_lead"\}`
)

func TestTheSupplierDocumentationsExamples(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		d := runDemo(t, databaseURL, "--empty")
		matches(t, "the curl example", d.supplier.Do("POST", "/api/leads", documentedCurl), 200, soldPattern)
		again := d.supplier.Do("POST", "/api/leads", documentedCurl)
		if matches(t, "its double click", again, 200, soldPattern); !again.Replayed() {
			t.Error("a double click is not told as a replay")
		}
		matches(t, "the body example, with the phone of the curl example", d.supplier.Do("POST", "/api/leads", documentedBody), 200, duplicatePattern)
		matches(t, "the body example with another phone", d.supplier.Do("POST", "/api/leads", strings.Replace(documentedBody, "4567", "4568", 1)), 200, soldPattern)
		matches(t, "the query example", d.supplier.Do("POST", documentedQuery, nil), 400,
			`\{"success":false,"error":"Missing required field","code":"missing_required_field","fields":\["lastName"\],"errors":\{"lastName":"is required"\},"request_id":"req_[0-9A-Z]{26}"\}`)
		matches(t, "the query example with a last name in the body", d.supplier.Do("POST", documentedQuery, `{"lastName":"Doe"}`), 200, soldPattern)
		for _, c := range d.program.Must(t, "GET", "/v1/campaigns", nil).List(t) {
			if c["category"] == "Solar" {
				d.program.Must(t, "PUT", "/v1/campaigns/"+c["id"].(string), apptest.Object{
					"dedupe": nil,
					"fields": []apptest.Object{{"name": "lastName", "type": "string", "required": false}},
				})
			}
		}
		matches(t, "the query example where lastName is optional", d.supplier.Do("POST", documentedQuery, nil), 200, soldPattern)
		matches(t, "a body over the query", d.supplier.Do("POST", strings.Replace(documentedQuery, "state=TX", "state=ZZ", 1), `{"state":"ca"}`), 200, soldPattern)

		form := "seller=ACME1234&category=Auto+Insurance&firstName=John&lastName=Doe&phone=555-123-4569&state=TX"
		matches(t, "a form", d.supplier.Do("POST", "/api/leads", form, "Content-Type", "application/x-www-form-urlencoded"), 200, soldPattern)
		matches(t, "a slug", d.supplier.Do("POST", "/api/leads", strings.NewReplacer("ACME1234", "acme", "4567", "4570").Replace(documentedCurl)), 200, soldPattern)
		matches(t, "no key", d.supplier.With("").Do("POST", "/api/leads", documentedCurl), 401, `\{"success":false,"error":"Invalid API Key","code":"invalid_api_key","hint":"The key belongs in the header Authorization: Bearer <key>, nowhere else.","request_id":"req_[0-9A-Z]{26}"\}`)
		matches(t, "a wrong key", d.supplier.With("YOUR_API_KEY").Do("POST", "/api/leads", documentedCurl), 401, `\{"success":false,"error":"Invalid API Key","code":"invalid_api_key","request_id":"req_[0-9A-Z]{26}"\}`)
		matches(t, "no campaign", d.supplier.Do("POST", "/api/leads", strings.Replace(documentedCurl, "Auto Insurance", "Pet Insurance", 1)), 400,
			`\{"success":false,"error":"No matching campaign","code":"no_matching_campaign","errors":\{"category":"is that of no active campaign"\},"request_id":"req_[0-9A-Z]{26}"\}`)
		for _, field := range []string{"seller", "category", "firstName", "lastName", "phone", "state"} {
			var body map[string]any
			if err := json.Unmarshal([]byte(documentedCurl), &body); err != nil {
				t.Fatal(err)
			}
			delete(body, field)
			matches(t, "a lead without "+field, d.supplier.Do("POST", "/api/leads", body), 400,
				`\{"success":false,"error":"Missing required field","code":"missing_required_field","fields":\["`+field+`"\],"errors":\{"`+field+`":"is required"\},"request_id":"req_[0-9A-Z]{26}"\}`)
		}
		paused := d.program.Must(t, "GET", "/v1/buyers", nil).List(t)
		for _, b := range paused {
			d.program.Must(t, "POST", "/v1/buyers/"+b["id"].(string)+"/pause", nil)
		}
		matches(t, "a lead without a buyer", d.supplier.Do("POST", "/api/leads", strings.Replace(documentedCurl, "4567", "4571", 1)), 200,
			`\{"success":true,"lead_id":"lead_[0-9A-Z]{26}","status":"pending"\}`)

		limit, window := 60, int64(0)
		for n := 1; ; n++ {
			a := d.supplier.Do("POST", "/api/leads", `{}`)
			remaining, err := strconv.Atoi(a.Header.Get("X-RateLimit-Remaining"))
			reset, err2 := strconv.ParseInt(a.Header.Get("X-RateLimit-Reset"), 10, 64)
			if err != nil || err2 != nil || a.Header.Get("X-RateLimit-Limit") != "60" || time.Until(time.Unix(reset, 0)) > 61*time.Second {
				t.Fatalf("the headers of a limit are %v", a.Header)
			}
			if a.Status == 429 {
				matches(t, "one too many", a, 429, `\{"success":false,"error":"Rate limit exceeded","code":"rate_limit_exceeded","request_id":"req_[0-9A-Z]{26}"\}`)
				if after, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || after < 1 || after > 60 || remaining != 0 {
					t.Errorf("the headers of one too many are %v", a.Header)
				}
				break
			}
			if reset != window { // on a slow machine a minute ends in between, and the count begins again
				window, n = reset, 1
			}
			if limit = remaining; n > 60 {
				t.Fatalf("still no limit: %v", a)
			}
		}
		if limit != 0 {
			t.Errorf("%d requests remained when the limit came", limit)
		}
		apptest.Open(t, databaseURL).Audit()
		d.Stop(t)
	})
}

func TestTheDemoPrintsACurlLineThatSells(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		seen := map[string]bool{}
		for range 2 { // at every start a working key and a phone that was not used
			d := runDemo(t, databaseURL, "--empty")
			m := regexp.MustCompile(`^curl -X POST (\S+)/api/leads -H "Content-Type: application/json" -H "Authorization: Bearer (\S+)" -d '(\{.*\})'$`).FindStringSubmatch(d.curl)
			if m == nil || m[1] != d.URL || m[2] != d.key {
				t.Fatalf("the last line is\n%s", d.curl)
			}
			matches(t, "the printed line", d.supplier.Do("POST", "/api/leads", m[3]), 200, soldPattern)
			if seen[m[3]] {
				t.Errorf("the same line again: %s", m[3])
			}
			seen[m[3]] = true
			if _, err := exec.LookPath("curl"); err == nil {
				out, err := exec.CommandContext(t.Context(), "sh", "-c", d.curl).Output()
				if err != nil || !regexp.MustCompile(soldPattern).Match(out) {
					t.Errorf("the line in a shell: %s %v", out, err)
				}
			}
			d.Stop(t)
		}
	})
}

func TestTheCreatePartnerExample(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		d := runDemo(t, databaseURL, "--empty")
		// The documentation hides the address in its example.
		const request = `{
    "email": "john@example.com",
    "name": "John",
    "surname": "Doe",
    "tags": ["new", "premium"]
  }`
		a := d.program.Do("POST", "/v1/partners", request, "Accept", "application/json")
		matches(t, "the example", a, 201, `\{"data":\{"email":"john@example\.com","created_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",`+
			`"updated_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","name":"John","id":"[^"]+","surname":"Doe","tos":false,"approved":true,`+
			`"status":"active","custom_fields":\[\],"referrals_count":0,"tags":\[\{"value":"(?:new|premium)"\},\{"value":"(?:new|premium)"\}\],`+
			`"referral_link":"https://yourcompany\.com\?aff=[^"]+","referral_links":\["https://yourcompany\.com\?aff=[^"]+"\]\},"status":1\}`)
		expect := func(what string, body apptest.Object, status int, message string) {
			t.Helper()
			a := d.program.Do("POST", "/v1/partners", body)
			if a.Status != status || !strings.Contains(strings.ToLower(string(a.Body)), strings.ToLower(message)) {
				t.Errorf("%s is answered %v, want %d %s", what, a, status, message)
			}
		}
		custom := d.program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "partner_123", "key": "ref_123", "email": "jane@example.com", "password": "Passw0rd"}).Data(t)
		if custom["id"] != "partner_123" || custom["referral_link"] != "https://yourcompany.com?aff=ref_123" {
			t.Errorf("a partner with its own id and key is %v", custom)
		}
		expect("a taken email", apptest.Object{"email": "JOHN@example.com"}, 422, "Email already exists")
		expect("a taken id", apptest.Object{"email": "x@example.com", "id": "partner_123"}, 422, "ID already exists")
		expect("a taken key", apptest.Object{"email": "x@example.com", "key": "ref_123"}, 422, "Key already exists")
		expect("an unknown referring partner", apptest.Object{"email": "x@example.com", "referring_partner": apptest.Object{"id": "nobody"}}, 400, "Referring partner not found")
		expect("the address as the documentation hides it", apptest.Object{"email": "[email protected]"}, 422, "email")
		expect("a weak password", apptest.Object{"email": "x@example.com", "password": "weak"}, 422, "password")
		expect("no email", apptest.Object{"name": "John"}, 422, "email")
		for _, by := range []apptest.Object{{"id": "partner_123"}, {"key": "ref_123"}, {"email": "jane@example.com"}} {
			d.program.Must(t, "POST", "/v1/partners", apptest.Object{"email": "by-" + strings.Trim(strings.Join(keys(by), ""), " ") + "@example.com", "referring_partner": by})
		}
		for _, path := range []string{"/v1/partners/partner_123", "/v1/partners/x?key=ref_123", "/v1/partners/x?email=jane@example.com"} {
			if got := d.program.Must(t, "GET", path, nil).Data(t)["id"]; got != "partner_123" {
				t.Errorf("%s finds %v", path, got)
			}
		}
		if a := d.program.With("").Do("POST", "/v1/partners", nil); a.Status != 401 {
			t.Errorf("the example without a key is answered %v", a)
		}
		d.Stop(t)
	})
}

func keys(o apptest.Object) (names []string) {
	for name := range o {
		names = append(names, name)
	}
	return names
}
