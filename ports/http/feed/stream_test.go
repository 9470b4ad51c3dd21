package feedhttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// opened is a stream at position 5 that gives batches of events, and then waits, or ends with an error.
type opened struct {
	batches  [][]int64 // positions; of none, the stream passes by what is up to them
	end      error     // nil: it waits
	waiting  chan struct{}
	position int64
	closed   atomic.Bool
}

func (*opened) LogID() string     { return logID }
func (o *opened) Position() int64 { return o.position }
func (o *opened) Close()          { o.closed.Store(true) }

func (o *opened) Next(ctx context.Context, d time.Duration) ([]feedquery.StreamedEvent, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if d != heartbeat {
		return nil, fmt.Errorf("asked to wait %s", d)
	}
	if len(o.batches) == 0 {
		if o.waiting == nil {
			return nil, o.end
		}
		close(o.waiting)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	batch := o.batches[0]
	o.batches = o.batches[1:]
	var list []feedquery.StreamedEvent
	for _, position := range batch {
		if o.position = max(position, -position); position > 0 {
			list = append(list, feedquery.StreamedEvent{StoredEvent: happened(position), Shared: new(feedquery.Encoding)})
		}
	}
	return list, nil
}

func happened(position int64) *application.StoredEvent {
	return &application.StoredEvent{Position: position, EventRecord: application.EventRecord{
		ID: fmt.Sprint("evt_", position), SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 2, Type: "lead.sold.v1",
		Payload: []byte("{\"lead_id\":\r\n \"lead_1\"}"), OccurredAt: porttest.Start,
	}}
}

var errEnded = fault.New(fault.Unavailable, "test_ended", "It ended")

// streamsOf opens a stream for whoever asks.
func streamsOf(a *porttest.App, o *opened) bus.Handler[feedquery.EventStream, feedquery.OpenStream] {
	return bus.HandlerFunc[feedquery.EventStream, feedquery.OpenStream](func(_ context.Context, q feedquery.EventStream) (feedquery.OpenStream, error) {
		if err := a.Note(q); err != nil {
			return nil, err
		}
		if o.end == nil {
			o.end = errEnded
		}
		if o.position == 0 {
			o.position = 5
		}
		return o, nil
	})
}

func streaming(o *opened) func(a *porttest.App, h *Handlers) {
	return func(a *porttest.App, h *Handlers) { h.EventStream = streamsOf(a, o) }
}

// Blocks byte for byte: a client knows its position from the first one on, blocks without data move it on, and lines in data do not end it.
func TestAStreamIsServerSentEvents(t *testing.T) {
	t.Parallel()
	o := &opened{batches: [][]int64{{6, 8}, nil, {-20}, nil, {21}}}
	a := newAppWith(t, streaming(o))
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events/stream", Key: "program"})
	event := func(n int) string {
		return fmt.Sprintf("id: log_1:%d\n"+`data: {"specversion":"1.0","id":"evt_%d","source":"/sellers/ACME1234","type":"lead.sold.v1","subject":"lead_1","time":"2025-04-30T16:44:13.000000Z",`+
			`"datacontenttype":"application/json","dataschema":"https://leads.example.com/schemas/lead.sold.v1.json","data":{"lead_id":"lead_1"},"sequence":"%020d","aggregateversion":2}`+"\n\n", n, n, n)
	}
	want := "retry: 2000\nid: log_1:5\n\n" + event(6) + event(8) + ":\n\n" + ":\nid: log_1:20\n\n" + ":\n\n" + event(21)
	if got := w.Body.String(); w.Code != 200 || got != want {
		t.Errorf("%d\n%s\nwant\n%s", w.Code, got, want)
	}
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if w.Header().Get("Content-Length") != "" || !o.closed.Load() || !w.Flushed {
		t.Errorf("%v, closed %t", w.Header(), o.closed.Load())
	}
}

// A server that has no address of its own names events by that of the request: nobody else is given these.
func TestAStreamWithoutABaseSharesNothing(t *testing.T) {
	t.Parallel()
	shared := new(feedquery.Encoding)
	e := feedquery.StreamedEvent{StoredEvent: happened(6), Shared: shared}
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.Base = func() string { return "" }
		h.EventStream = bus.HandlerFunc[feedquery.EventStream, feedquery.OpenStream](func(context.Context, feedquery.EventStream) (feedquery.OpenStream, error) {
			return &oneEvent{opened: opened{end: errEnded}, event: e}, nil
		})
	})
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events/stream", Key: "program"})
	if !strings.Contains(w.Body.String(), `"dataschema":"http://localhost:8080/schemas/lead.sold.v1.json"`) {
		t.Errorf("%s", w.Body)
	}
	if text := e.Encoded(func(*application.StoredEvent) []byte { return []byte("another") }); string(text) != "another" {
		t.Errorf("shared was %s", text)
	}
}

type oneEvent struct {
	opened

	event feedquery.StreamedEvent
}

func (o *oneEvent) Next(ctx context.Context, d time.Duration) ([]feedquery.StreamedEvent, error) {
	if o.event.StoredEvent == nil {
		return o.opened.Next(ctx, d)
	}
	e := o.event
	o.event.StoredEvent = nil
	return []feedquery.StreamedEvent{e}, nil
}

func TestStreamQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		params, last string
		want         feedquery.EventStream
	}{
		{"", "", feedquery.EventStream{FromHead: true}},
		{"after=0", "", feedquery.EventStream{}},
		{"after=12&log_id=log_1", "", feedquery.EventStream{After: 12, LogID: "log_1"}},
		{"types=lead.sold.v1,,lead.sold.v1,x.acme.lead_scored.v1", "", feedquery.EventStream{FromHead: true, Types: []string{"lead.sold.v1", "x.acme.lead_scored.v1"}}},
		{"", "log_2:0", feedquery.EventStream{LogID: "log_2"}},
		{"after=12&log_id=log_1", "log_2:99", feedquery.EventStream{After: 99, LogID: "log_2"}}, // a client that comes back has its first URL
	} {
		a := newApp(t)
		q := porttest.Request{Method: "GET", Path: "/v1/events/stream?" + c.params, Key: "events", Header: http.Header{
			"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, // as an EventSource sends them
		}}
		if c.last != "" {
			q.Header["Last-Event-ID"] = []string{c.last}
		}
		if w := a.Do(q); w.Code != 200 {
			t.Fatalf("%s: %d %s", c.params, w.Code, w.Body)
		}
		got := a.Take().(feedquery.EventStream)
		if got.KeyID != "ke" {
			t.Errorf("asked by %q", got.KeyID)
		}
		got.Actor = application.Actor{}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", c.params, got)
		}
	}
	const last = "must be the id of an event of a stream: a log and a position, such as log_7f3c0e9a51d24b86a0c2d9e4f1b35a68:42"
	for params, want := range map[string]map[string]string{
		"after=-1":                {"after": "must be a position: a whole number from 0"},
		"log_id=log_1":            {"log_id": "is the log that after is of: it needs after"},
		"limit=5":                 {"limit": "is not a known parameter"},
		"wait=5":                  {"wait": "is not a known parameter"},
		"types=seller.created.v1": {"types": "seller.created.v1 is not a type of events"},
	} {
		porttest.CheckViolations(t, newApp(t), porttest.Request{Method: "GET", Path: "/v1/events/stream?" + params, Key: "program"}, want)
	}
	for _, id := range []string{"42", "log_1", "log_1:", ":42", "log_1:-1", "log_1:x", "log_1:1:2"} {
		porttest.CheckViolations(t, newApp(t), porttest.Request{
			Method: "GET", Path: "/v1/events/stream", Key: "program", Header: http.Header{"Last-Event-ID": {id}},
		}, map[string]string{"Last-Event-ID": last})
	}
}

// What is wrong is told before the stream begins, as by the feed.
func TestAStreamIsRefused(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]error{
		`409 {"status":0,"message":"The position is of another log","code":"log_changed","log_id":"log_2","head":10,`:                &feedquery.LogError{Err: feedquery.ErrLogChanged, LogID: "log_2", Head: 10},
		`409 {"status":0,"message":"The position is beyond the head of the log","code":"position_ahead","log_id":"log_2","head":10,`: &feedquery.LogError{Err: feedquery.ErrPositionAhead, LogID: "log_2", Head: 10},
		`410 {"status":0,"message":"The events behind this position were archived","code":"position_archived","first":42,`:           &feedquery.ArchivedError{First: 42},
		`429 {"status":0,"message":"The API key has too many open streams","code":"too_many_streams",`:                               feedquery.ErrTooManyStreams,
		`503 {"status":0,"message":"The server has as many open streams as it takes","code":"streams_full",`:                         feedquery.ErrStreamsFull,
	} {
		a := newApp(t)
		a.Fail = fmt.Errorf("open: %w", e)
		w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events/stream", Key: "program"})
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) {
			t.Error(got)
		}
		if (w.Code == 429 || w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%d with %v", w.Code, w.Header())
		}
	}
}

// follows opens a stream of a served app.
func follows(t *testing.T, url string) io.Reader {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer program")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return r.Body
}

// A stream outlasts the server's deadlines, gives each event at once, and ends when the server stops; then Serve returns.
func TestAStreamEndsAtShutdown(t *testing.T) {
	t.Parallel()
	o := &opened{batches: [][]int64{{6}}, waiting: make(chan struct{})}
	a := newAppWith(t, streaming(o), func(d *httpport.Deps) { d.Timeouts.Read, d.Timeouts.Write = 250*time.Millisecond, 250*time.Millisecond })
	url, stop, done := a.Serve()
	r := follows(t, url)
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		continue // what is before the event comes while the stream is open
	}
	<-o.waiting
	ended := make(chan error, 1)
	go func() {
		rest, err := io.ReadAll(r)
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("it went on with %q", rest)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("the stream ended by a deadline: %v", err)
	case <-time.After(750 * time.Millisecond): // well over both deadlines
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil || !o.closed.Load() {
		t.Errorf("%v, closed %t", err, o.closed.Load())
	}
}

func TestARevokedKeyEndsItsStreams(t *testing.T) {
	t.Parallel()
	keys := new(revocable)
	streams := make(chan *opened, 2)
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.EventStream = bus.HandlerFunc[feedquery.EventStream, feedquery.OpenStream](func(context.Context, feedquery.EventStream) (feedquery.OpenStream, error) {
			o := &opened{waiting: make(chan struct{})}
			streams <- o
			return o, nil
		})
	}, func(d *httpport.Deps) { keys.Authenticator, d.Authenticator = d.Authenticator, keys })
	url, stop, done := a.Serve()
	one, other := follows(t, url), follows(t, url)
	opened := []*opened{<-streams, <-streams}
	for _, o := range opened {
		<-o.waiting
	}
	keys.revoked.Store(true)
	for _, r := range []io.Reader{one, other} {
		if _, err := io.ReadAll(r); err != nil {
			t.Error(err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, o := range opened {
		if !o.closed.Load() {
			t.Error("a stream is open still")
		}
	}
}

// endless gives events for ever.
type endless struct{ opened }

func (o *endless) Next(ctx context.Context, _ time.Duration) ([]feedquery.StreamedEvent, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	o.position++
	return []feedquery.StreamedEvent{{StoredEvent: happened(o.position)}}, nil
}

// A client that takes nothing is cut off when what is on its way is full, and holds nothing in memory until then.
func TestASlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	o := &endless{}
	closed := make(chan struct{})
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.EventStream = bus.HandlerFunc[feedquery.EventStream, feedquery.OpenStream](func(context.Context, feedquery.EventStream) (feedquery.OpenStream, error) {
			return closing{o, closed}, nil
		})
	}, func(d *httpport.Deps) { d.Timeouts.Write = 100 * time.Millisecond })
	url, stop, done := a.Serve()
	r := follows(t, url)
	<-closed // though nothing is read
	if _, err := io.Copy(io.Discard, r); err == nil {
		t.Error("the stream ended as if it were whole")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(a.Logged(), "a reader of the event stream did not take what was sent") {
		t.Error(a.Logged())
	}
}

type closing struct {
	feedquery.OpenStream

	closed chan struct{}
}

func (c closing) Close() { close(c.closed) }

// A server that stops answers who comes still, with a stream that ends: other answers would tell a browser to give up.
func TestAStreamOfAServerThatStops(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.Server.Stop()
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events/stream", Key: "program"})
	if w.Code != 200 || w.Body.String() != "retry: 2000\nid: log_1:5\n\n" || w.Header().Get("Connection") != "close" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
