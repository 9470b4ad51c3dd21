package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	consolehttp "github.com/leadmill/leadmill/ports/http/console"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestEveryPageIsOpened(t *testing.T) {
	t.Parallel()
	s := &shop{
		campaign: "campaign_1", supplierKeyID: "key_1", buyers: []string{"buyer_1"}, contracts: []string{"contract_1"}, partners: []string{"p00000"}, webhooks: []string{"webhook_1"}, returned: "return_1",
		templates: map[string]string{"sold": "lead_1"},
	}
	addresses := s.addresses(example{person: "person_1", personOfBuyer: "person_2", bought: "sale_1", position: "7", told: "event_1"})
	views, err := viewsOf(allPages(), addresses)
	require.NoError(t, err)
	opened := map[string]view{}
	for _, v := range views {
		assert.NotContains(t, v.path, ":")
		opened[v.name] = v
	}
	for _, p := range allPages() {
		if p.Method == http.MethodGet {
			assert.Contains(t, opened, p.Path)
		}
	}
	assert.Equal(t, view{name: "/console/campaigns/:id/contracts/:contract/edit", path: "/console/campaigns/campaign_1/contracts/contract_1/edit", by: operator}, opened["/console/campaigns/:id/contracts/:contract/edit"])
	assert.Equal(t, view{name: "/console/buyers/:id/people/:person/remove", path: "/console/buyers/buyer_1/people/person_2/remove", by: operator}, opened["/console/buyers/:id/people/:person/remove"])
	assert.Equal(t, view{name: "/buyer/leads/:id/return", path: "/buyer/leads/sale_1/return", by: buyerPerson}, opened["/buyer/leads/:id/return"])
	assert.Equal(t, view{name: "/portal/leads", path: "/portal/leads", by: partnerLarge}, opened["/portal/leads"])
	var looked []string
	for name, v := range opened {
		if v.form != nil {
			looked = append(looked, name)
		}
	}
	assert.ElementsMatch(t, []string{
		"posted: /console/search", "posted: /console/partners", "posted: /console/partners.csv", "posted: /console/customers", "posted: /console/leads/:id/fields",
		"posted: /buyer/leads.csv", "posted: /buyer/leads/:id/fields",
	}, looked, "what is posted and changes nothing")
	assert.Equal(t, buyerPerson, opened["posted: /buyer/leads.csv"].by)
	_, err = viewsOf([]consolehttp.Page{{Method: http.MethodGet, Path: "/console/moons/:id"}}, addresses)
	require.ErrorContains(t, err, "/console/moons/:id")
}

func TestLinesAreWritten(t *testing.T) {
	t.Parallel()
	line := struct {
		Name  string `db:"name"`
		Bytes []byte `db:"bytes"`
		N     int64  `db:"n"`
	}{"it's", []byte{0, 255}, -3}
	var b bytes.Buffer
	literals(&b, line)
	assert.Equal(t, "('it''s',X'00ff',-3)", b.String())
	assert.Equal(t, []string{"name", "bytes", "n"}, columnsOf(line))
	at := time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)
	first, second, later := idAt("lead", at, 1), idAt("lead", at, 2), idAt("lead", at.Add(time.Millisecond), 1)
	assert.Len(t, first, len("lead_")+26)
	assert.Less(t, first, second)
	assert.Less(t, second, later)
	kinds := map[string]int{}
	for n := range int64(100_000) {
		kinds[kindOf(n, 200)]++
	}
	assert.Equal(t, 500, kinds["money"]+kinds["cap"])
	assert.InDelta(t, 82_000, kinds["sold"], 1000)
	assert.InDelta(t, 9_000, kinds["duplicate"], 500)
	bought := map[int64]int{}
	for n := range int64(240) {
		bought[contractOf(n, 5)]++
	}
	assert.Equal(t, map[int64]int{0: 120, 1: 30, 2: 30, 3: 30, 4: 30}, bought)
}

// page is what a server of the tests answers as Today.
const page = `<form><input name="_token" value="abc"></form><script src="/console/assets/1/a.js"></script><body sse-connect="/console/live?after=3&amp;x=1">
<div id="now" hx-get="/console/today/now" hx-trigger="sse:any, sse:buyer"></div><a href="/console?after=x&amp;y=1" rel="next">Older</a>`

func TestABrowserFollowsToday(t *testing.T) {
	t.Parallel()
	var parts atomic.Int64
	asked := make(chan struct{}, 10)
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		assert.Equal(t, "leadmill_session=s", q.Header.Get("Cookie"))
		switch q.URL.String() {
		case "/console":
			fmt.Fprint(w, page)
		case "/console/live?after=3&x=1":
			fmt.Fprint(w, "retry: 5000\n\nevent: lead\ndata:\n\nevent: any\ndata:\n\n")
			assert.NoError(t, http.NewResponseController(w).Flush())
			select {
			case <-q.Context().Done():
			case <-end:
			}
		case "/console/today/now":
			parts.Add(1)
			asked <- struct{}{}
		default:
			http.NotFound(w, q)
		}
	}))
	t.Cleanup(server.Close)
	b := newBrowser()
	b.base, b.cookie = server.URL, "leadmill_session=s"
	open, err := b.lookAtToday(t.Context(), 3)
	require.NoError(t, err)
	for range 3 {
		<-asked
	}
	require.NoError(t, open.close())
	require.NoError(t, open.close(), "twice")
	require.EqualValues(t, 3, parts.Load(), "one event of each stream is followed")
	require.NoError(t, (*lookers)(nil).close())
	broken, err := b.lookAtToday(t.Context(), 1)
	require.NoError(t, err)
	<-asked
	close(end)
	broken.working.Wait()
	require.ErrorContains(t, broken.close(), "a stream of Today ended")
}

func TestAPageIsOpenedAgainAndAgain(t *testing.T) {
	t.Parallel()
	var views, posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/console":
			views.Add(1)
			fmt.Fprint(w, page)
		case "/console/assets/1/a.js":
			assert.Equal(t, "gzip", q.Header.Get("Accept-Encoding"))
			_, _ = w.Write(make([]byte, 5_000))
		case "/console/search":
			posts.Add(1)
			assert.Equal(t, "abc", q.PostFormValue("_token"))
			assert.Equal(t, "555", q.PostFormValue("q"))
			http.Redirect(w, q, "/console/leads/1", http.StatusSeeOther)
		case "/console/leads.csv":
			fmt.Fprint(w, "id")
		case "/console/reports/table":
			http.Error(w, "too many", http.StatusUnprocessableEntity)
		default:
			http.Error(w, "broken", http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	b := newBrowser()
	b.base, b.token = server.URL, "abc"
	o, older, err := b.open(t.Context(), view{name: "Today", path: "/console"})
	require.NoError(t, err)
	assert.Equal(t, &view{name: "Today, older", path: "/console?after=x&y=1"}, older)
	assert.EqualValues(t, pagesRuns+1, views.Load())
	assert.Greater(t, o.bytes, 5_000)
	assert.LessOrEqual(t, o.p50, o.p99)
	assert.Positive(t, o.p50)
	for _, v := range []view{posted("search", "/console/search", "q", "555"), {path: "/console/leads.csv", file: true}, {path: "/console/reports/table", refused: true, part: true}} {
		_, _, err := b.open(t.Context(), v)
		require.NoError(t, err, v.path)
	}
	assert.EqualValues(t, pagesRuns+1, posts.Load())
	for _, path := range []string{"/console/reports/table", "/console/broken"} {
		failed, _, err := b.open(t.Context(), view{path: path})
		require.NoError(t, err)
		assert.True(t, failed.failed, path)
	}
}

func TestOlderPagesAreLinksAndForms(t *testing.T) {
	t.Parallel()
	searched := posted("partners with x", "/console/partners", "search", "x")
	assert.Nil(t, olderOf(searched, []byte(`<form method="post" action="/console/partners"><button>Filter</button></form>`)))
	asked := `<form method="post" action="/console/partners"><input type="hidden" name="_token" value="abc"><input type="hidden" name="search" value="a &amp; b"><input type="hidden" name="after" value="c1"><button class="quiet">Older</button></form>`
	older := olderOf(searched, []byte(asked))
	require.NotNil(t, older)
	assert.Equal(t, "/console/partners", older.path)
	assert.Equal(t, "partners with x, older", older.name)
	assert.Equal(t, operator, older.by)
	assert.Equal(t, url.Values{"_token": {"abc"}, "search": {"a & b"}, "after": {"c1"}}, older.form)
	linked := olderOf(searched, []byte(`<a href="/console/x?after=1&amp;y=2" rel="next">Older</a>`))
	require.NotNil(t, linked)
	assert.Nil(t, linked.form)
	assert.Equal(t, "/console/x?after=1&y=2", linked.path)
}

func TestEverybodySignsInByALink(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.Method + " " + q.URL.Path {
		case "POST /console/buyers/b1/people":
			assert.Equal(t, "abc", q.PostFormValue("_token"))
			fmt.Fprint(w, `<pre>http://x.example/join/t1</pre>`)
		case "POST /console/partners/p1/sign-in":
			fmt.Fprint(w, `<code>http://x.example/portal/sign-in/t2</code>`)
		case "POST /join/t1":
			w.Header().Set("Set-Cookie", "leadmill_session=s1")
		case "POST /portal/sign-in/t2":
			w.Header().Set("Set-Cookie", "leadmill_portal=s2")
		case "GET /buyer":
			assert.Equal(t, "leadmill_session=s1", q.Header.Get("Cookie"))
			fmt.Fprint(w, `<input name="_token" value="b">`)
		case "GET /portal/profile":
			assert.Equal(t, "leadmill_portal=s2", q.Header.Get("Cookie"))
			fmt.Fprint(w, `<input name="_token" value="p">`)
		default:
			http.NotFound(w, q)
		}
	}))
	t.Cleanup(server.Close)
	owner, of, partner := newBrowser(), newBrowser(), newBrowser()
	owner.token = "abc"
	for _, b := range []*browser{owner, of, partner} {
		b.base = server.URL
	}
	require.NoError(t, of.signInAsBuyer(t.Context(), owner, "b1"))
	require.NoError(t, partner.signInAsPartner(t.Context(), owner, "p1"))
	assert.Equal(t, []string{"b", "p"}, []string{of.token, partner.token})
	require.ErrorContains(t, partner.signInAsPartner(t.Context(), owner, "p2"), "without a link")
	require.ErrorContains(t, partner.follow(t.Context(), "/join/t3", "leadmill_session", "/buyer", nil), "signs nobody in")
	require.ErrorContains(t, of.follow(t.Context(), "/join/t1", "leadmill_session", "/other", nil), "404")
}

func TestPagesHaveLimits(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	p := pagesFigures{engine: dbtest.SQLite, leads: 7, pages: []openedPage{
		{name: "quick", status: 200, p50: ms, p99: 2 * ms, bytes: 100 << 10}, {name: "slow", status: 200, p50: 50 * ms, p99: 120 * ms, bytes: 10}, {name: "part", part: true, status: 200, p50: 300 * ms, p99: 400 * ms},
	}, without: []measurement{run1(1000, ms, 0)}, with: []measurement{run1(1000, ms, 0)}}
	p.with[0].cpu += 45 * time.Microsecond
	table := pagesTable(p)
	for _, want := range []string{"| part | 200 | 300ms | 400ms, a part | – |\n| slow | 200 | 50ms | 120ms **over** | 0.0 KB |\n| quick | 200 | 1ms | 2ms | 100.0 KB |\n", "1 of 3 failed or took more than 100ms", "300µs, with Today open in 20 browsers 345µs"} {
		assert.Contains(t, table, want)
	}
	var broken []string
	for _, l := range p.limits() {
		require.True(t, l.measured(), l.what)
		if !l.kept() {
			broken = append(broken, l.what+" "+l.of)
		}
	}
	assert.Equal(t, []string{"p99 of the slowest page slow", "CPU a lead with Today open in 20 browsers to none 300µs → 345µs"}, broken)
	p.pages = append(p.pages, openedPage{name: "broken", part: true, status: 503, failed: true, p50: ms, p99: ms})
	assert.Contains(t, pagesTable(p), "| broken | 503 | 1ms | 1ms **failed** | – |\n")
	answered := p.limits()[0]
	assert.False(t, answered.kept())
	assert.Equal(t, "not broken", answered.of)
	assert.InDelta(t, 0.75, answered.value, 1e-9)
	for _, l := range pagesOf([]pagesFigures{p}, dbtest.MySQL).limits() {
		assert.False(t, l.measured(), l.what)
	}
	assert.True(t, strings.HasPrefix(pagesTable(pagesFigures{engine: dbtest.MySQL}), "\nPages with 0 leads on mysql"))
}
