package markethttp

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/tests/porttest"
)

var acceptCSV = http.Header{"Accept": {"text/csv"}}

// What each filter of the list becomes.
func TestLeadsAreSearched(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?state=texas&buyer=b1&contract=k1&supplier=p1&key=key1&phone=555-123-4567&email=John@Email.com", Key: "program"})
	q := a.Take().(marketquery.MarketplaceLeads)
	if q.State.String() != "TX" || q.BuyerID != "b1" || q.ContractID != "k1" || q.PartnerID != "p1" || q.KeyID != "key1" || q.Phone.Key() != "15551234567" || q.Email.Key() != "john@email.com" {
		t.Errorf("%+v", q)
	}
	for params, wrong := range map[string]string{
		"state=Texarkana": "state", "phone=12": "phone", "email=john": "email", "sates=TX": "sates", "buyer=a&buyer=b": "buyer", "buyer=": "buyer",
	} {
		for _, header := range []http.Header{nil, acceptCSV} {
			w := a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?" + params, Key: "program", Header: header})
			if w.Code != 422 || !strings.Contains(w.Body.String(), `"`+wrong+`":[`) {
				t.Errorf("%s: %d %s", params, w.Code, w.Body)
			}
		}
	}
}

// Nobody's phone or email is in a link; who follows one sends them again.
func TestAPersonIsInNoLink(t *testing.T) {
	t.Parallel()
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.MarketplaceLeads = porttest.Queries[marketquery.MarketplaceLeads](a, application.List[marketquery.MarketplaceLead]{Items: []marketquery.MarketplaceLead{sampleLead}, Next: "lead_1"})
	})
	const person = "phone=555-123-4567&email=john@email.com"
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?supplier=p1&" + person, Key: "program"})
	var body struct {
		Links struct{ First, Next string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{body.Links.First, body.Links.Next} {
		if strings.Contains(link, "555") || strings.Contains(link, "john") || !strings.Contains(link, "supplier=p1") {
			t.Errorf("link %s", link)
		}
	}
	a.Take()
	_, query, _ := strings.Cut(body.Links.Next, "?")
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?" + query, Key: "program"}); w.Code != 422 || !strings.Contains(w.Body.String(), `"cursor":[`) {
		t.Errorf("a link without the person: %d %s", w.Code, w.Body)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?" + query + "&" + person, Key: "program"}); w.Code != 200 {
		t.Errorf("a link with the person: %d %s", w.Code, w.Body)
	} else if q := a.Take().(marketquery.MarketplaceLeads); q.Page.After != "lead_1" || q.Email.IsZero() {
		t.Errorf("%+v", q)
	}
}

func TestLeadsAsCSV(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads?status=sold&sort=asc&limit=1&page=7&cursor=bGVhZF8x", Key: "program", Header: acceptCSV})
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || w.Header().Get("Vary") != "Accept" ||
		w.Header().Get("Content-Disposition") != `attachment; filename="leads.csv"` {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if q := a.Take().(marketquery.ExportLeads); q.Status != "sold" || !q.Page.Ascending || q.Page.After != "" {
		t.Errorf("%+v", q)
	}
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	first, second := map[string]string{}, map[string]string{}
	for i, name := range rows[0] {
		first[name], second[name] = rows[1][i], rows[2][i]
	}
	for name, want := range map[string]string{
		"id": "lead_1", "status": "sold", "state": "TX", "buyers": "buyer_1", "buyer_names": "Best Insurance", "prices": "45.00", "price": "45.00", "payout": "31.50", "currency": "USD", "test": "true",
	} {
		if first[name] != want {
			t.Errorf("%s is %q, want %q", name, first[name], want)
		}
	}
	if second["external_id"] != "'=1+1" || second["reason"] != `a,"b"` || second["price"] != "" {
		t.Errorf("%v", second)
	}
	a.Fail = errors.New("boom")
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads", Key: "program", Header: acceptCSV}); w.Code != 500 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// An export that fails on its way is cut off; it does not look like a whole one.
func TestACutExportIsNoWholeOne(t *testing.T) {
	t.Parallel()
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.ExportLeads = bus.HandlerFunc[marketquery.ExportLeads, int64](func(_ context.Context, q marketquery.ExportLeads) (int64, error) {
			for range 2_000 {
				if err := q.Tell(sampleLead); err != nil {
					return 0, err
				}
			}
			return 0, errors.New("boom")
		})
	})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // a panic's value
			t.Errorf("the answer ended with %v", v)
		}
	}()
	a.Do(porttest.Request{Method: "GET", Path: "/v1/marketplace/leads", Key: "program", Header: acceptCSV})
	t.Error("the answer ended")
}

// Whoever waits for an export of few leads among many hears from it after each page that was read.
func TestAnExportGoesOnWhileNothingMatches(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.ExportLeads = bus.HandlerFunc[marketquery.ExportLeads, int64](func(_ context.Context, q marketquery.ExportLeads) (int64, error) {
			assert.False(t, w.Flushed)
			assert.NoError(t, q.More())
			assert.True(t, w.Flushed)
			assert.Contains(t, w.Body.String(), "id,created_at,")
			err := errors.Join(q.Tell(sampleLead), q.More())
			assert.Contains(t, w.Body.String(), sampleLead.ID)
			return 1, err
		})
	})
	q := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/marketplace/leads", nil)
	q.Host, q.Header = "localhost:8080", http.Header{"Authorization": {"Bearer program"}, "Accept": acceptCSV["Accept"]}
	a.Server.ServeHTTP(w, q)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, 1, strings.Count(w.Body.String(), "id,created_at,"), "nothing is sent twice")
	assert.Equal(t, 1, strings.Count(w.Body.String(), sampleLead.ID))
}

// A list answers nobody more than was asked for: a filter that is misspelt, of another list or empty is refused, and repeated in no link.
func TestAFilterIsNeverIgnored(t *testing.T) {
	t.Parallel()
	const unknown, empty = "is not a known parameter", "must not be empty"
	for path, want := range map[string]map[string][]string{
		"/v1/returns?buyer=nobody":                   {"buyer": {unknown}},
		"/v1/returns?status=":                        {"status": {empty}},
		"/v1/sales?buyers=x":                         {"buyers": {unknown}},
		"/v1/sales?buyer=":                           {"buyer": {empty}},
		"/v1/sales?status=sold&status=returned":      {"status": {"must be given once"}},
		"/v1/suppressions?kinds=phone":               {"kinds": {unknown}},
		"/v1/suppressions?phone=2125550001":          {"phone": {unknown}},
		"/v1/campaigns?status=paused":                {"status": {unknown}},
		"/v1/campaigns/x1/contracts?buyer=x":         {"buyer": {unknown}},
		"/v1/buyers?status=paused":                   {"status": {unknown}},
		"/v1/buyers/x1/ledger?from=2020-01-01":       {"from": {unknown}},
		"/v1/marketplace/leads?status=&limit=1":      {"status": {empty}},
		"/v1/suppressions?kind=zip":                  {"kind": {"must be phone, email or domain"}},
		"/v1/returns?status=returned":                {"status": {"must be pending, approved or rejected"}},
		"/v1/sales?from=2020-01-01&until=2020-01-02": {"until": {unknown}},
	} {
		a := newApp(t)
		w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "program"})
		var got struct{ Errors map[string][]string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 422 || a.Calls > 0 || !maps.EqualFunc(got.Errors, want, slices.Equal) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
