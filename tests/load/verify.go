package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// Counts is how often the sales of a run are in each place. All are equal when nothing was lost and nothing counted twice.
type Counts struct {
	Answered int64 // leads answered as sold
	Leads    int64 // sold leads in the database
	Sales    int64
	Ledger   int64 // ledger entries of type sale
	Events   int64 // lead.sold events in the seller's feed, of different leads
	Report   int64 // sold leads in the campaign report
	Gross    int64 // sales in the campaign report
}

// Err tells which counts differ from what was answered.
func (c Counts) Err() error { return errors.Join(c.shown(), c.stored()) }

// shown tells which counts of the API differ from what was answered.
func (c Counts) shown() error {
	return errors.Join(c.differs("lead.sold events", c.Events), c.differs("sold leads in the report", c.Report),
		c.differs("sales in the report", c.Gross))
}

// stored tells which counts of rows differ from what was answered.
func (c Counts) stored() error {
	return errors.Join(c.differs("sold leads", c.Leads), c.differs("sales", c.Sales), c.differs("ledger entries of sales", c.Ledger))
}

func (c Counts) differs(what string, n int64) error {
	if n == c.Answered {
		return nil
	}
	return fmt.Errorf("%d leads were answered as sold, but there are %d %s", c.Answered, n, what)
}

// settleEvery is the pause between looks at the report, and so how exact a lag is.
const settleEvery = 10 * time.Millisecond

// Settle waits until the campaign report of the seller that got the last answer has all its sold leads, at most for patience,
// and returns how long after that answer it was. What was answered before is in the reports then too, but for what the
// same moment brought. It fails when the report does not get there or counts more.
func (r *Result) Settle(ctx context.Context, patience time.Duration) (lag time.Duration, err error) {
	if err := r.settle(ctx, r.last, patience); err != nil {
		return 0, err
	}
	return time.Since(r.ended), nil
}

func (r *Result) settle(ctx context.Context, seller int, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	want := r.PerSeller[seller]
	for {
		leads, sales, err := r.markets[seller].report(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("read the report: %w", err)
		case leads > want || sales > want:
			return fmt.Errorf("%d leads were answered as sold, but the report has %d leads and %d sales", want, leads, sales)
		case leads == want && sales == want:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the report has %d of %d sold leads after %s: %w", leads, want, patience, ctx.Err())
		case <-tick.C:
		}
	}
}

func (m *market) report(ctx context.Context) (leads, sales int64, err error) {
	var answer struct {
		Data []struct {
			Leads struct{ Sold int64 }
			Gross int64 `json:"sold_gross"`
		}
	}
	if err := m.api.get(ctx, "/v1/reports/campaigns", &answer); err != nil {
		return 0, 0, err
	}
	for _, row := range answer.Data {
		leads += row.Leads.Sold
		sales += row.Gross
	}
	return leads, sales, nil
}

// events reads the seller's feed from its start and returns how many leads it says were sold. It fails when an event
// comes twice or out of order.
func (m *market) events(ctx context.Context) (int64, error) {
	leads := map[string]struct{}{}
	last := ""
	for after := int64(0); ; {
		var page struct {
			Data []struct{ Subject, Sequence, Type string }
			Next int64
		}
		if err := m.api.get(ctx, "/v1/events?limit=1000&types=lead.sold.v1&after="+strconv.FormatInt(after, 10), &page); err != nil {
			return 0, fmt.Errorf("read the events: %w", err)
		}
		for _, e := range page.Data {
			if e.Type != "lead.sold.v1" || e.Sequence <= last {
				return 0, fmt.Errorf("the feed has %s at %s after %s", e.Type, e.Sequence, last)
			}
			last = e.Sequence
			if _, twice := leads[e.Subject]; twice {
				return 0, fmt.Errorf("the feed says twice that lead %s was sold", e.Subject)
			}
			leads[e.Subject] = struct{}{}
		}
		if len(page.Data) == 0 && page.Next == after {
			return int64(len(leads)), nil
		}
		after = page.Next
	}
}

// count asks the API for its counts, each seller's first report when it has all.
func (r *Result) count(ctx context.Context) (c Counts, err error) {
	for i, m := range r.markets {
		c.Answered += r.PerSeller[i]
		if i != r.last {
			if err := r.settle(ctx, i, patience); err != nil {
				return c, err
			}
		}
		leads, sales, err := m.report(ctx)
		if err != nil {
			return c, fmt.Errorf("read the report: %w", err)
		}
		events, err := m.events(ctx)
		if err != nil {
			return c, err
		}
		c.Report, c.Gross, c.Events = c.Report+leads, c.Gross+sales, c.Events+events
	}
	return c, nil
}

// Recount takes the leads that are sold now for what was answered as sold, once no buyer is asked about one any more: some were answered as pending
// before. It fails when fewer are sold than were answered so, or more than were answered at all.
func (s *Session) Recount(ctx context.Context, r *Result, databaseURL string) (err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var all int64
	for i, m := range s.markets {
		var now int64
		if err := db.Reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM leads WHERE seller_id = ? AND status = 'sold'", m.sellerID).Scan(&now); err != nil {
			return fmt.Errorf("count in the database: %w", err)
		}
		if now < r.PerSeller[i] {
			return fmt.Errorf("%d leads were answered as sold, but %d are", r.PerSeller[i], now)
		}
		all += now - r.PerSeller[i]
		r.PerSeller[i], s.sold[i] = now, now
	}
	if all > r.Pending {
		return fmt.Errorf("%d leads were answered as pending, but %d more are sold", r.Pending, all)
	}
	r.Sold, r.Pending = r.Sold+all, r.Pending-all
	return nil
}

// VerifyAPI counts the session's sales in the report and in the event feed, and so needs no knowledge of the server's tables.
// The report must have settled. It fails when the counts cannot be had or differ.
func (r *Result) VerifyAPI(ctx context.Context) error {
	c, err := r.count(ctx)
	if err != nil {
		return err
	}
	return c.shown()
}

// Verify counts the session's sales through the API and in the database, which it reaches by the server's own
// LEADMILL_DATABASE_URL. The report must have settled. It fails when the counts cannot be had or differ.
func (r *Result) Verify(ctx context.Context, databaseURL string) (c Counts, err error) {
	if c, err = r.count(ctx); err != nil {
		return c, err
	}
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, q := range [...]struct {
		count *int64
		query string
	}{
		{&c.Leads, "SELECT seller_id, COUNT(*) FROM leads WHERE status = 'sold' GROUP BY seller_id"},
		{&c.Sales, "SELECT seller_id, COUNT(*) FROM sales GROUP BY seller_id"},
		{&c.Ledger, "SELECT seller_id, COUNT(*) FROM ledger_entries WHERE type = 'sale' GROUP BY seller_id"},
	} {
		if *q.count, err = r.rows(ctx, db, q.query); err != nil {
			return c, fmt.Errorf("count in the database: %w", err)
		}
	}
	return c, c.Err()
}

// rows adds up what a query counts for the session's sellers.
func (r *Result) rows(ctx context.Context, db *dialect.DB, query string) (sum int64, err error) {
	ours := make(map[string]bool, len(r.markets))
	for _, m := range r.markets {
		ours[m.sellerID] = true
	}
	found, err := db.Reader.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var seller string
		var n int64
		if err := found.Scan(&seller, &n); err != nil {
			return 0, err
		}
		if ours[seller] {
			sum += n
		}
	}
	return sum, found.Err()
}
