package projection_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// program is a database with the tables of partners' activity and a log to apply.
type activity struct {
	t          testing.TB
	db         *dialect.DB
	projection *programprojection.PartnerActivity
	log        []application.StoredEvent
	made       int
}

func newProgram(t testing.TB, e dbtest.Engine) *activity {
	t.Helper()
	db, err := dialect.Open(migrated.URL(t, e), dialect.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return &activity{t: t, db: db, projection: programprojection.NewPartnerActivity(programstore.NewPartnerActivity(db))}
}

func (p *activity) append(sellerID string, events ...event.Event) {
	p.t.Helper()
	for _, e := range events {
		typ, payload, at, err := translate(e)
		require.NoError(p.t, err)
		p.record(sellerID, typ, payload, at)
	}
}

func (p *activity) record(sellerID, typ string, payload []byte, at time.Time) {
	p.log = append(p.log, application.StoredEvent{
		Position:    int64(len(p.log) + 1),
		EventRecord: application.EventRecord{SellerID: sellerID, Type: typ, Payload: payload, OccurredAt: at},
	})
}

func (p *activity) click(sellerID, partnerID string, at time.Time) {
	p.t.Helper()
	payload, err := json.Marshal(program.PartnerClicked{PartnerID: partnerID, ReferralKey: "ref", ClickedAt: eventsv1.Time{Time: at}})
	require.NoError(p.t, err)
	p.record(sellerID, program.PartnerClickedType, payload, at)
}

// aggregate is what records events.
type aggregate interface {
	Pending() []event.Event
	Committed()
}

func (p *activity) publish(sellerID string, a aggregate) {
	p.t.Helper()
	p.append(sellerID, a.Pending()...)
	a.Committed()
}

func (p *activity) id(prefix string) string {
	p.made++
	return fmt.Sprintf("%s_%d", prefix, p.made)
}

func (p *activity) customer(partnerID string, at time.Time) *customer.Customer {
	p.t.Helper()
	id := p.id("customer")
	c, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: id, Key: "key of " + id},
		customer.Attribution{PartnerID: partnerID, Policy: "explicit", At: at}, at)
	require.NoError(p.t, err)
	return c
}

func (p *activity) lead(partnerID string, at time.Time) *lead.Lead {
	p.t.Helper()
	id := p.id("lead")
	l, err := lead.SubmitForm(lead.FormSubmission{
		ID: id, SellerID: "seller_1", SellerCode: "ACME1234", PartnerID: partnerID, Number: int64(p.made),
		Name: "Ada", Email: "ada@example.com", At: at,
	})
	require.NoError(p.t, err)
	return l
}

func (p *activity) apply(ctx context.Context, events []application.StoredEvent) error {
	tx, err := p.db.Writer.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := p.projection.Apply(ctx, tx, events); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (p *activity) reset() {
	p.t.Helper()
	tx, err := p.db.Writer.BeginTxx(p.t.Context(), nil)
	require.NoError(p.t, err)
	require.NoError(p.t, p.projection.Reset(p.t.Context(), tx))
	require.NoError(p.t, tx.Commit())
}

// partners returns clicks, signups and leads by seller and partner.
func (p *activity) partners(t require.TestingT) map[string][3]int64 {
	out := map[string][3]int64{}
	rows, err := p.db.Reader.QueryxContext(p.t.Context(), "SELECT seller_id, partner_id, clicks, signups, leads FROM partner_activity")
	require.NoError(t, err)
	for rows.Next() {
		var sellerID, id string
		var n [3]int64
		require.NoError(t, rows.Scan(&sellerID, &id, &n[0], &n[1], &n[2]))
		out[sellerID+" "+id] = n
	}
	require.NoError(t, errors.Join(rows.Err(), rows.Close()))
	return out
}

// days returns partners joined and left, customers joined and left, clicks and leads by seller and day.
func (p *activity) days(t require.TestingT) map[string][6]int64 {
	out := map[string][6]int64{}
	rows, err := p.db.Reader.QueryxContext(p.t.Context(), "SELECT seller_id, day, partners_joined, partners_left, customers_joined, customers_left, clicks, leads FROM program_days")
	require.NoError(t, err)
	for rows.Next() {
		var sellerID, day string
		var n [6]int64
		require.NoError(t, rows.Scan(&sellerID, &day, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]))
		out[sellerID+" "+day] = n
	}
	require.NoError(t, errors.Join(rows.Err(), rows.Close()))
	return out
}

func TestPartnerActivity(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, e)
			assert.Equal(t, "partner-activity", p.projection.Name())
			next := evening.Add(24 * time.Hour)

			joined, err := partner.Register("seller_1", partner.Registration{ID: "partner_1", Key: "ref", Email: "a@example.com", Approved: true}, evening)
			require.NoError(t, err)
			p.publish("seller_1", joined)
			invited, err := partner.Invite("seller_1", partner.Registration{ID: "partner_2", Key: "ref2", Email: "b@example.com", Name: "Bo"}, evening)
			require.NoError(t, err)
			require.NoError(t, invited.Delete(next)) // never joined, so it does not leave
			p.publish("seller_1", invited)

			p.click("seller_1", "partner_1", evening)
			p.click("seller_1", "partner_1", next)
			p.click("seller_2", "partner_1", evening)

			stays, moves, goes := p.customer("partner_1", evening), p.customer("partner_1", evening), p.customer("partner_1", evening)
			for _, c := range []*customer.Customer{stays, moves, goes} {
				p.publish("seller_1", c)
			}
			require.True(t, moves.AttributeTo(customer.Attribution{PartnerID: "partner_3", Policy: "operator", At: next}))
			require.NoError(t, goes.Archive(next))
			require.NoError(t, goes.Delete(next))
			p.publish("seller_1", moves)
			p.publish("seller_1", goes)

			kept, erased := p.lead("partner_1", evening), p.lead("partner_1", evening)
			require.NoError(t, erased.Delete(next))
			require.NoError(t, kept.RejectReview(next))
			p.publish("seller_1", kept)
			p.publish("seller_1", erased)
			supplied := lead.Submit(lead.Submission{ID: "lead_x", SellerID: "seller_1", PartnerID: "partner_1", CampaignID: "c", Category: "Auto", At: evening})
			require.NoError(t, supplied.Wait(next, evening))
			p.publish("seller_1", supplied)
			require.NoError(t, joined.Delete(next))
			p.publish("seller_1", joined)

			require.NoError(t, p.apply(t.Context(), p.log))
			assert.Equal(t, map[string][3]int64{"seller_1 partner_1": {2, 1, 1}, "seller_1 partner_3": {0, 1, 0}, "seller_2 partner_1": {1, 0, 0}}, p.partners(t))
			assert.Equal(t, map[string][6]int64{
				"seller_1 2025-05-02": {1, 0, 3, 0, 1, 2}, "seller_1 2025-05-03": {0, 1, 0, 1, 1, -1},
				"seller_2 2025-05-02": {0, 0, 0, 0, 1, 0},
			}, p.days(t))

			p.reset()
			assert.Empty(t, p.partners(t))
			assert.Empty(t, p.days(t))
		})
	}
}

// TestPartnerActivityOfManyPartners crosses the bounds of the statements and adds to rows that exist and that do not.
func TestPartnerActivityOfManyPartners(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, e)
			for i := range 450 {
				p.click("seller_1", fmt.Sprintf("partner_%d", i), evening.Add(time.Duration(i)*24*time.Hour))
			}
			require.NoError(t, p.apply(t.Context(), p.log[:225]))
			require.NoError(t, p.apply(t.Context(), p.log))
			counts := map[int64]int{}
			for _, n := range p.partners(t) {
				counts[n[0]]++
			}
			for _, n := range p.days(t) {
				counts[n[4]]++
			}
			assert.Equal(t, map[int64]int{2: 450, 1: 450}, counts)
		})
	}
}

func TestPartnerActivityRefusesWhatItCannotCount(t *testing.T) {
	t.Parallel()
	p := newProgram(t, dbtest.SQLite)
	p.click("seller_1", "partner_1", evening)
	for name, e := range map[string]application.EventRecord{
		"no JSON":    {Type: program.PartnerClickedType, Payload: []byte("{")},
		"no partner": {Type: eventsv1.CustomerCreated{}.Type(), Payload: []byte("{}")},
	} {
		err := p.apply(t.Context(), append(p.log, application.StoredEvent{EventRecord: e, Position: 7}))
		require.ErrorContains(t, err, e.Type+" at 7", name)
		assert.NotEqual(t, fault.Unavailable, fault.KindOf(err), name)
		assert.Empty(t, p.partners(t), name)
	}
	require.NoError(t, p.apply(t.Context(), []application.StoredEvent{{EventRecord: application.EventRecord{Type: "acme.thing.v1", Payload: []byte("{")}}}))
	tx, err := p.db.Writer.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.Error(t, p.projection.Apply(t.Context(), tx, p.log))
	require.Error(t, p.projection.Reset(t.Context(), tx))
}

// TestPartnerActivityIsDeterministic: the tables are the same however the log is cut into batches and however often it is
// replayed, and equal a count of the things themselves.
func TestPartnerActivityIsDeterministic(t *testing.T) {
	t.Parallel()
	p := newProgram(t, dbtest.SQLite)
	rapid.Check(t, func(t *rapid.T) {
		p.log, p.made = nil, 0
		p.reset()
		want := p.random(t)
		require.NoError(t, p.apply(p.t.Context(), p.log))
		partners, days := p.partners(t), p.days(t)
		for range 2 {
			p.reset()
			for rest := p.log; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
				require.NoError(t, p.apply(p.t.Context(), rest[:n]))
				rest = rest[n:]
			}
			require.Equal(t, partners, p.partners(t))
			require.Equal(t, days, p.days(t))
		}
		for key, n := range partners {
			require.Equal(t, want[key], n, key)
		}
		for key, n := range want {
			require.Equal(t, n, partners[key], key)
		}
		var customers, clicks, leads int64
		for _, n := range days {
			customers, clicks, leads = customers+n[2]-n[3], clicks+n[4], leads+n[5]
		}
		var sum [3]int64
		for _, n := range want {
			sum[0], sum[1], sum[2] = sum[0]+n[0], sum[1]+n[1], sum[2]+n[2]
		}
		require.Equal(t, [3]int64{clicks, customers, leads}, sum)
	})
}

// random fills the log with a random story and returns what came by each partner, counted from the things themselves.
func (p *activity) random(t *rapid.T) map[string][3]int64 {
	who := rapid.SampledFrom([]string{"partner_1", "partner_2", "partner_3"})
	want := map[string][3]int64{}
	var customers []*customer.Customer
	var leads []*lead.Lead
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		at := evening.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, "hours")) * time.Hour)
		step := rapid.SampledFrom([]string{"click", "customer", "customer", "move", "delete", "lead", "erase"}).Draw(t, "step")
		switch {
		case step == "click":
			id := who.Draw(t, "partner")
			p.click("seller_1", id, at)
			n := want["seller_1 "+id]
			n[0]++
			want["seller_1 "+id] = n
		case step == "customer":
			c := p.customer(who.Draw(t, "partner"), at)
			customers = append(customers, c)
			p.publish("seller_1", c)
		case step == "lead":
			l := p.lead(who.Draw(t, "partner"), at)
			leads = append(leads, l)
			p.publish("seller_1", l)
		case step == "move" && len(customers) > 0:
			c := rapid.SampledFrom(customers).Draw(t, "customer")
			if c.Status() != customer.StatusDeleted {
				c.AttributeTo(customer.Attribution{PartnerID: who.Draw(t, "partner"), Policy: "operator", At: at})
				p.publish("seller_1", c)
			}
		case step == "delete" && len(customers) > 0:
			c := rapid.SampledFrom(customers).Draw(t, "customer")
			if c.Delete(at) == nil {
				p.publish("seller_1", c)
			}
		case step == "erase" && len(leads) > 0:
			l := rapid.SampledFrom(leads).Draw(t, "lead")
			if l.Delete(at) == nil {
				p.publish("seller_1", l)
			}
		}
	}
	for _, c := range customers {
		if key := "seller_1 " + c.Attribution().PartnerID; c.Status() != customer.StatusDeleted {
			n := want[key]
			n[1]++
			want[key] = n
		}
	}
	for _, l := range leads {
		if key := "seller_1 " + l.PartnerID(); l.Review().Status != lead.ReviewStatusDeleted {
			n := want[key]
			n[2]++
			want[key] = n
		}
	}
	return want
}

// translate returns the stored form of an event of any room.
func translate(e event.Event) (typ string, payload []byte, at time.Time, err error) {
	p, err := application.Translations{market.Publish, program.Publish, account.Publish}.Translate(e)
	return p.Type, p.Payload, p.At, err
}

// evening is the 1st in Chicago and the 2nd in UTC.
var evening = time.Date(2025, 5, 2, 3, 30, 0, 0, time.UTC)
