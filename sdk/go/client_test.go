package leadmill_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/api"
)

// script answers requests one after the other, and keeps them.
type script struct {
	mu       sync.Mutex
	answers  []func(http.ResponseWriter)
	requests []*http.Request
	bodies   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	n := min(len(s.requests), len(s.answers)) - 1
	s.mu.Unlock()
	s.answers[n](w)
}

func (s *script) keys() (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
	}
	return keys
}

func says(status int, body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cuts ends the connection after the request was read.
func cuts(http.ResponseWriter) { panic(http.ErrAbortHandler) }

const (
	partner  = `{"data":{"id":"partner_1"},"status":1}`
	busy     = `{"status":0,"message":"Service unavailable","code":"service_unavailable","request_id":"req_1"}`
	progress = `{"status":0,"message":"A request with this Idempotency-Key is in progress","code":"idempotency_in_progress","request_id":"req_1"}`
)

func play(t *testing.T, answers []func(http.ResponseWriter), options ...leadmill.Option) (*script, *leadmill.Client) {
	t.Helper()
	s := &script{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	options = append([]leadmill.Option{leadmill.WithLongestPause(time.Millisecond)}, options...)
	client, err := leadmill.New(server.URL+"/", "lm_program_x", options...)
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

func list[T any](all ...T) []T { return all }

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	ok := says(201, partner)
	for name, c := range map[string]struct {
		answers []func(http.ResponseWriter)
		sent    int
		fails   bool
	}{
		"at once":                         {list(ok), 1, false},
		"503":                             {list(says(503, busy), says(503, busy), ok), 3, false},
		"429":                             {list(says(429, busy), ok), 2, false},
		"a connection that is cut":        {list(cuts, cuts, ok), 3, false},
		"a proxy that lost the server":    {list(says(502, "<html>", "Content-Type", "text/html"), says(504, ""), ok), 3, false},
		"in progress":                     {list(cuts, says(409, progress), ok), 3, false},
		"five times and no more":          {list(says(503, busy)), 5, true},
		"not our fault":                   {list(says(500, busy), ok), 1, true},
		"not a refusal":                   {list(says(422, busy), ok), 1, true},
		"not sooner than the server asks": {list(says(429, busy, "Retry-After", "60"), ok), 1, true},
		"not a page of somebody else":     {list(says(200, "<html>", "Content-Type", "text/html"), ok), 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := play(t, c.answers)
			made, err := client.CreatePartner(t.Context(), api.PartnerInput{Email: "a@example.com"})
			if (err != nil) != c.fails || !c.fails && made.Data.Id != "partner_1" {
				t.Fatalf("answers %v, %v", made, err)
			}
			keys := s.keys()
			if len(keys) != c.sent || keys[0] == "" || len(slices.Compact(keys)) != 1 {
				t.Errorf("sent with %q, want one key %d times", keys, c.sent)
			}
			if s.bodies[0] != `{"email":"a@example.com"}` || len(slices.Compact(s.bodies)) != 1 {
				t.Errorf("sent %q", s.bodies)
			}
			if r := s.requests[0]; r.URL.Path != "/v1/partners" || r.Header.Get("Authorization") != "Bearer lm_program_x" {
				t.Errorf("asked %s as %s", r.URL, r.Header.Get("Authorization"))
			}
		})
	}
}

// The outcome of a call that the server is still at work on is waited for, but not for ever.
func TestTheOutcomeIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, client := play(t, list(says(409, progress), says(201, partner)), leadmill.WithAttempts(1))
	if _, err := client.CreatePartner(t.Context(), api.PartnerInput{Email: "a@example.com"}); err != nil || len(s.keys()) != 2 {
		t.Errorf("sent %d times: %v", len(s.keys()), err)
	}
	_, client = play(t, list(says(409, progress)))
	var last *leadmill.Error
	if _, err := client.CreatePartner(t.Context(), api.PartnerInput{Email: "a@example.com"}); !errors.As(err, &last) || last.Code != "idempotency_in_progress" {
		t.Errorf("ends with %v", err)
	}
}

func TestAKeyIsOfOneCall(t *testing.T) {
	t.Parallel()
	s, client := play(t, list(says(201, partner)))
	for range 2 {
		if _, err := client.CreatePartner(t.Context(), api.PartnerInput{Email: "a@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CreatePartner(t.Context(), api.PartnerInput{Email: "a@example.com"}, leadmill.WithIdempotencyKey("mine")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetPartner(t.Context(), "a b/c", nil); err != nil {
		t.Fatal(err)
	}
	keys := s.keys()
	if keys[0] == keys[1] || keys[2] != "mine" || keys[3] != "" {
		t.Errorf("sent with %q", keys)
	}
	if got := s.requests[3].URL.EscapedPath(); got != "/v1/partners/a%20b%2Fc" {
		t.Errorf("asked %s", got)
	}
}

// What takes no Idempotency-Key is sent again when the server refused it, but not when nobody knows whether it arrived.
func TestWhatTakesNoKeyIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	s, client := play(t, list(says(503, busy), cuts, says(200, `{}`)))
	_, err := client.TestDelivery(t.Context(), "camp_1", "ctr_1")
	if err == nil || len(s.keys()) != 2 || s.keys()[0] != "" {
		t.Errorf("sent %d times: %v", len(s.keys()), err)
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, client := play(t, list(says(429, busy, "Retry-After", "3600")), leadmill.WithLongestPause(2*time.Hour),
		leadmill.WithOnRetry(func(r leadmill.Retry) {
			if r.Attempt != 1 || r.Path != "/v1/partners" || r.Pause < time.Hour || r.Pause > time.Hour+time.Second {
				t.Errorf("pauses as %+v", r)
			}
			cancel()
		}))
	_, err := client.CreatePartner(ctx, api.PartnerInput{Email: "a@example.com"})
	var last *leadmill.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &last) || last.Code != "service_unavailable" || last.RetryAfter != time.Hour {
		t.Errorf("ends with %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		want   leadmill.Error
	}{
		"of /v1": {
			says(422, `{"status":0,"message":"The given data was invalid.","code":"validation_failed","errors":{"email":["Email already exists"]},"request_id":"req_1"}`),
			leadmill.Error{Status: 422, Code: "validation_failed", Message: "The given data was invalid.", RequestID: "req_1", Fields: map[string][]string{"email": {"Email already exists"}}},
		},
		"of /api": {
			says(400, `{"success":false,"error":"Wrong","code":"invalid_field","fields":["state","zip"],"errors":{"state":"is not a US state"},"hint":"Look","request_id":"req_2"}`),
			leadmill.Error{Status: 400, Code: "invalid_field", Message: "Wrong", Hint: "Look", RequestID: "req_2", Fields: map[string][]string{"state": {"is not a US state"}, "zip": nil}},
		},
		"of somebody else": {
			says(404, `<html>`, "Content-Type", "text/html", "X-Request-Id", "theirs"), leadmill.Error{Status: 404, RequestID: "theirs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := play(t, list(c.answer))
			_, err := client.ListBuyers(t.Context(), nil)
			var got *leadmill.Error
			if !errors.As(err, &got) {
				t.Fatalf("ends with %v", err)
			}
			if len(got.Body) == 0 || !strings.Contains(err.Error(), "GET /v1/buyers: ") || !strings.Contains(err.Error(), got.RequestID) {
				t.Errorf("says %v, body %q", err, got.Body)
			}
			got.Body = nil
			if !reflect.DeepEqual(*got, c.want) {
				t.Errorf("is %+v, want %+v", *got, c.want)
			}
		})
	}
}

func buyers(next string, ids ...string) func(http.ResponseWriter) {
	link := "null"
	if next != "" {
		link = `"https://leads.example.com/v1/buyers?limit=2&cursor=` + next + `"`
	}
	for i, id := range ids {
		ids[i] = fmt.Sprintf(`{"id":%q}`, id)
	}
	return says(200, fmt.Sprintf(`{"data":[%s],"links":{"first":"/v1/buyers","next":%s},"status":1}`, strings.Join(ids, ","), link))
}

func TestPages(t *testing.T) {
	t.Parallel()
	s, client := play(t, list(buyers("c%2B1", "a", "b"), buyers("c2", "c"), buyers("", "d")))
	all := client.EachBuyers(t.Context(), &api.ListBuyersParams{Limit: new(2), Page: new(1)})
	for range 2 { // an iterator begins anew
		s.mu.Lock()
		s.requests = nil
		s.mu.Unlock()
		var ids []string
		for b, err := range all {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, b.Id)
		}
		var asked []string
		for _, r := range s.requests {
			asked = append(asked, r.URL.RawQuery)
		}
		if got := fmt.Sprint(ids, asked); got != "[a b c d] [limit=2&page=1 cursor=c%2B1&limit=2 cursor=c2&limit=2]" {
			t.Errorf("goes through %s", got)
		}
	}
	s.requests = nil
	for _, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if len(s.requests) != 1 {
		t.Errorf("a loop that ends early asks %d times", len(s.requests))
	}

	_, client = play(t, list(buyers("c1", "a"), says(403, busy)))
	seen, failed := 0, 0
	for _, err := range client.EachBuyers(t.Context(), nil) {
		if seen++; err != nil {
			failed++
		}
	}
	if seen != 2 || failed != 1 {
		t.Errorf("a page that fails: %d of %d", failed, seen)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "leads.example.com", "ftp://leads.example.com", "https://", "://"} {
		if _, err := leadmill.New(address, "key"); err == nil {
			t.Errorf("takes %q", address)
		}
	}
	_, client := play(t, list(says(200, `{}`)))
	for _, id := range []string{"", ".", ".."} {
		if _, err := client.GetBuyer(t.Context(), id); err == nil {
			t.Errorf("asks for buyer %q", id)
		}
	}
}
