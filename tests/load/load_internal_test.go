package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestQuantilesAreAtMostOneBucketTooHigh(t *testing.T) {
	t.Parallel()
	for _, unit := range []time.Duration{time.Microsecond, 37 * time.Microsecond, time.Millisecond, 250 * time.Millisecond} {
		var a, b histogram
		for i := 1; i <= 1000; i++ {
			h := &a
			if i%3 == 0 {
				h = &b
			}
			h.add(time.Duration(i) * unit)
		}
		a.merge(&b)
		for _, q := range []float64{0.001, 0.5, 0.95, 0.99, 1} {
			got, want := a.quantile(q), time.Duration(math.Round(q*1000))*unit
			if got < want.Truncate(time.Microsecond) || float64(got) > float64(want)*(1+1.0/subBuckets) {
				t.Errorf("quantile %v of 1 to 1000 times %s is %s, want %s", q, unit, got, want)
			}
		}
		if a.total != 1000 || a.max != 1000*unit {
			t.Errorf("total %d, max %s; want 1000, %s", a.total, a.max, 1000*unit)
		}
	}
}

func TestEveryLatencyIsInABucketThatReachesIt(t *testing.T) {
	t.Parallel()
	last := -1
	for us := int64(0); us < 1<<22; us += 1 + us/100 {
		d := time.Duration(us) * time.Microsecond
		b := bucketOf(d)
		if b < last || upper(b) < d || b > 0 && upper(b-1) >= d {
			t.Fatalf("%s is in bucket %d, which ends at %s; the one before ends at %s", d, b, upper(b), upper(max(b-1, 0)))
		}
		last = b
	}
	if b := bucketOf(24 * time.Hour); b != buckets-1 {
		t.Errorf("a day is in bucket %d, want the last, %d", b, buckets-1)
	}
	var none histogram
	if q := none.quantile(0.5); q != 0 {
		t.Errorf("the median of nothing is %s", q)
	}
}

// answer posts a lead to a server that answers with a text in the given pieces.
func answer(t *testing.T, pieces ...string) (status int, body []byte, err error) {
	t.Helper()
	client, far := net.Pipe()
	t.Cleanup(func() { _, _ = client.Close(), far.Close() }) // a pipe closes without errors
	go func() {
		buf := make([]byte, 4096)
		if _, err := far.Read(buf); err != nil {
			return
		}
		for _, p := range pieces {
			if _, err := io.WriteString(far, p); err != nil {
				return
			}
		}
		_ = far.Close()
	}()
	if err := client.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	p := &poster{conn: client, answer: make([]byte, 0, 16)}
	r := leadRequest(&url.URL{Scheme: "http", Host: "h"}, "k", "S")
	r.number(0, 1)
	return p.post(&r)
}

func TestAnAnswerIsReadInWhateverPieces(t *testing.T) {
	t.Parallel()
	const text = "HTTP/1.1 503 Service Unavailable\r\nDate: now\r\nContent-Length: 12\r\nX: y\r\n\r\n{\"code\":\"x\"}"
	for _, pieces := range [][]string{{text}, {text[:5], text[5:]}, {text[:74], text[74:]}, strings.Split(text, "")} {
		status, body, err := answer(t, pieces...)
		if err != nil || status != 503 || string(body) != `{"code":"x"}` {
			t.Errorf("in %d pieces: %d %q %v", len(pieces), status, body, err)
		}
	}
}

func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
		"HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
	} {
		if status, body, err := answer(t, text); err == nil {
			t.Errorf("%q is read as %d %q", text, status, body)
		}
	}
}

func TestARequestWithManyLeadsHasEachOnce(t *testing.T) {
	t.Parallel()
	r := bulkRequest(&url.URL{Scheme: "http", Host: "h"}, "k", "S", 3).scattered()
	for i := range 3 {
		r.number(i, int64(7_000_000_000+i))
	}
	header, body, _ := strings.Cut(string(r.text), "\r\n\r\n")
	if !strings.HasSuffix(header, fmt.Sprint("Content-Length: ", len(body))) {
		t.Errorf("%d bytes behind %s", len(body), header)
	}
	var got struct {
		Leads []struct{ Phone, Email, Zip string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Leads) != 3 {
		t.Fatalf("%v: %s", err, body)
	}
	for i, l := range got.Leads {
		n := 7_000_000_000 + i
		if l.Phone != fmt.Sprint(n) || l.Email != fmt.Sprintf("john.%d@example.com", n) || l.Zip != fmt.Sprintf("%05d", n*scatter%100_000) {
			t.Errorf("lead %d is %+v", i, l)
		}
	}
	w := &worker{}
	if !w.count(200, []byte(`"status":"sold" "status":"sold"`), nil, 2) || w.count(200, []byte(`"status":"sold" "status":"pending"`), nil, 2) || w.statuses[0] != 2 {
		t.Errorf("counted %v, %v", w.statuses, w.others)
	}
}

func TestEveryLeadIsAnotherAndTheRequestStaysWhole(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/under/api/leads" || r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		seen <- string(body)
		_, _ = io.WriteString(w, `{"success":true,"status":"sold"}`)
	}))
	defer s.Close()
	target, err := ParseURL(s.URL + "/under")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	w := &worker{poster: poster{conn: conn}}
	request := leadRequest(target, "key", "ACME1234")
	bodies := map[string]bool{}
	for _, place := range [][2]int64{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
		n := phoneOf(20, int(place[0]), 2, place[1])
		request.number(0, n)
		status, body, err := w.post(&request)
		w.count(status, body, err, 1)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%d %v", status, err)
		}
		got := <-seen
		phone := "20000000" + string([]byte{'0' + byte(n%100/10), '0' + byte(n%10)})
		if !strings.Contains(got, `"phone":"`+phone+`"`) || !strings.Contains(got, `"john.`+phone+`@example.com"`) {
			t.Errorf("lead %d is %s", n, got)
		}
		bodies[got] = true
	}
	if len(bodies) != 4 || w.statuses[0] != 4 {
		t.Errorf("%d different leads, %d sold; want 4 of each", len(bodies), w.statuses[0])
	}
}

func TestAnswersThatAreNotSoldLeadsAreReported(t *testing.T) {
	t.Parallel()
	w := &worker{}
	w.count(200, []byte(`{"status":"sold"}`), nil, 1)
	w.count(200, []byte(`{"status":"duplicate"}`), nil, 1)
	w.count(200, []byte(`{}`), nil, 1)
	w.count(503, []byte(`{}`), nil, 1)
	w.count(0, nil, io.ErrUnexpectedEOF, 1)
	r := (&Session{markets: make([]*market, 1)}).collect([]*worker{w}, time.Now(), time.Now().Add(time.Second))
	if r.Sold != 1 || r.Unexpected != 4 || r.counts() != "connection 1, duplicate 1, http 503 1, sold 1, unreadable 1" {
		t.Errorf("sold %d, unexpected %d: %s", r.Sold, r.Unexpected, r.counts())
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), `{"status":"duplicate"}`) {
		t.Errorf("the error does not show the first of them: %v", err)
	}
	if c := (Counts{Answered: 3, Leads: 3, Sales: 3, Ledger: 2, Events: 3, Report: 3, Gross: 3}).Err(); c == nil ||
		c.Error() != "3 leads were answered as sold, but there are 2 ledger entries of sales" {
		t.Errorf("a missing ledger entry gives %v", c)
	}
}

func TestWhereBuyersAreAskedALeadMayBePending(t *testing.T) {
	t.Parallel()
	for _, asks := range []bool{false, true} {
		w := &worker{asks: asks}
		for _, body := range []string{`{"status":"sold"}`, `{"status":"pending"}`, `{"status":"pending"}`} {
			w.count(200, []byte(body), nil, 1)
		}
		r := (&Session{Asks: asks, markets: make([]*market, 1)}).collect([]*worker{w}, time.Now(), time.Now().Add(time.Second))
		if asks != (r.Err() == nil) || asks != (w.sample == "") || r.Sold != 1 || asks != (r.Pending == 2) {
			t.Errorf("asked %v: sold %d, pending %d, %v, sample %q", asks, r.Sold, r.Pending, r.Err(), w.sample)
		}
	}
}

func TestAPingHasNothingPersonal(t *testing.T) {
	t.Parallel()
	r := pingRequest(&url.URL{Scheme: "http", Host: "h"}, "k", "S").scattered()
	r.number(0, 11)
	head, body, _ := strings.Cut(string(r.text), "\r\n\r\n")
	if !strings.HasPrefix(head, "POST /api/leads/ping HTTP/1.1\r\n") || !strings.HasSuffix(head, fmt.Sprint("Content-Length: ", len(body))) ||
		body != `{"seller":"S","category":"Auto Insurance","state":"TX","zip":"87109"}` {
		t.Errorf("the request is\n%s", r.text)
	}
	w := &worker{}
	if w.count(200, []byte(`{"success":true,"ping_id":"ping_1"}`), nil, 1) || w.sample != "" || w.count(200, []byte(`{"success":false,"status":"no_match"}`), nil, 1) {
		t.Errorf("a ping sells, or its sample is %q", w.sample)
	}
	if r := (&Session{Ping: true, markets: make([]*market, 1)}).collect([]*worker{w}, time.Now(), time.Now().Add(time.Second)); r.Sold != 1 || r.Unexpected != 1 {
		t.Errorf("counted %s", r.counts())
	}
}

func TestRunRefusesWhatCannotBeMeasured(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{BaseURL: "localhost:8080", Connections: 1, Duration: time.Second},
		{BaseURL: "http://127.0.0.1:1", Connections: 0, Duration: time.Second},
		{BaseURL: "http://127.0.0.1:1", Connections: 1},
		{BaseURL: "http://127.0.0.1:1", Connections: 1, Duration: time.Second}, // nobody listens
	} {
		if r, err := Run(t.Context(), o); err == nil {
			t.Errorf("%+v gives %s", o, r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Options{BaseURL: "http://127.0.0.1:1", Connections: 1, Duration: time.Second}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run gives %v", err)
	}
}

func TestLeadsAreSharedOutAmongClientsAndSellers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sellers, connections int
		leads                int64
		perSeller, sum       int64
	}{
		{1, 4, 10, 0, 10},
		{3, 4, 12, 0, 12},
		{4, 4, 12, 3, 12},
		{10, 4, 100, 10, 100},
		{10, 4, 109, 10, 100}, // what cannot be shared out evenly is left
	} {
		s := &Session{target: &url.URL{Scheme: "http", Host: "h"}}
		for range c.sellers {
			s.markets = append(s.markets, &market{supplierKey: "k", sellerCode: "S"})
		}
		served := make([]int, c.sellers)
		var sum int64
		for i := range c.connections {
			w := s.worker(i, Options{Connections: c.connections, Leads: c.leads})
			sum += w.share
			for _, to := range w.to {
				served[to.market]++
			}
			if c.perSeller > 0 && w.share != c.perSeller*int64(len(w.to)) {
				t.Errorf("%+v: client %d posts %d leads to %d sellers", c, i, w.share, len(w.to))
			}
		}
		if sum != c.sum {
			t.Errorf("%+v: %d leads are posted", c, sum)
		}
		for m, clients := range served {
			if clients == 0 || c.sellers >= c.connections && clients != 1 {
				t.Errorf("%+v: seller %d has %d clients", c, m, clients)
			}
		}
	}
}

func TestBareRecordsHaveTheFieldsOfALead(t *testing.T) {
	t.Parallel()
	target := &url.URL{Scheme: "http", Host: "h"}
	lead, record := leadRequest(target, "key", "RECORDS1"), recordRequest(target)
	_, ofLead, _ := strings.Cut(string(lead.text), "\r\n\r\n")
	head, ofRecord, _ := strings.Cut(string(record.text), "\r\n\r\n")
	if ofRecord != ofLead || !strings.HasPrefix(head, "POST /api/collections/leads/records HTTP/1.1\r\n") || strings.Contains(head, "Authorization") {
		t.Errorf("the request is\n%s", record.text)
	}
	w := &worker{}
	if !w.count(200, []byte(`{"collectionName":"leads","id":"x"}`), nil, 1) || w.count(400, []byte(`{}`), nil, 1) {
		t.Error("a stored record is not told from a refused one")
	}
	s := &Session{sold: make([]int64, 1)}
	if r := s.collect([]*worker{w}, time.Now(), time.Now().Add(time.Second)); r.Sold != 1 || r.Unexpected != 1 {
		t.Errorf("counted %s", r.counts())
	}
}
