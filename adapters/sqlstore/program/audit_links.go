package program

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	"github.com/leadmill/leadmill/application/projection"
)

// linkTable is what came by referral links, in memory.
type linkTable map[programprojection.LinkDay]programprojection.LinkDelta

var _ programprojection.LinkDaysStore = linkTable{}

// linksReplay makes what came by referral links from the first event on.
func linksReplay() audit.Replay {
	replayed := linkTable{}
	return audit.Replay{Projection: programprojection.NewLinkDays(replayed), Read: func(ctx context.Context, c *audit.Chunk) (func(c *audit.Chunk), error) {
		stored := linkTable{}
		err := c.Rows(ctx, "SELECT seller_id, partner_id, day, referral_key, clicks, signups FROM link_days", func(rows *sqlx.Rows) error {
			var d programprojection.LinkDay
			var n programprojection.LinkDelta
			err := rows.Scan(&d.SellerID, &d.PartnerID, &d.Day, &d.ReferralKey, &n.Clicks, &n.Signups)
			stored[d] = n
			return err
		})
		return func(c *audit.Chunk) {
			audit.CompareRows(c, linkDays.Name, replayed, stored, func(d programprojection.LinkDay) string { return d.SellerID },
				func(d programprojection.LinkDay) string {
					return d.SellerID + " " + d.PartnerID + " " + d.Day + " " + d.ReferralKey
				},
				func(n programprojection.LinkDelta) string {
					return fmt.Sprintf("clicks %d, signups %d", n.Clicks, n.Signups)
				})
		}, err
	}}
}

// Add implements programprojection.LinkDaysStore.
func (l linkTable) Add(_ context.Context, _ projection.Tx, days map[programprojection.LinkDay]programprojection.LinkDelta) error {
	for d, n := range days {
		was := l[d]
		l[d] = programprojection.LinkDelta{Clicks: was.Clicks + n.Clicks, Signups: was.Signups + n.Signups}
	}
	return nil
}

// Reset implements programprojection.LinkDaysStore.
func (l linkTable) Reset(context.Context, projection.Tx) error {
	clear(l)
	return nil
}
