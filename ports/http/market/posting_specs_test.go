package markethttp

import (
	"net/http"
	"strings"
	"testing"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestPostingSpecs(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	const spec = `{"id":"campaign_1","name":"Auto","category":"Joe's <Auto>","price_shown":"payout","fields":[{"name":"firstName","type":"string","required":true},{"name":"phone","type":"phone","required":false},{"name":"roof","type":"enum","required":false,"options":["it's flat","steep"]}]}`
	for path, want := range map[string]string{
		"/api/campaigns":            `{"success":true,"seller":"ACME1234","campaigns":[` + spec + `]}`,
		"/api/campaigns/campaign_1": `{"success":true,"seller":"ACME1234","campaign":` + spec + `}`,
	} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "supplier"}); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w := a.Do(porttest.Request{Method: "GET", Path: path + "?api_key=x", Key: "supplier"}); w.Code != 401 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w := a.Do(porttest.Request{Method: "GET", Path: path + "?x=1", Key: "supplier"}); w.Code != 400 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/campaigns/campaign_1/specification-link", Key: "program"})
	if !strings.Contains(w.Body.String(), `"url":"http://localhost:8080/docs/campaigns/campaign_1/abc","expires_at":"2025-04-30T16:44:13.000000Z"`) {
		t.Errorf("%s", w.Body)
	}
}

func TestPostingSpecAsAPage(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	byKey := a.Do(porttest.Request{Method: "GET", Path: "/api/campaigns/campaign_1", Key: "supplier", Header: http.Header{"Accept": {"text/html"}}})
	byLink := a.Do(porttest.Request{Method: "GET", Path: "/docs/campaigns/campaign_1/abc"})
	if q := a.Take().(marketquery.PostingSpecByLink); q.CampaignID != "campaign_1" || q.Token != "abc" {
		t.Errorf("%+v", q)
	}
	if byKey.Body.String() != byLink.Body.String() {
		t.Error("the page is another one by key")
	}
	body := byLink.Body.String()
	for _, text := range []string{
		"Joe&#39;s &lt;Auto&gt;", "Acme &amp; Co", "<code>it&#39;s flat</code>", "<code>first_name</code> for <code>firstName</code>", "phone or email came within the last 30 days",
		"POST http://localhost:8080/api/leads", "what you earn for it",
		`-d &#39;{&#34;seller&#34;:&#34;ACME1234&#34;,&#34;category&#34;:&#34;Joe&#39;\&#39;&#39;s`,
	} {
		if !strings.Contains(body, text) {
			t.Errorf("no %s in %s", text, body)
		}
	}
	if strings.Contains(body, "<script") || !strings.HasPrefix(byLink.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") ||
		byLink.Header().Get("Referrer-Policy") != "no-referrer" || byLink.Header().Get("X-Robots-Tag") != "noindex" {
		t.Errorf("%v", byLink.Header())
	}
}
