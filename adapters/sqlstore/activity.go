package sqlstore

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application/projection"
)

// PartnerActivity keeps what came by partners; Reader answers from it.
type PartnerActivity struct{ figures }

var _ projection.PartnerActivityStore = (*PartnerActivity)(nil)

// NewPartnerActivity returns the tables partner_activity and program_days of a database.
func NewPartnerActivity(db *dialect.DB) *PartnerActivity { return &PartnerActivity{figures{db}} }

var (
	partnerActivity = figureTable{"partner_activity", []string{"seller_id", "partner_id"}, []string{"clicks", "signups", "leads"}}
	programDays     = figureTable{"program_days", []string{"seller_id", "day"},
		[]string{"partners_joined", "partners_left", "customers_joined", "customers_left", "clicks", "leads"}}
)

// Add implements projection.PartnerActivityStore.
func (r *PartnerActivity) Add(ctx context.Context, tx projection.Tx, partners map[projection.PartnerGroup]projection.PartnerDelta,
	days map[projection.ProgramDay]projection.ProgramDelta,
) error {
	rows := make([]figureRow, 0, len(partners))
	for g, d := range partners {
		rows = append(rows, figureRow{figureKey{g.SellerID, g.PartnerID}, figureValues{d.Clicks, d.Signups, d.Leads}})
	}
	if err := r.add(ctx, tx, partnerActivity, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for g, d := range days {
		rows = append(rows, figureRow{figureKey{g.SellerID, g.Day},
			figureValues{d.PartnersJoined, d.PartnersLeft, d.CustomersJoined, d.CustomersLeft, d.Clicks, d.Leads}})
	}
	return r.add(ctx, tx, programDays, rows)
}

// Reset implements projection.PartnerActivityStore.
func (r *PartnerActivity) Reset(ctx context.Context, tx projection.Tx) error {
	return r.reset(ctx, tx, programDays.name, partnerActivity.name)
}
