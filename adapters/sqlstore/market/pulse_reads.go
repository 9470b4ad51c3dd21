package market

import (
	"context"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
)

// Pulse answers marketquery.Pulse from ids, which begin with when they were made: those of the leads, of the narrow table and of the sales.
func (r *Reader) Pulse(ctx context.Context, q marketquery.Pulse) (marketquery.PulseView, error) {
	now := r.clock.Now()
	var out marketquery.PulseView
	var newest struct {
		N     int64  `db:"n"`
		First string `db:"first_id"`
	}
	if _, err := r.db.Get(ctx, &newest, "SELECT COUNT(*) AS n, COALESCE(MIN(m.id), '') AS first_id FROM (SELECT l.id FROM leads l WHERE l.seller_id = ? AND l.id >= ? ORDER BY l.id DESC LIMIT ?) m",
		q.SellerID, engine.FirstID("lead", now.Add(-time.Minute)), int64(marketquery.MostOfMinute)); err != nil {
		return out, err
	}
	out.LastMinute = newest.N
	if newest.N == marketquery.MostOfMinute {
		out.LastMinute = newest.N * int64(time.Minute) / int64(max(now.Sub(madeAt(newest.First, now)), time.Millisecond))
	}
	for _, day := range q.Days {
		d, err := r.pulseOf(ctx, q.SellerID, day, now)
		if err != nil {
			return out, err
		}
		out.Days = append(out.Days, d)
	}
	return out, nil
}

// madeAt returns when an id was made, or another time for one that does not tell.
func madeAt(id string, other time.Time) time.Time {
	_, text, _ := strings.Cut(id, "_")
	parsed, err := ulid.Parse(text)
	if err != nil {
		return other
	}
	return ulid.Time(parsed.Time())
}

// What of a lead counts in its hour.
const (
	pulseOfUnsold = "SELECT 0 AS price, 1 AS leads FROM unsold_leads u WHERE u.seller_id = ? AND u.lead_id >= ? AND u.lead_id < ? AND u.test = 0"
	pulseOfSales  = "SELECT s.price AS price, CASE WHEN s.slot = 1 THEN 1 ELSE 0 END AS leads FROM sales s WHERE s.seller_id = ? AND s.lead_id >= ? AND s.lead_id < ? AND s.slot > 0"
)

// pulseOf adds a day up hour by hour: to group all of a day by their hours would sort them.
func (r *Reader) pulseOf(ctx context.Context, sellerID string, day, now time.Time) (marketquery.PulseDay, error) {
	end := day.AddDate(0, 0, 1)
	out := marketquery.PulseDay{Complete: true}
	for at := day; at.Before(end); at = at.Add(time.Hour) {
		out.Hours = append(out.Hours, marketquery.PulseHour{Start: at})
	}
	left := r.pulsed
	for i := range out.Hours {
		h := &out.Hours[i]
		if h.Start.After(now.Add(idSlack)) {
			break
		}
		until := h.Start.Add(time.Hour)
		if until.After(end) {
			until = end
		}
		for _, part := range []struct {
			query string
			sold  int64
		}{{pulseOfUnsold, 0}, {pulseOfSales, 1}} {
			var row struct {
				N     int64 `db:"n"`
				Leads int64 `db:"leads"`
				Price int64 `db:"price"`
			}
			if _, err := r.db.Get(ctx, &row, "SELECT COUNT(*) AS n, COALESCE(SUM(p.leads), 0) AS leads, COALESCE(SUM(p.price), 0) AS price FROM ("+part.query+" LIMIT ?) p",
				sellerID, engine.FirstID("lead", h.Start), engine.FirstID("lead", until), left); err != nil {
				return out, err
			}
			if left -= row.N; left <= 0 {
				return marketquery.PulseDay{}, nil
			}
			h.Leads += row.Leads
			h.Sold += row.Leads * part.sold
			h.Revenue += money.Micros(row.Price)
		}
	}
	return out, nil
}
