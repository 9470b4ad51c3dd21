package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
)

// PostingSpecByID is PostingSpecs for one campaign: campaign.ErrNotFound, also for one that is not active.
type PostingSpecByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (PostingSpecByID) Needs() application.Scope { return application.Supplier }

// ByID answers PostingSpecByID.
func (h PostingSpecHandler) ByID(ctx context.Context, q PostingSpecByID) (PostingSpec, error) {
	all, err := h.Reader.PostingSpecs(ctx, q.SellerID)
	for _, s := range all {
		if s.ID == q.ID {
			return s, nil
		}
	}
	if err == nil {
		err = campaign.ErrNotFound
	}
	return PostingSpec{}, err
}
