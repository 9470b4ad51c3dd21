package program

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/figure"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	"github.com/leadmill/leadmill/application/projection"
)

// PartnerActivity keeps what came by partners; Reader answers from it.
type PartnerActivity struct{ figures figure.Store }

var _ programprojection.PartnerActivityStore = (*PartnerActivity)(nil)

// NewPartnerActivity returns the tables partner_activity and program_days of an open database.
func NewPartnerActivity(db *dialect.DB) *PartnerActivity {
	return &PartnerActivity{figure.NewStore(db)}
}

var (
	partnerActivity = figure.Table{Name: "partner_activity", Keys: []string{"seller_id", "partner_id"}, Figures: []string{"clicks", "signups", "leads"}}
	programDays     = figure.Table{
		Name: "program_days", Keys: []string{"seller_id", "day"},
		Figures: []string{"partners_joined", "partners_left", "customers_joined", "customers_left", "clicks", "leads"},
	}
)

// Add implements programprojection.PartnerActivityStore.
func (r *PartnerActivity) Add(ctx context.Context, tx projection.Tx, partners map[programprojection.PartnerGroup]programprojection.PartnerDelta,
	days map[programprojection.ProgramDay]programprojection.ProgramDelta,
) error {
	rows := make([]figure.Row, 0, len(partners))
	for g, d := range partners {
		rows = append(rows, figure.Row{Key: figure.Key{g.SellerID, g.PartnerID}, Figures: figure.Values{d.Clicks, d.Signups, d.Leads}})
	}
	if err := r.figures.Add(ctx, tx, partnerActivity, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for g, d := range days {
		rows = append(rows, figure.Row{
			Key:     figure.Key{g.SellerID, g.Day},
			Figures: figure.Values{d.PartnersJoined, d.PartnersLeft, d.CustomersJoined, d.CustomersLeft, d.Clicks, d.Leads},
		})
	}
	return r.figures.Add(ctx, tx, programDays, rows)
}

// Reset implements programprojection.PartnerActivityStore.
func (r *PartnerActivity) Reset(ctx context.Context, tx projection.Tx) error {
	return r.figures.Reset(ctx, tx, programDays.Name, partnerActivity.Name)
}
