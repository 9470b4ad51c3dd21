package leadmilltest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/openapitest"
)

// Object is a JSON object.
type Object = map[string]any

// Client sends requests with one API key. It follows no redirect: a redirect is an answer like any other.
type Client struct {
	URL string // of the App, without a slash at its end
	Key string // sent as a bearer token; empty sends none

	http  *http.Client
	plain http.RoundTripper
}

// Client returns a client of the App with a key. An answer that the OpenAPI document of the App does not allow fails the test:
// its status and content type must be documented for the operation, and its body must be valid against the schema.
func (a *App) Client(t testing.TB, key string) *Client {
	t.Helper()
	spec, err := a.spec()
	if err != nil {
		t.Fatalf("the app's OpenAPI document: %v", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	t.Cleanup(transport.CloseIdleConnections)
	// A second mistake would only repeat the first, and tests under load make thousands.
	var told atomic.Int64
	report := func(err error) {
		if told.Add(1) <= 5 {
			t.Errorf("not as openapi.yaml says: %v", err)
		}
	}
	return &Client{URL: a.URL, Key: key, plain: transport, http: clientOver(spec.Transport(transport, report))}
}

func clientOver(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// document is an OpenAPI document that was read once.
type document struct {
	once sync.Once
	spec *openapitest.Spec
	err  error
}

// documents are those that apps of this process served, by the hash of their text: to read one takes longer than a test.
var documents sync.Map

// spec returns the document that the App serves.
func (a *App) spec() (*openapitest.Spec, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.s.document == nil {
		served, err := http.Get(a.URL + "/openapi.yaml")
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(served.Body)
		_ = served.Body.Close()
		if err != nil || served.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("/openapi.yaml is answered %d: %w", served.StatusCode, err)
		}
		known, _ := documents.LoadOrStore(sha256.Sum256(text), &document{})
		a.s.document = known.(*document)
		a.s.document.once.Do(func() { a.s.document.spec, a.s.document.err = openapitest.Load(text) })
	}
	return a.s.document.spec, a.s.document.err
}

// With returns the client with another key.
func (c *Client) With(key string) *Client {
	other := *c
	other.Key = key
	return &other
}

// Unchecked returns a client that does not compare answers with the OpenAPI document: that costs more than the answers
// themselves, which load tests cannot pay.
func (c *Client) Unchecked() *Client {
	other := *c
	other.http = clientOver(c.plain)
	return &other
}

// At returns the client for another instance.
func (c *Client) At(a *App) *Client {
	other := *c
	other.URL = a.URL
	return &other
}

// Answer is what came back. Err is set when no answer came.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error
}

// String describes the answer.
func (a Answer) String() string { return fmt.Sprintf("%d %s %v", a.Status, a.Body, a.Err) }

// Replayed reports whether the answer is that of an earlier request with the same Idempotency-Key.
func (a Answer) Replayed() bool { return a.Header.Get("Idempotent-Replayed") == "true" }

// Lead is what a supplier is answered to a lead. Price is in units of the seller's currency.
type Lead struct {
	Success  bool     `json:"success"`
	ID       string   `json:"lead_id"`
	Status   string   `json:"status"`
	Price    float64  `json:"price"`
	BuyerIDs []string `json:"buyer_ids"`
	Test     bool     `json:"test"`
	Error    string   `json:"error"`
	Code     string   `json:"code"`
	Fields   []string `json:"fields"`
}

// Lead reads the body of an answer to a lead; the zero Lead when it is none.
func (a Answer) Lead() Lead {
	var l Lead
	_ = json.Unmarshal(a.Body, &l)
	return l
}

// Refusal is an error as the API under /v1 writes it. Errors are the messages by the member at fault.
type Refusal struct {
	Status    *int                `json:"status"`
	Message   string              `json:"message"`
	Code      string              `json:"code"`
	Errors    map[string][]string `json:"errors"`
	RequestID string              `json:"request_id"`
}

// Refusal reads the body of an error; the zero Refusal when it is none.
func (a Answer) Refusal() Refusal {
	var r Refusal
	_ = json.Unmarshal(a.Body, &r)
	return r
}

// Object reads the member "data" of an answer; nil when it is no object.
func (a Answer) Object() Object {
	var body struct {
		Data Object `json:"data"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return nil
	}
	return body.Data
}

// Data is Object of an answer that must have one.
func (a Answer) Data(t testing.TB) Object {
	t.Helper()
	data := a.Object()
	if data == nil {
		t.Fatalf("no object in the answer %v", a)
	}
	return data
}

// List reads the member "data" of a list.
func (a Answer) List(t testing.TB) []Object {
	t.Helper()
	var body struct {
		Data []Object `json:"data"`
	}
	if err := json.Unmarshal(a.Body, &body); err != nil || body.Data == nil {
		t.Fatalf("no list in the answer %v", a)
	}
	return body.Data
}

// Do sends a request. The body is a string as it is, or a value as JSON, or nil. Headers come in pairs. It may be called from
// any goroutine.
func (c *Client) Do(method, path string, body any, headers ...string) Answer {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Answer{Err: err}
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.URL+path, reader)
	if err != nil {
		return Answer{Err: err}
	}
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: text, Err: err}
}

// Must is Do for a request whose answer must be a success: any other ends the test.
func (c *Client) Must(t testing.TB, method, path string, body any, headers ...string) Answer {
	t.Helper()
	a := c.Do(method, path, body, headers...)
	if a.Err != nil || a.Status < 200 || a.Status > 299 {
		t.Fatalf("%s %s: %v", method, path, a)
	}
	return a
}

// Insist is Do that sends the request again while no answer or a 503 comes, at most until [Patience] ends: for tests of what
// many requests at once do, which a machine under load does not answer in the server's time. The request must be one that
// takes effect once however often it is sent, as every lead is.
func (c *Client) Insist(method, path string, body any, headers ...string) (a Answer) {
	for late := time.After(Patience); ; {
		if a = c.Do(method, path, body, headers...); a.Err == nil && a.Status != http.StatusServiceUnavailable {
			return a
		}
		select {
		case <-late:
			return a
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var phones atomic.Int64

// Phone returns a phone number in E.164 that no other call in this process returned.
func Phone() string { return fmt.Sprintf("+1%010d", 2_000_000_000+phones.Add(1)) }

// Form is the fields of a lead, as a supplier sends them.
type Form map[string]any

// With returns the form with more fields: names and values in turn. A nil value takes a field away.
func (f Form) With(more ...any) Form {
	out := make(Form, len(f)+len(more)/2)
	maps.Copy(out, f)
	for i := 0; i < len(more); i += 2 {
		name, _ := more[i].(string)
		if out[name] = more[i+1]; more[i+1] == nil {
			delete(out, name)
		}
	}
	return out
}
