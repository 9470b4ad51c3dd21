package feedhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// newApp is a server over the room's routes.
func newApp(t testing.TB) *porttest.App { return newAppWith(t, func(*porttest.App, *Handlers) {}) }

// newAppWith is newApp with other handlers.
func newAppWith(t testing.TB, change func(*porttest.App, *Handlers), options ...func(*httpport.Deps)) *porttest.App {
	t.Helper()
	return porttest.New(t, func(a *porttest.App) ([]httpport.Route, error) {
		h := handlers(a)
		change(a, &h)
		return h.Routes()
	}, options...)
}

func handlers(a *porttest.App) Handlers {
	return Handlers{Catalogue: catalogue, Events: eventsBy(a, func(context.Context, feedquery.Events) (feedquery.EventPage, error) {
		return feedquery.EventPage{Next: 7, Events: []application.StoredEvent{{Position: 7, EventRecord: application.EventRecord{
			ID:       "event_1",
			SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 2, Type: "lead.sold.v1",
			Payload: []byte(`{"lead_id":"lead_1"}`), OccurredAt: porttest.Start, Trail: application.Trail{CorrelationID: "req_9"},
		}}}}, nil
	})}
}

// catalogue has a type of a team.
var catalogue = func() *eventsv1.Catalogue {
	c, err := eventsv1.NewCatalogue(eventsv1.Definition{Type: "x.acme.lead_scored.v1", Schema: []byte(`{"type":"object"}`)})
	if err != nil {
		panic(err)
	}
	return c
}()

func eventsBy(a *porttest.App, read func(context.Context, feedquery.Events) (feedquery.EventPage, error)) bus.Handler[feedquery.Events, feedquery.EventPage] {
	return bus.HandlerFunc[feedquery.Events, feedquery.EventPage](func(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
		if err := a.Note(q); err != nil {
			return feedquery.EventPage{}, err
		}
		return read(ctx, q)
	})
}

var examples = map[string]porttest.Example{"GET /schemas/{file}": {File: "lead.sold.v1.json"}}

func TestRoom(t *testing.T) {
	t.Parallel()
	routes, err := handlers(nil).Routes()
	if err != nil {
		t.Fatal(err)
	}
	porttest.Room{New: newApp, Routes: routes, Fragments: "openapi*.yaml", Examples: examples}.Check(t)
}

func TestRoutesNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Handlers{}.Routes()
	for _, name := range []string{"handler Events", "handler Catalogue"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// Answers byte for byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, key, body, want string }{
		{"GET", "/v1/events?after=3", "program", "", `{"data":[{"specversion":"1.0","id":"event_1","source":"/sellers/ACME1234","type":"lead.sold.v1","subject":"lead_1","time":"2025-04-30T16:44:13.000000Z","datacontenttype":"application/json","dataschema":"http://example.com/schemas/lead.sold.v1.json","data":{"lead_id":"lead_1"},"sequence":"00000000000000000007","aggregateversion":2,"correlationid":"req_9"}],"next":7,"status":1}`},
	} {
		if w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body}); w.Body.String() != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.method, c.path, w.Body, c.want)
		}
	}
}

func TestEventsQuery(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for params, want := range map[string]feedquery.Events{
		"":                            {Limit: 100},
		"after=12&limit=1000&wait=25": {After: 12, Limit: 1000, Wait: 25 * time.Second},
		"types=lead.sold.v1,,lead.sold.v1, lead.pending.v1": {Limit: 100, Types: []string{"lead.sold.v1", "lead.pending.v1"}},
		"types=x.acme.lead_scored.v1":                       {Limit: 100, Types: []string{"x.acme.lead_scored.v1"}},
	} {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?" + strings.ReplaceAll(params, " ", "%20"), Key: "program"}); w.Code != 200 {
			t.Fatalf("%s: %d %s", params, w.Code, w.Body)
		}
		got := a.Take().(feedquery.Events)
		got.Actor = application.Actor{}
		if d := cmp.Diff(want.Types, got.Types); d != "" || got.After != want.After || got.Limit != want.Limit || got.Wait != want.Wait {
			t.Errorf("%s: %+v", params, got)
		}
	}
	for _, params := range []string{"after=-1", "after=x", "limit=0", "limit=1001", "wait=26", "wait=-1", "wait=1.5", "types=lead.sold", "types=seller.created.v1", "types=x.acme.lead_scored.v2"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?" + params, Key: "program"}); w.Code != 422 {
			t.Errorf("%s: %d", params, w.Code)
		}
	}
	a = newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.Events = eventsBy(a, func(context.Context, feedquery.Events) (feedquery.EventPage, error) {
			return feedquery.EventPage{Next: 9}, nil
		})
	})
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events", Key: "program"}); w.Body.String() != `{"data":[],"next":9,"status":1}` {
		t.Errorf("%s", w.Body)
	}
}

func TestArchivedPosition(t *testing.T) {
	t.Parallel()
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.Events = eventsBy(a, func(context.Context, feedquery.Events) (feedquery.EventPage, error) {
			return feedquery.EventPage{}, fmt.Errorf("page: %w", &feedquery.ArchivedError{First: 42})
		})
	})
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?after=3", Key: "program"})
	want := `{"status":0,"message":"The events behind this position were archived","code":"position_archived","first":42,"request_id":"`
	if w.Code != 410 || !strings.HasPrefix(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A long poll outlasts the server's deadlines and ends when the server stops; then Serve returns.
func TestLongPollEndsAtShutdown(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.Events = eventsBy(a, func(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
			close(waiting)
			select {
			case <-ctx.Done():
				return feedquery.EventPage{}, ctx.Err()
			case <-time.After(q.Wait):
				return feedquery.EventPage{Next: q.After}, nil
			}
		})
	}, func(d *httpport.Deps) { d.Timeouts.Read, d.Timeouts.Write = 250*time.Millisecond, 250*time.Millisecond })
	a.Clock.Set(time.Now())
	url, stop, done := a.Serve()
	type answer struct {
		status int
		body   string
		err    error
	}
	polled := make(chan answer, 1)
	go func() {
		status, body, err := a.Get(url + "/v1/events?after=5&wait=20")
		polled <- answer{status, body, err}
	}()
	<-waiting
	select {
	case early := <-polled:
		t.Fatalf("the poll ended by a deadline: %v", early)
	case <-time.After(750 * time.Millisecond): // well over both deadlines
	}
	stop()
	if got := <-polled; got.err != nil || got.status != 200 || got.body != `{"data":[],"next":5,"status":1}` {
		t.Errorf("%v", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if w := a.Do(porttest.Request{Method: "GET", Path: "/asyncapi.yaml"}); w.Code != 200 || w.Body.String() != string(catalogue.AsyncAPI()) {
		t.Error("asyncapi.yaml is another")
	}
	for _, typ := range catalogue.Types() {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/schemas/" + typ + ".json"}); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d", typ, w.Code)
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow, code  string
		supplier     bool
	}{
		{"GET", "/schemas/lead.sold.v1", 404, "", "not_found", false},
		{"GET", "/schemas/..%2Fasyncapi.yaml", 404, "", "not_found", false},
	} {
		w := a.Do(porttest.Request{Method: c.method, Path: c.path})
		allow := strings.Split(w.Header().Get("Allow"), ", ")
		slices.Sort(allow)
		if w.Code != c.status || porttest.CodeIn(t, w) != c.code || strings.Join(allow, ", ") != c.allow {
			t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, w.Code, w.Body, allow)
		}
		if strings.Contains(w.Body.String(), `"success":false`) != c.supplier {
			t.Errorf("%s %s: the other form: %s", c.method, c.path, w.Body)
		}
	}
}

// Nothing personal of a request is in an error or in the log, wherever it was.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	const canary = porttest.Canary
	a := newApp(t)
	porttest.CheckNoPersonalData(t, a, []porttest.Request{
		{Path: "/v1/events?types=" + canary + "&after=" + canary, Method: "GET", Key: "program"},
		{Path: "/schemas/" + canary, Method: "GET"},
	})
}
