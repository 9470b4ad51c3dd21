package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/ports/sandbox"
)

type noon struct{}

func (noon) Now() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

func buyer(t *testing.T, c sandbox.BuyerConfig) string {
	t.Helper()
	c.Clock = noon{}
	s := httptest.NewUnstartedServer(sandbox.NewBuyer(c))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// ask sends a request and returns its answer; the status is 0 when there is none.
func ask(t *testing.T, method, address, body string, headers ...string) (status int, text string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	r.GetBody = nil
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		require.ErrorIs(t, err, io.EOF)
		return 0, "", nil
	}
	defer func() { require.NoError(t, answer.Body.Close()) }()
	read, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(read), answer.Header
}

func post(t *testing.T, address, body string, headers ...string) {
	t.Helper()
	ask(t, http.MethodPost, address, body, headers...)
}

func arrivals(t *testing.T, address string) (all sandbox.Arrivals) {
	t.Helper()
	status, text, _ := ask(t, http.MethodGet, address+"/arrivals", "")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, json.Unmarshal([]byte(text), &all))
	return all
}

func TestEveryPath(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{})
	for i, c := range []struct {
		path, id, body string
		status         int
		told           string
	}{
		{"/accept", "sale_1", `{"status":"accepted","reference":"ref_1"}`, 200, "accepted"},
		{"/accept?price=40.00", "sale_2", `{"status":"accepted","price":40.00,"reference":"ref_2"}`, 200, "accepted"},
		{"/flaky?n=1", "sale_2", `{"error":"not now"}`, 503, "failed 1 of 1"},
		{"/accept?price=40", "sale_2", `{"status":"accepted","price":40,"reference":"ref_2"}`, 200, "accepted"},
		{"/reject", "sale_3", `{"status":"rejected"}`, 200, "rejected"},
		{"/duplicate", "sale_4", `{"status":"duplicate"}`, 200, "duplicate"},
		{"/slow?ms=1", "sale_5", `{"status":"accepted","reference":"ref_7"}`, 200, "accepted"},
		{"/broken", "sale_6", `{"error":"broken"}`, 500, "broken"},
		{"/garbage", "sale_7", "<html><body>Thank you!</body>", 200, "garbage"},
		{"/lost", "sale_8", "", 0, "no answer"},
		{"/flaky?n=2", "sale_9", `{"error":"not now"}`, 503, "failed 1 of 2"},
		{"/flaky?n=2", "sale_10", `{"error":"not now"}`, 503, "failed 1 of 2"},
		{"/flaky?n=2", "sale_9", `{"error":"not now"}`, 503, "failed 2 of 2"},
		{"/flaky?n=2", "sale_9", `{"status":"accepted","reference":"ref_11"}`, 200, "accepted"},
		{"/flaky", "sale_11", `{"status":"accepted","reference":"ref_15"}`, 200, "accepted"},
		{"/bid?amount=12.50&ms=1", "ping_1", `{"bid":12.50,"reference":"ref_16"}`, 200, "bid 12.50"},
		{"/nobid", "ping_2", `{"bid":0}`, 200, "no bid"},
		{"/bid", "ping_3", `{"error":"amount is missing, such as amount=12.50"}`, 400, "amount is missing, such as amount=12.50"},
		{"/bid?amount=1e400", "ping_3", `{"error":"amount must be an amount such as 12.50"}`, 400, "amount must be an amount such as 12.50"},
		{"/accept?price=-1", "sale_1", `{"error":"price must be an amount such as 12.50"}`, 400, "price must be an amount such as 12.50"},
		{"/slow?ms=60001", "sale_1", `{"error":"ms must be between 0 and 60000"}`, 400, "ms must be between 0 and 60000"},
		{"/flaky?n=many", "sale_1", `{"error":"n must be between 0 and 1000"}`, 400, "n must be between 0 and 1000"},
	} {
		status, text, h := ask(t, http.MethodPost, address+c.path, `{"lead_id":"lead_1"}`, "webhook-id", c.id)
		assert.Equal(t, c.status, status, c.path)
		assert.Equal(t, c.body, text, c.path)
		if status != 0 {
			assert.Equal(t, "application/json", h.Get("Content-Type"))
		}
		all := arrivals(t, address)
		require.Equal(t, i+1, all.Count)
		a := all.Arrivals[0]
		path, _, _ := strings.Cut(c.path, "?")
		assert.Equal(t, sandbox.Arrival{
			Number: i + 1, Time: noon{}.Now(), Path: path, ID: c.id, Repeated: a.Repeated, Signature: "not verified", Size: 20,
			Fields: []sandbox.Field{{Name: "lead_id", Value: "lead_1"}}, Status: c.status, Answer: c.told,
		}, a)
	}
	status, _, _ := ask(t, http.MethodGet, address+"/accept", "")
	assert.Equal(t, http.StatusMethodNotAllowed, status)
	status, _, _ = ask(t, http.MethodPost, address+"/nothing", "")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestWhatCameBeforeIsCounted(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{})
	for i, c := range []struct {
		headers  []string
		id       string
		repeated int
	}{
		{[]string{"Idempotency-Key", "sale_1", "webhook-id", "msg_1"}, "sale_1", 0},
		{[]string{"Idempotency-Key", "sale_1", "webhook-id", "msg_2"}, "sale_1", 1},
		{[]string{"webhook-id", "msg_1"}, "msg_1", 0},
		{[]string{"webhook-id", "msg_1"}, "msg_1", 1},
		{[]string{"Idempotency-Key", "sale_1"}, "sale_1", 2},
		{nil, "", 0},
		{nil, "", 0},
		{[]string{"webhook-id", strings.Repeat("é", 300)}, "", 0},
		{[]string{"webhook-id", strings.Repeat("é", 300)}, "", 1},
		{[]string{"webhook-id", strings.Repeat("x", 300) + "1"}, strings.Repeat("x", 128), 0},
		{[]string{"webhook-id", strings.Repeat("x", 300) + "2"}, strings.Repeat("x", 128), 0},
	} {
		status, _, _ := ask(t, http.MethodPost, address+"/accept", "", c.headers...)
		require.Equal(t, http.StatusOK, status)
		a := arrivals(t, address).Arrivals[0]
		assert.Equal(t, c.id, a.ID, "%d", i)
		assert.Equal(t, c.repeated, a.Repeated, "%d", i)
	}
	assert.Equal(t, 4, arrivals(t, address).Repeated)

	status, _, _ := ask(t, http.MethodDelete, address+"/arrivals", "")
	assert.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, sandbox.Arrivals{Arrivals: []sandbox.Arrival{}}, arrivals(t, address))
	post(t, address+"/accept", "", "webhook-id", "msg_1")
	assert.Zero(t, arrivals(t, address).Arrivals[0].Repeated)
}

func TestTheLastThousandAreKept(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 251 {
				post(t, address+"/accept", "a=b")
			}
		})
	}
	all.Wait()
	got := arrivals(t, address)
	assert.Equal(t, 1004, got.Count)
	require.Len(t, got.Arrivals, 1000)
	assert.Equal(t, 1004, got.Arrivals[0].Number)
	assert.Equal(t, 5, got.Arrivals[999].Number)
}

func TestFieldsOfEveryForm(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{})
	const js, form, xml = "application/json", "application/x-www-form-urlencoded; charset=utf-8", "application/xml"
	const kept = 16<<10 - 64
	f := func(list ...string) (fields []sandbox.Field) {
		for i := 0; i < len(list); i += 2 {
			fields = append(fields, sandbox.Field{Name: list[i], Value: list[i+1]})
		}
		return append([]sandbox.Field{}, fields...)
	}
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	for _, c := range []struct {
		kind, body string
		want       []sandbox.Field
		cut        bool
	}{
		{js, `{"price":45.00,"fields":{"phone":"604","tags":["a",null]},"test":false}`, f("fields.phone", "604", "fields.tags.0", "a", "fields.tags.1", "null", "price", "45.00", "test", "false"), false},
		{"", `"text"`, f("", "text"), false},
		{js, `{"a":1} {"b":2}`, f("", `{"a":1} {"b":2}`), false},
		{js, `{"a":`, f("", `{"a":`), false},
		{js, "", f(), false},
		{js, `[[[[[[[[[1]]]]]]]]]`, f("0.0.0.0.0.0.0.0", "[1]"), false},
		{js, "{\"a\":\"\xff\"}", f("a", "\ufffd"), false},
		{js, "\xff\x00", f("", "\ufffd\x00"), false},
		{js, deep, f("", deep[:kept]), true},
		{js, `{"a":"` + strings.Repeat("é", 20_000) + `"}`, f("a", strings.Repeat("é", kept/2-1)), true},
		{form, "phone=604&a=1&a=%20x", f("a", "1", "a", " x", "phone", "604"), false},
		{form, "a=%zz", f("", "a=%zz"), false},
		{form, strings.Repeat("a", kept) + "=b&c=d", f(strings.Repeat("a", kept), ""), true},
		{xml, `<?xml version="1.0"?><lead><id>lead_1</id><fields><phone>604</phone><x/></fields></lead>`, f("id", "lead_1", "fields.phone", "604", "fields.x", ""), false},
		{"text/xml", `<lead>&b;</lead>`, f("", `<lead>&b;</lead>`), false},
		{xml, `<!DOCTYPE l [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><l>&c;</l>`, f("", `<!DOCTYPE l [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><l>&c;</l>`), false},
		{xml, strings.Repeat("<a>", 9) + strings.Repeat("</a>", 9), f("", strings.Repeat("<a>", 9)+strings.Repeat("</a>", 9)), false},
		{xml, "not xml", f("", "not xml"), false},
	} {
		status, _, _ := ask(t, http.MethodPost, address+"/accept", c.body, "Content-Type", c.kind)
		require.Equal(t, http.StatusOK, status, "%.40s", c.body)
		a := arrivals(t, address).Arrivals[0]
		assert.Equal(t, c.want, a.Fields, "%.40s", c.body)
		assert.Equal(t, c.cut, a.Cut, "%.40s", c.body)
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{Verify: func(http.Header, []byte) error { return nil }})
	status, _, _ := ask(t, http.MethodPost, address+"/accept", strings.Repeat("a", 64<<10))
	assert.Equal(t, http.StatusOK, status)
	status, text, _ := ask(t, http.MethodPost, address+"/accept", strings.Repeat("a", 64<<10+1))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	assert.Equal(t, `{"error":"larger than 64 KiB"}`, text)
	a := arrivals(t, address).Arrivals[0]
	assert.Equal(t, "not verified: too large", a.Signature, "of a part nobody can tell")
	assert.True(t, a.Cut)
}

func TestSignaturesAreTold(t *testing.T) {
	t.Parallel()
	var lines []string
	address := buyer(t, sandbox.BuyerConfig{Told: func(line string) { lines = append(lines, line) }, Verify: func(h http.Header, body []byte) error {
		if h.Get("webhook-signature") != "v1,"+string(body) {
			return errors.New("the signature is wrong")
		}
		return nil
	}})
	for _, signature := range []string{"v1,canary", "v1,other"} {
		status, _, _ := ask(t, http.MethodPost, address+"/accept?phone=canary", "canary", "webhook-id", "sale_1é", "webhook-signature", signature)
		require.Equal(t, http.StatusOK, status, "what is answered is what the path says")
	}
	all := arrivals(t, address).Arrivals
	assert.Equal(t, "ok", all[1].Signature)
	assert.Equal(t, "the signature is wrong", all[0].Signature)
	assert.Equal(t, []string{
		`2026-03-04T12:00:00Z /accept id="sale_1" signature="ok" answer=200 "accepted"`,
		`2026-03-04T12:00:00Z /accept id="sale_1" repeated=1 signature="the signature is wrong" answer=200 "accepted"`,
	}, lines, "without what arrived")
}

func TestThePage(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{})
	_, text, _ := ask(t, http.MethodGet, address, "")
	assert.Contains(t, text, "Nothing arrived yet.")
	assert.Contains(t, text, "For tests only")
	post(t, address+"/accept", `{"phone":"<script>alert(1)</script>"}`, "webhook-id", `sale_1"><script>`)
	post(t, address+"/lost", `{}`, "webhook-id", `sale_1"><script>`)
	status, text, h := ask(t, http.MethodGet, address, "")
	assert.Equal(t, http.StatusOK, status)
	assert.NotContains(t, text, "<script>")
	assert.Contains(t, text, "&lt;script&gt;alert(1)&lt;/script&gt;")
	assert.Contains(t, text, "repeated, number 1")
	assert.Contains(t, text, "<td>200 accepted</td>")
	assert.Contains(t, text, "<td>no answer</td>")
	assert.Contains(t, text, `<meta http-equiv="refresh" content="3">`)
	assert.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`, h.Get("Content-Security-Policy"))
	assert.Equal(t, "no-store", h.Get("Cache-Control"))
	assert.NotRegexp(t, `(src|href)="[a-z]+:`, text, "nothing of others is loaded")
}

// TestOnlyOwnNamesShowWhatArrived: a page of anybody can have its own name lead to this machine, and would read along.
func TestOnlyOwnNamesShowWhatArrived(t *testing.T) {
	t.Parallel()
	address := buyer(t, sandbox.BuyerConfig{Host: "sandbox.internal"})
	for host, want := range map[string]int{
		"localhost:8090": 200, "LOCALHOST": 200, "127.0.0.1": 200, "[::1]:8090": 200, "192.0.2.7:80": 200, "sandbox.internal:8090": 200,
		"evil.example": 421, "evil.example:8090": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421,
	} {
		for _, path := range []string{"/", "/arrivals"} {
			status, _, _ := ask(t, http.MethodGet, address+path, "", "Host", host)
			assert.Equal(t, want, status, "%s%s", host, path)
		}
		status, _, _ := ask(t, http.MethodPost, address+"/accept", "", "Host", host)
		assert.Equal(t, http.StatusOK, status, "leads come by any name")
	}
	status, _, _ := ask(t, http.MethodDelete, address+"/arrivals", "", "Host", "evil.example")
	assert.Equal(t, http.StatusMisdirectedRequest, status)
}

// TestWaitingEndsWithTheRequest: whoever hangs up leaves nothing behind, and too many at once are refused.
func TestWaitingEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	answered := make(chan string, 10_000)
	b := sandbox.NewBuyer(sandbox.BuyerConfig{Clock: noon{}, Told: func(line string) { answered <- line }})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 256 {
		all.Go(func() {
			for ctx.Err() == nil { // a question whether all places are taken takes one too
				w := httptest.NewRecorder()
				b.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/slow?ms=60000", strings.NewReader(fmt.Sprint(i))))
				assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			}
		})
	}
	require.Eventually(t, func() bool {
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/reject", strings.NewReader("")))
		return w.Code == http.StatusServiceUnavailable
	}, time.Minute, time.Millisecond)
	cancel()
	all.Wait()
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/reject", strings.NewReader("")))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, <-answered, "answer=")
}

// TestWhatIsKeptIsBounded: what the last arrivals take does not grow with what is in their bodies.
func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	for kind, body := range map[string]string{
		"application/json":                  "[" + strings.Repeat("1,", 32_000) + "1]",
		"application/x-www-form-urlencoded": strings.Repeat("=&", 32_000),
		"application/xml":                   "<l>" + strings.Repeat("<a/>", 16_000) + "</l>",
	} {
		address := buyer(t, sandbox.BuyerConfig{})
		post(t, address+"/accept", body, "Content-Type", kind)
		a := arrivals(t, address).Arrivals[0]
		assert.True(t, a.Cut, kind)
		assert.LessOrEqual(t, len(a.Fields), 16<<10/64+1, kind)
	}
}
