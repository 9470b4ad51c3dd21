package markethttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestSubjectAccess(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/subject-access?email=John.Doe%40email.com", Key: "program"})
	const at = `"created_at":"2025-04-30T16:44:13.000000Z"`
	const want = `{"seller":"ACME1234",` + at + `,"customers":[{"id":"customer_1","key":"c-1","email":"john.doe@email.com","name":"John","surname":"Doe","tags":[],"status":"active","partner":"partner_123",` + at + `,"updated_at":"2025-04-30T16:44:13.000000Z"}],` +
		`"partners":[],"mails":[{"recipient":"john.doe@email.com","kind":"invitation","due_at":"2025-04-30T16:44:13.000000Z"}],"suppressions":[],` +
		`"leads":[{"id":"lead_1","origin":"supplier","status":"sold","category":"Auto Insurance","partner_id":"partner_123","external_id":"x","test":true,` + at + `,"updated_at":"2025-04-30T16:44:13.000000Z","fields":{"a":"\"q\"","b":1.50,"c":true,"d":null,"e":[1,{"x":2}]},` +
		`"sales":[{"id":"sale_1","buyer_id":"buyer_1","buyer_name":"Best Insurance","status":"captured","price":45.00,"currency":"USD","sold_at":"2025-04-30T16:44:13.000000Z"}],"form":{"number":7,"status":"converted","name":"John Doe","email":"john.doe@email.com","answers":[{"question":"Q","answer":"A"}],"customer_id":"customer_1"}},` +
		`{"id":"lead_2","origin":"form","test":false,` + at + `,"updated_at":"2025-04-30T16:44:13.000000Z","fields":{},"sales":[]}],"claims":2,"complete":true}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="subject-access.json"` {
		t.Errorf("Content-Disposition %q", got)
	}
	if asked := a.Take().(marketquery.SubjectAccess); asked.Email != "John.Doe@email.com" || asked.Phone != "" || asked.SellerID != "seller_1" {
		t.Errorf("asked for %+v", asked)
	}
	if asked := a.SentBy(porttest.Request{Method: "GET", Path: "/v1/subject-access?phone=%2B1+555-123-4567"}).(marketquery.SubjectAccess); asked.Phone != "+1 555-123-4567" {
		t.Errorf("asked for %+v", asked)
	}
	refused := newApp(t)
	refused.Fail = fault.ErrValidation.With(fault.Violation{Field: "phone", Code: fault.InvalidValue, Message: "must have 7 to 15 digits"})
	if w := refused.Do(porttest.Request{Method: "GET", Path: "/v1/subject-access?phone=1", Key: "program"}); w.Code != 422 || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// lists answers so many leads to everybody, and then an error.
func lists(n int, err error) func(*porttest.App, *Handlers) {
	return func(_ *porttest.App, h *Handlers) {
		h.SubjectAccess = bus.HandlerFunc[marketquery.SubjectAccess, marketquery.SubjectHeld](func(_ context.Context, q marketquery.SubjectAccess) (marketquery.SubjectHeld, error) {
			for range n {
				if err := q.Tell(marketquery.Held{Lead: &marketquery.SubjectLead{MarketplaceLead: sampleLead}}); err != nil {
					return marketquery.SubjectHeld{}, err
				}
			}
			return marketquery.SubjectHeld{}, err
		})
	}
}

// A large file is sent in pieces, and one that cannot be finished is cut off.
func TestALargeFileIsSentInPieces(t *testing.T) {
	t.Parallel()
	const path = "/v1/subject-access?phone=5551234567"
	a := newAppWith(t, lists(2000, nil))
	w := a.Do(porttest.Request{Method: "GET", Path: path, Key: "program"})
	var file struct {
		Leads    []any
		Complete bool
	}
	if err := json.Unmarshal(w.Body.Bytes(), &file); err != nil || len(file.Leads) != 2000 || file.Complete || !w.Flushed && w.Header().Get("Content-Length") != "" {
		t.Errorf("%d leads, %v", len(file.Leads), err)
	}
	if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("Content-Disposition %q", got)
	}
	for n, want := range map[int]int{1: 503, 2000: 0} {
		a := newAppWith(t, lists(n, application.ErrUnavailable))
		a.Clock.Set(time.Now()) // which the deadlines of the connection are reckoned by
		url, stop, done := a.Serve()
		status, _, err := a.Get(url + path)
		if want == 0 && err == nil || want != 0 && status != want {
			t.Errorf("a file of %d leads that fails is answered %d, %v", n, status, err)
		}
		stop()
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

func TestSubjectsAreNotLogged(t *testing.T) {
	t.Parallel()
	requests := []porttest.Request{}
	for _, key := range []string{"program", "nobody"} {
		requests = append(requests,
			porttest.Request{Method: "GET", Path: "/v1/subject-access?email=" + porttest.Canary + "&phone=1", Key: key},
			porttest.Request{Method: "GET", Path: "/v1/subject-access?email=" + porttest.Canary, Key: key},
			porttest.Request{Path: "/v1/erasures", Key: key, Body: `{"email":"` + porttest.Canary + `"}`},
			porttest.Request{Path: "/v1/erasures", Key: key, Body: `{"email":"x` + porttest.Canary + `x@","phone":"` + porttest.Canary + `"}`})
	}
	porttest.CheckNoPersonalData(t, newApp(t), requests)
	broken := newApp(t)
	broken.Fail = errors.New(porttest.Canary)
	porttest.CheckNoPersonalData(t, broken, requests)
}
