package feedhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
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

// logID is the log that the handlers read.
const logID = "log_1"

func handlers(a *porttest.App) Handlers {
	return Handlers{WebhookHandlers: webhookHandlers(a), Catalogue: catalogue, EventStream: streamsOf(a, &opened{}), Base: func() string { return "https://leads.example.com" }, Events: eventsBy(a, func(context.Context, feedquery.Events) (feedquery.EventPage, error) {
		return feedquery.EventPage{Next: 7, LogID: logID, Events: []application.StoredEvent{{Position: 7, EventRecord: application.EventRecord{
			ID:       "evt_1",
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

var examples = map[string]porttest.Example{
	"POST /v1/webhooks":             {Body: `{"name":"Hook","url":"https://hooks.example.com/x","events":["lead.sold.v1"]}`},
	"POST /v1/webhooks/{id}/replay": {Body: `{"event_id":"evt_1"}`},
	"GET /schemas/{file}":           {File: "lead.sold.v1.json"},
}

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
	for _, name := range []string{"handler Events", "handler EventStream", "handler CreateWebhook", "handler Catalogue", "handler Base"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// Answers byte for byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, key, body, want string }{
		{"GET", "/v1/events?after=3", "program", "", `{"data":[{"specversion":"1.0","id":"evt_1","source":"/sellers/ACME1234","type":"lead.sold.v1","subject":"lead_1","time":"2025-04-30T16:44:13.000000Z","datacontenttype":"application/json","dataschema":"https://leads.example.com/schemas/lead.sold.v1.json","data":{"lead_id":"lead_1"},"sequence":"00000000000000000007","aggregateversion":2,"correlationid":"req_9"}],"next":7,"log_id":"log_1","status":1}`},
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
		"log_id=log_1&after=1":        {After: 1, LogID: "log_1", Limit: 100},
		"min=20&limit=20&linger=1000": {Limit: 20, Min: 20, Linger: time.Second},
		"types=lead.sold.v1,,lead.sold.v1, lead.pending.v1": {Limit: 100, Types: []string{"lead.sold.v1", "lead.pending.v1"}},
		"types=x.acme.lead_scored.v1":                       {Limit: 100, Types: []string{"x.acme.lead_scored.v1"}},
	} {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?" + strings.ReplaceAll(params, " ", "%20"), Key: "program"}); w.Code != 200 {
			t.Fatalf("%s: %d %s", params, w.Code, w.Body)
		}
		got := a.Take().(feedquery.Events)
		got.Actor = application.Actor{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", params, got)
		}
	}
	a = newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.Events = eventsBy(a, func(context.Context, feedquery.Events) (feedquery.EventPage, error) {
			return feedquery.EventPage{Next: 9, LogID: logID}, nil
		})
	})
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events", Key: "program"}); w.Body.String() != `{"data":[],"next":9,"log_id":"log_1","status":1}` {
		t.Errorf("%s", w.Body)
	}
}

// What a reader asks for is done or refused by its name, never passed over: "type=lead.sold.v1" once answered all types.
func TestWhatTheFeedDoesNotKnowIsRefusedByName(t *testing.T) {
	t.Parallel()
	const position, number = "must be a position: a whole number from 0", "must be between 1 and 1000"
	for query, want := range map[string]map[string]string{
		"after=-1":                     {"after": position},
		"after=x":                      {"after": position},
		"limit=0":                      {"limit": number},
		"limit=1001":                   {"limit": number},
		"wait=26":                      {"wait": "must be between 0 and 25 seconds"},
		"wait=-1":                      {"wait": "must be between 0 and 25 seconds"},
		"wait=1.5":                     {"wait": "must be between 0 and 25 seconds"},
		"min=0":                        {"min": "must be between 1 and limit, which is 100"},
		"min=11&limit=10":              {"min": "must be between 1 and limit, which is 10"},
		"linger=1001":                  {"linger": "must be between 0 and 1000 milliseconds"},
		"types=lead.sold":              {"types": "lead.sold is not a type of events"},
		"types=lead.sold.v1,lead.told": {"types": "lead.told is not a type of events"},
		"types=seller.created.v1":      {"types": "seller.created.v1 is not a type of events"},
		"types=x.acme.lead_scored.v2":  {"types": "x.acme.lead_scored.v2 is not a type of events"},
		"types=a@b.example":            {"types": "must be types of events such as lead.sold.v1, separated by commas"},
		"type=lead.sold.v1":            {"type": "is not a known parameter"},
		"since=12&cursor=1":            {"since": "is not a known parameter", "cursor": "is not a known parameter"},
		"a@b.example=1":                {"query": "has an unknown parameter"},
		"after=1&after=2":              {"after": "is given more than once"},
		"after=%zz":                    {"query": "cannot be decoded"},
	} {
		a := newApp(t)
		w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?" + query, Key: "program"})
		var got struct{ Errors map[string][]string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		wants := map[string][]string{}
		for name, message := range want {
			wants[name] = []string{message}
		}
		if d := cmp.Diff(wants, got.Errors); w.Code != 422 || d != "" || a.Calls != 0 {
			t.Errorf("%s is answered %d %s", query, w.Code, w.Body)
		}
	}
}

// A consumer that read on after the server's database was restored was silently given 10 of 50 events.
func TestAPositionOfAnotherLogIsAnswered409(t *testing.T) {
	t.Parallel()
	for code, e := range map[string]*fault.Error{"log_changed": feedquery.ErrLogChanged, "position_ahead": feedquery.ErrPositionAhead} {
		a := newAppWith(t, func(a *porttest.App, h *Handlers) {
			h.Events = eventsBy(a, func(context.Context, feedquery.Events) (feedquery.EventPage, error) {
				return feedquery.EventPage{}, fmt.Errorf("page: %w", &feedquery.LogError{Err: e, LogID: "log_2", Head: 10})
			})
		})
		w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?after=50&log_id=log_1", Key: "program"})
		want := `{"status":0,"message":"` + e.Message + `","code":"` + code + `","log_id":"log_2","head":10,"request_id":"`
		if w.Code != 409 || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// "Accept: application/cloudevents-batch+json" is what the libraries of CloudEvents send for a batch.
func TestACloudEventsBatchIsTheBareArray(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	get := func(accept string) *httptest.ResponseRecorder {
		return a.Do(porttest.Request{Method: "GET", Path: "/v1/events?after=3&types=lead.sold.v1&wait=1", Key: "program", Header: http.Header{"Accept": {accept}}})
	}
	var page struct{ Data json.RawMessage }
	if err := json.Unmarshal(get("").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{batchType, batchType + ", */*;q=0.1", "application/json;q=0.5, " + batchType} {
		w := get(accept)
		const next = `<http://localhost:8080/v1/events?after=7&log_id=log_1&types=lead.sold.v1&wait=1>; rel="next"`
		if w.Code != 200 || w.Header().Get("Content-Type") != batchType || w.Body.String() != string(page.Data) || w.Header().Get("Link") != next {
			t.Errorf("%s is answered %d %v\n%s", accept, w.Code, w.Header(), w.Body)
		}
	}
	for _, accept := range []string{"", "*/*", "application/json", "application/json, " + batchType + ";q=0.5", batchType + ";q=0", "text/html"} {
		if w := get(accept); w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Body.String(), `{"data":[`) {
			t.Errorf("%s is answered %v\n%s", accept, w.Header(), w.Body)
		}
	}
}

// The same event is the same to the byte, whatever name of the server a request uses.
func TestTheDataschemaIsStable(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	request := func(host string) string {
		r := httptest.NewRequest(http.MethodGet, "/v1/events", nil)
		r.Host = host
		r.Header.Set("Authorization", "Bearer program")
		w := httptest.NewRecorder()
		a.Server.ServeHTTP(w, r)
		return w.Body.String()
	}
	if one, other := request("10.0.0.5:8080"), request("leads.example.org"); one != other || !strings.Contains(one, `"dataschema":"https://leads.example.com/schemas/lead.sold.v1.json"`) {
		t.Errorf("%s\n%s", one, other)
	}
}

// A key that was revoked read on for as long as its long poll lasted.
func TestARevokedKeyEndsItsWaits(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	keys := new(revocable)
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.Events = eventsBy(a, func(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
			close(waiting)
			<-ctx.Done()
			return feedquery.EventPage{Next: q.After, LogID: logID}, nil
		})
	}, func(d *httpport.Deps) { keys.Authenticator, d.Authenticator = d.Authenticator, keys })
	a.Clock.Set(time.Now())
	url, stop, done := a.Serve()
	polled := make(chan string, 1)
	go func() {
		status, body, err := a.Get(url + "/v1/events?after=5&wait=25")
		polled <- fmt.Sprint(status, body, err)
	}()
	<-waiting
	keys.revoked.Store(true)
	if got := <-polled; !strings.HasPrefix(got, `401{"status":0,"message":"Invalid API Key","code":"invalid_api_key"`) {
		t.Error(got)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// revocable knows keys until they are revoked.
type revocable struct {
	application.Authenticator
	revoked atomic.Bool
}

func (r *revocable) Authenticate(ctx context.Context, token string) (application.Actor, application.RateLimit, error) {
	if r.revoked.Load() {
		return application.Actor{}, application.RateLimit{}, application.ErrInvalidKey
	}
	return r.Authenticator.Authenticate(ctx, token)
}

// "metered" has one request a minute.
func TestAPageCostsOneRequestHoweverLongItWaits(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, want := range []int{200, 429} {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?wait=25&linger=1000&min=100", Key: "metered"}); w.Code != want {
			t.Errorf("answered %d, want %d", w.Code, want)
		}
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
			case <-time.After(q.Wait):
			}
			return feedquery.EventPage{Next: q.After, LogID: logID}, nil
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
	if got := <-polled; got.err != nil || got.status != 200 || got.body != `{"data":[],"next":5,"log_id":"log_1","status":1}` {
		t.Errorf("%v", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAPageIsReadThoughTheServerStopsMeanwhile: the stop ends what waits, and nothing else.
func TestAPageIsReadThoughTheServerStopsMeanwhile(t *testing.T) {
	t.Parallel()
	var asked []feedquery.Events
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.Events = eventsBy(a, func(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
			if asked = append(asked, q); len(asked) == 1 {
				a.Server.Stop()
				<-ctx.Done() // the database driver notices
			}
			if err := ctx.Err(); err != nil {
				return feedquery.EventPage{}, fmt.Errorf("read the log: %w", err)
			}
			return feedquery.EventPage{Next: q.After, LogID: logID}, nil
		})
	})
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/events?after=7&wait=20&linger=50", Key: "program"}); w.Code != 200 || len(asked) != 2 {
		t.Fatalf("answered %d %s, asked %v", w.Code, w.Body, asked)
	}
	want := asked[0]
	if want.Wait, want.Linger = 0, 0; asked[0].Wait != 20*time.Second || !reflect.DeepEqual(asked[1], want) {
		t.Errorf("asked %+v", asked)
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
