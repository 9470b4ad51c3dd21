package program

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// FindPartner returns the partner that a handle in a request's body names, and missing when it names nobody: in a body an
// unknown partner is the client's mistake, not a missing page. find is Find of the partners, or Lock for what must not
// outlive the partner: a deletion waits, or is seen.
func FindPartner(ctx context.Context, find func(ctx context.Context, sellerID string, h application.PartnerHandle) (*partner.Partner, error),
	sellerID string, handle application.PartnerHandle, missing *fault.Error,
) (*partner.Partner, error) {
	p, err := find(ctx, sellerID, handle)
	if errors.Is(err, partner.ErrNotFound) {
		return nil, missing
	}
	return p, err
}
