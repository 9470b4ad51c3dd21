package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
)

// ReplayReader finds stored responses outside of a transaction.
type ReplayReader interface {
	// FindResponse returns the response to the lead that holds a claim at now; found is false when no lead does.
	FindResponse(ctx context.Context, claim ClaimRef, now time.Time) (a application.StoredResponse, found bool, err error)
	// FindRecent returns the response to an equal request that was accepted after since; found is false when there was none.
	FindRecent(ctx context.Context, request RequestRef, since time.Time) (a application.StoredResponse, found bool, err error)
}

// CampaignReader reads campaigns outside of a transaction.
type CampaignReader interface {
	// ActiveCampaign returns a seller's active campaign of a category (campaign.CategoryKey): campaign.ErrNoMatching.
	ActiveCampaign(ctx context.Context, sellerID, categoryKey string) (*campaign.Campaign, error)
	// PendingCampaigns returns all campaigns that have pending leads.
	PendingCampaigns(ctx context.Context) ([]application.Ref, error)
	// CampaignsOfBuyer returns the ids of the campaigns in which a buyer has contracts.
	CampaignsOfBuyer(ctx context.Context, sellerID, buyerID string) ([]string, error)
}

// CampaignStrategy is a campaign and the code of the distribution strategy that it names.
type CampaignStrategy struct{ CampaignID, Strategy string }
