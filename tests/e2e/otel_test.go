package e2e_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// collector keeps what is sent to it by OTLP over HTTP: the bytes of protobuf, in which names and values of strings stand as they are.
type collector struct {
	mu   sync.Mutex
	sent map[string]string // by path
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, _ := io.ReadAll(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[r.URL.Path] += string(b)
}

func (c *collector) all(path string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[path]
}

func TestTracesAndMetricsAreSentToACollector(t *testing.T) {
	t.Parallel()
	c := &collector{sent: map[string]string{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	p := apptest.Run(t, "", []string{"serve"}, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=mill-7",
		"OTEL_EXPORTER_OTLP_COMPRESSION=gzip")
	shop := apptest.NewShop(t, &p.App, nil, apptest.Rich)
	form := shop.Form()
	sold := shop.Sell(t, form, "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	// The event names the span of the request, so that whoever handles it goes on below that.
	const trace, client = "00-4bf92f3577b34da6a3ce929d0e0e4736-", "00f067aa0ba902b7"
	apptest.Eventually(t, func() error {
		feed := string(shop.Program.Must(t, "GET", "/v1/events?limit=1000&types=lead.sold.v1", nil).Body)
		_, event, _ := strings.Cut(feed, sold.ID)
		if _, of, ok := strings.Cut(event, `"traceparent":"`+trace); !ok || strings.HasPrefix(of, client) {
			return fmt.Errorf("the event is %s", feed)
		}
		return nil
	})
	apptest.Eventually(t, func() error {
		spans := c.all("/v1/traces")
		for _, want := range []string{"POST /api/leads", "command SubmitLead", "reaction match-pending", "mill-7", "http.response.status_code", "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36"} {
			if !strings.Contains(spans, want) {
				return fmt.Errorf("no %q among the spans", want)
			}
		}
		return nil
	})
	p.Stop(t) // which sends the metrics
	for _, want := range []string{"leadmill_leads_total", "leadmill_http_requests_total", "mill-7"} {
		if !strings.Contains(c.all("/v1/metrics"), want) {
			t.Errorf("no %s among the metrics", want)
		}
	}
	for path, sent := range c.sent {
		for name, value := range form {
			if text, ok := value.(string); ok && name != "seller" && name != "state" && len(text) > 3 && name != "category" && strings.Contains(sent, text) {
				t.Errorf("%s of a lead is sent to %s", name, path)
			}
		}
	}
}

func TestNothingIsSentUnlessItIsAskedFor(t *testing.T) {
	t.Parallel()
	c := &collector{sent: map[string]string{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	for _, settings := range [][]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.URL, "OTEL_SDK_DISABLED=true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.URL, "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"},
	} {
		p := apptest.Run(t, "", []string{"serve"}, settings...)
		p.Client(t, "").Do("GET", "/livez", nil)
		p.Stop(t)
	}
	if len(c.sent) != 0 {
		t.Errorf("sent: %v", c.sent)
	}
	// A collector that is away hinders nobody.
	p := apptest.Run(t, "", []string{"serve"}, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT=100", "OTEL_BSP_SCHEDULE_DELAY=20")
	shop := apptest.NewShop(t, &p.App, nil, apptest.Rich)
	shop.Sell(t, shop.Form())
	p.Stop(t)
	// What there is not ends the start.
	code, _, stderr := end(t, "", []string{"serve"}, "OTEL_EXPORTER_OTLP_ENDPOINT=http://user:secret@127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_METRICS_EXPORTER=console")
	const want = "leadmill: OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf\nleadmill: OTEL_METRICS_EXPORTER must be otlp or none\n"
	if code != 2 || stderr != want {
		t.Errorf("ended with %d: %s", code, stderr)
	}
}
