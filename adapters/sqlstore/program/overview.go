package program

import (
	"context"
	"time"

	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/seller"
)

// overviewDays is how many days are compared with as many before them; today is the last.
const overviewDays = 30

// Overview answers programquery.Overview: seller.ErrNotFound. What was taken back counts in no span below zero.
func (r *Reader) Overview(ctx context.Context, q programquery.Overview) (programquery.ProgramOverview, error) {
	s, err := r.sellerByID(ctx, q.SellerID, seller.ErrNotFound)
	if err != nil {
		return programquery.ProgramOverview{}, err
	}
	var rows []struct {
		Span            int   `db:"span"`
		PartnersJoined  int64 `db:"partners_joined"`
		PartnersLeft    int64 `db:"partners_left"`
		CustomersJoined int64 `db:"customers_joined"`
		CustomersLeft   int64 `db:"customers_left"`
		Clicks          int64 `db:"clicks"`
		Leads           int64 `db:"leads"`
	}
	today := r.clock.Now().UTC()
	recent, before := today.AddDate(0, 0, 1-overviewDays).Format(time.DateOnly), today.AddDate(0, 0, 1-2*overviewDays).Format(time.DateOnly)
	if err := r.db.All(ctx, &rows, "SELECT span, SUM(partners_joined) AS partners_joined, SUM(partners_left) AS partners_left, "+
		"SUM(customers_joined) AS customers_joined, SUM(customers_left) AS customers_left, SUM(clicks) AS clicks, SUM(leads) AS leads "+
		"FROM (SELECT CASE WHEN day >= ? THEN 0 WHEN day >= ? THEN 1 ELSE 2 END AS span, partners_joined, partners_left, customers_joined, "+
		"customers_left, clicks, leads FROM program_days WHERE seller_id = ?) days GROUP BY span", recent, before, q.SellerID); err != nil {
		return programquery.ProgramOverview{}, err
	}
	var out programquery.ProgramOverview
	out.Name, out.Currency, out.CookieDays = s.Name, s.Currency, s.program.CookieDays
	for _, row := range rows {
		for _, t := range []struct {
			total        *programquery.Total
			joined, left int64
		}{
			{&out.Partners, row.PartnersJoined, row.PartnersLeft},
			{&out.Signups, row.CustomersJoined, row.CustomersLeft},
			{&out.Clicks, row.Clicks, 0},
			{&out.Leads, row.Leads, 0},
		} {
			t.total.All += t.joined - t.left
			switch row.Span {
			case 0:
				t.total.Recent = max(t.joined, 0)
			case 1:
				t.total.Before = max(t.joined, 0)
			}
		}
	}
	return out, nil
}

// ProgramDays answers programquery.ProgramDays. Days on which nothing came are there too.
func (r *Reader) ProgramDays(ctx context.Context, q programquery.ProgramDays) ([]programquery.ProgramDay, error) {
	n := min(max(q.Days, 1), mostDays)
	first := r.clock.Now().UTC().AddDate(0, 0, 1-n)
	out, at := make([]programquery.ProgramDay, n), map[string]int{}
	for i := range out {
		out[i].Day = first.AddDate(0, 0, i).Format(time.DateOnly)
		at[out[i].Day] = i
	}
	var rows []struct {
		Day      string `db:"day"`
		Partners int64  `db:"partners_joined"`
		Signups  int64  `db:"customers_joined"`
		Clicks   int64  `db:"clicks"`
		Leads    int64  `db:"leads"`
	}
	if err := r.db.All(ctx, &rows, "SELECT day, partners_joined, customers_joined, clicks, leads FROM program_days WHERE seller_id = ? AND day >= ? AND day <= ?",
		q.SellerID, out[0].Day, out[n-1].Day); err != nil {
		return nil, err
	}
	for _, row := range rows {
		out[at[row.Day]] = programquery.ProgramDay{Day: row.Day, Partners: row.Partners, Clicks: row.Clicks, Signups: row.Signups, Leads: row.Leads}
	}
	return out, nil
}

// mostDays is how many days ProgramDays answers at most.
const mostDays = 366
