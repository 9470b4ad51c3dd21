package leadmill

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Client calls one server with one key. It may be used by many goroutines at once.
type Client struct {
	base     *url.URL
	key      string
	http     *http.Client
	attempts int
	longest  time.Duration
	onRetry  func(Retry)
}

// Option changes how a client works.
type Option func(*Client)

// WithHTTPClient sends requests with another client than one that waits a minute for each answer. It must wait for longer than 25
// seconds if events are read.
func WithHTTPClient(c *http.Client) Option { return func(client *Client) { client.http = c } }

// WithAttempts bounds how often a call is sent, five times when nothing is said. With 1 nothing is repeated.
func WithAttempts(n int) Option { return func(client *Client) { client.attempts = max(n, 1) } }

// WithLongestPause bounds the pause before a call is repeated, a minute when nothing is said. A call whose answer asks for a longer one
// is not repeated.
func WithLongestPause(d time.Duration) Option { return func(client *Client) { client.longest = d } }

// WithOnRetry calls f before each pause, such as to log it. Many goroutines may call it at once.
func WithOnRetry(f func(Retry)) Option { return func(client *Client) { client.onRetry = f } }

// Retry says why and when a call is repeated.
type Retry struct {
	Method, Path string // the path of the document, with the names of its parameters
	Attempt      int    // how often it was sent so far
	Err          error  // what became of the last attempt
	Pause        time.Duration
}

// New returns a client of the server at an address such as https://leads.example.com, with an API key.
func New(address, key string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("leadmill: %q is no http or https address", address)
	}
	c := &Client{base: base, key: key, http: &http.Client{Timeout: time.Minute}, attempts: 5, longest: time.Minute}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

// CallOption changes one call.
type CallOption func(*request)

// WithIdempotencyKey sends a call with a key of yours, 1 to 255 visible ASCII characters: a program that stores the key before it
// calls can call again after it was stopped. The answer of the first call is kept for 24 hours.
func WithIdempotencyKey(key string) CallOption { return func(r *request) { r.key = key } }

// WithHeader sends a header with a call, such as traceparent.
func WithHeader(name, value string) CallOption {
	return func(r *request) { r.header = append(r.header, [2]string{name, value}) }
}

// request is a call as the generated functions describe it.
type request struct {
	method, path string
	arguments    []string // what stands in the path for its parameters, in their order
	query        any      // a pointer to a struct, or nil
	body         any
	media        string // of a body that is []byte
	options      []CallOption

	key      string
	header   [][2]string
	tireless bool          // repeated until the context ends
	waited   time.Duration // for the outcome of a request that is in progress
}

// response is the answer of success.
type response struct {
	status int
	header http.Header
	body   []byte
}

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

func (r *request) encode(base *url.URL) (address string, body []byte, err error) {
	n := -1
	path := parameter.ReplaceAllStringFunc(r.path, func(string) string {
		n++
		return url.PathEscape(r.arguments[n])
	})
	for _, argument := range r.arguments {
		if argument == "" || argument == "." || argument == ".." {
			return "", nil, fmt.Errorf("leadmill: %s %s: %q names nothing", r.method, r.path, argument)
		}
	}
	address = base.String() + path
	if query := encodeQuery(r.query); query != "" {
		address += "?" + query
	}
	switch b := r.body.(type) {
	case nil:
	case []byte:
		body = b
	default:
		r.media = "application/json"
		if body, err = json.Marshal(b); err != nil {
			return "", nil, fmt.Errorf("leadmill: %s %s: %w", r.method, r.path, err)
		}
	}
	return address, body, nil
}

// encodeQuery returns the members of a struct that are not nil, under the names that their tags say.
func encodeQuery(of any) string {
	v := reflect.ValueOf(of)
	if !v.IsValid() || v.IsNil() {
		return ""
	}
	v = v.Elem()
	query := url.Values{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("form"), ",")
		member := v.Field(i)
		if member.Kind() == reflect.Pointer {
			if member.IsNil() {
				continue
			}
			member = member.Elem()
		}
		query.Set(name, fmt.Sprint(member.Interface()))
	}
	return query.Encode()
}

// do sends a request, again where that is safe, and returns the answer of success.
func (c *Client) do(ctx context.Context, r request) (*response, error) {
	for _, option := range r.options {
		option(&r)
	}
	address, body, err := r.encode(c.base)
	if err != nil {
		return nil, err
	}
	keyed := r.method == http.MethodGet || !takesNoKey(r.method, r.path)
	if keyed && r.key == "" && r.method != http.MethodGet {
		r.key = rand.Text()
	}
	for attempt := 1; ; attempt++ {
		answer, err := c.send(ctx, &r, address, body)
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("leadmill: %s %s: %w", r.method, r.path, err)
		}
		pause, again := c.again(&r, err, attempt, keyed)
		if !again {
			return nil, fmt.Errorf("leadmill: %s %s: %w", r.method, r.path, err)
		}
		if c.onRetry != nil {
			c.onRetry(Retry{Method: r.method, Path: r.path, Attempt: attempt, Err: err, Pause: pause})
		}
		if stopped := sleep(ctx, pause); stopped != nil {
			return nil, fmt.Errorf("leadmill: %s %s: %w, after %w", r.method, r.path, stopped, err)
		}
	}
}

func (c *Client) send(ctx context.Context, r *request, address string, body []byte) (*response, error) {
	var reader io.Reader
	if r.body != nil {
		reader = bytes.NewReader(body)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, address, reader)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+c.key)
	q.Header.Set("Accept", "application/json")
	q.Header.Set("User-Agent", "leadmill-go")
	if r.media != "" {
		q.Header.Set("Content-Type", r.media)
	}
	if r.key != "" {
		q.Header.Set("Idempotency-Key", r.key)
	}
	for _, h := range r.header {
		q.Header.Set(h[0], h[1])
	}
	answer, err := c.http.Do(q)
	if err != nil {
		return nil, connectionError{err}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, connectionError{err}
	}
	isJSON := strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json")
	if answer.StatusCode/100 != 2 || answer.StatusCode != http.StatusNoContent && !isJSON {
		return nil, newError(answer, text)
	}
	return &response{answer.StatusCode, answer.Header, text}, nil
}

// answered returns an answer as the document describes it.
func answered[T any](r *response, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(r.body, v); err != nil {
		return nil, fmt.Errorf("leadmill: an answer that the document does not describe, %d of %s: %w", r.status, r.header.Get("X-Request-Id"), err)
	}
	return v, nil
}

// retryAfter returns how long an answer asks to wait, in seconds or until a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
