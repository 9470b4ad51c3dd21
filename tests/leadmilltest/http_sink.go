package leadmilltest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// HTTPSink is a server that stands for whatever Leadmill or a team's reaction calls: it remembers each request, and fails or
// hangs when the test says so. It is safe for concurrent use.
type HTTPSink struct {
	URL string // without a slash at its end

	mu       sync.Mutex
	requests []HTTPRequest
	answer   sinkAnswer
	failures int
	status   int
	hanging  chan struct{} // closed by Release; nil when nothing hangs
}

type sinkAnswer struct {
	status            int
	contentType, body string
}

// HTTPRequest is one request that a sink received.
type HTTPRequest struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
	Body         []byte
	Status       int // what it was answered; 0 while it hangs, and when its client went away before
}

// Key is what names the request to whoever must do it once: its Idempotency-Key, else its Webhook-Id, else nothing.
func (r HTTPRequest) Key() string {
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		return key
	}
	return r.Header.Get("Webhook-Id")
}

// NewHTTPSink starts a sink on a free port of the loopback interface, until the test ends. It answers 200 without a body.
func NewHTTPSink(t testing.TB) *HTTPSink {
	t.Helper()
	s := &HTTPSink{answer: sinkAnswer{status: http.StatusOK}}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		s.Release()
		server.Close()
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *HTTPSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	s.mu.Lock()
	i, hanging := len(s.requests), s.hanging
	s.requests = append(s.requests, HTTPRequest{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), Body: body,
	})
	s.mu.Unlock()
	if hanging != nil {
		select {
		case <-hanging:
		case <-r.Context().Done():
			return
		}
	}
	answer := s.next(i)
	if answer.contentType != "" {
		w.Header().Set("Content-Type", answer.contentType)
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// next returns what a request is answered, and notes it before the client can know.
func (s *HTTPSink) next(request int) sinkAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.answer
	if s.failures != 0 {
		s.failures--
		answer = sinkAnswer{status: s.status}
	}
	s.requests[request].Status = answer.status
	return answer
}

// Answer sets what requests are answered from now on, when they do not fail.
func (s *HTTPSink) Answer(status int, contentType, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = sinkAnswer{status, contentType, body}
}

// Fail answers the next n requests with a status; a negative n, all requests until Recover.
func (s *HTTPSink) Fail(status, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.failures = status, n
}

// Recover ends a Fail.
func (s *HTTPSink) Recover() { s.Fail(0, 0) }

// Hang leaves requests that come from now on without an answer until Release, or until their client goes away.
func (s *HTTPSink) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hanging == nil {
		s.hanging = make(chan struct{})
	}
}

// Release ends a Hang: the requests that wait are answered.
func (s *HTTPSink) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hanging != nil {
		close(s.hanging)
		s.hanging = nil
	}
}

// Requests returns the requests so far, in the order in which they came.
func (s *HTTPSink) Requests() []HTTPRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// WaitFor waits until at least n requests have come and returns them all, in the order in which they came.
func (s *HTTPSink) WaitFor(t testing.TB, n int) []HTTPRequest {
	t.Helper()
	var found []HTTPRequest
	Eventually(t, func() error {
		if found = s.Requests(); len(found) < n {
			return fmt.Errorf("%d requests came, want %d", len(found), n)
		}
		return nil
	})
	return found
}

// Counts returns how many requests came with each key; see [HTTPRequest.Key].
func (s *HTTPSink) Counts() map[string]int { return s.count(func(HTTPRequest) bool { return true }) }

// Accepted returns how many requests with each key were answered with a success: each key once is what "exactly once" looks
// like from here.
func (s *HTTPSink) Accepted() map[string]int {
	return s.count(func(r HTTPRequest) bool { return r.Status >= 200 && r.Status <= 299 })
}

func (s *HTTPSink) count(which func(HTTPRequest) bool) map[string]int {
	counts := map[string]int{}
	for _, r := range s.Requests() {
		if which(r) {
			counts[r.Key()]++
		}
	}
	return counts
}
