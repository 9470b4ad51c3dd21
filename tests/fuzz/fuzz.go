// Package fuzz sends requests that are nearly right, wrong or hostile to every operation of the API, and says which of them were not answered
// as the OpenAPI document says.
//
// Stability: unsupported; it may change at any time.
package fuzz

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/tests/openapitest"
)

// Options say what is sent to whom.
type Options struct {
	URL  string // of the server
	Spec *openapitest.Spec
	// Keys makes a seller anew and returns its keys by the name of their scope in the document: requests revoke and change what is theirs.
	Keys func() map[string][]string
	Seed uint64
	// Requests is how many are sent, by Clients at a time, and Until when they end in any case; zero is never.
	Requests, Clients int
	Until             time.Time
}

// Result is what was answered.
type Result struct {
	Requests int
	Answers  map[int]int       // by status
	Done     map[string]int    // requests with an answer below 400, by operation
	Last     map[string]string // the last answer of 400 or above, by operation
	Wrong    []string          // at most 20 requests with what is wrong about their answers
}

// renewed is after how many requests of a client its seller is made anew.
const renewed = 500

// Run sends the requests. Every answer must be one that the document has, and none may be a 500 or a 503.
func Run(o Options) Result {
	all := Result{Answers: map[int]int{}, Done: map[string]int{}, Last: map[string]string{}}
	var mu sync.Mutex
	var clients sync.WaitGroup
	operations := slices.DeleteFunc(o.Spec.Operations(), openapitest.Operation.Endless)
	for n := range o.Clients {
		clients.Go(func() {
			c := client{o: o, v: &values{r: rand.New(rand.NewPCG(o.Seed, uint64(n)))}, operations: operations}
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			c.http = &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			for i := range (o.Requests + o.Clients - 1) / o.Clients {
				if !o.Until.IsZero() && time.Now().After(o.Until) {
					return
				}
				if i%renewed == 0 {
					c.renew()
				}
				operation, status, answer, wrong := c.send()
				mu.Lock()
				all.Requests++
				all.Answers[status]++
				if status > 0 && status < http.StatusBadRequest {
					all.Done[operation.ID]++
				} else {
					all.Last[operation.ID] = fmt.Sprintf("%d %.300s", status, answer)
				}
				if wrong != "" && len(all.Wrong) < 20 {
					all.Wrong = append(all.Wrong, wrong)
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return all
}

type client struct {
	o          Options
	v          *values
	http       *http.Client
	keys       map[string][]string
	operations []openapitest.Operation
}

// renew begins with other sellers, and looks at what they have.
func (c *client) renew() {
	c.keys, c.v.ids = c.o.Keys(), &ids{known: map[string][]string{}}
	for _, o := range c.operations {
		if o.Method != http.MethodGet || strings.Contains(o.Path, "{") || len(o.Scopes) == 0 {
			continue
		}
		for _, key := range c.keys[o.Scopes[0]] {
			r, err := http.NewRequest(o.Method, c.o.URL+o.Path, nil)
			if err != nil {
				continue
			}
			r.Header.Set("Authorization", "Bearer "+key)
			if answer, err := c.http.Do(r); err == nil {
				text, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				c.v.ids.learn(c.v, o.Path, string(text))
			}
		}
	}
}

var parameter = regexp.MustCompile(`\{([a-z_]+)\}`)

// send sends one request.
func (c *client) send() (o openapitest.Operation, status int, text, wrong string) {
	v := c.v
	o = pick(v, c.operations)
	path := parameter.ReplaceAllStringFunc(o.Path, func(name string) string {
		if v.one(8) {
			return url.PathEscape(v.text())
		}
		return url.PathEscape(v.ids.called(v, o.Path, strings.Trim(name, "{}")))
	})
	method := o.Method
	if v.one(60) {
		method = pick(v, []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"})
	}
	target := path
	if q := v.query(o.Query()); q != "" {
		target += "?" + q
	}
	var body io.Reader
	sent := ""
	contentType := "application/json"
	if o.CSV() && !v.one(20) {
		contentType, sent = "text/csv", v.csv()
	} else if example, err := o.Body(); err == nil && (example != nil || v.one(20)) {
		sent = v.body(example, o.Members())
	} else {
		contentType = ""
	}
	if contentType != "" {
		body = strings.NewReader(sent)
	}
	r, err := http.NewRequest(method, c.o.URL+target, body)
	if err != nil {
		return o, 0, "", "" // nothing that a client could send
	}
	c.head(r, o, contentType)
	answer, err := c.http.Do(r)
	if err != nil {
		return o, 0, "", fmt.Sprintf("%s %.300q: %v", method, target, err)
	}
	got, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	switch {
	case err != nil:
		wrong = err.Error()
	case answer.StatusCode >= http.StatusInternalServerError && answer.StatusCode != http.StatusNotImplemented:
		wrong = "is an error of the server"
	case answer.StatusCode == http.StatusRequestHeaderFieldsTooLarge: // refused before anything is read
	case method == o.Method && !strings.ContainsAny(path, ".%") && !strings.Contains(path, "//"): // otherwise another operation may be meant
		if err := c.o.Spec.Check(method, path, answer.StatusCode, answer.Header, got); err != nil {
			wrong = err.Error()
		}
	}
	v.ids.learn(v, o.Path, string(got))
	if wrong != "" {
		wrong = fmt.Sprintf("%s %.300q %.500q %.1000q is answered %d %.500s: %s", method, target, fmt.Sprint(r.Header), sent, answer.StatusCode, got, wrong)
	}
	return o, answer.StatusCode, string(got), wrong
}

// head writes the header of a request; contentType is that of its body, empty without one.
func (c *client) head(r *http.Request, o openapitest.Operation, contentType string) {
	v := c.v
	set := func(name, value string) {
		if !strings.ContainsFunc(value, func(b rune) bool { return b < ' ' || b == 0x7f }) {
			r.Header.Set(name, value)
		}
	}
	switch known := c.keys[pick(v, append(slices.Clone(o.Scopes), ""))]; {
	case len(known) > 0:
		set("Authorization", "Bearer "+pick(v, known))
	case len(o.Scopes) > 0 && !v.one(8):
		if known = c.keys[o.Scopes[0]]; len(known) > 0 {
			set("Authorization", "Bearer "+pick(v, known))
		}
	case v.one(3):
		set("Authorization", pick(v, []string{"Bearer ", "Bearer x", "Basic YTpi", "bearer lm_program_a_b", v.text()}))
	}
	if contentType != "" {
		set("Content-Type", contentType)
		if v.one(20) {
			set("Content-Type", pick(v, []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "application/json; charset=latin1", "application/xml", v.text()}))
		}
	}
	for name, value := range map[string]func() string{
		"Idempotency-Key": func() string { return pick(v, []string{"1", "2", "3", v.text()}) },
		"Accept": func() string {
			return pick(v, []string{"*/*", "text/html", "application/cloudevents-batch+json", "application/json;q=0", v.text()})
		},
		"Origin":          func() string { return pick(v, []string{"null", "https://yourcompany.com", "http://[", v.text()}) },
		"X-Forwarded-For": func() string { return pick(v, []string{"1.2.3.4", "::1, 2.3.4.5", v.text()}) },
		"Traceparent":     v.text,
	} {
		if v.one(10) {
			set(name, value())
		}
	}
}
