package audit

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application/projection"
)

// activityTables are the tables of the partners' activity in memory.
type activityTables struct {
	partners map[projection.PartnerGroup]projection.PartnerDelta
	days     map[projection.ProgramDay]projection.ProgramDelta
}

var _ projection.PartnerActivityStore = (*activityTables)(nil)

func newActivityTables() *activityTables {
	return &activityTables{map[projection.PartnerGroup]projection.PartnerDelta{}, map[projection.ProgramDay]projection.ProgramDelta{}}
}

// activityReplay is the partners' activity.
func activityReplay() replay {
	replayed := newActivityTables()
	return replay{projection.NewPartnerActivity(replayed), func(ctx context.Context, c *chunk) (func(c *chunk), error) {
		stored, err := readActivity(ctx, c)
		return func(c *chunk) { stored.compare(c, replayed) }, err
	}}
}

// Add implements projection.PartnerActivityStore.
func (a *activityTables) Add(_ context.Context, _ projection.Tx, partners map[projection.PartnerGroup]projection.PartnerDelta,
	days map[projection.ProgramDay]projection.ProgramDelta,
) error {
	for g, d := range partners {
		n := a.partners[g]
		a.partners[g] = projection.PartnerDelta{Clicks: n.Clicks + d.Clicks, Signups: n.Signups + d.Signups, Leads: n.Leads + d.Leads}
	}
	for g, d := range days {
		n := a.days[g]
		a.days[g] = projection.ProgramDelta{PartnersJoined: n.PartnersJoined + d.PartnersJoined, PartnersLeft: n.PartnersLeft + d.PartnersLeft,
			CustomersJoined: n.CustomersJoined + d.CustomersJoined, CustomersLeft: n.CustomersLeft + d.CustomersLeft,
			Clicks: n.Clicks + d.Clicks, Leads: n.Leads + d.Leads}
	}
	return nil
}

// Reset implements projection.PartnerActivityStore.
func (a *activityTables) Reset(context.Context, projection.Tx) error {
	*a = *newActivityTables()
	return nil
}

// readActivity reads the tables as they are stored.
func readActivity(ctx context.Context, c *chunk) (*activityTables, error) {
	a := newActivityTables()
	err := c.rows(ctx, "SELECT seller_id, partner_id, clicks, signups, leads FROM partner_activity", func(rows *sqlx.Rows) error {
		var g projection.PartnerGroup
		var d projection.PartnerDelta
		err := rows.Scan(&g.SellerID, &g.PartnerID, &d.Clicks, &d.Signups, &d.Leads)
		a.partners[g] = d
		return err
	})
	if err != nil {
		return nil, err
	}
	err = c.rows(ctx, "SELECT seller_id, day, partners_joined, partners_left, customers_joined, customers_left, clicks, leads FROM program_days",
		func(rows *sqlx.Rows) error {
			var g projection.ProgramDay
			var d projection.ProgramDelta
			err := rows.Scan(&g.SellerID, &g.Day, &d.PartnersJoined, &d.PartnersLeft, &d.CustomersJoined, &d.CustomersLeft, &d.Clicks, &d.Leads)
			a.days[g] = d
			return err
		})
	return a, err
}

// compare reports the rows of a that differ from the replayed ones, those that are only in one of both with them.
func (a *activityTables) compare(c *chunk, want *activityTables) {
	compareRows(c, "partner_activity", want.partners, a.partners, func(g projection.PartnerGroup) string { return g.SellerID + " " + g.PartnerID },
		func(d projection.PartnerDelta) string {
			return fmt.Sprintf("clicks %d, signups %d, leads %d", d.Clicks, d.Signups, d.Leads)
		})
	compareRows(c, "program_days", want.days, a.days, func(g projection.ProgramDay) string { return g.SellerID + " " + g.Day },
		func(d projection.ProgramDelta) string {
			return fmt.Sprintf("partners %d-%d, customers %d-%d, clicks %d, leads %d", d.PartnersJoined, d.PartnersLeft, d.CustomersJoined,
				d.CustomersLeft, d.Clicks, d.Leads)
		})
}
