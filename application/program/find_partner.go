package program

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// FindPartner returns the partner that a handle in a request's body names, or the error missing: an unknown partner in a
// body is no missing page (404). find is the repository's Find, or its Lock for a change that a deletion of the partner must
// wait for.
func FindPartner(ctx context.Context, find func(ctx context.Context, sellerID string, h application.PartnerHandle) (*partner.Partner, error),
	sellerID string, handle application.PartnerHandle, missing *fault.Error,
) (*partner.Partner, error) {
	p, err := find(ctx, sellerID, handle)
	if errors.Is(err, partner.ErrNotFound) {
		return nil, missing
	}
	return p, err
}
