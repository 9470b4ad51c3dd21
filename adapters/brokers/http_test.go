package brokers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill/adapters/outbound"
	"github.com/leadmill/leadmill/domain/fault"
)

// loopback lets requests go to servers of tests.
var loopback = outbound.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "test")

func TestHTTPIsBinaryMode(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		got = q
		body, _ = io.ReadAll(q.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	r := relayTo(t, strings.Replace(server.URL, "://", "://me:pass%40word@", 1)+"/in?q=1,2#name=crm", nil, loopback, nil)
	if err := r.React(t.Context(), anEvent("lead_1", 2)); err != nil {
		t.Fatal(err)
	}
	for name, want := range attributes {
		if name == "correlationid" {
			want = encoded
		}
		if is := got.Header.Get("ce-" + name); is != want {
			t.Errorf("ce-%s is %q, want %q", name, is, want)
		}
	}
	if user, password, _ := got.BasicAuth(); string(body) != payload || got.Header.Get("Content-Type") != "application/json" || got.RequestURI != "/in?q=1,2" ||
		got.Header.Get("Ce-Datacontenttype") != "" || user != "me" || password != "pass@word" {
		t.Errorf("%s %v %s", got.RequestURI, got.Header, body)
	}
}

func TestOnly2xxTakesAnEvent(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(server.Close)
	r := relayTo(t, server.URL, nil, loopback, nil)
	for code, want := range map[int]fault.Kind{
		301: fault.Unavailable, 400: fault.Internal, 401: fault.Unavailable, 404: fault.Unavailable, 410: fault.Unavailable, 413: fault.Internal, 422: fault.Internal,
		429: fault.Unavailable, 500: fault.Unavailable, 503: fault.Unavailable,
	} {
		status.Store(int64(code))
		if err := r.React(t.Context(), anEvent("lead_1", 1)); err == nil || fault.KindOf(err) != want {
			t.Errorf("%d: %v, want kind %v", code, err, want)
		}
	}
}

// Each event is refused three times at first.
func TestHTTPThatIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ids []string
	tries := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		id := q.Header.Get("ce-id")
		mu.Lock()
		defer mu.Unlock()
		if tries[id]++; tries[id] <= 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		ids = append(ids, id)
	}))
	t.Cleanup(server.Close)
	r := relayTo(t, server.URL, nil, loopback, nil)
	sendAll(t, r, 6, 1, 5)
	arrived(t, ids, 6, 5)
}
