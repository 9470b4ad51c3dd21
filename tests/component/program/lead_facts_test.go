package program_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// doNotCall is a provider of facts that lists one last name, and counts how often it was asked.
type doNotCall struct{ asked *atomic.Int64 }

func (doNotCall) Name() string           { return "do_not_call" }
func (doNotCall) Timeout() time.Duration { return 5 * time.Second }
func (d doNotCall) Ask(_ context.Context, f lead.Facts) (field.Set, error) {
	d.asked.Add(1)
	if f.Origin != lead.OriginForm || f.PartnerID == "" {
		return nil, errors.New("these are not the facts of a form lead")
	}
	if f.Field("lastName").Text == "Listed" {
		return field.Set{"listed": field.TextValue("yes")}, nil
	}
	return field.Set{}, nil
}

// callable is a rule that refuses who is listed, and cannot tell without an answer or while it is down.
type callable struct{ down *atomic.Bool }

func (callable) Code() fault.Code { return "test_callable" }
func (callable) Order() int       { return 2 }
func (c callable) Check(f lead.Facts) error {
	switch a, ok := f.Outside("do_not_call"); {
	case !ok || c.down.Load():
		return fault.New(fault.Unavailable, "test_down", "Not now.")
	case a.Text("listed") != "":
		return errors.New("must not be called")
	}
	return nil
}

func TestFormLeadsAreAskedAboutAndFailWithTheirRule(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p, rule := doNotCall{new(atomic.Int64)}, callable{new(atomic.Bool)}
		o := newOfferingWith(t, databaseURL, leadmill.StartOptions{}, []leadmill.Extension{
			leadmill.AsFacts(func() doNotCall { return p }), leadmill.AsIntakeRule(func() callable { return rule }),
		}, nil, apptest.Rich)
		listed := o.submit("Alice Listed", apptest.Phone())
		if listed["market_status"] != "rejected" {
			t.Errorf("a listed lead is %v", listed)
		}
		free := o.submit("Bob Free", apptest.Phone())
		o.await(free["id"], "sold")
		before := p.asked.Load()
		if before < 3 {
			t.Errorf("asked %d times, want for each lead and again for the one that was matched", before)
		}

		rule.down.Store(true)
		body := apptest.Object{
			"name": "Carol Free", "email": "carol@offer.example", "partner": apptest.Object{"id": o.PartnerID},
			"cfields": apptest.Object{"1": apptest.Phone(), "2": "TX"},
		}
		a := o.Program.Do("POST", "/v1/leads", body, "Idempotency-Key", "carol")
		if a.Status != 503 || a.Refusal().Code != "service_unavailable" || a.Header.Get("Retry-After") == "" {
			t.Errorf("a lead that the rule cannot tell about is answered %v", a)
		}
		if n := o.db.Number("SELECT COUNT(*) FROM leads"); n != 2 {
			t.Errorf("%d leads are stored, want 2", n)
		}
		rule.down.Store(false)
		again := o.Program.Must(t, "POST", "/v1/leads", body, "Idempotency-Key", "carol").Data(t)
		if again["id"] != 3.0 {
			t.Errorf("sent again it is %v, want number 3: the failure leaves no gap", again)
		}
		o.await(again["id"], "sold")

		// A wrong request is refused as ever, and its replay answered, whatever is asked before.
		if a := o.Program.Do("POST", "/v1/leads", apptest.Object{"name": "", "email": "x", "partner": apptest.Object{"id": "nobody"}}); a.Status != 422 {
			t.Errorf("a wrong request is answered %v", a)
		}
		o.Program.Must(t, "PUT", "/v1/leads/details", apptest.Object{"leads_enabled": false})
		if a := o.Program.Do("POST", "/v1/leads", body, "Idempotency-Key", "carol"); !a.Replayed() {
			t.Errorf("a replay after the form was closed is answered %v", a)
		}
		o.db.Audit()
	})
}
