package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// ReplayReader finds stored responses outside of a transaction.
type ReplayReader interface {
	// FindResponse returns the response to the lead that holds a claim at now; found is false when no lead does.
	FindResponse(ctx context.Context, claim ClaimRef, now time.Time) (a application.StoredResponse, found bool, err error)
	// FindRecent returns the response to an equal request that was accepted after since; found is false when there was none.
	FindRecent(ctx context.Context, request RequestRef, since time.Time) (a application.StoredResponse, found bool, err error)
	// FindAllRecent is FindRecent for many requests of one seller. Those without a response are left out.
	FindAllRecent(ctx context.Context, requests []RequestRef, since time.Time) (map[RequestContent]application.StoredResponse, error)
}

// CampaignReader reads campaigns outside of a transaction.
type CampaignReader interface {
	// ActiveCampaign returns a seller's active campaign of a category (campaign.CategoryKey): campaign.ErrNoMatching.
	ActiveCampaign(ctx context.Context, sellerID, categoryKey string) (*campaign.Campaign, error)
	// ActiveVersion returns the id and the version of what ActiveCampaign would return, for less: campaign.ErrNoMatching.
	ActiveVersion(ctx context.Context, sellerID, categoryKey string) (id string, version int64, err error)
	// PendingCampaigns returns all campaigns that have pending leads.
	PendingCampaigns(ctx context.Context) ([]application.Ref, error)
	// CampaignsOfBuyer returns the ids of the campaigns in which a buyer has contracts.
	CampaignsOfBuyer(ctx context.Context, sellerID, buyerID string) ([]string, error)
}

// LeadReader reads leads outside of a transaction.
type LeadReader interface {
	// MarketLead returns a lead of the marketplace without its sales: lead.ErrNotFound.
	MarketLead(ctx context.Context, sellerID, id string) (*lead.Lead, error)
}

// BrokenFilter is a contract whose stored filter does not compile, and why.
type BrokenFilter struct{ CampaignID, ContractID, Why string }

// CampaignStrategy is a campaign and the code of the distribution strategy that it names.
type CampaignStrategy struct{ CampaignID, Strategy string }
