package market

import (
	"context"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
)

// Ids begin with when they were made. Leads are counted by the first spanChars of their ids, which tell them apart by 33 seconds.
const (
	leadPrefix = "lead_"
	spanChars  = len(leadPrefix) + 7
)

// Pulse answers marketquery.Pulse from the ids of the narrow table and of the sales, without a look at any lead.
func (r *Reader) Pulse(ctx context.Context, q marketquery.Pulse) (marketquery.PulseView, error) {
	now := r.clock.Now()
	var out marketquery.PulseView
	if _, err := r.db.Get(ctx, &out.LastMinute, "SELECT COUNT(*) FROM (SELECT l.id FROM leads l WHERE l.seller_id = ? AND l.id >= ? LIMIT ?) m",
		q.SellerID, engine.FirstID("lead", now.Add(-time.Minute)), marketquery.MostPulsed); err != nil {
		return out, err
	}
	for _, day := range q.Days {
		d, err := r.pulseOf(ctx, q.SellerID, day)
		if err != nil {
			return out, err
		}
		out.Days = append(out.Days, d)
	}
	return out, nil
}

func (r *Reader) pulseOf(ctx context.Context, sellerID string, day time.Time) (marketquery.PulseDay, error) {
	end := day.AddDate(0, 0, 1)
	from, to := engine.FirstID("lead", day), engine.FirstID("lead", end)
	out := marketquery.PulseDay{Complete: true}
	for at := day; at.Before(end); at = at.Add(time.Hour) {
		out.Hours = append(out.Hours, marketquery.PulseHour{Start: at})
	}
	span := "SUBSTR(p.lead_id, 1, " + strconv.Itoa(spanChars) + ")"
	var all int64
	for _, part := range []struct {
		query string
		sold  int64
	}{
		{"SELECT u.lead_id, 0 AS price, 1 AS leads FROM unsold_leads u WHERE u.seller_id = ? AND u.lead_id >= ? AND u.lead_id < ? AND u.test = 0", 0},
		{"SELECT s.lead_id, s.price, CASE WHEN s.slot = 1 THEN 1 ELSE 0 END AS leads FROM sales s WHERE s.seller_id = ? AND s.lead_id >= ? AND s.lead_id < ? AND s.slot > 0", 1},
	} {
		var rows []struct {
			Span  string `db:"span"`
			N     int64  `db:"n"`
			Leads int64  `db:"leads"`
			Price int64  `db:"price"`
		}
		if err := r.db.All(ctx, &rows, "SELECT "+span+" AS span, COUNT(*) AS n, SUM(p.leads) AS leads, SUM(p.price) AS price FROM ("+part.query+" LIMIT ?) p GROUP BY "+span,
			sellerID, from, to, marketquery.MostPulsed); err != nil {
			return out, err
		}
		for _, row := range rows {
			if all += row.N; all >= marketquery.MostPulsed {
				return marketquery.PulseDay{}, nil
			}
			h := hourOf(out.Hours, row.Span)
			h.Leads += row.Leads
			h.Sold += row.Leads * part.sold
			h.Revenue += money.Micros(row.Price)
		}
	}
	return out, nil
}

// hourOf returns the hour in which ids with a beginning were made.
func hourOf(hours []marketquery.PulseHour, span string) *marketquery.PulseHour {
	id := span[min(len(span), len(leadPrefix)):] + "0000000000000000000"
	at := hours[0].Start
	if parsed, err := ulid.Parse(id); err == nil {
		at = ulid.Time(parsed.Time())
	}
	i := int(at.Sub(hours[0].Start) / time.Hour)
	return &hours[min(max(i, 0), len(hours)-1)]
}
