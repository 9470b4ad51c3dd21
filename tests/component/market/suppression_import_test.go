package market_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// upload posts a file to be imported.
func upload(c *apptest.Client, query, file string, headers ...string) apptest.Answer {
	return c.Do("POST", "/v1/suppressions/import"+query, file, append([]string{"Content-Type", "text/csv"}, headers...)...)
}

// breakOff posts the beginning of a file.
func breakOff(t *testing.T, c *apptest.Client, query, file string) {
	t.Helper()
	broken, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, file)
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/v1/suppressions/import"+query, broken)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.Key)
	r.Header.Set("Content-Type", "text/csv")
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode < 400 {
			t.Errorf("a broken upload is answered %d", answer.StatusCode)
		}
	}
}

// ended waits until a job ended, and returns it.
func ended(t *testing.T, s *apptest.Shop, id any) (job apptest.Object) {
	t.Helper()
	apptest.Eventually(t, func() error {
		job = s.Program.Must(t, "GET", fmt.Sprint("/v1/jobs/", id), nil).Data(t)
		if job["state"] != "done" && job["state"] != "failed" {
			return fmt.Errorf("the job is %v", job)
		}
		return nil
	})
	return job
}

// A file is imported once, with what is wrong told by line and without values; nothing of it is kept, and only its seller sees the job.
func TestSuppressionsAreImported(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s, other := apptest.NewShop(t, app, nil, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich)
		file := "\ufeffname,phone,Email,domain\r\nJohn,(212) 555-0001,,\r\n\r\n\"Doe, Jane\",,jane@free.example,x.example\r\nNobody,,,\r\nBad,12345secret,,\r\n\"open"
		first := upload(s.Program, "", file, "Idempotency-Key", "once")
		if first.Status != 202 {
			t.Fatalf("answered %s", first)
		}
		id := first.Data(t)["id"]
		if j := first.Data(t); j["state"] != "pending" || j["total"] != 5.0 || j["done"] != 0.0 || j["kind"] != "suppressions" {
			t.Errorf("the job is %v", j)
		}
		again := upload(s.Program, "", file, "Idempotency-Key", "once")
		if !again.Replayed() || !bytes.Equal(again.Body, first.Body) {
			t.Errorf("the replay is %s", again)
		}
		if a := upload(s.Program, "", file+"x", "Idempotency-Key", "once"); a.Status != 422 || a.Refusal().Code != "idempotency_key_reused" {
			t.Errorf("another file under the key is answered %s", a)
		}
		j := ended(t, s, id)
		want := []any{
			map[string]any{"line": 5.0, "reason": "has no value"}, map[string]any{"line": 6.0, "reason": "value " + phoneReason(t, s)}, map[string]any{"line": 7.0, "reason": "is no CSV"},
		}
		if j["state"] != "done" || j["done"] != 5.0 || j["failed"] != 3.0 || fmt.Sprint(j["errors"]) != fmt.Sprint(want) || j["finished_at"] == nil {
			t.Errorf("the job is %v", j)
		}
		list := s.Program.Must(t, "GET", "/v1/suppressions", nil).List(t)
		if len(list) != 3 || list[0]["job_id"] != id {
			t.Errorf("the list is %v", list)
		}
		for _, form := range []apptest.Form{s.Form().With("phone", "+12125550001"), s.Form().With("email", "jane@free.example"), s.Form().With("email", "a@b.x.example")} {
			if l := s.Sell(t, form); l.Code != "suppressed" {
				t.Errorf("%v is %+v", form, l)
			}
		}
		second := upload(s.Program, "?kind=phone", "+12125550002\n+12125550003,other\n+12125550001\n")
		if j := ended(t, s, second.Data(t)["id"]); j["done"] != 3.0 || j["failed"] != 0.0 {
			t.Errorf("the job is %v", j)
		}
		if list := s.Program.Must(t, "GET", "/v1/suppressions?kind=phone", nil).List(t); len(list) != 3 {
			t.Errorf("the phones are %v", list)
		}
		for what, a := range map[string]apptest.Answer{
			"another seller's job": other.Program.Do("GET", fmt.Sprint("/v1/jobs/", id), nil),
			"no job":               s.Program.Do("GET", "/v1/jobs/job_none", nil),
		} {
			if a.Status != 404 || a.Refusal().Code != "job_not_found" {
				t.Errorf("%s is answered %s", what, a)
			}
		}
		for what, c := range map[string]struct {
			query, file string
			headers     []string
			status      int
		}{
			"no columns":      {"", "a,b\n1,2\n", nil, 422},
			"nothing":         {"", "", nil, 422},
			"blank":           {"", "\n\n", nil, 422},
			"an unknown kind": {"?kind=fax", "1\n", nil, 422},
			"a parameter":     {"?x=1", "phone\n", nil, 422},
			"a long line":     {"?kind=phone", strings.Repeat("1", 70_000) + "\n", nil, 422},
			"JSON":            {"", "{}", []string{"Content-Type", "application/json"}, 415},
		} {
			if a := upload(s.Program, c.query, c.file, c.headers...); a.Status != c.status {
				t.Errorf("%s is answered %s", what, a)
			}
		}
		if a := upload(s.Supplier, "", "phone\n"); a.Status != 403 {
			t.Errorf("a supplier is answered %s", a)
		}
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM seller_job_pieces"); n != 0 {
			t.Errorf("%d pieces are kept", n)
		}
		if n := db.Number("SELECT COUNT(*) FROM seller_jobs"); n != 2 {
			t.Errorf("there are %d jobs", n)
		}
		db.Audit()
	})
}

// phoneReason is what is said of a phone that is none.
func phoneReason(t *testing.T, s *apptest.Shop) string {
	t.Helper()
	return s.Program.Do("POST", "/v1/suppressions", apptest.Object{"kind": "phone", "value": "12345secret"}).Refusal().Errors["value"][0]
}

// A process that is killed in the middle of an import leaves it to another, which goes on where it was; an upload that breaks off leaves
// nothing.
func TestAnImportOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil)
		process := apptest.Run(t, databaseURL, nil)
		const n = 40_000
		var file strings.Builder
		for i := range n {
			fmt.Fprintf(&file, "+1212%07d\n", 2_000_000+i)
		}
		breakOff(t, s.Program, "?kind=phone", file.String()[:200_000])
		a := upload(s.Program, "?kind=phone", file.String())
		if a.Status != 202 || a.Data(t)["total"] != float64(n) {
			t.Fatalf("answered %s", a)
		}
		db := apptest.Open(t, databaseURL)
		apptest.Eventually(t, func() error {
			if db.Number("SELECT SUM(done) FROM seller_jobs WHERE state IN ('running', 'done')") == 0 {
				return errors.New("nothing is imported yet")
			}
			return nil
		})
		process.Kill()
		if j := ended(t, s, a.Data(t)["id"]); j["done"] != float64(n) || j["failed"] != 0.0 || j["state"] != "done" {
			t.Errorf("the job is %v", j)
		}
		if got := db.Number("SELECT COUNT(*) FROM suppressions"); got != n {
			t.Errorf("%d are suppressed", got)
		}
		apptest.Eventually(t, func() error {
			if jobs, pieces := db.Number("SELECT COUNT(*) FROM seller_jobs"), db.Number("SELECT COUNT(*) FROM seller_job_pieces"); jobs != 1 || pieces != 0 {
				return fmt.Errorf("there are %d jobs and %d pieces", jobs, pieces)
			}
			return nil
		})
		db.Audit()
	})
}
