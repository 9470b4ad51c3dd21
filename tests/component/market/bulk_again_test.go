package market_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// When one of many leads is erased, the request stays done: sent again under its key it decides none of them anew.
func TestAnErasedLeadOfManyReopensNothing(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		leads, jane := forms(t, s, 300), s.Form()
		leads[3] = text(t, jane)
		was := items(t, bulk(s.Supplier, leads, "Idempotency-Key", "erased"))
		if got := erase(t, app, s, apptest.Object{"phone": jane["phone"]}); got["state"] != "done" {
			t.Fatalf("the erasure is %v", got)
		}
		again := bulk(s.Supplier, leads, "Idempotency-Key", "erased")
		for i, o := range items(t, again) {
			switch {
			case i == 3 && (o["status_code"] != 410.0 || o["code"] != "lead_gone" || o["lead_id"] != nil):
				t.Errorf("the lead that was erased is answered %v", o)
			case i != 3 && fmt.Sprint(o) != fmt.Sprint(was[i]):
				t.Errorf("lead %d was answered %v and then %v", i, was[i], o)
			}
		}
		if !again.Replayed() {
			t.Error("the answer is no replay")
		}
		if a := bulk(s.Supplier, leads[:1], "Idempotency-Key", "erased"); a.Status != 422 {
			t.Errorf("another request under the key is answered %s", a)
		}
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 300 {
			t.Errorf("there are %d leads", n)
		}
		db.Audit()
	})
}

// moody is an intake rule that cannot tell of leads with the last name Unsure while it is down.
type moody struct{ down *atomic.Bool }

func (moody) Code() fault.Code { return "test_moody" }
func (moody) Order() int       { return 1 }
func (m moody) Check(f lead.Facts) error {
	if m.down.Load() && strings.Contains(f.Field("lastName").Text, "Unsure") {
		return fault.New(fault.Unavailable, "down", "Down.")
	}
	return nil
}

// Leads that could not be decided are decided when the request is sent again, and only they.
func TestLeadsOfManyThatFailedAreDecidedWhenSentAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		var down atomic.Bool
		down.Store(true)
		module := leadmill.NewModule("test", leadmill.AsIntakeRule(func() moody { return moody{&down} }))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, module)
		other := apptest.Start(t, databaseURL, leadmill.StartOptions{}, module)
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		leads := forms(t, s, 260)
		unsure := map[int]bool{0: true, 7: true, 255: true}
		for i := range unsure {
			leads[i] = text(t, s.Form().With("lastName", "Unsure"))
		}
		leads[9] = `{"seller":"` + s.Code + `"}`
		first := bulk(s.Supplier, leads, "Idempotency-Key", "moody")
		was := items(t, first)
		for i, o := range was {
			if (o["status_code"] == 503.0) != unsure[i] {
				t.Errorf("lead %d is answered %v", i, o)
			}
		}
		if a := bulk(s.Supplier, leads, "Idempotency-Key", "moody"); a.Replayed() || !bytes.Equal(a.Body, first.Body) {
			t.Errorf("sent again it is answered %.300s", a)
		}
		if n := strings.Count(app.Logs.String(), "leads of a request could not be decided"); n != 2 {
			t.Errorf("the log tells %d times of two requests", n)
		}
		down.Store(false)
		answers := make([]apptest.Answer, 6)
		apptest.Parallel(len(answers), func(i int) {
			c := s.Supplier
			if i%2 == 1 {
				c = c.At(other)
			}
			for answers[i] = bulk(c, leads, "Idempotency-Key", "moody"); answers[i].Status == 409 || answers[i].Status == 503; {
				answers[i] = bulk(c, leads, "Idempotency-Key", "moody")
			}
		})
		for _, a := range answers {
			if !bytes.Equal(a.Body, answers[0].Body) {
				t.Fatalf("answered\n%.300s and\n%.300s", answers[0], a)
			}
		}
		for i, o := range items(t, answers[0]) {
			if unsure[i] && o["status"] != "sold" || !unsure[i] && fmt.Sprint(o) != fmt.Sprint(was[i]) {
				t.Errorf("lead %d was answered %v and then %v", i, was[i], o)
			}
		}
		if a := bulk(s.Supplier, leads, "Idempotency-Key", "moody"); !a.Replayed() || !bytes.Equal(a.Body, answers[0].Body) {
			t.Errorf("the replay is %.300s", a)
		}
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 259 {
			t.Errorf("there are %d leads", n)
		}
		db.Audit()
	})
}

// A provider of facts that does not answer keeps leads that come together for a while, and then they are decided without it, as single ones are.
func TestManyLeadsDoNotWaitForFactsForEver(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p := newScore(func(ctx context.Context, f lead.Facts) (field.Set, error) {
			if f.Field("lastName").Text == "Quick" {
				return points("9"), nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		module, _ := newScored(p)
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, module)
		s := apptest.NewShop(t, app, byScore, apptest.Rich)
		leads := forms(t, s, 100)
		leads[0] = text(t, s.Form().With("lastName", "Quick"))
		all := items(t, bulk(s.Supplier, leads))
		if quick := all[0]; quick["status"] != "sold" || p.of(fmt.Sprint(quick["lead_id"])) != 1 {
			t.Errorf("the lead with an answer is answered %v", quick)
		}
		for i, o := range all[1:] {
			if o["status"] != "pending" {
				t.Fatalf("lead %d is answered %v", i+1, o)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
