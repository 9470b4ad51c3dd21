package market_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// suppress adds a suppression and returns it.
func suppress(t *testing.T, s *apptest.Shop, kind, value string) apptest.Object {
	t.Helper()
	a := s.Program.Must(t, "POST", "/v1/suppressions", apptest.Object{"kind": kind, "value": value})
	if a.Status != 201 {
		t.Fatalf("answered %s", a)
	}
	return a.Data(t)
}

// bodyOf reads the whole body of an answer.
func bodyOf(t *testing.T, a apptest.Answer) (body map[string]any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatalf("answered %s", a)
	}
	return body
}

// A lead of somebody whom the seller suppresses is rejected, whichever field names the person and however it is written, before it takes
// a claim, also a test lead; another seller's are not touched.
func TestSuppressedLeadsAreRejected(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		campaign := apptest.Object{"fields": []apptest.Object{{"name": "mobile", "type": "phone"}}}
		s, other := apptest.NewShop(t, app, campaign, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich)
		free, another := "+12125550001", "+12125550002"
		person := func(phone, email string, more ...any) apptest.Form {
			return s.Form().With("phone", phone).With("email", email).With(more...)
		}
		if l := s.Sell(t, person(apptest.Phone(), "before@mail.x.example")); l.Status != "sold" {
			t.Fatalf("before it is %v", l)
		}
		phone := suppress(t, s, "phone", "(212) 555-0001")
		if phone["value"] != "*******0001" {
			t.Errorf("the phone is shown as %v", phone["value"])
		}
		if again := suppress(t, s, "phone", free); again["id"] != phone["id"] {
			t.Errorf("the same phone is %v and %v", phone, again)
		}
		suppress(t, s, "email", "John.Doe@Free.Example")
		suppress(t, s, "domain", "@X.example")
		for what, form := range map[string]apptest.Form{
			"phone":              person(free, "a@free.example"),
			"phone, as written":  person("1 212 555 0001", ""),
			"another field":      person(apptest.Phone(), "", "mobile", free),
			"email":              person(apptest.Phone(), "JOHN.DOE@free.example"),
			"domain":             person(apptest.Phone(), "b@x.example"),
			"sub-domain":         person(apptest.Phone(), "b@mail.x.example"),
			"deep sub-domain":    person(apptest.Phone(), "b@"+strings.Repeat("a.", 120)+"x.example"),
			"test":               person(free, "c@free.example", "test", true),
			"phone, with ext id": person(free, "d@free.example", "external_id", "one"),
		} {
			l := s.Sell(t, form)
			if l.Status != "rejected" || l.Code != "suppressed" || l.Success {
				t.Errorf("%s: %+v", what, l)
			}
			if shown := s.Lead(t, l.ID); shown["code"] != "suppressed" || shown["sales"] != nil && len(shown["sales"].([]any)) > 0 {
				t.Errorf("%s: %v", what, shown)
			}
		}
		for what, form := range map[string]apptest.Form{
			"another":           person(another, "jane@free.example"),
			"a similar domain":  person(apptest.Phone(), "b@notx.example"),
			"a domain above it": person(apptest.Phone(), "b@example"+".com"),
		} {
			if l := s.Sell(t, form); l.Status != "sold" {
				t.Errorf("%s: %+v", what, l)
			}
		}
		if l := other.Sell(t, other.Form().With("phone", free)); l.Status != "sold" {
			t.Errorf("another seller's lead is %+v", l)
		}

		// Given up, the person may be sent: the rejected leads took no claims.
		if a := s.Program.Do("DELETE", fmt.Sprint("/v1/suppressions/", phone["id"]), nil); a.Status != 204 {
			t.Errorf("answered %s", a)
		}
		if a := s.Program.Do("DELETE", "/v1/suppressions", apptest.Object{"kind": "email", "value": "john.doe@free.example"}); a.Status != 204 {
			t.Errorf("answered %s", a)
		}
		if l := s.Sell(t, person(free, "john.doe@free.example", "external_id", "one")); l.Status != "sold" {
			t.Errorf("afterwards it is %+v", l)
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
	})
}

// The list is paged and filtered, holds no values, and tells each seller of its own only.
func TestSuppressionsAreListed(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s, other := apptest.NewShop(t, app, nil), apptest.NewShop(t, app, nil)
		var ids []string
		for i := range 5 {
			ids = append(ids, suppress(t, s, "phone", fmt.Sprint("+1212555010", i))["id"].(string))
		}
		suppress(t, s, "email", "john.doe@secret.example")
		suppress(t, s, "domain", "x.example")
		first := s.Program.Must(t, "GET", "/v1/suppressions?kind=phone&limit=3", nil)
		if list := first.List(t); len(list) != 3 || list[0]["id"] != ids[4] || list[0]["value"] != "*******0104" {
			t.Errorf("the list is %v", list)
		}
		next := bodyOf(t, first)["links"].(map[string]any)["next"].(string)
		_, path, _ := strings.Cut(next, "/v1/")
		if list := s.Program.Must(t, "GET", "/v1/"+path, nil).List(t); len(list) != 2 || list[1]["id"] != ids[0] {
			t.Errorf("the second page is %v", list)
		}
		if list := s.Program.Must(t, "GET", "/v1/suppressions?kind=email", nil).List(t); len(list) != 1 || list[0]["value"] != "j***@secret.example" {
			t.Errorf("the emails are %v", list)
		}
		if list := other.Program.Must(t, "GET", "/v1/suppressions", nil).List(t); len(list) != 0 {
			t.Errorf("another seller sees %v", list)
		}
		for _, refused := range []struct {
			method, path string
			body         any
			status       int
			code         string
		}{
			{"GET", "/v1/suppressions?kind=fax", nil, 422, ""},
			{"GET", "/v1/suppressions?value=x", nil, 422, ""},
			{"POST", "/v1/suppressions", apptest.Object{"kind": "phone", "value": "12"}, 422, ""},
			{"POST", "/v1/suppressions", apptest.Object{"kind": "email", "value": "nobody"}, 422, ""},
			{"POST", "/v1/suppressions", apptest.Object{"kind": "domain", "value": "localhost"}, 422, ""},
			{"POST", "/v1/suppressions", apptest.Object{"value": "a@b.example"}, 422, ""},
			{"DELETE", "/v1/suppressions/" + ids[0] + "x", nil, 404, "suppression_not_found"},
			{"DELETE", "/v1/suppressions", apptest.Object{"kind": "phone", "value": "+12125559999"}, 404, "suppression_not_found"},
		} {
			if a := s.Program.Do(refused.method, refused.path, refused.body); a.Status != refused.status || refused.code != "" && a.Refusal().Code != refused.code {
				t.Errorf("%s %s %v is answered %s", refused.method, refused.path, refused.body, a)
			}
		}
		if a := other.Program.Do("DELETE", "/v1/suppressions/"+ids[0], nil); a.Status != 404 {
			t.Errorf("another seller's is answered %s", a)
		}
	})
}

// Whoever is suppressed while a lead waits for a buyer is not sold; the claims go back.
func TestAPendingLeadIsSuppressed(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: clock.NewManual(time.Now())})
		s := apptest.NewShop(t, app, nil, apptest.Buyer{Deposit: 0, Contract: apptest.Object{"price": 10.00}})
		phone := apptest.Phone()
		l := s.Sell(t, s.Form().With("phone", phone))
		if l.Status != "pending" {
			t.Fatalf("it is %+v", l)
		}
		id := suppress(t, s, "phone", phone)["id"]
		s.Deposit(t, s.BuyerIDs[0], 1000)
		apptest.Eventually(t, func() error {
			if shown := s.Lead(t, l.ID); shown["status"] != "rejected" || shown["code"] != "suppressed" {
				return fmt.Errorf("the lead is %v", shown)
			}
			return nil
		})
		s.Program.Must(t, "DELETE", fmt.Sprint("/v1/suppressions/", id), nil)
		if l := s.Sell(t, s.Form().With("phone", phone, "city", "Reno")); l.Status != "sold" { // not the same request again
			t.Errorf("afterwards it is %+v", l)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

// What is shown of an erased person goes, and the person stays suppressed; a file for the person tells of it before.
func TestErasedPersonsStaySuppressed(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		suppress(t, s, "email", "jane@free.example")
		suppress(t, s, "domain", "x.example")
		file := bodyOf(t, s.Program.Must(t, "GET", "/v1/subject-access?email=JANE@free.example", nil))
		if list, _ := file["suppressions"].([]any); len(list) != 1 {
			t.Errorf("the file holds %v", file["suppressions"])
		}
		erase(t, app, s, apptest.Object{"email": "Jane@free.example"})
		for _, l := range s.Program.Must(t, "GET", "/v1/suppressions", nil).List(t) {
			want := map[any]any{"email": "", "domain": "x.example"}[l["kind"]]
			if l["value"] != want {
				t.Errorf("after the erasure it is %v", l)
			}
		}
		if l := s.Sell(t, s.Form().With("email", "jane@free.example")); l.Code != "suppressed" {
			t.Errorf("she is %+v", l)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
