package markethttp

import (
	"encoding/csv"
	"errors"
	"net/http"
	"strings"
	"testing"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/tests/porttest"
)

const statementPath = "/v1/buyers/b1/statement?month=2025-04"

func TestStatement(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: statementPath, Key: "program"})
	const want = `{"data":{"buyer":{"id":"buyer_1","name":"Best Insurance"},"month":"2025-04","time_zone":"America/Chicago","from":"2025-04-01T06:00:00.000000Z","to":"2025-05-01T06:00:00.000000Z",` +
		`"currency":"USD","opening_balance":5.00,"entries":[{"id":"entry_1","type":"deposit","amount":1000.00,"balance_after":1000.00,"note":"wire 42","created_at":"2025-04-30T16:44:13.000000Z"},` +
		`{"id":"entry_2","type":"sale","amount":-45.00,"balance_after":960.00,"sale_id":"sale_1","lead_id":"lead_1","note":"=<script>\"x\"","created_at":"2025-04-30T16:44:13.000000Z"}],` +
		`"totals":[{"type":"deposit","entries":1,"amount":1000.00},{"type":"sale","entries":1,"amount":-45.00}],"closing_balance":960.00},"status":1}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if q := a.Take().(marketquery.Statement); q.BuyerID != "b1" || q.Month != "2025-04" || q.SellerID != "seller_1" {
		t.Errorf("%+v", q)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: statementPath + "&mouth=1", Key: "program"}); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStatementAsCSV(t *testing.T) {
	t.Parallel()
	w := newApp(t).Do(porttest.Request{Method: "GET", Path: statementPath, Key: "program", Header: acceptCSV})
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%v: %v", err, rows)
	}
	var amounts []string
	for _, row := range rows[1:] {
		amounts = append(amounts, row[0]+" "+row[7])
	}
	if got := strings.Join(amounts, ", "); got != "opening_balance 5.00, entry 1000.00, entry -45.00, closing_balance 960.00, total 1000.00, total -45.00" {
		t.Error(got)
	}
	if rows[3][4] != "lead_1" || rows[3][6] != `'=<script>"x"` {
		t.Errorf("%q", rows[3])
	}
}

func TestStatementAsAPage(t *testing.T) {
	t.Parallel()
	browser := http.Header{"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}}
	w := newApp(t).Do(porttest.Request{Method: "GET", Path: statementPath, Key: "program", Header: browser})
	body := w.Body.String()
	for _, text := range []string{"<h1>Statement 2025-04</h1>", "2025-04-01 to 2025-04-30, America/Chicago", "lead_1", "=&lt;script&gt;&#34;x&#34;", "960.00", "2025-04-30 10:44:13"} {
		if !strings.Contains(body, text) {
			t.Errorf("no %q in %s", text, body)
		}
	}
	if strings.Contains(body, "<script") {
		t.Errorf("a script: %s", body)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
		t.Errorf("policy %q", policy)
	}
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	if want := pagePolicy(style); policy != want {
		t.Errorf("the policy is not that of the style: %q, want %q", policy, want)
	}
	broken := newApp(t)
	broken.Fail = errors.New("boom")
	if w := broken.Do(porttest.Request{Method: "GET", Path: statementPath, Key: "program", Header: browser}); w.Code != 500 || w.Header().Get("Content-Security-Policy") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
