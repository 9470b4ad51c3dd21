package projection_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/market"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// evening is the 1st in Chicago and the 2nd in UTC.
var evening = time.Date(2025, 5, 2, 3, 30, 0, 0, time.UTC)

// fixture is a database with the report's tables and a log to apply.
type fixture struct {
	t          testing.TB
	db         *dialect.DB
	store      *marketstore.CampaignReport
	projection *marketprojection.CampaignReport
	log        []application.StoredEvent
	leads      int
}

func newFixture(t testing.TB, e dbtest.Engine) *fixture {
	t.Helper()
	db, err := dialect.Open(migrated.URL(t, e), dialect.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	store := marketstore.NewCampaignReport(db)
	return &fixture{t: t, db: db, store: store, projection: marketprojection.NewCampaignReport(store)}
}

func (f *fixture) append(sellerID string, events ...event.Event) {
	f.t.Helper()
	for _, e := range events {
		typ, payload, at, err := translate(e)
		require.NoError(f.t, err)
		f.log = append(f.log, application.StoredEvent{
			Position:    int64(len(f.log) + 1),
			EventRecord: application.EventRecord{SellerID: sellerID, Type: typ, Payload: payload, OccurredAt: at},
		})
	}
}

// submit makes a new lead. publish writes its events to the log.
func (f *fixture) submit(campaign, partnerID string, at time.Time) *lead.Lead {
	f.leads++
	return lead.Submit(lead.Submission{
		ID: fmt.Sprintf("lead_%d", f.leads), SellerID: "seller_1", SellerCode: "ACME1234",
		PartnerID: partnerID, CampaignID: "campaign_" + campaign, Category: campaign, At: at,
	})
}

func (f *fixture) publish(l *lead.Lead) {
	f.t.Helper()
	f.append("seller_1", l.Pending()...)
	l.Committed()
}

func sales(prices ...money.Micros) []lead.Sale {
	out := make([]lead.Sale, len(prices))
	for i, p := range prices {
		out[i] = lead.Sale{ID: fmt.Sprintf("sale_%d", i), ContractID: "contract_1", BuyerID: fmt.Sprintf("buyer_%d", i+1), Price: p, Currency: "USD"}
	}
	return out
}

// apply runs a part of the log in one transaction.
func (f *fixture) apply(ctx context.Context, events []application.StoredEvent) error {
	tx, err := f.db.Writer.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f.projection.Apply(ctx, tx, events); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (f *fixture) reset() {
	f.t.Helper()
	tx, err := f.db.Writer.BeginTxx(f.t.Context(), nil)
	require.NoError(f.t, err)
	require.NoError(f.t, f.projection.Reset(f.t.Context(), tx))
	require.NoError(f.t, tx.Commit())
}

// tables dumps the read model.
func (f *fixture) tables(t require.TestingT) []string {
	var out []string
	for table, columns := range map[string]int{"report_sellers": 4, "report_leads": 11, "report_sales": 9} {
		rows, err := f.db.Reader.QueryxContext(f.t.Context(), "SELECT * FROM "+table)
		require.NoError(t, err)
		for rows.Next() {
			values, err := rows.SliceScan()
			require.NoError(t, err)
			require.Len(t, values, columns)
			text := table
			for _, v := range values {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				text += fmt.Sprint("|", v)
			}
			out = append(out, text)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return out
}

func (f *fixture) report(q marketquery.CampaignReport) []marketquery.CampaignReportRow {
	f.t.Helper()
	q.Actor = application.Actor{Scope: seller.Program, SellerID: "seller_1"}
	rows, err := f.store.CampaignReport(f.t.Context(), q)
	require.NoError(f.t, err)
	return rows
}

func onEveryEngine(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t, e))
		})
	}
}

// story is a log in which everything that is counted happens.
func (f *fixture) story() {
	f.t.Helper()
	why := fault.New(fault.RuleViolated, "duplicate_lead", "Duplicate lead")
	f.append("seller_1", seller.Created{ID: "seller_1", Code: "ACME1234", TimeZone: "America/Chicago", Currency: "USD", At: evening})
	f.append("seller_1", partner.Created{PartnerID: "partner_1", At: evening})

	sold := f.submit("Auto", "partner_1", evening)
	require.NoError(f.t, sold.Sell(lead.Outcome{Sales: sales(45_000_000), Payout: 31_500_000}, evening))
	f.publish(sold)
	shared := f.submit("Auto", "partner_1", evening)
	require.NoError(f.t, shared.Wait(evening.Add(72*time.Hour), evening))
	f.publish(shared)
	duplicate := f.submit("Auto", "partner_2", evening.Add(24*time.Hour))
	require.NoError(f.t, duplicate.MarkDuplicate(why, evening))
	f.publish(duplicate)
	rejected := f.submit("Home", "partner_2", evening)
	require.NoError(f.t, rejected.Reject(why, evening))
	f.publish(rejected)
	unsold := f.submit("Home", "partner_2", evening)
	require.NoError(f.t, unsold.Wait(evening.Add(time.Hour), evening))
	f.publish(unsold)
	waiting := f.submit("Home", "partner_2", evening)
	require.NoError(f.t, waiting.Wait(evening.Add(time.Hour), evening))
	f.publish(waiting)
	// Two days later: counted on the day of submission.
	both := sales(10_000_000, 20_000_000)
	both[0].Payout, both[1].Payout = 3_340_000, 6_660_000
	require.NoError(f.t, shared.Sell(lead.Outcome{Sales: both, Payout: 10_000_000}, evening.Add(48*time.Hour)))
	f.publish(shared)
	require.NoError(f.t, unsold.Expire(evening.Add(48*time.Hour)))
	f.publish(unsold)
}

func TestCampaignReport(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, f *fixture) {
		assert.Equal(t, "campaign-report", f.projection.Name())
		f.story()
		other := lead.Submit(lead.Submission{ID: "lead_x", SellerID: "seller_2", PartnerID: "partner_1", CampaignID: "c", Category: "Auto", At: evening})
		require.NoError(t, other.Sell(lead.Outcome{Sales: sales(1_000_000), Payout: 1}, evening))
		f.append("seller_2", other.Pending()...)
		require.NoError(t, f.apply(t.Context(), f.log))

		first := marketquery.CampaignReportRow{
			Day: "2025-05-01", Leads: marketquery.LeadCounts{Submitted: 5, Pending: 1, Sold: 2, Rejected: 1, Unsold: 1},
			SoldGross: 3, SoldNet: 3, Revenue: 75_000_000, Payout: 41_500_000, Margin: 33_500_000, AcceptanceRate: "0.4000",
		}
		second := marketquery.CampaignReportRow{Day: "2025-05-02", Leads: marketquery.LeadCounts{Submitted: 1, Duplicate: 1}, AcceptanceRate: "0.0000"}
		assert.Equal(t, []marketquery.CampaignReportRow{first, second}, f.report(marketquery.CampaignReport{}))
		assert.Equal(t, []marketquery.CampaignReportRow{first}, f.report(marketquery.CampaignReport{To: "2025-05-01"}))
		assert.Equal(t, []marketquery.CampaignReportRow{second}, f.report(marketquery.CampaignReport{From: "2025-05-02", To: "2025-05-02"}))
		assert.Empty(t, f.report(marketquery.CampaignReport{From: "2025-05-03"}))
		assert.Equal(t, []marketquery.CampaignReportRow{
			{
				Category: "Auto", Leads: marketquery.LeadCounts{Submitted: 3, Sold: 2, Duplicate: 1}, SoldGross: 3, SoldNet: 3, Revenue: 75_000_000,
				Payout: 41_500_000, Margin: 33_500_000, AcceptanceRate: "0.6667",
			},
			{Category: "Home", Leads: marketquery.LeadCounts{Submitted: 3, Pending: 1, Rejected: 1, Unsold: 1}, AcceptanceRate: "0.0000"},
		}, f.report(marketquery.CampaignReport{GroupBy: marketquery.ByCategory}))
		assert.Equal(t, []marketquery.CampaignReportRow{
			{
				Supplier: "partner_1", Leads: marketquery.LeadCounts{Submitted: 2, Sold: 2}, SoldGross: 3, SoldNet: 3, Revenue: 75_000_000,
				Payout: 41_500_000, Margin: 33_500_000, AcceptanceRate: "1.0000",
			},
			{Supplier: "partner_2", Leads: marketquery.LeadCounts{Submitted: 4, Pending: 1, Duplicate: 1, Rejected: 1, Unsold: 1}, AcceptanceRate: "0.0000"},
		}, f.report(marketquery.CampaignReport{GroupBy: marketquery.BySupplier}))
		// Each sale has its own part of the payout.
		assert.Equal(t, []marketquery.CampaignReportRow{
			{Buyer: "buyer_1", Leads: marketquery.LeadCounts{Sold: 2}, SoldGross: 2, SoldNet: 2, Revenue: 55_000_000, Payout: 34_840_000, Margin: 20_160_000},
			{Buyer: "buyer_2", Leads: marketquery.LeadCounts{Sold: 1}, SoldGross: 1, SoldNet: 1, Revenue: 20_000_000, Payout: 6_660_000, Margin: 13_340_000},
		}, f.report(marketquery.CampaignReport{GroupBy: marketquery.ByBuyer}))

		_, err := f.store.CampaignReport(t.Context(), marketquery.CampaignReport{GroupBy: "moon; DROP TABLE report_leads"})
		require.ErrorIs(t, err, fault.ErrValidation)
		rows, err := f.store.CampaignReport(t.Context(), marketquery.CampaignReport{Actor: application.Actor{SellerID: "seller_2"}})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, "2025-05-02", rows[0].Day, "UTC as long as no zone is known")
	})
}

// form makes a new form lead, which is offered in a campaign unless that is empty.
func (f *fixture) form(campaign string) *lead.Lead {
	f.t.Helper()
	f.leads++
	n := lead.FormSubmission{
		ID: fmt.Sprintf("lead_%d", f.leads), SellerID: "seller_1", SellerCode: "ACME1234", PartnerID: "partner_3",
		Number: int64(f.leads), Name: "Jane Roe", Email: "jane@example.com", At: evening,
	}
	if campaign != "" {
		n.Offer = &lead.Offer{CampaignID: "campaign_" + campaign, Category: campaign}
	}
	l, err := lead.SubmitForm(n)
	require.NoError(f.t, err)
	return l
}

// TestCampaignReportOfFormLeads: the market is counted, the seller's review is not.
func TestCampaignReportOfFormLeads(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, f *fixture) {
		later := evening.Add(time.Hour)
		convert := func(l *lead.Lead) {
			require.NoError(t, l.Convert("customer_1", "C1", nil, money.MustCurrency("USD"), later))
			f.publish(l)
		}
		refuse := func(l *lead.Lead) {
			require.NoError(t, l.RejectReview(later))
			f.publish(l)
		}
		erase := func(l *lead.Lead) {
			require.NoError(t, l.Delete(later))
			f.publish(l)
		}
		review := []func(*lead.Lead){convert, refuse, erase, f.publish}
		for _, decide := range review {
			l := f.form("")
			f.publish(l)
			decide(l)
		}
		require.NoError(t, f.apply(t.Context(), f.log))
		assert.Empty(t, f.tables(t), "no form lead that is not offered counts")

		f.log = nil
		wait := func() *lead.Lead {
			l := f.form("Auto")
			require.NoError(t, l.Wait(evening.Add(time.Minute), evening))
			f.publish(l)
			return l
		}
		for _, decide := range review {
			sold := wait()
			require.NoError(t, sold.Sell(lead.Outcome{Sales: sales(45_000_000), Payout: 31_500_000}, evening))
			f.publish(sold)
			decide(sold)

			before := wait()
			decide(before)
			if before.Status() == lead.StatusPending {
				require.NoError(t, before.Expire(later))
				f.publish(before)
			}

			decide(wait()) // stays pending, but for one that is rejected or erased
		}
		why := fault.New(fault.RuleViolated, "too_young", "Too young")
		duplicate := f.form("Auto")
		require.NoError(t, duplicate.MarkDuplicate(why, evening))
		f.publish(duplicate)
		refuse(duplicate)
		rejected := f.form("Auto")
		require.NoError(t, rejected.Reject(why, evening))
		f.publish(rejected)
		refuse(rejected)
		require.NoError(t, f.apply(t.Context(), f.log))
		assert.Equal(t, []marketquery.CampaignReportRow{{
			Day:   "2025-05-02",
			Leads: marketquery.LeadCounts{Submitted: 14, Pending: 2, Sold: 4, Duplicate: 1, Rejected: 1, Unsold: 6}, SoldGross: 4, SoldNet: 4,
			Revenue: 180_000_000, Payout: 126_000_000, Margin: 54_000_000, AcceptanceRate: "0.2857",
		}}, f.report(marketquery.CampaignReport{}))
	})
}

// TestCampaignReportZones counts every lead in the zone that its seller had when it was submitted, the first known as UTC,
// also when it is sold under another zone; whatever the batches are.
func TestCampaignReportZones(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, f *fixture) {
		var waiting []*lead.Lead
		submit := func(at time.Time) {
			l := f.submit("Auto", "partner_1", at)
			require.NoError(t, l.Wait(at.Add(time.Hour), at))
			f.publish(l)
			waiting = append(waiting, l)
		}
		minute := func(n int) time.Time { return evening.Add(time.Duration(n) * time.Minute) }
		submit(minute(0)) // UTC: the 2nd
		f.append("seller_1", seller.Created{ID: "seller_1", TimeZone: "America/Chicago", At: minute(1)})
		submit(minute(2)) // the 1st
		submit(minute(4)) // the 1st: it is in the log before a change that its seller made a minute earlier
		f.append("seller_1", seller.Updated{ID: "seller_1", TimeZone: "Pacific/Kiritimati", At: minute(3)})
		submit(minute(4)) // the 1st, the same time gives the same day
		submit(minute(5)) // the 2nd
		f.append("seller_1", seller.Updated{ID: "seller_1", TimeZone: "Pacific/Kiritimati", At: minute(6)})
		f.append("seller_1", seller.Updated{ID: "seller_1", TimeZone: "Mars/Olympus", At: minute(6)})
		f.append("seller_1", seller.Updated{ID: "seller_1", TimeZone: "America/Chicago", At: minute(6)})
		submit(minute(7)) // the 1st
		submit(minute(3)) // the 1st, late in the log
		f.append("seller_1", seller.Updated{ID: "seller_1", TimeZone: "Pacific/Kiritimati", At: minute(8)})
		submit(minute(8)) // the 2nd: a zone holds from its time on
		for i, l := range waiting {
			if i%2 == 0 {
				require.NoError(t, l.Sell(lead.Outcome{Sales: sales(1_000_000), Payout: 1}, minute(10)))
			} else {
				require.NoError(t, l.Expire(minute(10)))
			}
			f.publish(l)
		}
		f.append("seller_1", seller.Updated{ID: "seller_1", TimeZone: "UTC", At: minute(11)})

		days := func() (out []string) {
			for _, row := range f.report(marketquery.CampaignReport{}) {
				n := row.Leads
				out = append(out, fmt.Sprintf("%s submitted %d pending %d sold %d unsold %d gross %d", row.Day, n.Submitted, n.Pending, n.Sold, n.Unsold, row.SoldGross))
			}
			return out
		}
		want := []string{"2025-05-01 submitted 5 pending 0 sold 2 unsold 3 gross 2", "2025-05-02 submitted 3 pending 0 sold 2 unsold 1 gross 2"}
		require.NoError(t, f.apply(t.Context(), f.log))
		assert.Equal(t, want, days())
		tables := f.tables(t)
		for _, size := range []int{1, 2, 5} {
			f.reset()
			assert.Empty(t, f.tables(t))
			for chunk := range slices.Chunk(f.log, size) {
				require.NoError(t, f.apply(t.Context(), chunk))
			}
			assert.Equal(t, want, days(), "batches of %d", size)
			assert.ElementsMatch(t, tables, f.tables(t), "batches of %d", size)
		}
	})
}

// TestCampaignReportOfManySellers crosses the bounds of the statements that keep time zones.
func TestCampaignReportOfManySellers(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, f *fixture) {
		for i := range 450 {
			id := fmt.Sprintf("seller_%d", i)
			f.append(id, seller.Created{ID: id, TimeZone: "America/Chicago", At: evening})
			l := lead.Submit(lead.Submission{ID: "lead_" + id, SellerID: id, PartnerID: "p", CampaignID: "c", Category: "Auto", At: evening})
			require.NoError(t, l.Wait(evening, evening))
			f.append(id, l.Pending()...)
		}
		for chunk := range slices.Chunk(f.log, 300) {
			require.NoError(t, f.apply(t.Context(), chunk))
		}
		f.log = nil
		for i := range 450 {
			id := fmt.Sprintf("seller_%d", i)
			f.append(id, seller.Updated{ID: id, TimeZone: "UTC", At: evening.Add(time.Minute)})
		}
		require.NoError(t, f.apply(t.Context(), f.log))
		var zones, days int
		require.NoError(t, f.db.Reader.GetContext(t.Context(), &zones, "SELECT COUNT(*) FROM report_sellers"))
		require.NoError(t, f.db.Reader.GetContext(t.Context(), &days, "SELECT COUNT(*) FROM report_leads WHERE day = '2025-05-01' AND pending = 1"))
		assert.Equal(t, 900, zones)
		assert.Equal(t, 450, days)
	})
}

func TestCampaignReportRefusesWhatItCannotCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite)
	const head = `{"submitted_at":"2025-05-02T16:12:39.000000Z","payout":1.00,"sales":`
	for name, e := range map[string]application.EventRecord{
		"no JSON":          {Type: "lead.submitted.v1", Payload: []byte("{")},
		"no time":          {Type: "lead.submitted.v1", Payload: []byte(`{"submitted_at":"yesterday"}`)},
		"seller":           {Type: "seller.created.v1", Payload: []byte("{")},
		"no sales":         {Type: "lead.sold.v1", Payload: []byte(head + `[]}`)},
		"no price":         {Type: "lead.sold.v1", Payload: []byte(head + `[{}]}`)},
		"negative price":   {Type: "lead.sold.v1", Payload: []byte(head + `[{"price":-1}]}`)},
		"prices too large": {Type: "lead.sold.v1", Payload: []byte(head + `[{"price":9223372036854},{"price":9223372036854}]}`)},
		"no payout":        {Type: "lead.sold.v1", Payload: []byte(`{"submitted_at":"2025-05-02T16:12:39Z","sales":[{"price":1}]}`)},
	} {
		f.submitted()
		err := f.apply(t.Context(), append(f.log, application.StoredEvent{EventRecord: e, Position: 7}))
		require.ErrorContains(t, err, e.Type+" at 7", name)
		assert.NotEqual(t, fault.Unavailable, fault.KindOf(err), name)
		assert.Empty(t, f.tables(t), name)
	}
	require.NoError(t, f.apply(t.Context(), []application.StoredEvent{{EventRecord: application.EventRecord{Type: "acme.thing.v1", Payload: []byte("{")}}}))
	assert.Empty(t, f.tables(t))

	gone := newFixture(t, dbtest.SQLite)
	gone.submitted()
	tx, err := gone.db.Writer.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.Error(t, gone.projection.Apply(t.Context(), tx, gone.log))
}

func (f *fixture) submitted() {
	f.t.Helper()
	f.log = nil
	l := f.submit("Auto", "partner_1", evening)
	require.NoError(f.t, l.Wait(evening, evening))
	f.publish(l)
}

// TestCampaignReportIsDeterministic: the tables are the same however the log is cut into batches and however often it is
// replayed, and equal a count of the leads themselves.
func TestCampaignReportIsDeterministic(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite)
	rapid.Check(t, func(t *rapid.T) {
		f.log = nil
		f.reset()
		leads := f.random(t)
		require.NoError(t, f.apply(f.t.Context(), f.log))
		want := f.tables(t)
		for range 2 {
			f.reset()
			for rest := f.log; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
				require.NoError(t, f.apply(f.t.Context(), rest[:n]))
				rest = rest[n:]
			}
			require.ElementsMatch(t, want, f.tables(t))
		}
		var total marketquery.LeadCounts
		var sold int64
		var revenue, payout money.Micros
		for _, l := range leads {
			s := l.Snapshot()
			total.Submitted++
			switch s.Status {
			case lead.StatusPending:
				total.Pending++
			case lead.StatusSold:
				total.Sold++
			case lead.StatusDuplicate:
				total.Duplicate++
			case lead.StatusRejected:
				total.Rejected++
			case lead.StatusUnsold:
				total.Unsold++
			case lead.StatusNotOffered, lead.StatusReceived, lead.StatusQuarantined, lead.StatusReturned:
				t.Errorf("%s is still %q", s.ID, s.Status)
			}
			payout += s.Payout
			for _, sale := range s.Sales {
				sold++
				revenue += sale.Price
			}
		}
		var got marketquery.LeadCounts
		var gotSold int64
		var gotRevenue, gotPayout money.Micros
		for _, row := range f.report(marketquery.CampaignReport{GroupBy: marketquery.BySupplier}) {
			got.Submitted += row.Leads.Submitted
			got.Pending += row.Leads.Pending
			got.Sold += row.Leads.Sold
			got.Duplicate += row.Leads.Duplicate
			got.Rejected += row.Leads.Rejected
			got.Unsold += row.Leads.Unsold
			gotSold += row.SoldGross
			gotRevenue += row.Revenue
			gotPayout += row.Payout
		}
		for _, row := range f.report(marketquery.CampaignReport{}) {
			n := row.Leads
			require.Equal(t, n.Submitted, n.Pending+n.Sold+n.Duplicate+n.Rejected+n.Unsold, "a lead counts on one day: %+v", row)
			require.GreaterOrEqual(t, min(n.Pending, n.Sold, n.Duplicate, n.Rejected, n.Unsold), int64(0), "%+v", row)
		}
		require.Equal(t, total, got)
		require.Equal(t, sold, gotSold)
		require.Equal(t, revenue, gotRevenue)
		require.Equal(t, payout, gotPayout)
	})
}

// random fills the log with a random story and returns its leads.
func (f *fixture) random(t *rapid.T) []*lead.Lead {
	why := fault.New(fault.RuleViolated, "duplicate_lead", "Duplicate lead")
	var all, waiting []*lead.Lead
	price := rapid.Int64Range(0, 100_000_000)
	sell := func(l *lead.Lead) {
		var prices []money.Micros
		for range rapid.IntRange(1, 3).Draw(t, "sales") {
			prices = append(prices, money.Micros(price.Draw(t, "price")))
		}
		o := lead.Outcome{Sales: sales(prices...)}
		for i := range o.Sales {
			o.Sales[i].Payout = money.Micros(price.Draw(t, "payout"))
			o.Payout += o.Sales[i].Payout
		}
		require.NoError(t, l.Sell(o, evening))
	}
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		switch what := rapid.SampledFrom([]string{"zone", "sell", "sell", "wait", "wait", "duplicate", "reject", "later"}).Draw(t, "step"); what {
		case "zone":
			zone := rapid.SampledFrom([]string{"UTC", "America/Chicago", "Asia/Kolkata"}).Draw(t, "zone")
			f.append("seller_1", seller.Updated{
				ID: "seller_1", TimeZone: zone,
				At: evening.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, "since")) * time.Hour),
			})
		case "later":
			if len(waiting) == 0 {
				continue
			}
			l := waiting[0]
			waiting = waiting[1:]
			if rapid.Bool().Draw(t, "expires") {
				require.NoError(t, l.Expire(evening))
			} else {
				sell(l)
			}
			f.publish(l)
		default:
			l := f.submit(rapid.SampledFrom([]string{"Auto", "Home", "Übersee"}).Draw(t, "category"),
				rapid.SampledFrom([]string{"partner_1", "partner_2"}).Draw(t, "partner"),
				evening.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, "hours"))*time.Hour))
			all = append(all, l)
			switch what {
			case "sell":
				sell(l)
			case "wait":
				require.NoError(t, l.Wait(evening, evening))
				waiting = append(waiting, l)
			case "duplicate":
				require.NoError(t, l.MarkDuplicate(why, evening))
			case "reject":
				require.NoError(t, l.Reject(why, evening))
			}
			f.publish(l)
		}
	}
	return all
}

// TestCampaignReportManyGroups crosses the bounds of the statements and adds to rows that exist and that do not.
func TestCampaignReportManyGroups(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, f *fixture) {
		for i := range 450 {
			f.sold(fmt.Sprintf("partner_%d", i))
		}
		half := f.log[:len(f.log)/2]
		require.NoError(t, f.apply(t.Context(), half))
		require.NoError(t, f.apply(t.Context(), f.log))
		rows := f.report(marketquery.CampaignReport{GroupBy: marketquery.BySupplier})
		require.Len(t, rows, 450)
		counts := map[int64]int{}
		for _, row := range rows {
			counts[row.Leads.Sold]++
			require.Equal(t, money.Micros(row.SoldGross)*45_000_000, row.Revenue)
			require.Equal(t, row.Leads.Sold, row.SoldGross)
			require.Equal(t, row.Leads.Sold, row.Leads.Submitted)
		}
		assert.Equal(t, map[int64]int{2: 225, 1: 225}, counts)
	})
}

func (f *fixture) sold(partnerID string) {
	f.t.Helper()
	l := f.submit("Auto", partnerID, evening)
	require.NoError(f.t, l.Sell(lead.Outcome{Sales: sales(45_000_000), Payout: 31_500_000}, evening))
	f.publish(l)
}

// BenchmarkCampaignReport applies batches of 1,000 events of up to 50 suppliers.
func BenchmarkCampaignReport(b *testing.B) {
	for _, e := range dbtest.Engines() {
		for _, suppliers := range []int{1, 50, 500} {
			b.Run(fmt.Sprintf("%s/suppliers=%d", e, suppliers), func(b *testing.B) {
				f := newFixture(b, e)
				random := rand.New(rand.NewPCG(1, 2))
				for range 500 {
					f.sold(fmt.Sprintf("partner_%d", random.IntN(suppliers)))
				}
				events := 0
				for b.Loop() {
					require.NoError(b, f.apply(b.Context(), f.log))
					events += len(f.log)
				}
				b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// translate returns the stored form of an event of any room.
func translate(e event.Event) (typ string, payload []byte, at time.Time, err error) {
	p, err := application.Translations{market.Publish, program.Publish, account.Publish}.Translate(e)
	return p.Type, p.Payload, p.At, err
}
