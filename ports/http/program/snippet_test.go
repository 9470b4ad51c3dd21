package programhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/tests/porttest"
)

// fromShop is what a browser adds on a page of the site's.
var fromShop = http.Header{"Origin": {"https://shop.example"}, "Content-Type": {"text/plain;charset=UTF-8"}}

// sent is a request as the script sends it.
func sent(a *porttest.App, path, body string) *httptest.ResponseRecorder {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	return a.Do(porttest.Request{Method: method, Path: path, Header: fromShop, Body: body})
}

func TestThePageLearnsParameterAndLifetime(t *testing.T) {
	t.Parallel()
	w := sent(newApp(t), "/track/x1", "")
	if w.Code != http.StatusOK || w.Body.String() != `{"data":{"link_parameter":"aff","cookie_lifetime":45},"status":1}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{"Access-Control-Allow-Origin": "https://shop.example", "Vary": "Origin", "Cache-Control": "no-store"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := w.Header().Get("Access-Control-Allow-Credentials"); got != "" {
		t.Errorf("cookies are allowed: %s", got)
	}
}

func TestAPageViewIsAVisitOfTheSellersLink(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if w := sent(a, "/track/x1/clicks", `{"key":"ref_123"}`); w.Code != http.StatusOK || w.Body.String() != `{"status":1}` || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	got := a.Take().(programcommand.FollowLink)
	got.Trail = application.Trail{}
	if d := gocmp.Diff(programcommand.FollowLink{SellerCode: "ACME1234", Key: "ref_123", Page: true, Count: true, Address: "192.0.2.1"}, got); d != "" {
		t.Error(d)
	}
}

func TestASignUpAsTheScriptSendsIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 5, 2, 16, 12, 39, 0, time.UTC)
	for body, want := range map[string]programcommand.SignUpCustomer{
		`{"partner":{"key":"ref_123"},"options":{"clicked_at":"2025-05-02T16:12:39Z"},"customer":{"key":"account_1","email":"alice@example.com","name":"Alice","surname":"Brown"}}`: {Key: "account_1", Email: "alice@example.com", Name: "Alice", Surname: "Brown", ReferralKey: "ref_123", ClickedAt: at},
		`{"partner":{"key":"ref_123"},"options":{"clicked_at":null},"customer":{"email":"alice@example.com"}}`:                                                                      {Email: "alice@example.com", ReferralKey: "ref_123"},
		`{"partner":{"key":"ref_123"},"key":17,"plan":"pro","tags":["vip"]}`:                                                                                                        {Key: "17", ReferralKey: "ref_123"},
		`{"partner":{"key":"ref_123","id":"partner_9","email":"x@y.example"},"key":"a"}`:                                                                                            {Key: "a", ReferralKey: "ref_123"},
	} {
		a := newApp(t)
		if w := sent(a, "/track/x1/customers", body); w.Code != http.StatusOK || w.Body.String() != `{"status":1}` || w.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" {
			t.Errorf("%s: %d %s %v", body, w.Code, w.Body, w.Header())
		}
		got := a.Take().(programcommand.SignUpCustomer)
		if got.Actor.KeyID != "kw" || got.Actor.SellerID != "seller_1" {
			t.Errorf("sent by %+v", got.Actor)
		}
		got.Actor = application.Actor{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
}

// A sale that a page sends with its customer is never dropped without a word.
func TestASignUpWithASaleIsNotSupportedYet(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := sent(a, "/track/x1/customers", `{"partner":{"key":"ref_123"},"customer":{"key":"account_1","transaction":{"amount":10}}}`)
	if w.Code != 422 || porttest.CodeIn(t, w) != string(fault.NotSupported) || a.Calls != 0 {
		t.Errorf("%d %s, %d calls", w.Code, w.Body, a.Calls)
	}
}

func TestSignUpsThatAreWrong(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		"x": 415, "[]": 415, `{"partner":{"key":"ref_123"},"key":true}`: 422, `{"partner":{"key":"ref_123"},"email":1}`: 422,
		`{"partner":{},"key":"a"}`: 422, `{"a":1,"a":2}`: 400, `{"partner":{"key":"r"},"email":"` + strings.Repeat("x", 64<<10) + `"}`: 413,
	} {
		a := newApp(t)
		if w := sent(a, "/track/x1/customers", body); w.Code != want && len(body) < 1000 || a.Calls > 0 && want != 422 {
			t.Errorf("%.80s: %d %s", body, w.Code, w.Body)
		}
	}
}

// Whoever sees the page could ask who is a customer, were the answer another one.
func TestTheAnswerToASignUpDoesNotSayWhoIsACustomer(t *testing.T) {
	t.Parallel()
	made := sent(newApp(t), "/track/x1/customers", `{"partner":{"key":"ref_123"},"key":"account_1"}`)
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.SignUpCustomer = porttest.Answers[programcommand.SignUpCustomer](a, programcommand.SignedUp{Refused: fault.New(fault.RuleViolated, "self_referral", "alice@example.com")}, nil)
	})
	refused := sent(a, "/track/x1/customers", `{"partner":{"key":"ref_123"},"key":"account_1","email":"alice@example.com"}`)
	if made.Code != refused.Code || made.Body.String() != refused.Body.String() || fmt.Sprint(made.Header()) != fmt.Sprint(refused.Header()) {
		t.Errorf("%d %s %v, but %d %s %v", made.Code, made.Body, made.Header(), refused.Code, refused.Body, refused.Header())
	}
	log := a.Logged()
	if !strings.Contains(log, `"a sign-up made no customer"`) || !strings.Contains(log, "self_referral") || strings.Contains(log, "alice") || strings.Contains(log, "account_1") {
		t.Error(log)
	}
}

func TestOnlyPagesOfTheKeysOriginsAreLetOn(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/track/x1", "/track/x1/clicks", "/track/x1/customers"} {
		for _, origins := range [][]string{
			nil,
			{""},
			{"null"},
			{"*"},
			{"https://evil.example"},
			{"http://shop.example"},
			{"https://shop.example:8443"},
			{"https://sub.shop.example"},
			{"https://shop.example.evil.example"},
			{"https://shop.example/"},
			{"https://shop.example", "https://evil.example"},
			{"https://shop.example https://evil.example"},
		} {
			a := newApp(t)
			r := porttest.Request{Method: http.MethodPost, Path: path, Header: http.Header{"Origin": origins}, Body: `{"key":"ref_123","partner":{"key":"ref_123"}}`}
			if path == "/track/x1" {
				r.Method, r.Body = http.MethodGet, ""
			}
			if origins == nil {
				r.Header = nil
			}
			w := a.Do(r)
			if w.Code != http.StatusForbidden || porttest.CodeIn(t, w) != "origin_not_allowed" || w.Header().Get("Access-Control-Allow-Origin") != "" || a.Calls > 0 {
				t.Errorf("%s from %q: %d %s %v", path, origins, w.Code, w.Body, w.Header())
			}
		}
	}
}

// A key that may do more must not be in a page, so it is none there; and a site key is none anywhere else.
func TestOnlySiteKeysBelongInPages(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"program", "supplier", "admin", "reports", "nobody", "a%2Fb"} {
		if w := sent(newApp(t), "/track/"+key, ""); w.Code != http.StatusUnauthorized || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", key, w.Code, w.Header())
		}
	}
	a := newApp(t)
	for _, o := range porttest.Operations(t, "openapi*.yaml") {
		if len(o.Scopes) == 0 {
			continue
		}
		w := a.Do(porttest.Request{Method: o.Method, Path: strings.NewReplacer("{", "", "}", "").Replace(o.Path), Key: "x1", Header: http.Header{"Origin": fromShop["Origin"]}})
		if w.Code != http.StatusForbidden || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s with a site key: %d %s", o.Method, o.Path, w.Code, w.Body)
		}
	}
	if a.Calls > 0 {
		t.Error("the application was asked")
	}
	if w := sent(newApp(t), "/track/broken", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without a database: %d", w.Code)
	}
}

func TestSignUpsOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	signUp := func(address string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/track/x1/customers", strings.NewReader(`{"partner":{"key":"ref_123"},"key":"a"}`))
		r.RemoteAddr, r.Header = address, fromShop.Clone()
		w := httptest.NewRecorder()
		a.Server.ServeHTTP(w, r)
		return w
	}
	for i := range 10 {
		if w := signUp("192.0.2.1:1"); w.Code != http.StatusOK {
			t.Fatalf("sign-up %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	if w := signUp("192.0.2.1:2"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "60" || w.Header().Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("one more: %d %s %v", w.Code, w.Body, w.Header())
	}
	if w := signUp("192.0.2.2:1"); w.Code != http.StatusOK {
		t.Errorf("from elsewhere: %d", w.Code)
	}
	if w := sent(a, "/track/x1/clicks", `{"key":"ref_123"}`); w.Code != http.StatusOK {
		t.Errorf("a page view: %d", w.Code)
	}
	a.Clock.Advance(time.Minute)
	if w := signUp("192.0.2.1:1"); w.Code != http.StatusOK {
		t.Errorf("a minute later: %d", w.Code)
	}
}

func TestGuessersOfSiteKeysWait(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for i := range 61 {
		want := http.StatusUnauthorized
		if i == 60 {
			want = http.StatusTooManyRequests
		}
		if w := sent(a, fmt.Sprintf("/track/guess%d", i), ""); w.Code != want {
			t.Fatalf("guess %d: %d", i+1, w.Code)
		}
	}
	if w := sent(a, "/track/x1", ""); w.Code != http.StatusOK {
		t.Errorf("who has a key: %d", w.Code)
	}
}

// What goes wrong is told to the page that may ask, without the cause.
func TestErrorsOfTheScriptsRequests(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{application.ErrUnavailable: 503, errors.New("alice@example.com"): 500, fault.New(fault.RuleViolated, "unknown_partner", "Unknown partner."): 400} {
		for _, path := range []string{"/track/x1/clicks", "/track/x1/customers"} {
			a := newApp(t)
			a.Fail = err
			w := sent(a, path, `{"key":"ref_123","partner":{"key":"ref_123"}}`)
			if w.Code != want || w.Header().Get("Access-Control-Allow-Origin") == "" || strings.Contains(w.Body.String()+a.Logged(), "alice") || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	}
}
