package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// changePartner locks a partner, changes it, and stores it if something changed.
func changePartner(ctx context.Context, tx program.Tx, actor application.Actor, handle application.PartnerHandle, change func(*partner.Partner) error) (programquery.Partner, error) {
	p, err := tx.Partners().Lock(ctx, actor.SellerID, handle)
	if err != nil {
		return programquery.Partner{}, err
	}
	if err := change(p); err != nil {
		return programquery.Partner{}, err
	}
	if p.Version() == p.StoredVersion() {
		return programquery.PartnerOf(p.Snapshot()), nil
	}
	if err := tx.Partners().Save(ctx, p); err != nil {
		return programquery.Partner{}, err
	}
	return programquery.PartnerOf(p.Snapshot()), nil
}
