package program

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	"github.com/leadmill/leadmill/application/projection"
)

// activityTables are the tables of the partners' activity in memory.
type activityTables struct {
	partners map[programprojection.PartnerGroup]programprojection.PartnerDelta
	days     map[programprojection.ProgramDay]programprojection.ProgramDelta
}

var _ programprojection.PartnerActivityStore = (*activityTables)(nil)

func newActivityTables() *activityTables {
	return &activityTables{map[programprojection.PartnerGroup]programprojection.PartnerDelta{}, map[programprojection.ProgramDay]programprojection.ProgramDelta{}}
}

// activityReplay makes the partners' activity from the first event on.
func activityReplay() audit.Replay {
	replayed := newActivityTables()
	return audit.Replay{Projection: programprojection.NewPartnerActivity(replayed), Read: func(ctx context.Context, c *audit.Chunk) (func(c *audit.Chunk), error) {
		stored, err := readActivity(ctx, c)
		return func(c *audit.Chunk) { stored.compare(c, replayed) }, err
	}}
}

// Add implements programprojection.PartnerActivityStore.
func (a *activityTables) Add(_ context.Context, _ projection.Tx, partners map[programprojection.PartnerGroup]programprojection.PartnerDelta,
	days map[programprojection.ProgramDay]programprojection.ProgramDelta,
) error {
	for g, d := range partners {
		n := a.partners[g]
		a.partners[g] = programprojection.PartnerDelta{Clicks: n.Clicks + d.Clicks, Signups: n.Signups + d.Signups, Leads: n.Leads + d.Leads}
	}
	for g, d := range days {
		n := a.days[g]
		a.days[g] = programprojection.ProgramDelta{
			PartnersJoined: n.PartnersJoined + d.PartnersJoined, PartnersLeft: n.PartnersLeft + d.PartnersLeft,
			CustomersJoined: n.CustomersJoined + d.CustomersJoined, CustomersLeft: n.CustomersLeft + d.CustomersLeft,
			Clicks: n.Clicks + d.Clicks, Leads: n.Leads + d.Leads,
		}
	}
	return nil
}

// Reset implements programprojection.PartnerActivityStore.
func (a *activityTables) Reset(context.Context, projection.Tx) error {
	*a = *newActivityTables()
	return nil
}

// readActivity reads the tables as they are stored.
func readActivity(ctx context.Context, c *audit.Chunk) (*activityTables, error) {
	a := newActivityTables()
	err := c.Rows(ctx, "SELECT seller_id, partner_id, clicks, signups, leads FROM partner_activity", func(rows *sqlx.Rows) error {
		var g programprojection.PartnerGroup
		var d programprojection.PartnerDelta
		err := rows.Scan(&g.SellerID, &g.PartnerID, &d.Clicks, &d.Signups, &d.Leads)
		a.partners[g] = d
		return err
	})
	if err != nil {
		return nil, err
	}
	err = c.Rows(ctx, "SELECT seller_id, day, partners_joined, partners_left, customers_joined, customers_left, clicks, leads FROM program_days",
		func(rows *sqlx.Rows) error {
			var g programprojection.ProgramDay
			var d programprojection.ProgramDelta
			err := rows.Scan(&g.SellerID, &g.Day, &d.PartnersJoined, &d.PartnersLeft, &d.CustomersJoined, &d.CustomersLeft, &d.Clicks, &d.Leads)
			a.days[g] = d
			return err
		})
	return a, err
}

// compare reports the rows of a that differ from the replayed ones, those that are only in one of both with them.
func (a *activityTables) compare(c *audit.Chunk, want *activityTables) {
	audit.CompareRows(c, "partner_activity", want.partners, a.partners, func(g programprojection.PartnerGroup) string { return g.SellerID },
		func(g programprojection.PartnerGroup) string { return g.SellerID + " " + g.PartnerID },
		func(d programprojection.PartnerDelta) string {
			return fmt.Sprintf("clicks %d, signups %d, leads %d", d.Clicks, d.Signups, d.Leads)
		})
	audit.CompareRows(c, "program_days", want.days, a.days, func(g programprojection.ProgramDay) string { return g.SellerID },
		func(g programprojection.ProgramDay) string { return g.SellerID + " " + g.Day },
		func(d programprojection.ProgramDelta) string {
			return fmt.Sprintf("partners %d-%d, customers %d-%d, clicks %d, leads %d", d.PartnersJoined, d.PartnersLeft, d.CustomersJoined,
				d.CustomersLeft, d.Clicks, d.Leads)
		})
}
