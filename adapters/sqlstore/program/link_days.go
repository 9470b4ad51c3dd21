package program

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/figure"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/application/projection"
)

// LinkDays keeps what came by referral links on each day; Reader answers from it.
type LinkDays struct{ figures figure.Store }

var _ programprojection.LinkDaysStore = (*LinkDays)(nil)

// NewLinkDays returns the table link_days of an open database.
func NewLinkDays(db *dialect.DB) *LinkDays { return &LinkDays{figure.NewStore(db)} }

var linkDays = figure.Table{Name: "link_days", Keys: []string{"seller_id", "partner_id", "day", "referral_key"}, Figures: []string{"clicks", "signups"}}

// Add implements programprojection.LinkDaysStore.
func (l *LinkDays) Add(ctx context.Context, tx projection.Tx, days map[programprojection.LinkDay]programprojection.LinkDelta) error {
	rows := make([]figure.Row, 0, len(days))
	for d, n := range days {
		rows = append(rows, figure.Row{Key: figure.Key{d.SellerID, d.PartnerID, d.Day, d.ReferralKey}, Figures: figure.Values{n.Clicks, n.Signups}})
	}
	return l.figures.Add(ctx, tx, linkDays, rows)
}

// Reset implements programprojection.LinkDaysStore.
func (l *LinkDays) Reset(ctx context.Context, tx projection.Tx) error {
	return l.figures.Reset(ctx, tx, linkDays.Name)
}

// LinkActivity answers programquery.LinkActivity: partner.ErrNotFound.
func (r *Reader) LinkActivity(ctx context.Context, q programquery.LinkActivity) (programquery.LinksView, error) {
	p, err := findPartner(ctx, r.db, q.SellerID, application.PartnerHandle{ID: q.PartnerID})
	if err != nil {
		return programquery.LinksView{}, err
	}
	return r.links(ctx, p, q.Days)
}

// OwnLinkActivity answers programquery.OwnLinkActivity: program.ErrTokenUnknown.
func (r *Reader) OwnLinkActivity(ctx context.Context, q programquery.OwnLinkActivity) (programquery.LinksView, error) {
	p, _, err := r.holder(ctx, q.Token, program.SessionToken)
	if err != nil {
		return programquery.LinksView{}, err
	}
	return r.links(ctx, p, q.Days)
}

// links answers what came by the links of a partner in the last days, today included.
func (r *Reader) links(ctx context.Context, p foundPartner, days int) (programquery.LinksView, error) {
	n := min(max(days, 1), mostDays)
	first := r.clock.Now().UTC().AddDate(0, 0, 1-n)
	out := programquery.LinksView{Days: make([]programquery.LinkDay, n)}
	byDay, links := map[string]*programquery.LinkDay{}, map[string]*programquery.LinkSum{}
	for i := range out.Days {
		out.Days[i].Day = first.AddDate(0, 0, i).Format(time.DateOnly)
		byDay[out.Days[i].Day] = &out.Days[i]
	}
	out.Links = make([]programquery.LinkSum, len(p.keys), len(p.keys)+1)
	for i, key := range p.keys {
		out.Links[i].Key = key
		links[key] = &out.Links[i]
	}
	var rows []struct {
		Day     string `db:"day"`
		Key     string `db:"referral_key"`
		Clicks  int64  `db:"clicks"`
		Signups int64  `db:"signups"`
	}
	if err := r.db.All(ctx, &rows, "SELECT day, referral_key, clicks, signups FROM link_days WHERE seller_id = ? AND partner_id = ? AND day >= ? AND day <= ?",
		p.SellerID, p.ID, out.Days[0].Day, out.Days[n-1].Day); err != nil {
		return programquery.LinksView{}, err
	}
	var others programquery.LinkSum // by keys that are no links any more, or by none
	for _, row := range rows {
		sum := links[row.Key]
		if sum == nil {
			sum = &others
		}
		sum.Clicks, sum.Signups = sum.Clicks+row.Clicks, sum.Signups+row.Signups
		if day := byDay[row.Day]; day != nil {
			day.Clicks, day.Signups = day.Clicks+row.Clicks, day.Signups+row.Signups
		}
	}
	if others != (programquery.LinkSum{}) {
		out.Links = append(out.Links, others)
	}
	return out, nil
}
