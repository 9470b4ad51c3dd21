package market_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// importLeads posts a file of leads.
func importLeads(c *apptest.Client, query, file string, headers ...string) apptest.Answer {
	return c.Do("POST", "/api/leads/import"+query, file, append([]string{"Content-Type", "text/csv"}, headers...)...)
}

// leadImport is an import as its supplier sees it.
type leadImport struct {
	ID     string           `json:"job_id"`
	State  string           `json:"state"`
	Done   int              `json:"done"`
	Total  int              `json:"total"`
	Failed int              `json:"failed"`
	Error  string           `json:"error"`
	Next   int              `json:"next"`
	Rows   []apptest.Object `json:"rows"`
}

func importOf(t *testing.T, a apptest.Answer) (j leadImport) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &j); err != nil || a.Status < 200 || a.Status > 299 {
		t.Fatalf("answered %s", a)
	}
	return j
}

// imported waits until an import ended, and returns it with all its lines.
func imported(t *testing.T, c *apptest.Client, started apptest.Answer) (j leadImport) {
	t.Helper()
	if want := "/api/jobs/" + importOf(t, started).ID; started.Status != 202 || started.Header.Get("Location") != want {
		t.Fatalf("started %s, Location %q", started, started.Header.Get("Location"))
	}
	path := started.Header.Get("Location")
	apptest.Eventually(t, func() error {
		if j = importOf(t, c.Must(t, "GET", path+"?limit=1000", nil)); j.State != "done" && j.State != "failed" {
			return fmt.Errorf("the import is %s, %d of %d", j.State, j.Done, j.Total)
		}
		return nil
	})
	for next := j.Next; next > 0; {
		page := importOf(t, c.Must(t, "GET", fmt.Sprint(path, "?limit=1000&after=", next), nil))
		j.Rows, next = append(j.Rows, page.Rows...), page.Next
	}
	return j
}

// outcomes are what became of lines, in short.
func outcomes(j leadImport) map[int]string {
	out := map[int]string{}
	for _, row := range j.Rows {
		line, _ := row["line"].(float64)
		out[int(line)] = fmt.Sprint(row["status"], " ", row["status_code"], " ", row["code"], " ", row["errors"])
	}
	return out
}

// A file of leads is imported once, each line as the lead that it is, with what is wrong told by line; nothing of it is kept, and only the key
// that sent it sees the report.
func TestLeadsAreImported(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, apptest.Object{"field_map": apptest.Object{"first_name": "firstName"}}, apptest.Rich)
		query := "?seller=" + s.Code + "&category=" + url.QueryEscape(apptest.Category) + "&state=TX&city=Dallas"
		file := "\ufefffirst_name,lastName,phone,state,external_id,test,\r\n" + // line 1
			"John,Doe,(212) 555-0001,CA,7,,\r\n" +
			"\r\n" +
			"\"Ann \"\"A\"\"\",\"Poe\nPoe\",2125550002,TX,,1,\n" + // lines 4 and 5
			"Jane,Doe,2125550003,,,,\n" +
			"John,Roe,+1 212 555 0001,TX,,,\n" +
			"John,Doe,(212) 555-0001,CA,7,,\n" +
			"John,Doe,2125550004,TX,7,,\n" +
			"a \"b\",x,2125550005,TX,,,\n" +
			"few,cells\n" +
			"Too,Many,2125550006,TX,,,,,\n" +
			"No,Text\xff,2125550007,TX,,,\n" +
			"Null\x00,Byte,2125550008,TX,,,\n" +
			"Amy,Ray,2125550009,nowhere,,perhaps,\n" +
			"Amy,Ray,2125550009,nowhere,,,\n" +
			"\"open,Quote,2125550010,TX"
		first := importLeads(s.Supplier, query, file, "Idempotency-Key", "once")
		again := importLeads(s.Supplier, query, file, "Idempotency-Key", "once")
		if !again.Replayed() || !bytes.Equal(again.Body, first.Body) || again.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("the replay is %s", again)
		}
		if a := importLeads(s.Supplier, query, file+"x", "Idempotency-Key", "once"); a.Status != 422 || a.Lead().Code != "idempotency_key_reused" {
			t.Errorf("another file under the key is answered %s", a)
		}
		j := imported(t, s.Supplier, first)
		alone := s.Supplier.Do("POST", "/api/leads", `{"seller":"`+s.Code+`","category":"`+apptest.Category+`","firstName":"Null\u0000","lastName":"Byte","phone":"2125550008","state":"TX"}`)
		null := fmt.Sprint("failed ", alone.Status, " ", alone.Lead().Code, " map[firstName:")
		want := map[int]string{
			2: "sold 200 <nil> <nil>", 4: "failed 400 invalid_field", 6: "failed 400 missing_required_field map[state:is required]", 7: "duplicate 200 duplicate_lead <nil>",
			8: "sold 200 <nil> <nil>", 9: "duplicate 200 duplicate_external_id <nil>", 10: "failed 400 invalid_request_body map[line:is no CSV]",
			11: "failed 400 invalid_request_body map[line:has 2 cells, and the first line 7]", 12: "failed 400 invalid_request_body map[line:has 9 cells, and the first line 7]",
			13: "failed 400 invalid_request_body map[line:is no UTF-8]", 14: null, 15: "failed 400 invalid_field map[test:must be true or false]",
			16: "failed 400 invalid_field map[state:is not a US state]", 17: "failed 400 invalid_request_body map[line:is no CSV]",
		}
		got := outcomes(j)
		for line := range max(len(got), 20) {
			if !strings.HasPrefix(got[line], want[line]) || want[line] == "" && got[line] != "" {
				t.Errorf("line %d is %q, want %q", line, got[line], want[line])
			}
		}
		if j.State != "done" || j.Done != len(want) || j.Total != j.Done || j.Failed != 10 || len(j.Rows) != j.Done {
			t.Errorf("the import is %+v", j)
		}
		sold := j.Rows[0]
		if kept := s.Lead(t, fmt.Sprint(sold["lead_id"])); kept["external_id"] != "7" || fmt.Sprint(kept["fields"].(map[string]any)["city"]) != "Dallas" || kept["api_key_id"] != s.SupplierKeyID {
			t.Errorf("the lead is %v", kept)
		}
		if j.Rows[4]["lead_id"] != sold["lead_id"] || j.Rows[4]["replayed"] != true {
			t.Errorf("the line that is the same is %v", j.Rows[4])
		}
		path := first.Header.Get("Location")
		if page := importOf(t, s.Supplier.Must(t, "GET", path+"?after=7&limit=2", nil)); len(page.Rows) != 2 || page.Rows[0]["line"] != 8.0 || page.Next != 9 {
			t.Errorf("a page is %+v", page)
		}
		if page := importOf(t, s.Supplier.Must(t, "GET", path+"?after=17", nil)); len(page.Rows) != 0 || page.Next != 0 {
			t.Errorf("behind the end is %+v", page)
		}
		elsewhere, _ := s.NewSupplier(t)
		upload := importLeads(elsewhere, query, "phone\n1\n") // whose job a supplier must not see
		for what, a := range map[string]apptest.Answer{
			"another key's import": s.Supplier.Do("GET", "/api/jobs/"+importOf(t, upload).ID, nil),
			"a key of the same":    elsewhere.Do("GET", path, nil),
			"none":                 s.Supplier.Do("GET", "/api/jobs/job_none", nil),
		} {
			if a.Status != 404 || a.Lead().Code != "job_not_found" {
				t.Errorf("%s is answered %s", what, a)
			}
		}
		for _, q := range []string{"?limit=0", "?limit=1001", "?after=-1", "?after=x", "?page=2", "?limit=1&limit=2"} {
			if a := s.Supplier.Do("GET", path+q, nil); a.Status != 400 || a.Lead().Code != "invalid_field" {
				t.Errorf("%s is answered %s", q, a)
			}
		}
		if d := s.Program.Must(t, "GET", "/v1/jobs/"+j.ID, nil).Data(t); d["kind"] != "leads" || d["done"] != float64(j.Done) {
			t.Errorf("the seller sees %v", d)
		}
		imported(t, elsewhere, upload)
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM seller_job_pieces"); n != 0 {
			t.Errorf("%d pieces are kept", n)
		}
		if n := db.Number("SELECT COUNT(*) FROM seller_jobs WHERE settings LIKE '%Dallas%'"); n != 0 {
			t.Error("what was given for every line is kept")
		}
		db.Audit()
	})
}

// Files of which nothing can be imported are refused at once, and leave nothing.
func TestFilesOfLeadsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil)
		q := "?seller=" + s.Code + "&category=Auto"
		for what, c := range map[string]struct {
			query, file string
			headers     []string
			status      int
			code        string
		}{
			"nothing":               {q, "", nil, 400, "invalid_field"},
			"blank lines":           {q, "\n \r\n", nil, 400, "invalid_field"},
			"a column twice":        {q, "phone,a,phone\n", nil, 400, "invalid_field"},
			"a name of no UTF-8":    {q, "phone\xff\n", nil, 400, "invalid_field"},
			"a name with a null":    {q, "ph\x00ne\n", nil, 400, "invalid_field"},
			"a first line of a tag": {q, "a \"b\",c\n", nil, 400, "invalid_field"},
			"a cell of 1 MB":        {q, "phone\n" + strings.Repeat("1", 1<<20) + "\n", nil, 400, "invalid_field"},
			"a quote without end":   {q, "phone\n\"" + strings.Repeat("1\n", 1<<17), nil, 400, "invalid_field"},
			"no names":              {q, "John,Doe,2125550001,TX\nJane,Doe,2125550002,TX\n", nil, 400, "invalid_field"},
			"an address as a name":  {q, "John,Doe,john.doe@email.com\n", nil, 400, "invalid_field"},
			"too many lines":        {q, "phone\n" + strings.Repeat("1\n", 1_000_001), nil, 400, "invalid_field"},
			"too many columns":      {q, strings.Repeat("a,", 1001) + "b\n", nil, 400, "invalid_field"},
			"no category":           {"?seller=" + s.Code, "phone\n1\n", nil, 400, "missing_required_field"},
			"another's seller":      {"?seller=OTHER&category=x", "phone\n1\n", nil, 401, "invalid_api_key"},
			"a key as a column":     {q, "phone,X-API-Key\n1,k\n", nil, 401, "invalid_api_key"},
			"a key as a parameter":  {q + "&api_key=k", "phone\n1\n", nil, 401, "invalid_api_key"},
			"a parameter twice":     {q + "&a=1&a=2", "phone\n1\n", nil, 400, "invalid_request_body"},
			"JSON":                  {q, "{}", []string{"Content-Type", "application/json"}, 415, "unsupported_media_type"},
			"a wrong key":           {q, "phone\n1\n", []string{"Idempotency-Key", "a b"}, 400, "invalid_idempotency_key"},
			"another key":           {q, "phone\n1\n", []string{"Authorization", "Bearer " + s.Program.Key}, 401, "invalid_api_key"},
		} {
			if a := importLeads(s.Supplier, c.query, c.file, c.headers...); a.Status != c.status || a.Lead().Code != c.code {
				t.Errorf("%s is answered %.300s, want %d %s", what, a, c.status, c.code)
			}
		}
		db := apptest.Open(t, databaseURL)
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM seller_jobs") + db.Number("SELECT COUNT(*) FROM seller_job_pieces"); n != 0 {
				return fmt.Errorf("%d rows are kept of files that were refused", n)
			}
			return nil
		})
		db.Audit()
	})
}

// A key has so many imports that are not done, and no more, however many it sends at once.
func TestImportsOfAKeyAreBounded(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		idle := &apptest.Unrun{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("test", leadmill.AsInterceptor(func() *apptest.Unrun { return idle })))
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		q := "?seller=" + s.Code + "&category=" + url.QueryEscape(apptest.Category)
		taken := 0
		for range 3 {
			answers := make([]apptest.Answer, 8)
			apptest.Parallel(len(answers), func(i int) {
				answers[i] = importLeads(s.Supplier, q, "firstName,lastName,phone,state\nA,B,2125550001,TX\n")
			})
			for _, a := range answers {
				switch {
				case a.Status == 202:
					taken++
				case a.Status != 429 || a.Lead().Code != "too_many_imports" || a.Header.Get("Retry-After") == "":
					t.Errorf("answered %s", a)
				}
			}
			if taken > 5 {
				t.Errorf("%d imports were taken", taken)
			}
		}
		c, _ := s.NewSupplier(t)
		keyed := importLeads(c, q, "phone\n1\n", "Idempotency-Key", "full")
		for range 4 {
			c.Must(t, "POST", "/api/leads/import"+q, "phone\n1\n", "Content-Type", "text/csv")
		}
		if a := importLeads(c, q, "phone\n1\n", "Idempotency-Key", "full"); !a.Replayed() || !bytes.Equal(a.Body, keyed.Body) {
			t.Errorf("beyond the limit a replay is answered %s", a)
		}
		if a := importLeads(c, q, "phone\n2\n", "Idempotency-Key", "full"); a.Status != 422 {
			t.Errorf("another file under the key is answered %s", a)
		}
		if a := importLeads(c, q, "phone\n1\n", "Idempotency-Key", "sixth"); a.Status != 429 {
			t.Errorf("under a new key a sixth is answered %s", a)
		}
		for ; taken < 5; taken++ {
			if a := importLeads(s.Supplier, q, "firstName,lastName,phone,state\nA,B,2125550002,TX\n"); a.Status != 202 {
				t.Fatalf("import %d is answered %s", taken, a)
			}
		}
		other, _ := s.NewSupplier(t)
		if a := importLeads(other, q, "phone\n1\n"); a.Status != 202 {
			t.Errorf("another key's import is answered %s", a)
		}
		idle.Run()
		apptest.Eventually(t, func() error {
			if a := importLeads(s.Supplier, q, "phone\n1\n"); a.Status != 202 {
				return errors.New(a.String())
			}
			return nil
		})
	})
}

// Lines of an import whose key was revoked fail as requests with it do.
func TestAnImportEndsWithItsKey(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		idle := &apptest.Unrun{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("test", leadmill.AsInterceptor(func() *apptest.Unrun { return idle })))
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		c, id := s.NewSupplier(t)
		a := importLeads(c, "?seller="+s.Code+"&category="+url.QueryEscape(apptest.Category), "firstName,lastName,phone,state\nA,B,2125550001,TX\n")
		j := importOf(t, a)
		s.Program.Must(t, "DELETE", "/v1/api-keys/"+id, nil)
		idle.Run()
		apptest.Eventually(t, func() error {
			if d := s.Program.Must(t, "GET", "/v1/jobs/"+j.ID, nil).Data(t); d["state"] != "done" || d["failed"] != 1.0 {
				return fmt.Errorf("the import is %v", d)
			}
			return nil
		})
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 0 {
			t.Errorf("there are %d leads", n)
		}
		db.Audit()
	})
}

// A process that is killed in the middle of an import leaves it to another, which goes on where it was: every line is decided once.
func TestAnImportOfLeadsOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		processes := []*apptest.Process{apptest.Run(t, databaseURL, nil), apptest.Run(t, databaseURL, nil)}
		s := apptest.NewShop(t, &processes[0].App, nil, apptest.Rich)
		const n = 5_000
		var file strings.Builder
		file.WriteString("seller,category,firstName,lastName,phone,state\n")
		for i := range n {
			fmt.Fprintf(&file, "%s,%s,John,Doe,+1212%07d,TX\n", s.Code, apptest.Category, 2_000_000+i)
		}
		a := importLeads(s.Supplier, "", file.String())
		db := apptest.Open(t, databaseURL)
		done := "SELECT COALESCE(SUM(done), 0) FROM seller_jobs"
		for kill := range 3 {
			before := db.Number(done)
			apptest.Eventually(t, func() error {
				if got := db.Number(done); got == before {
					return errors.New("nothing more is imported yet")
				}
				return nil
			})
			p := processes[kill%2]
			p.Kill()
			processes[kill%2] = apptest.Run(t, databaseURL, nil)
		}
		client := s.Supplier.At(&processes[0].App)
		j := imported(t, client, a)
		if j.Done != n || j.Total != n || j.Failed != 0 || len(j.Rows) != n {
			t.Errorf("the import is %d of %d, %d failed, %d lines are told of", j.Done, j.Total, j.Failed, len(j.Rows))
		}
		seen := map[string]bool{}
		for i, row := range j.Rows {
			id := fmt.Sprint(row["lead_id"])
			if row["line"] != float64(i+2) || row["status"] != "sold" || seen[id] {
				t.Fatalf("row %d is %v", i, row)
			}
			seen[id] = true
		}
		if got := db.Number("SELECT COUNT(*) FROM leads"); got != n {
			t.Errorf("there are %d leads", got)
		}
		if got := db.Number("SELECT COUNT(*) FROM seller_job_pieces"); got != 0 {
			t.Errorf("%d pieces are kept", got)
		}
		db.Audit()
		for _, p := range processes {
			p.Stop(t)
		}
	})
}

// The lines of a file are answered as the same fields are one by one: whatever is in their cells, and how it is quoted.
func TestLinesOfAFileAreAnsweredAsTheyAreOneByOne(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		seed := rand.Uint64()
		w := &twins{t: t, rand: rand.New(rand.NewPCG(seed, 2))}
		t.Logf("the seed is %d", seed)
		for i := range w.shops {
			w.ids[i] = map[string]string{}
			w.shops[i] = apptest.NewShop(t, app, apptest.Object{"field_map": apptest.Object{"Town": "city"}}, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00}})
		}
		columns := []string{"seller", "category", "firstName", "lastName", "phone", "state", "external_id", "test", "Town", "x y"}
		pick := func(of ...string) string { return of[w.rand.IntN(len(of))] }
		var records [][]string
		for n := range 400 {
			if n > 0 && n%9 == 0 {
				records = append(records, records[w.rand.IntN(n)])
				continue
			}
			records = append(records, []string{
				pick("{seller}", "{seller}", "{seller}", "{seller}", "", "OTHER"), pick(apptest.Category, apptest.Category, "  "+apptest.Category+" ", "", "None"),
				pick("John", "J\"o\"hn", "J, o", "Jöhn 😀", "J\x00", ""), pick("Doe", "Doe", "Two\nLines", strings.Repeat("x", 256)), fmt.Sprintf("+1212%07d", w.rand.IntN(600)),
				pick("TX", "texas", "nowhere", "TX", "TX"), pick("", "", "", fmt.Sprint(w.rand.IntN(9))), pick("", "", "", "true", "1", "0", "maybe"), pick("", "Dallas"), pick("", "a\tb", "\\", "'"),
			})
		}
		var file bytes.Buffer
		out := csv.NewWriter(&file)
		out.UseCRLF = w.rand.IntN(2) == 0
		if err := out.Write(columns); err != nil {
			t.Fatal(err)
		}
		for _, record := range records {
			own := slices.Clone(record)
			own[0] = strings.ReplaceAll(own[0], "{seller}", w.shops[0].Code)
			if err := out.Write(own); err != nil {
				t.Fatal(err)
			}
		}
		out.Flush()
		j := imported(t, w.shops[0].Supplier, importLeads(w.shops[0].Supplier, "", file.String()))
		if len(j.Rows) != len(records) {
			t.Fatalf("%d lines are told of, of %d", len(j.Rows), len(records))
		}
		failed := 0
		for i, record := range records {
			form := apptest.Form{}
			for n, name := range columns {
				form[name] = strings.TrimSpace(strings.ReplaceAll(record[n], "{seller}", w.shops[1].Code))
			}
			a := w.shops[1].Supplier.Unchecked().Do("POST", "/api/leads", form)
			var body apptest.Object
			if err := json.Unmarshal(a.Body, &body); err != nil {
				t.Fatalf("answered %s", a)
			}
			row := j.Rows[i]
			_, replayed := row["replayed"]
			delete(row, "line")
			status := row["status_code"]
			if status != 200.0 {
				failed++
				if row["status"] != "failed" {
					t.Errorf("line %d is %v", i+2, row)
				}
				delete(row, "status")
			}
			if alone, inFile := w.told(1, a.Status, body, a.Replayed()), w.told(0, status, row, replayed); alone != inFile {
				t.Fatalf("record %d\n%q\nis answered\n%s, in a file\n%s", i, record, alone, inFile)
			}
		}
		if j.Failed != failed || failed == 0 || failed == len(records) {
			t.Errorf("%d lines of %d failed, and %d are counted", failed, len(records), j.Failed)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
