package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/field"
)

// PostingSpecs asks for what the actor's key may send: the active campaigns of its seller, by category.
type PostingSpecs struct{ application.Actor }

// Needs implements application.Message.
func (PostingSpecs) Needs() application.Scope { return application.Supplier }

// PostingSpec is what a supplier must know to post leads of a campaign. Fields are all that have a rule, the standard ones first.
type PostingSpec struct {
	ID, Name, Category, SellerCode, SellerName, PriceShown string
	Fields                                                 []field.Rule
	FieldMap                                               map[string]string
	DedupeFields                                           []string
	DedupeMatch                                            string
	DedupeWindowDays                                       int
}

// PostingSpecReader reads posting specifications.
type PostingSpecReader interface {
	// PostingSpecs returns those of a seller's active campaigns, by category.
	PostingSpecs(ctx context.Context, sellerID string) ([]PostingSpec, error)
	// CampaignByID answers CampaignByID.
	CampaignByID(ctx context.Context, q CampaignByID) (Campaign, error)
}

// PostingSpecHandler answers what suppliers ask about campaigns.
type PostingSpecHandler struct {
	Reader PostingSpecReader
	Links  market.SpecLinks
	Clock  application.Clock
}

// All answers PostingSpecs.
func (h PostingSpecHandler) All(ctx context.Context, q PostingSpecs) ([]PostingSpec, error) {
	return h.Reader.PostingSpecs(ctx, q.SellerID)
}
