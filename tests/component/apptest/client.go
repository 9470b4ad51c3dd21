package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/openapitest"
)

var spec = sync.OnceValues(func() (*openapitest.Spec, error) { return openapitest.Load(httpport.OpenAPI()) })

// Spec returns the document of the API.
func Spec(t testing.TB) *openapitest.Spec {
	t.Helper()
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Client sends requests with one API key.
type Client struct {
	URL, Key string
	http     *http.Client
	plain    http.RoundTripper
}

// Client returns a client of the app with a key. Each answer must be one that openapi.yaml documents.
func (a *App) Client(t testing.TB, key string) *Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	t.Cleanup(transport.CloseIdleConnections)
	// A second mistake would only repeat the first, and tests under load make thousands.
	var told atomic.Int64
	report := func(err error) {
		if told.Add(1) <= 5 {
			t.Errorf("not as openapi.yaml says: %v", err)
		}
	}
	return &Client{URL: a.URL, Key: key, plain: transport, http: &http.Client{Transport: Spec(t).Transport(transport, report), Timeout: time.Minute}}
}

// With returns the client with another key.
func (c *Client) With(key string) *Client {
	other := *c
	other.Key = key
	return &other
}

// Unchecked returns a client that does not compare answers with openapi.yaml: that costs more than the answers themselves,
// which load tests cannot pay.
func (c *Client) Unchecked() *Client {
	other := *c
	other.http = &http.Client{Transport: c.plain, Timeout: time.Minute}
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

// Replayed reports whether the answer is that of an earlier request.
func (a Answer) Replayed() bool { return a.Header.Get("Idempotent-Replayed") == "true" }

// Lead is the answer to a lead.
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

// Refusal is an error as the program's API writes it.
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
func (a Answer) Object() map[string]any {
	var body struct {
		Data map[string]any `json:"data"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return nil
	}
	return body.Data
}

// Data is Object of an answer that must have one.
func (a Answer) Data(t testing.TB) map[string]any {
	t.Helper()
	data := a.Object()
	if data == nil {
		t.Fatalf("no object in the answer %v", a)
	}
	return data
}

// List reads the member "data" of a list.
func (a Answer) List(t testing.TB) []map[string]any {
	t.Helper()
	var body struct {
		Data []map[string]any `json:"data"`
	}
	if err := json.Unmarshal(a.Body, &body); err != nil || body.Data == nil {
		t.Fatalf("no list in the answer %v", a)
	}
	return body.Data
}

// Do sends a request. The body is a string as it is, or a value as JSON, or nil. Headers come in pairs.
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

// Insist sends a request, and again while none or a 503 answers, at most until Patience ends: for tests of what many requests
// at once do, which a machine under load does not answer in the server's time. The request must be one that takes effect
// once however often it is sent, as every lead is.
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

// Must sends a request whose answer must be a success.
func (c *Client) Must(t testing.TB, method, path string, body any, headers ...string) Answer {
	t.Helper()
	a := c.Do(method, path, body, headers...)
	if a.Err != nil || a.Status < 200 || a.Status > 299 {
		t.Fatalf("%s %s: %v", method, path, a)
	}
	return a
}

// RequestID finds the ids of requests in answers.
var RequestID = regexp.MustCompile(`req_[0-9A-Z]{26}`)

// Fill puts ids into the parameters of a path of openapi.yaml.
func Fill(path string, ids map[string]string) string {
	for name, id := range ids {
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	return path
}

var phones atomic.Int64

// Phone returns a phone number that no other call in this process returned, in E.164.
func Phone() string { return fmt.Sprintf("+1%010d", 2_000_000_000+phones.Add(1)) }

// Form is the fields of a lead.
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
