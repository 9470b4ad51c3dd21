package market_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// meddling is a module that reaches for what is not its own.
type meddling struct{ statement string }

func (meddling) Name() string { return "meddling-balances" }

// Apply writes to its own table, and then what it must not.
func (m meddling) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO x_meddling_seen (id) VALUES (?)", events[0].ID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, m.statement)
	return err
}

func (meddling) Reset(ctx context.Context, tx projection.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM x_meddling_seen")
	return err
}

var meddlingTable = fstest.MapFS{"0001_seen.sql": {Data: []byte("CREATE TABLE IF NOT EXISTS x_meddling_seen (id VARCHAR(64) NOT NULL PRIMARY KEY)")}}

// A projection, a job's transaction and a reader change no row of Leadmill's, and what they tried leaves nothing behind.
func TestAModuleChangesRowsOfItsOwnTablesOnly(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const own = "a module changes rows of its own tables only"
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("meddling",
			leadmill.AsMigrations(meddlingTable, "."),
			leadmill.AsProjection(func() meddling { return meddling{"UPDATE buyers SET balance = 0"} }),
			leadmill.AsJob("meddling-tx", application.Every(time.Hour), func(d leadmill.Deps) func(context.Context) error {
				return func(ctx context.Context) error {
					return d.Work.Do(ctx, func(ctx context.Context, tx leadmill.Tx) error {
						if _, err := tx.ExecContext(ctx, "INSERT INTO x_meddling_seen (id) VALUES ('job')"); err != nil {
							return err
						}
						_, _ = tx.ExecContext(ctx, "DELETE FROM leads") // whatever is made of the error
						return nil
					})
				}
			}),
			leadmill.AsJob("meddling-reader", application.Every(time.Hour), func(db projection.Reader) func(context.Context) error {
				return func(ctx context.Context) error {
					rows, err := db.QueryContext(ctx, "DELETE FROM x_meddling_seen")
					if err == nil {
						err = errors.Join(errors.New("it was read"), rows.Close(), rows.Err())
					}
					return err
				}
			})))
		s := apptest.NewShop(t, app, nil, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		s.Sell(t, s.Form())
		db := apptest.Open(t, databaseURL)
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM event_parked WHERE consumer = 'meddling-balances' AND error LIKE '%" + own + "%'"); n == 0 {
				return errors.New("nothing is parked")
			}
			return nil
		})
		for job, says := range map[string]string{"meddling-tx": own, "meddling-reader": "a query is a SELECT"} {
			r := &failing{TB: t}
			app.RunJob(r, job)
			if !strings.Contains(r.said, says) {
				t.Errorf("the job %s says %q, want %s", job, r.said, says)
			}
		}
		for query, want := range map[string]int64{
			"SELECT COUNT(*) FROM x_meddling_seen": 0, "SELECT COUNT(*) FROM leads": 1, "SELECT balance FROM buyers": 90_000_000,
		} {
			if got := db.Number(query); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
	})
}

// failing keeps what a helper ends a test with.
type failing struct {
	testing.TB

	said string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) { f.said = fmt.Sprintf(format, args...) }

// stamped is an event whose stored form is another than its JSON.
type stamped struct{ at time.Time }

func (stamped) EventType() string { return "x.stamps.stamped.v1" }

// thing is an aggregate with one event.
type thing struct{ event.Recorder }

// A module translates the events that it registered: not Leadmill's, and to no other type.
func TestAModuleTranslatesItsOwnEventsOnly(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		typ := stamped{}.EventType()
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("stamps",
			leadmill.AsEvent[stamped](eventsv1.Definition{Type: typ, Description: "Stamped.", Schema: []byte(`{"type":"object"}`)}),
			leadmill.AsTranslation(func() application.Translation {
				return func(e event.Event) (application.Published, bool, error) {
					switch e := e.(type) {
					case lead.Sold: // never asked: it is Leadmill's
						return application.Published{Type: typ, Payload: []byte(`{"forged":true}`), At: time.Unix(1, 0)}, true, nil
					case stamped:
						to := typ
						if e.at.IsZero() {
							to = eventsv1.LeadSold{}.Type()
						}
						return application.Published{Type: to, Payload: []byte(`{"stamped":true}`), At: e.at}, true, nil
					}
					return application.Published{}, false, nil
				}
			}),
			stamping("stamps-right", "a", time.Unix(1, 0)), stamping("stamps-wrong", "b", time.Time{})))
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		s.Sell(t, s.Form())
		app.RunJob(t, "stamps-right")
		r := &failing{TB: t}
		app.RunJob(r, "stamps-wrong")
		if !strings.Contains(r.said, `to "lead.sold.v1", which the module did not register by AsEvent`) {
			t.Errorf("it says %q", r.said)
		}
		db := apptest.Open(t, databaseURL)
		db.Settle()
		for _, typ := range []string{"lead.sold.v1", "x.stamps.stamped.v1"} {
			if n := len(db.Events(typ)); n != 1 {
				t.Errorf("%d events %s, want 1", n, typ)
			}
		}
		var sold eventsv1.LeadSold
		if all := s.Events(t, sold.Type()); len(all) != 1 || json.Unmarshal(all[0].Data, &sold) != nil || len(sold.Sales) != 1 {
			t.Errorf("lead.sold.v1 is %v", leadmilltest.Object{"events": all})
		}
	})
}

func stamping(job, id string, at time.Time) leadmill.Extension {
	return leadmill.AsJob(job, application.Every(time.Hour), func(d leadmill.Deps) func(context.Context) error {
		return func(ctx context.Context) error {
			return d.Work.Do(ctx, func(_ context.Context, tx leadmill.Tx) error {
				made := &thing{}
				made.Record(stamped{at})
				return tx.Record(made, application.Subject{Kind: "stamps_thing", ID: id, SellerID: "seller_1"})
			})
		}
	})
}
